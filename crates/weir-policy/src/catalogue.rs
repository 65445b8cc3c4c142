//! The first key: the topics that may leave at all, and those that never may.
//!
//! Must never: let an entry win over the never list.

use std::collections::HashMap;
use std::sync::Arc;

use time::Date;

use crate::names::is_topic_name;
use crate::pattern::{PatternSet, PrefixSet};

/// Kafka's own topics: refused whatever the files say.
pub(crate) const KAFKA_INTERNAL: [&str; 4] =
    ["__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"];

/// What the catalogue says of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// The stream that the topics carry.
    pub stream: String,
    /// What it is, for people.
    pub description: String,
    /// The schema of its events.
    pub schema: String,
    /// The version of the schema that was reviewed.
    pub schema_version: String,
    /// What Kafka does with old records.
    pub cleanup_policy: CleanupPolicy,
    /// The decision on personal data.
    pub pii: PiiDecision,
}

/// Kafka's `cleanup.policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CleanupPolicy {
    /// Old records go.
    Delete,
    /// The last record of each key stays.
    Compact,
    /// Both.
    CompactDelete,
}

/// Who decided what on personal data in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PiiDecision {
    /// What was decided.
    pub verdict: PiiVerdict,
    /// By whom.
    pub by: String,
    /// When.
    pub on: Date,
    /// Where it is written down.
    pub ticket: String,
}

/// The outcome of a look for personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PiiVerdict {
    /// The stream holds none.
    None,
    /// It may hold some, and may leave nevertheless.
    Reviewed,
}

/// The topics that may leave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    /// Compiling has held each of them against the never list.
    pub(crate) topics: HashMap<Arc<str>, Arc<CatalogueEntry>>,
    /// The entries marked `auto: true`.
    pub(crate) prefixes: PrefixSet,
}

impl Catalogue {
    pub(crate) fn covers(&self, topic: &str) -> bool {
        self.topics.contains_key(topic) || self.prefixes.covers(topic)
    }
}

/// The topics that never leave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Never(pub(crate) PatternSet);

impl Never {
    pub(crate) fn covers(&self, topic: &str) -> bool {
        KAFKA_INTERNAL.contains(&topic) || self.0.matches(topic)
    }
}

/// Whether the topic may leave: a sound name, in the catalogue, and not on the never list.
pub(crate) fn may_leave(catalogue: &Catalogue, never: &Never, topic: &str) -> bool {
    is_topic_name(topic) && catalogue.covers(topic) && !never.covers(topic)
}
