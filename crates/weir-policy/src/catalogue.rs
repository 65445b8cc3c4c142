//! The first key: the topics that may leave at all, and those that never may.
//!
//! Must never: let an entry win over the never list.

use std::collections::{HashMap, HashSet};
use std::hint::black_box;
use std::sync::Arc;

use time::Date;

use crate::compacted::Compacted;
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
    /// Whether its topics may leave only while the brokers compact them.
    pub only_while_compacted: bool,
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
    /// What of them may leave only while it is compacted.
    pub(crate) conditional: Conditional,
    /// The names once more: each stands in for some that the catalogue does not have.
    stand_ins: Box<[Arc<str>]>,
}

impl Catalogue {
    /// `conditional` are those of the prefixes whose topics may leave only while they are compacted.
    pub(crate) fn new(
        topics: HashMap<Arc<str>, Arc<CatalogueEntry>>,
        prefixes: PrefixSet,
        conditional: PrefixSet,
    ) -> Self {
        let stand_ins = topics.keys().cloned().collect();
        let named = topics.iter().filter(|(_, entry)| entry.only_while_compacted).map(|(name, _)| Arc::clone(name));
        let conditional = Conditional { topics: named.collect(), prefixes: conditional };
        Self { topics, prefixes, conditional, stand_ins }
    }

    /// Whether it names the topic. A name that is found is compared, and memory that was not used for a while is slow:
    /// what is not found is compared too, with another one.
    pub(crate) fn names(&self, topic: &str) -> bool {
        let named = self.topics.contains_key(topic);
        if !named {
            black_box(self.stand_in(topic).map(|stand_in| stand_in.cmp(topic)));
        }
        named
    }

    /// The same one for the same name.
    fn stand_in(&self, topic: &str) -> Option<&str> {
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mix = |print: u64, word: &[u8; 8]| (print.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(SPREAD);
        let (words, _) = topic.as_bytes().as_chunks::<8>();
        let print = words.iter().chain(topic.as_bytes().last_chunk()).fold(0, mix);
        let place = usize::try_from(print >> 32).ok()?.checked_rem(self.stand_ins.len())?;
        self.stand_ins.get(place).map(|name| &**name)
    }

    pub(crate) fn covers(&self, topic: &str) -> bool {
        self.topics.contains_key(topic) || self.prefixes.covers(topic)
    }

    /// Whether the topic must be compacted to leave, and is none of those that are. Both are looked up for any topic, so
    /// that the time does not tell which must be.
    pub(crate) fn holds_back(&self, topic: &str, compacted: &Compacted) -> bool {
        self.conditional.covers(topic) & !compacted.has(topic)
    }
}

/// The topics that may leave only while they are compacted. One that two entries hold is one where either says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditional {
    topics: HashSet<Arc<str>>,
    prefixes: PrefixSet,
}

impl Conditional {
    pub(crate) fn covers(&self, topic: &str) -> bool {
        self.topics.contains(topic) | self.prefixes.covers(topic)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty() && self.prefixes.is_empty()
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
