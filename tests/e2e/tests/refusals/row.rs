//! What a row of docs/refusals.md is made of, and how a case is brought about.

use weir_policy::Reason;
use weir_server::close_reason::CloseReason;

/// The columns, by the directories in `tests/clients/`.
pub const CLIENTS: [(&str, &str); 5] = [
    ("java", "Java"),
    ("confluent-python", "librdkafka"),
    ("franz-go", "franz-go"),
    ("kafka-python", "kafka-python"),
    ("kafkajs", "kafkajs"),
];
/// Granted, four partitions.
pub const TOPIC: &str = "refusals.topic";
/// In the catalogue, and not granted.
pub const OTHER: &str = "refusals.other";
/// At the brokers, and not in the catalogue.
pub const HIDDEN: &str = "refusals.hidden";
/// Of the never list.
pub const NEVER: &str = "refusals.forbidden";

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A request or an item of one was refused.
    Reason(Reason),
    /// The connection was closed.
    Close(CloseReason),
    /// A limit slowed the client down: the key of the limit, and a sentence.
    Slow(&'static str, &'static str),
}

/// One row.
#[derive(Debug)]
pub struct Row {
    /// What it is about.
    pub why: Why,
    /// The requests that meet it, or the moment.
    pub place: &'static str,
    /// How the clients are made to meet it.
    pub met: Met,
    /// What its consumer should do.
    pub advice: &'static str,
}

/// How the clients are made to meet it.
#[derive(Debug)]
pub enum Met {
    /// So.
    By(Case),
    /// No client's program does; why.
    Not(&'static str),
}

/// How the clients are made to meet it.
#[derive(Debug)]
pub struct Case {
    /// The step of the client programs.
    pub step: &'static str,
    /// What the step is told beyond where and who.
    pub told: &'static [(&'static str, &'static str)],
    /// The topic.
    pub topic: &'static str,
    /// What stands in the way.
    pub world: World,
    /// How Weir tells of it.
    pub counted: Counted,
    /// Clients that cannot do the step; why.
    pub cannot: &'static [(&'static str, &'static str)],
}

/// Which of Weir's counters shows that the client has met it.
#[derive(Debug, Clone, Copy)]
pub enum Counted {
    /// `weir_refused_total` with the row's own name.
    Refused,
    /// `weir_connections_closed_total` with this reason.
    Closed(CloseReason),
    /// None: less is done in a time.
    Slower,
    /// None: nothing is to be seen.
    NoError,
}

/// What stands in the way, and is taken out of it afterwards where that is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// The step itself: nothing can be lifted.
    AsItIs,
    /// Limits of the principal's own.
    Limits(&'static str),
    /// The topic is not granted, then granted.
    NotGranted,
    /// The topic is not in the catalogue, then it is.
    NotCatalogued,
    /// `weir suspend` with these words, then `weir resume`. `{principal}` and `{serial}` are filled in.
    Suspended(&'static [&'static str]),
    /// The same with a client that already reads.
    SuspendedWhileReading(&'static [&'static str]),
    /// Reads a topic that from then on may leave only while it is compacted, and is not; then again without that.
    HeldBackWhileReading,
    /// No principal's file, then one.
    Nobody,
    /// Two principals' files for one certificate.
    TwoOfThem,
    /// A network that the client is not in, then every network.
    Elsewhere,
    /// As many connections as allowed are held by others, then more are allowed.
    Crowded,
    /// Another certificate than the right one.
    Shows(Paper),
    /// Reads, and is revoked.
    RevokedWhileReading,
    /// Reads, and the certificate's time is over.
    ExpiresWhileReading,
    /// Groups are named with their prefix.
    ExplicitPrefix,
    /// A broker that does not answer, and then does, when Weir has just begun.
    NotCounted,
}

impl World {
    /// Whether the test takes it out of the way.
    pub fn is_lifted(self) -> bool {
        use World::{AsItIs, ExpiresWhileReading, ExplicitPrefix, RevokedWhileReading, Shows, TwoOfThem};
        !matches!(self, AsItIs | TwoOfThem | Shows(_) | RevokedWhileReading | ExpiresWhileReading | ExplicitPrefix)
    }

    /// Whether it comes over a client that already reads.
    pub fn is_while_reading(self) -> bool {
        use World::{ExpiresWhileReading, HeldBackWhileReading, RevokedWhileReading, SuspendedWhileReading};
        matches!(self, SuspendedWhileReading(_) | HeldBackWhileReading | RevokedWhileReading | ExpiresWhileReading)
    }
}

/// What a client shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// It does not speak TLS.
    Plaintext,
    /// No certificate.
    Nothing,
    /// One of another authority.
    Stranger,
    /// One whose time is over.
    Expired,
    /// One whose time has not come.
    NotYet,
    /// One that was revoked.
    Revoked,
    /// One for servers.
    ForServers,
}

impl Row {
    /// The name that logs, metrics and this page share.
    pub fn name(&self) -> &'static str {
        match self.why {
            Why::Reason(reason) => reason.name(),
            Why::Close(reason) => reason.name(),
            Why::Slow(key, _) => key,
        }
    }

    /// What it means.
    pub fn meaning(&self) -> &'static str {
        match self.why {
            Why::Reason(reason) => reason.sentence(),
            Why::Close(reason) => reason.meaning(),
            Why::Slow(_, sentence) => sentence,
        }
    }
}
