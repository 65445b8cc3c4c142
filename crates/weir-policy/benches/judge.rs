//! What the judge costs, and whether that is flat: few and many principals, few and many grants.
//!
//! `cargo bench -p weir-policy` prints nanoseconds per call (the minimum of several rounds) and the time of a cold
//! compile. It measures and asserts nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench may stop at the first surprise")]

use std::fs;
use std::hint::black_box;
use std::time::Instant;

use weir_policy::{Operation, PeerFacts, Policy, PolicyFiles, PolicyOptions, Resource, SourceFile};

/// Every `SHARED`th grant list is the same list: principals seldom invent theirs.
const SHARED: usize = 100;

fn main() {
    println!("principals grants | compile ms | judge granted, hidden, never, unlisted (ns) | identify (ns)");
    for (principals, grants) in [(10, 10), (10, 10_000), (10_000, 10)] {
        let files = files(principals, grants);
        let start = Instant::now();
        let policy = compile(&files);
        let compiled = start.elapsed().as_millis();
        println!(
            "{principals:>10} {grants:>6} | {compiled:>10} | {} | {}",
            judged(&policy),
            identified(&policy, principals)
        );
    }
}

fn compile(files: &PolicyFiles) -> Policy {
    Policy::compile(files, &PolicyOptions::default()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn topic(index: usize) -> String {
    format!("eqiad.mediawiki.some-stream-{index}.v1")
}

fn file(path: String, text: String) -> SourceFile {
    SourceFile { path, text }
}

/// A catalogue of 10,000 topics, the shipped never list, and principals that read some of them.
fn files(principals: usize, grants: usize) -> PolicyFiles {
    let entry = |index| {
        format!(
            "  - topics: ['{}']\n    stream: s\n    description: d\n    schema: /s\n    schema_version: 1.0.0\n    \
             cleanup_policy: delete\n    pii: {{verdict: none, by: example, on: 2026-11-02, ticket: T1}}\n",
            topic(index)
        )
    };
    let catalogue: String = (0..10_000).map(entry).collect();
    let principal = |index: usize| {
        let from = index % SHARED;
        let read: String =
            (from..from + grants).map(|index| format!("  - topic: {}\n", topic(index % 10_000))).collect();
        let text = format!(
            "principal: p{index}\nnamespace: p{index}\ncertificate: [{{san_uri: 'u:{index}'}}]\ntier: tool\n\
             contact: c\nreview_by: 2027-05-03\nread:\n{read}"
        );
        file(format!("p{index}.yaml"), text)
    };
    let never = concat!(env!("CARGO_MANIFEST_DIR"), "/../../acl/never.yaml");
    PolicyFiles {
        catalogue: file("catalogue.yaml".to_owned(), format!("streams:\n{catalogue}")),
        never: file("never.yaml".to_owned(), fs::read_to_string(never).unwrap()),
        tiers: file("tiers.yaml".to_owned(), "tiers: [{tier: tool, connections: 20}]".to_owned()),
        principals: (0..principals).map(principal).collect(),
    }
}

/// The cost of each verdict for one principal.
fn judged(policy: &Policy) -> String {
    let principal = policy.principal("p7").unwrap();
    let topics =
        [topic(8), topic(9_999), "eqiad.webrequest_text".to_owned(), "eqiad.mediawiki.nothing-here.v1".to_owned()];
    let cost = |topic: &String| {
        let ns = nanoseconds(|| {
            let verdict = policy.judge(&principal, Operation::Read, Resource::Topic(black_box(topic)));
            let _ = black_box(verdict);
        });
        format!("{ns:>5}")
    };
    topics.iter().map(cost).collect::<Vec<_>>().join(" ")
}

fn identified(policy: &Policy, principals: usize) -> String {
    let peer = PeerFacts { san_uris: vec![format!("u:{}", principals - 1)], ..PeerFacts::default() };
    format!("{:>5}", nanoseconds(|| drop(black_box(policy.identify(black_box(&peer))))))
}

fn nanoseconds(call: impl Fn()) -> u128 {
    const CALLS: u128 = 100_000;
    let round = || {
        let start = Instant::now();
        (0..CALLS).for_each(|_| call());
        start.elapsed().as_nanos() / CALLS
    };
    (0..5).map(|_| round()).min().unwrap_or_default()
}
