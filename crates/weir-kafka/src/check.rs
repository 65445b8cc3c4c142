//! What only `weir check --live` asks of brokers: all that an identity sees there (`Question`), and one try of each kind
//! of thing that Weir's identities must not be able to do (`Trial`).
//!
//! Two closed lists. A caller chooses from them and gives a nonce, and can put no name, no record and no setting into any
//! of them. Must never: hold a form that changes anything at a broker that allows it, or be of use to a Weir that serves:
//! nothing but `operator::live` of `weir-server` may name this module (W13).

mod answer;
mod ask;
mod question;

#[cfg(test)]
mod tests;

use kafka_protocol::messages::ApiKey;

use crate::cluster::VersionRange;
pub use answer::Verdict;
pub use question::{AccessRule, BrokerSettings, Entity, EveryTopic, Everything, Question, Quota, read_transactions};

/// A word that nobody can know before, so that nothing at the brokers has it as its name.
#[derive(Clone, Debug)]
pub struct Nonce(String);

impl Nonce {
    /// Of random bytes.
    #[must_use]
    pub fn new(random: &[u8; 32]) -> Self {
        let hex = |text: String, byte: &u8| text + &format!("{byte:02x}");
        Self(random.iter().fold("weir-check-live-".to_owned(), hex))
    }
}

/// One kind of thing that an identity of Weir's must not be able to do, tried in a form that does nothing where it is
/// allowed. `docs/operate/check.md` says why of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trial {
    /// CreateTopics, with a name that no topic can have, and only to be validated.
    CreateTopic,
    /// CreatePartitions of a topic that cannot exist, and only to be validated.
    AddPartitions,
    /// DeleteTopics with a name that no topic can have.
    DeleteTopic,
    /// DeleteRecords of a topic that cannot exist, before offset 0.
    DeleteRecords,
    /// Produce without a record, to a topic that cannot exist, with acknowledgements that Kafka does not know.
    Produce,
    /// InitProducerId, with half of what a producer says that had one, which Kafka refuses once it has authorised it. It
    /// is authorised by Write on any topic.
    ProduceAnywhere,
    /// Fetch as a replica, of a topic that cannot exist.
    FetchAsReplica,
    /// InitProducerId for a transactional id, with half of what a producer says that had one.
    BeginTransaction,
    /// DescribeTransactions of an id that nobody has.
    DescribeTransaction,
    /// DescribeGroups of a group that is not Weir's.
    DescribeGroup,
    /// OffsetFetch of a group that is not Weir's.
    GroupOffsets,
    /// DeleteGroups of a group that nobody has.
    DeleteGroup,
    /// DescribeConfigs of the brokers.
    BrokerSettings,
    /// IncrementalAlterConfigs of the brokers: to forget a setting that there is not, and only to be validated.
    AlterBrokerSettings,
    /// DescribeAcls, of a topic that cannot exist.
    AccessRules,
    /// DescribeClientQuotas, of a user that nobody is.
    Quotas,
    /// AlterClientQuotas: to forget one of a user that nobody is, and only to be validated.
    AlterQuotas,
    /// DescribeLogDirs, of a topic that cannot exist.
    LogDirs,
    /// ListPartitionReassignments, of a topic that cannot exist.
    Reassignments,
    /// DescribeUserScramCredentials, of a user that nobody is.
    Passwords,
    /// DescribeDelegationToken, of all owners.
    Tokens,
}

/// What a right is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// Topics that the catalogue does not name.
    Topics,
    /// Groups that Weir does not name.
    Groups,
    /// Transactional ids.
    Transactions,
    /// The cluster itself.
    Cluster,
}

impl Trial {
    /// Every kind, once.
    pub const ALL: [Self; 21] = [
        Self::CreateTopic,
        Self::AddPartitions,
        Self::DeleteTopic,
        Self::DeleteRecords,
        Self::Produce,
        Self::ProduceAnywhere,
        Self::FetchAsReplica,
        Self::BeginTransaction,
        Self::DescribeTransaction,
        Self::DescribeGroup,
        Self::GroupOffsets,
        Self::DeleteGroup,
        Self::BrokerSettings,
        Self::AlterBrokerSettings,
        Self::AccessRules,
        Self::Quotas,
        Self::AlterQuotas,
        Self::LogDirs,
        Self::Reassignments,
        Self::Passwords,
        Self::Tokens,
    ];

    fn api(self) -> (ApiKey, &'static str) {
        match self {
            Self::CreateTopic => (ApiKey::CreateTopics, "CreateTopics"),
            Self::AddPartitions => (ApiKey::CreatePartitions, "CreatePartitions"),
            Self::DeleteTopic => (ApiKey::DeleteTopics, "DeleteTopics"),
            Self::DeleteRecords => (ApiKey::DeleteRecords, "DeleteRecords"),
            Self::Produce => (ApiKey::Produce, "Produce"),
            Self::ProduceAnywhere | Self::BeginTransaction => (ApiKey::InitProducerId, "InitProducerId"),
            Self::FetchAsReplica => (ApiKey::Fetch, "Fetch"),
            Self::DescribeTransaction => (ApiKey::DescribeTransactions, "DescribeTransactions"),
            Self::DescribeGroup => (ApiKey::DescribeGroups, "DescribeGroups"),
            Self::GroupOffsets => (ApiKey::OffsetFetch, "OffsetFetch"),
            Self::DeleteGroup => (ApiKey::DeleteGroups, "DeleteGroups"),
            Self::BrokerSettings => (ApiKey::DescribeConfigs, "DescribeConfigs"),
            Self::AlterBrokerSettings => (ApiKey::IncrementalAlterConfigs, "IncrementalAlterConfigs"),
            Self::AccessRules => (ApiKey::DescribeAcls, "DescribeAcls"),
            Self::Quotas => (ApiKey::DescribeClientQuotas, "DescribeClientQuotas"),
            Self::AlterQuotas => (ApiKey::AlterClientQuotas, "AlterClientQuotas"),
            Self::LogDirs => (ApiKey::DescribeLogDirs, "DescribeLogDirs"),
            Self::Reassignments => (ApiKey::ListPartitionReassignments, "ListPartitionReassignments"),
            Self::Passwords => (ApiKey::DescribeUserScramCredentials, "DescribeUserScramCredentials"),
            Self::Tokens => (ApiKey::DescribeDelegationToken, "DescribeDelegationToken"),
        }
    }

    /// Kafka's number of the API.
    #[must_use]
    pub fn key(self) -> i16 {
        self.api().0 as i16
    }

    /// Kafka's name of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.api().1
    }

    /// The versions in which it is tried: those whose form makes it harmless, and no more than are needed for the
    /// brokers that there are.
    #[must_use]
    pub fn versions(self) -> VersionRange {
        let (min, max) = match self {
            Self::CreateTopic => (2, 4),
            Self::DeleteTopic => (1, 3),
            Self::Produce => (3, 7),
            Self::ProduceAnywhere | Self::BeginTransaction => (3, 4),
            Self::FetchAsReplica => (4, 6),
            Self::DescribeGroup => (0, 4),
            Self::GroupOffsets => (2, 5),
            Self::BrokerSettings => (1, 3),
            Self::AddPartitions | Self::DeleteRecords | Self::DeleteGroup => (0, 1),
            Self::AccessRules | Self::LogDirs | Self::Tokens => (1, 1),
            Self::DescribeTransaction
            | Self::AlterBrokerSettings
            | Self::Quotas
            | Self::AlterQuotas
            | Self::Reassignments
            | Self::Passwords => (0, 0),
        };
        VersionRange { min, max }
    }

    /// The version to try it in at a broker that serves these; nothing where it has none of them.
    #[must_use]
    pub fn version(self, served: Option<VersionRange>) -> Option<i16> {
        Some(served?.intersect(self.versions())?.max)
    }

    /// The right that it needs, as ACLs name it, and on what.
    #[must_use]
    pub fn right(self) -> (&'static str, On) {
        match self {
            Self::CreateTopic => ("Create", On::Topics),
            Self::AddPartitions => ("Alter", On::Topics),
            Self::DeleteTopic | Self::DeleteRecords => ("Delete", On::Topics),
            Self::Produce | Self::ProduceAnywhere => ("Write", On::Topics),
            Self::BeginTransaction => ("Write", On::Transactions),
            Self::DescribeTransaction => ("Describe", On::Transactions),
            Self::DescribeGroup | Self::GroupOffsets => ("Describe", On::Groups),
            Self::DeleteGroup => ("Delete", On::Groups),
            Self::FetchAsReplica => ("ClusterAction", On::Cluster),
            Self::BrokerSettings | Self::Quotas => ("DescribeConfigs", On::Cluster),
            Self::AlterBrokerSettings | Self::AlterQuotas => ("AlterConfigs", On::Cluster),
            Self::AccessRules | Self::LogDirs | Self::Reassignments | Self::Passwords | Self::Tokens => {
                ("Describe", On::Cluster)
            }
        }
    }

    /// What somebody could do who is allowed it, for people: goes behind "may".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::CreateTopic => "create topics",
            Self::AddPartitions => "add partitions to topics that the catalogue does not name",
            Self::DeleteTopic => "delete topics that the catalogue does not name",
            Self::DeleteRecords => "delete records of topics that the catalogue does not name",
            Self::Produce => "write to topics that the catalogue does not name",
            Self::ProduceAnywhere => "write to some topic",
            Self::FetchAsReplica => "read every topic as a broker's replica does",
            Self::BeginTransaction => "begin transactions",
            Self::DescribeTransaction => "describe transactions",
            Self::DescribeGroup => "describe groups that are not Weir's",
            Self::GroupOffsets => "see the offsets of groups that are not Weir's",
            Self::DeleteGroup => "delete groups that are not Weir's",
            Self::BrokerSettings => "see the brokers' settings",
            Self::AlterBrokerSettings => "change the brokers' settings",
            Self::AccessRules => "see the brokers' access rules",
            Self::Quotas => "see the brokers' quotas",
            Self::AlterQuotas => "change the brokers' quotas",
            Self::LogDirs => "see the brokers' log directories",
            Self::Reassignments => "see which partitions move",
            Self::Passwords => "see which users have SCRAM credentials",
            Self::Tokens => "see delegation tokens",
        }
    }
}
