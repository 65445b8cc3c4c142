//! What brokers let Weir do, and how they keep topics: for an operator who wants to know before clients do.
//!
//! Must never: take for a right what a broker did not name.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::messages::{DescribeConfigsResponse, DescribeGroupsResponse, MetadataResponse};
use weir_policy::Operation;

use super::{BadAnswer, body};
use crate::apis::operation_code;
use crate::codec;
use crate::gate::Budget;
use crate::shape::{describe_configs, describe_groups, metadata};

/// The setting that says how old records of a topic go.
pub const CLEANUP_POLICY: &str = "cleanup.policy";

/// Kafka's names of operations, as ACLs have them, by their numbers.
const OPERATIONS: [&str; 16] = [
    "Unknown",
    "Any",
    "All",
    "Read",
    "Write",
    "Create",
    "Delete",
    "Alter",
    "Describe",
    "ClusterAction",
    "DescribeConfigs",
    "AlterConfigs",
    "IdempotentWrite",
    "CreateTokens",
    "DescribeTokens",
    "TwoPhaseCommit",
];

/// Operations, as brokers name those that may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights(i32);

impl Rights {
    /// Those that brokers tell by a number; nothing where they do not tell.
    pub(crate) fn told(bits: i32) -> Option<Self> {
        (bits != i32::MIN).then_some(Self(bits))
    }

    /// Whether an operation may be done.
    #[must_use]
    pub fn hold(self, operation: Operation) -> bool {
        self.0 & 1 << operation_code(operation) != 0
    }

    /// The operations that may be done beyond these, as ACLs name them. One that Weir does not know is among them.
    #[must_use]
    pub fn beyond(self, expected: &[Operation]) -> Vec<String> {
        let expected = expected.iter().fold(0, |bits, operation| bits | 1 << operation_code(*operation));
        let name =
            |number: usize| OPERATIONS.get(number).map_or_else(|| format!("operation {number}"), ToString::to_string);
        (0..32).filter(|number| (self.0 & !expected) >> number & 1 == 1).map(name).collect()
    }
}

/// Kafka's name of an operation, as ACLs have it, by its number.
#[must_use]
pub fn operation_name(number: i8) -> String {
    let name = usize::try_from(number).ok().and_then(|number| OPERATIONS.get(number));
    name.map_or_else(|| format!("operation {number}"), ToString::to_string)
}

/// What may be done with each of some things, by name; or nothing where it was not told; or Kafka's error code.
pub type RightsByName = BTreeMap<String, Result<Option<Rights>, i16>>;

/// Reads an answer to Metadata, header included: each topic, whether it is there, and what may be done with it.
/// Versions before 8 do not tell the last.
///
/// # Errors
/// Where it is malformed.
pub fn read_topic_rights(version: i16, answer: &Bytes) -> Result<RightsByName, BadAnswer> {
    let body = body(answer, metadata::RESPONSE.is_flexible(version))?;
    let message: MetadataResponse = codec::decode(&metadata::RESPONSE, version, &body, &Budget::RESPONSE)?;
    let topics = message.topics.into_iter().filter_map(|topic| {
        let rights = Rights::told(topic.topic_authorized_operations);
        Some((topic.name?.to_string(), if topic.error_code == 0 { Ok(rights) } else { Err(topic.error_code) }))
    });
    Ok(topics.collect())
}

/// Reads an answer to DescribeGroups, header included.
///
/// # Errors
/// Where it is malformed.
pub fn read_group_rights(version: i16, answer: &Bytes) -> Result<RightsByName, BadAnswer> {
    let body = body(answer, describe_groups::RESPONSE.is_flexible(version))?;
    let message: DescribeGroupsResponse = codec::decode(&describe_groups::RESPONSE, version, &body, &Budget::RESPONSE)?;
    let groups = message.groups.into_iter().map(|group| {
        let rights = Rights::told(group.authorized_operations);
        (group.group_id.to_string(), if group.error_code == 0 { Ok(rights) } else { Err(group.error_code) })
    });
    Ok(groups.collect())
}

/// Reads an answer to DescribeConfigs, header included: the cleanup policy of each topic, or Kafka's error code.
///
/// # Errors
/// Where it is malformed.
pub fn read_cleanup_policies(version: i16, answer: &Bytes) -> Result<BTreeMap<String, Result<String, i16>>, BadAnswer> {
    let body = body(answer, describe_configs::RESPONSE.is_flexible(version))?;
    let message: DescribeConfigsResponse =
        codec::decode(&describe_configs::RESPONSE, version, &body, &Budget::RESPONSE)?;
    let topics = message.results.into_iter().filter_map(|result| {
        let name = result.resource_name.to_string();
        if result.error_code != 0 {
            return Some((name, Err(result.error_code)));
        }
        let config = result.configs.into_iter().find(|config| &*config.name == CLEANUP_POLICY)?;
        Some((name, Ok(config.value?.to_string())))
    });
    Ok(topics.collect())
}
