//! ConsumerGroupHeartbeat (KIP-848): the form of its request and its response.

use super::Counted::{Partitions, Topics};
use super::Kind::{Int16, Int32, Str, Struct, Uuid};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 1),
    flexible_from: 0,
    fields: &[
        field("group_id", Str),
        field("member_id", Str),
        field("member_epoch", Int32),
        field("instance_id", Str).nullable(),
        field("rack_id", Str).nullable(),
        field("rebalance_timeout_ms", Int32),
        array("subscribed_topic_names", &Str).nullable().counted(Topics),
        field("subscribed_topic_regex", Str).from(1).nullable(),
        field("server_assignor", Str).nullable(),
        array("topic_partitions", &Struct(TOPIC_PARTITIONS)).nullable().counted(Topics),
    ],
};

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 1),
    flexible_from: 0,
    fields: &[
        field("throttle_time_ms", Int32),
        field("error_code", Int16),
        field("error_message", Str).nullable(),
        field("member_id", Str).nullable(),
        field("member_epoch", Int32),
        field("heartbeat_interval_ms", Int32),
        field("assignment", Struct(ASSIGNMENT)).nullable(),
    ],
};

const ASSIGNMENT: &[Field] = &[array("topic_partitions", &Struct(TOPIC_PARTITIONS)).counted(Topics)];

const TOPIC_PARTITIONS: &[Field] = &[field("topic_id", Uuid), array("partitions", &Int32).counted(Partitions)];
