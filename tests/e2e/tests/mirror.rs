//! The public cluster: two real clusters joined by a real MirrorMaker 2 that runs with the bytes of `weir render
//! mirror`, and Weir before the second.
//!
//! What a client receives is what was written at the source, unchanged and in order. What the catalogue does not name
//! is neither copied nor made there, whatever else matches it; what it names later comes with a reload, a rendering
//! and a restart of the mirror.

#[path = "mirror/site.rs"]
mod site;

use std::time::Duration;

use weir_testkit::kafka::{Chain, TransactionEnd};
use weir_testkit::transcript;

use site::Site;

/// Copied, and read by the client.
const PLAIN: &str = "mirror.plain.v1";
const COMPACT: &str = "mirror.compact.v1";
/// At the source from the beginning, and in the catalogue only later.
const LATER: &str = "mirror.later.v1";
const PARTITIONS: usize = 3;

/// At the source, and not to be seen anywhere else: personal data; a neighbour of a listed name that its dots would
/// match; what begins as an entry marked `auto: true` does, before the mirror starts and after; what MirrorMaker
/// copies of itself.
const HIDDEN: [&str; 5] = [
    "mirror.secret.planted-pii",
    "mirror-plain-v1",
    "mirror.auto.planted-before",
    "mirror.planted.heartbeats",
    "heartbeats",
];
const HIDDEN_LATER: &str = "mirror.auto.planted-after";

const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn what_is_listed_arrives_as_it_was_written_and_nothing_else_does() {
    let mut site = Site::open(&[PLAIN, COMPACT]);
    let mut plain = Chain::new(PLAIN, PARTITIONS);
    let mut compact = Chain::new(COMPACT, 1);
    site.source.create_topic(PLAIN, 3, 1, &[("retention.ms", "-1")]);
    site.source.create_topic(COMPACT, 1, 1, &[("cleanup.policy", "compact"), ("retention.ms", "86400000")]);
    site.source.create_topic(LATER, 1, 1, &[]);
    HIDDEN.iter().for_each(|topic| hide(&site, topic));
    plain.append(&site.source, 25);
    plain.transaction(&site.source, 10, TransactionEnd::Abort);
    plain.compress("gzip");
    plain.transaction(&site.source, 10, TransactionEnd::Commit);
    compact.append(&site.source, 30);

    site.render();
    site.start_mirror();
    site.reads(&plain, LIMIT);
    site.reads(&compact, LIMIT);
    assert_eq!(site.check(), (0, "the mirror of main runs as rendered\n".to_owned()));
    assert_eq!(site.shown_topics(), [COMPACT, PLAIN]);

    // What comes after the start, and what comes while the mirror is away.
    plain.append(&site.source, 5);
    site.reads(&plain, LIMIT);
    hide(&site, HIDDEN_LATER);
    let mut later = Chain::new(LATER, 1);
    later.append(&site.source, 12);
    site.list(&[PLAIN, COMPACT, LATER]);
    let (status, told) = site.check();
    assert_eq!(
        (status, told.as_str()),
        (1, "- mirror.later.v1 (inside->main): it does not copy this topic and should\n")
    );
    site.stop_mirror();
    plain.append(&site.source, 5);
    site.render();
    assert_eq!(site.check().0, 0);
    site.start_mirror();
    site.reads(&later, LIMIT);
    // A stop writes down where the mirror stands: nothing came twice.
    site.reads(&plain, LIMIT);
    site.reads(&compact, LIMIT);
    assert_eq!(site.shown_topics(), [COMPACT, LATER, PLAIN]);

    site.is_no_hole();
    site.holds_nothing_else(&[PLAIN, COMPACT, LATER]);
    let compacted = site.described(COMPACT);
    assert!(compacted.contains("cleanup.policy=compact") && compacted.contains("retention.ms=86400000"), "{compacted}");
}

/// A topic with a record that no client may see, nor its name.
fn hide(site: &Site, topic: &str) {
    site.source.create_topic(topic, 1, 1, &[]);
    let planted = format!("planted-record-of-{topic}");
    site.source.produce(topic, 0, planted.as_bytes());
    transcript::plant(&planted);
    // The control of the search: who goes to the source sees it.
    assert!(site.source.show_directly(topic, 1) > 0);
    if topic.contains("planted") {
        transcript::plant(topic);
    }
}
