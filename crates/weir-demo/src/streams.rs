//! The streams of the demo and their topics: the public Wikimedia streams, and one that is not public.
//!
//! Must never name a private topic in [`STREAMS`]: what stands there is what the shipped catalogue offers.

/// Both data centres mirror each other, so that every stream is two topics.
pub const SITES: [&str; 2] = ["eqiad", "codfw"];

/// The topic that nobody outside may see: it names pages and editors that oversighters have just hidden.
pub const HIDDEN_TOPIC: &str = "eqiad.mediawiki.page-suppress";

/// One stream: `SITE.NAME` is its topic at a site.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    /// The stream's name, which is the topic's name without its site.
    pub name: &'static str,
    /// What its events tell of.
    pub kind: Kind,
    /// Partitions of each of its topics. Most real ones have one; what is keyed can have more.
    pub partitions: i32,
    /// Events per second at the first site. The second, where nobody edits, has a third of it.
    pub rate: f64,
}

/// The kinds of event, one shape each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    PageCreate,
    PageDelete,
    PageMove,
    PageUndelete,
    PagePropertiesChange,
    PageLinksChange,
    RecentChange,
    RevisionCreate,
    RevisionVisibilityChange,
    RevisionScore,
    RevisionTagsChange,
    PageChange,
    Test,
    PageSuppress,
}

/// The public streams.
pub const STREAMS: [Stream; 13] = [
    stream("mediawiki.page-create", Kind::PageCreate, 1, 2.0),
    stream("mediawiki.page-delete", Kind::PageDelete, 1, 1.5),
    stream("mediawiki.page-move", Kind::PageMove, 1, 1.5),
    stream("mediawiki.page-undelete", Kind::PageUndelete, 1, 1.5),
    stream("mediawiki.page-properties-change", Kind::PagePropertiesChange, 1, 3.0),
    stream("mediawiki.page-links-change", Kind::PageLinksChange, 1, 3.0),
    stream("mediawiki.recentchange", Kind::RecentChange, 1, 6.0),
    stream("mediawiki.revision-create", Kind::RevisionCreate, 1, 4.0),
    stream("mediawiki.revision-visibility-change", Kind::RevisionVisibilityChange, 1, 1.5),
    stream("mediawiki.revision-score", Kind::RevisionScore, 1, 3.0),
    stream("mediawiki.revision-tags-change", Kind::RevisionTagsChange, 1, 3.0),
    stream("mediawiki.page_change.v1", Kind::PageChange, 3, 4.0),
    stream("eventgate-main.test.event", Kind::Test, 1, 1.5),
];

/// The stream behind [`HIDDEN_TOPIC`].
pub const HIDDEN_STREAM: Stream = stream("mediawiki.page-suppress", Kind::PageSuppress, 1, 3.0);

impl Stream {
    /// The topic of this stream at `site`.
    pub fn topic(&self, site: &str) -> String {
        format!("{site}.{}", self.name)
    }
}

const fn stream(name: &'static str, kind: Kind, partitions: i32, rate: f64) -> Stream {
    Stream { name, kind, partitions, rate }
}
