//! What Weir knows of one upstream cluster, and the two names that every thing of it has.
//!
//! `Real*` is the name that the brokers use, `Shown*` the one that a client sees. Today the conversion is the
//! identity and stands here alone, so that prefixes, aliases or renumbering have one place to go.
//! Must never: hold a topic that the catalogue does not allow, or let a real address pass as a shown one.

use std::borrow::{Borrow, Cow};
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use smallvec::SmallVec;
use uuid::Uuid;
use weir_policy::Compacted;

use crate::racks::Racks;

/// A broker's id as the brokers know it (`node.id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RealBrokerId(pub i32);

/// A broker's id as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShownBrokerId(pub i32);

impl RealBrokerId {
    /// The id that clients see for this broker.
    #[must_use]
    pub fn shown(self) -> ShownBrokerId {
        ShownBrokerId(self.0)
    }
}

impl ShownBrokerId {
    /// The broker behind an id that a client sees.
    #[must_use]
    pub fn real(self) -> RealBrokerId {
        RealBrokerId(self.0)
    }
}

/// A topic's name as the brokers know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RealTopic(pub String);

/// A topic's name as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShownTopic(pub String);

impl RealTopic {
    /// The name that clients see for this topic.
    #[must_use]
    pub fn shown(self) -> ShownTopic {
        ShownTopic(self.0)
    }
}

impl RealTopic {
    /// The name that clients see, without making it anew where it is the same.
    #[must_use]
    pub fn shown_name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
}

impl Borrow<str> for RealTopic {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl ShownTopic {
    /// The topic behind a name that a client sees.
    #[must_use]
    pub fn real(self) -> RealTopic {
        RealTopic(self.0)
    }
}

/// The cluster id that the brokers answer with; pinned at first contact or by configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RealClusterId(pub String);

/// The cluster id that clients see: configured, the same on every broker and after a fail-over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShownClusterId(pub String);

/// Where a broker listens. Never leaves Weir.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealAddress {
    /// Host name or IP address, as the broker advertises it.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// A topic's id: one that is deleted and made again under its name has another.
pub type TopicId = Uuid;

/// One catalogue topic, as the brokers describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicView {
    /// The topic's id; zero where the brokers are too old to have one.
    pub id: TopicId,
    /// The partitions, by index.
    pub partitions: Vec<PartitionView>,
}

/// Brokers of one partition: as many as partitions mostly have stand in it, and not in a block of memory of their own.
pub type BrokerIds = SmallVec<[RealBrokerId; 4]>;

/// One partition of a catalogue topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionView {
    /// The partition's index.
    pub index: i32,
    /// Kafka's error code for the partition (5 where it has no leader), 0 for none.
    pub error_code: i16,
    /// The leader, or `RealBrokerId(-1)` where there is none.
    pub leader: RealBrokerId,
    /// The leader's epoch, -1 where the brokers do not tell.
    pub leader_epoch: i32,
    /// The replicas.
    pub replicas: BrokerIds,
    /// The replicas that are in sync.
    pub isr: BrokerIds,
    /// The replicas that are offline.
    pub offline: BrokerIds,
}

/// Versions of an API, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// The lowest version.
    pub min: i16,
    /// The highest version.
    pub max: i16,
}

impl VersionRange {
    /// What both ranges hold, or nothing.
    #[must_use]
    pub fn intersect(self, other: VersionRange) -> Option<VersionRange> {
        let both = VersionRange { min: self.min.max(other.min), max: self.max.min(other.max) };
        (both.min <= both.max).then_some(both)
    }

    /// Whether the range holds a version.
    #[must_use]
    pub fn holds(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }
}

/// One upstream cluster at one time: immutable, replaced whole, holding catalogue topics and nothing else.
#[derive(Clone, Debug)]
pub struct ClusterView {
    /// The cluster's own id.
    pub cluster_id: RealClusterId,
    /// The brokers that are up, by id. Never empty.
    pub brokers: BTreeMap<RealBrokerId, RealAddress>,
    /// The catalogue topics that exist.
    pub topics: HashMap<RealTopic, TopicView>,
    /// Those of them that must be compacted to leave, and are: confirmed not long ago, of the topic with this id.
    pub compacted: Compacted,
    /// The catalogue topics by id, in order: beside an id that is none stands another topic.
    pub topics_by_id: BTreeMap<Uuid, RealTopic>,
    /// Their racks, by public label.
    pub racks: Racks,
    /// What every broker serves, by API key: the intersection over the brokers and `upstream.max_versions`.
    pub versions: HashMap<i16, VersionRange>,
    /// Grows whenever the set of topics, their ids or what is compacted changes, so that verdicts are judged again.
    pub topics_generation: u64,
    /// When the brokers were asked: what is here is no older.
    pub fetched_at: Instant,
}

impl ClusterView {
    /// A topic by the name that clients see.
    #[must_use]
    pub fn topic(&self, shown: &str) -> Option<&TopicView> {
        self.topics.get(shown)
    }

    /// A topic and the name that clients see, by its id.
    #[must_use]
    pub fn topic_by_id(&self, id: Uuid) -> Option<(Cow<'_, str>, &TopicView)> {
        self.topic_beside_id(id).filter(|(found, ..)| *found == id).map(|(_, name, topic)| (name, topic))
    }

    /// The topic with an id, or another one in its place, always the same one: both are found in the same time. Nothing
    /// only where no topic has an id.
    #[must_use]
    pub fn topic_beside_id(&self, id: Uuid) -> Option<(Uuid, Cow<'_, str>, &TopicView)> {
        let next = self.topics_by_id.range(id..).next();
        let (found, real) = next.or_else(|| self.topics_by_id.first_key_value())?;
        Some((*found, real.shown_name(), self.topics.get(real)?))
    }
}
