//! One row per API that Weir speaks: everything that is decided by the key alone.
//!
//! ApiVersions, the gate, the session and `docs/apis.md` are all derived from it. A key without a row is not spoken.
//! Must never: have a version whose request and response the gate cannot walk.

mod keys;
mod kinds;

use crate::cluster::VersionRange;
use crate::refusal::code;
use crate::shape::{self, Shape};

pub use keys::*;
pub use kinds::{Deadline, Disposition, FrameClass, ResponseMode};

/// One API.
#[derive(Debug)]
pub struct Row {
    /// The API's key.
    pub key: i16,
    /// Kafka's name for it.
    pub name: &'static str,
    /// The versions that Weir speaks.
    pub versions: VersionRange,
    /// Whether ApiVersions lists it.
    pub advertised: bool,
    /// Who answers.
    pub disposition: Disposition,
    /// What becomes of a broker's answer.
    pub response_mode: ResponseMode,
    /// How long the broker may take.
    pub deadline: Deadline,
    /// Which limit its request frame has.
    pub frame: FrameClass,
    /// The code of an answer when the broker could not be reached before a byte of the request was written.
    pub retriable_code: Option<i16>,
    /// What it leaves behind on the brokers.
    pub state_left_upstream: &'static str,
    /// The form of its request.
    pub request: &'static Shape,
    /// The form of its response.
    pub response: &'static Shape,
}

impl Row {
    /// Whether a version has compact lengths and tagged fields: in both bodies and in the request's header.
    #[must_use]
    pub fn is_flexible(&self, version: i16) -> bool {
        self.request.is_flexible(version)
    }

    /// Its place in `TABLE`, for who counts by API.
    #[must_use]
    pub fn index(&self) -> usize {
        index(self.key).unwrap_or_default()
    }

    /// The code that makes a client try again where the broker cannot be reached.
    #[must_use]
    pub fn unreachable_code(&self) -> i16 {
        self.retriable_code.unwrap_or(code::UNKNOWN_SERVER_ERROR)
    }

    /// Whether the response's header has tagged fields. That of ApiVersions never has, so that any client can read an
    /// answer in an older version (trap C12).
    #[must_use]
    pub fn response_header_is_flexible(&self, version: i16) -> bool {
        self.key != API_VERSIONS && self.is_flexible(version)
    }
}

/// The row of a key, if Weir speaks it.
#[must_use]
pub fn row(key: i16) -> Option<&'static Row> {
    TABLE.get(index(key)?)
}

/// Where the row of a key stands in the table, if Weir speaks it. The rows are in the order of their keys.
fn index(key: i16) -> Option<usize> {
    TABLE.binary_search_by_key(&key, |row| row.key).ok()
}

/// Every API that Weir speaks, by key.
pub const TABLE: &[Row] = &[
    // librdkafka does not fetch from brokers that do not offer Produce (trap K1).
    Row { versions: versions(3, 7), ..denied(PRODUCE, "Produce", &shape::produce::REQUEST, &shape::produce::RESPONSE) },
    Row {
        versions: versions(4, 17),
        response_mode: ResponseMode::Stream,
        deadline: Deadline::MaxWait,
        retriable_code: Some(code::NOT_LEADER_OR_FOLLOWER),
        state_left_upstream: "a fetch session, until it is closed, replaced or unused for two minutes",
        ..forwarded(FETCH, "Fetch", &shape::fetch::REQUEST, &shape::fetch::RESPONSE)
    },
    Row {
        versions: versions(1, 10),
        retriable_code: Some(code::NOT_LEADER_OR_FOLLOWER),
        ..forwarded(LIST_OFFSETS, "ListOffsets", &shape::list_offsets::REQUEST, &shape::list_offsets::RESPONSE)
    },
    Row {
        versions: versions(0, 12),
        ..local(METADATA, "Metadata", &shape::metadata::REQUEST, &shape::metadata::RESPONSE)
    },
    Row {
        versions: versions(2, 9),
        retriable_code: Some(code::NOT_COORDINATOR),
        state_left_upstream: "committed offsets; a group, if none was there; both expire as the brokers are set",
        ..forwarded(OFFSET_COMMIT, "OffsetCommit", &shape::offset_commit::REQUEST, &shape::offset_commit::RESPONSE)
    },
    Row {
        versions: versions(1, 9),
        retriable_code: Some(code::NOT_COORDINATOR),
        ..forwarded(OFFSET_FETCH, "OffsetFetch", &shape::offset_fetch::REQUEST, &shape::offset_fetch::RESPONSE)
    },
    Row {
        versions: versions(0, 6),
        frame: FrameClass::Small,
        retriable_code: Some(code::COORDINATOR_NOT_AVAILABLE),
        state_left_upstream: "none, but the first one on a cluster makes the brokers create `__consumer_offsets`",
        ..forwarded(
            FIND_COORDINATOR,
            "FindCoordinator",
            &shape::find_coordinator::REQUEST,
            &shape::find_coordinator::RESPONSE,
        )
    },
    Row {
        versions: versions(0, 9),
        response_mode: ResponseMode::Inspect,
        deadline: Deadline::Rebalance,
        frame: FrameClass::Group,
        retriable_code: Some(code::NOT_COORDINATOR),
        state_left_upstream: "a group and a member of it, until it leaves or its session ends",
        ..forwarded(JOIN_GROUP, "JoinGroup", &shape::join_group::REQUEST, &shape::join_group::RESPONSE)
    },
    Row {
        versions: versions(0, 4),
        response_mode: ResponseMode::Inspect,
        retriable_code: Some(code::NOT_COORDINATOR),
        state_left_upstream: "a longer life for the member's session",
        ..forwarded(HEARTBEAT, "Heartbeat", &shape::heartbeat::REQUEST, &shape::heartbeat::RESPONSE)
    },
    Row {
        versions: versions(0, 5),
        response_mode: ResponseMode::Inspect,
        retriable_code: Some(code::NOT_COORDINATOR),
        state_left_upstream: "one member less",
        ..forwarded(LEAVE_GROUP, "LeaveGroup", &shape::leave_group::REQUEST, &shape::leave_group::RESPONSE)
    },
    Row {
        versions: versions(0, 5),
        response_mode: ResponseMode::Inspect,
        deadline: Deadline::Rebalance,
        frame: FrameClass::Group,
        retriable_code: Some(code::NOT_COORDINATOR),
        state_left_upstream: "the members' assignments, for one generation of the group",
        ..forwarded(SYNC_GROUP, "SyncGroup", &shape::sync_group::REQUEST, &shape::sync_group::RESPONSE)
    },
    Row {
        versions: versions(0, 6),
        retriable_code: Some(code::NOT_COORDINATOR),
        ..forwarded(
            DESCRIBE_GROUPS,
            "DescribeGroups",
            &shape::describe_groups::REQUEST,
            &shape::describe_groups::RESPONSE,
        )
    },
    Row {
        versions: versions(0, 5),
        retriable_code: Some(code::COORDINATOR_NOT_AVAILABLE),
        ..forwarded(LIST_GROUPS, "ListGroups", &shape::list_groups::REQUEST, &shape::list_groups::RESPONSE)
    },
    // Answered with ILLEGAL_SASL_STATE, as Kafka does on a TLS listener (trap C39).
    Row {
        versions: versions(0, 1),
        advertised: false,
        ..denied(SASL_HANDSHAKE, "SaslHandshake", &shape::sasl_handshake::REQUEST, &shape::sasl_handshake::RESPONSE)
    },
    Row {
        versions: versions(0, 4),
        frame: FrameClass::Small,
        ..local(API_VERSIONS, "ApiVersions", &shape::api_versions::REQUEST, &shape::api_versions::RESPONSE)
    },
    Row {
        versions: versions(2, 4),
        retriable_code: Some(code::NOT_LEADER_OR_FOLLOWER),
        ..forwarded(
            OFFSET_FOR_LEADER_EPOCH,
            "OffsetForLeaderEpoch",
            &shape::offset_for_leader_epoch::REQUEST,
            &shape::offset_for_leader_epoch::RESPONSE,
        )
    },
    // What a client was granted, in the words of Kafka's own tools.
    Row {
        versions: versions(1, 3),
        ..local(DESCRIBE_ACLS, "DescribeAcls", &shape::describe_acls::REQUEST, &shape::describe_acls::RESPONSE)
    },
    Row {
        versions: versions(1, 4),
        retriable_code: Some(code::LEADER_NOT_AVAILABLE),
        ..forwarded(
            DESCRIBE_CONFIGS,
            "DescribeConfigs",
            &shape::describe_configs::REQUEST,
            &shape::describe_configs::RESPONSE,
        )
    },
    Row {
        versions: versions(0, 2),
        advertised: false,
        ..denied(
            SASL_AUTHENTICATE,
            "SaslAuthenticate",
            &shape::sasl_authenticate::REQUEST,
            &shape::sasl_authenticate::RESPONSE,
        )
    },
    Row {
        versions: versions(0, 2),
        retriable_code: Some(code::NOT_COORDINATOR),
        state_left_upstream: "groups less, and what they committed",
        ..forwarded(DELETE_GROUPS, "DeleteGroups", &shape::delete_groups::REQUEST, &shape::delete_groups::RESPONSE)
    },
    Row {
        versions: versions(0, 0),
        retriable_code: Some(code::NOT_COORDINATOR),
        state_left_upstream: "committed offsets less",
        ..forwarded(OFFSET_DELETE, "OffsetDelete", &shape::offset_delete::REQUEST, &shape::offset_delete::RESPONSE)
    },
    Row {
        versions: versions(0, 1),
        ..local(
            DESCRIBE_CLIENT_QUOTAS,
            "DescribeClientQuotas",
            &shape::describe_client_quotas::REQUEST,
            &shape::describe_client_quotas::RESPONSE,
        )
    },
    Row {
        versions: versions(0, 0),
        ..local(
            DESCRIBE_USER_SCRAM_CREDENTIALS,
            "DescribeUserScramCredentials",
            &shape::describe_user_scram_credentials::REQUEST,
            &shape::describe_user_scram_credentials::RESPONSE,
        )
    },
    Row {
        versions: versions(0, 1),
        ..local(
            DESCRIBE_CLUSTER,
            "DescribeCluster",
            &shape::describe_cluster::REQUEST,
            &shape::describe_cluster::RESPONSE,
        )
    },
    Row {
        versions: versions(0, 1),
        frame: FrameClass::Group,
        retriable_code: Some(code::NOT_COORDINATOR),
        state_left_upstream: "a group and its member, until the member leaves or its session ends",
        ..forwarded(
            CONSUMER_GROUP_HEARTBEAT,
            "ConsumerGroupHeartbeat",
            &shape::consumer_group_heartbeat::REQUEST,
            &shape::consumer_group_heartbeat::RESPONSE,
        )
    },
    Row {
        versions: versions(0, 1),
        retriable_code: Some(code::NOT_COORDINATOR),
        ..forwarded(
            CONSUMER_GROUP_DESCRIBE,
            "ConsumerGroupDescribe",
            &shape::consumer_group_describe::REQUEST,
            &shape::consumer_group_describe::RESPONSE,
        )
    },
    Row {
        versions: versions(0, 0),
        ..local(
            DESCRIBE_TOPIC_PARTITIONS,
            "DescribeTopicPartitions",
            &shape::describe_topic_partitions::REQUEST,
            &shape::describe_topic_partitions::RESPONSE,
        )
    },
];

/// An API that Weir answers itself.
const fn local(key: i16, name: &'static str, request: &'static Shape, response: &'static Shape) -> Row {
    Row {
        key,
        name,
        versions: request.versions,
        advertised: true,
        disposition: Disposition::Local,
        response_mode: ResponseMode::None,
        deadline: Deadline::Fixed,
        frame: FrameClass::Request,
        retriable_code: None,
        state_left_upstream: "none",
        request,
        response,
    }
}

/// An API whose judged requests go to the broker.
const fn forwarded(key: i16, name: &'static str, request: &'static Shape, response: &'static Shape) -> Row {
    Row {
        disposition: Disposition::Forward,
        response_mode: ResponseMode::Rewrite,
        ..local(key, name, request, response)
    }
}

/// An API that is refused in its own form.
const fn denied(key: i16, name: &'static str, request: &'static Shape, response: &'static Shape) -> Row {
    Row { disposition: Disposition::Deny, ..local(key, name, request, response) }
}

const fn versions(min: i16, max: i16) -> VersionRange {
    VersionRange { min, max }
}

#[cfg(test)]
mod tests;
