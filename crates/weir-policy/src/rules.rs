//! The one judge: an ordered list of rules, one file each.
//!
//! Each rule refuses, allows, or passes the question on. Must never: allow what no rule allowed.

use std::fmt;

use crate::{Compacted, Policy, Principal, Reason};

mod catalogue;
mod cluster;
mod compacted;
mod grant;
mod group;
mod looks;
mod never;
mod read_only;
mod topic_name;
mod transactional_id;

use self::looks::Looks;

/// Kafka's operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are Kafka's")]
pub enum Operation {
    Read,
    Write,
    Create,
    Delete,
    Alter,
    Describe,
    DescribeConfigs,
    AlterConfigs,
    ClusterAction,
    IdempotentWrite,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Operation {
    /// Every operation, once.
    pub const ALL: [Self; 10] = [
        Self::Read,
        Self::Write,
        Self::Create,
        Self::Delete,
        Self::Alter,
        Self::Describe,
        Self::DescribeConfigs,
        Self::AlterConfigs,
        Self::ClusterAction,
        Self::IdempotentWrite,
    ];

    /// The name, as people type it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Alter => "alter",
            Self::Describe => "describe",
            Self::DescribeConfigs => "describe-configs",
            Self::AlterConfigs => "alter-configs",
            Self::ClusterAction => "cluster-action",
            Self::IdempotentWrite => "idempotent-write",
        }
    }

    /// Whether the grant of a topic gives this: Read, and with it Describe, as in Kafka, and to know how the topic is kept.
    #[must_use]
    pub const fn given_by_grant(self) -> bool {
        match self {
            Self::Read | Self::Describe | Self::DescribeConfigs => true,
            Self::Write
            | Self::Create
            | Self::Delete
            | Self::Alter
            | Self::AlterConfigs
            | Self::ClusterAction
            | Self::IdempotentWrite => false,
        }
    }

    /// Whether a principal may do this to its own groups.
    #[must_use]
    pub const fn given_on_own_groups(self) -> bool {
        match self {
            Self::Read | Self::Describe | Self::Delete => true,
            Self::Write
            | Self::Create
            | Self::Alter
            | Self::DescribeConfigs
            | Self::AlterConfigs
            | Self::ClusterAction
            | Self::IdempotentWrite => false,
        }
    }
}

/// What an operation is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource<'a> {
    /// A topic, by name.
    Topic(&'a str),
    /// A group, as the client writes it.
    Group(&'a str),
    /// A transactional id.
    TransactionalId(&'a str),
    /// The cluster.
    Cluster,
}

/// All that a rule may look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) operation: Operation,
    pub(crate) resource: Resource<'a>,
    /// What the lists say of the topic; of what is no topic, nothing.
    pub(crate) looks: Looks,
}

impl<'a> Question<'a> {
    pub(crate) fn new(
        policy: &Policy,
        principal: &'a Principal,
        operation: Operation,
        resource: Resource<'a>,
        compacted: &Compacted,
    ) -> Self {
        let looks = match resource {
            Resource::Topic(topic) => Looks::at(policy, principal, topic, compacted),
            Resource::Group(_) | Resource::TransactionalId(_) | Resource::Cluster => Looks::default(),
        };
        Self { principal, operation, resource, looks }
    }

    /// The question for a topic, as if it had not been granted.
    pub(crate) fn of_hidden(
        policy: &Policy,
        principal: &'a Principal,
        operation: Operation,
        topic: &'a str,
        compacted: &Compacted,
    ) -> Self {
        let looks = Looks::at_hidden(policy, principal, topic, compacted);
        Self { principal, operation, resource: Resource::Topic(topic), looks }
    }
}

/// What one rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing: the next rule decides.
    Pass,
    Allow,
    Refuse(Reason),
}

/// One of the rules, or the end of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Cluster,
    TransactionalId,
    Group,
    TopicName,
    Never,
    Catalogue,
    Grant,
    Compacted,
    ReadOnly,
    End,
}

type Judge = fn(&Question<'_>) -> Verdict;

/// The rules, in their order: what is refused everywhere, then each resource from the widest refusal to the narrowest.
const RULES: [(Rule, Judge); 9] = [
    (Rule::Cluster, cluster::judge),
    (Rule::TransactionalId, transactional_id::judge),
    (Rule::Group, group::judge),
    (Rule::TopicName, topic_name::judge),
    (Rule::Never, never::judge),
    (Rule::Catalogue, catalogue::judge),
    (Rule::Grant, grant::judge),
    (Rule::Compacted, compacted::judge),
    (Rule::ReadOnly, read_only::judge),
];

/// The verdict of the first rule that has one.
pub(crate) fn judge(question: &Question<'_>) -> Result<(), Reason> {
    decide(question).1
}

/// The same, with the rule that gave it.
pub(crate) fn decide(question: &Question<'_>) -> (Rule, Result<(), Reason>) {
    for (rule, judge) in RULES {
        match judge(question) {
            Verdict::Pass => {}
            Verdict::Allow => return (rule, Ok(())),
            Verdict::Refuse(reason) => return (rule, Err(reason)),
        }
    }
    (Rule::End, Err(Reason::RequestShape))
}
