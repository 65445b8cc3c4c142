//! ConsumerGroupDescribe (KIP-848): the form of its request and its response.

use super::Counted::{Partitions, Topics};
use super::Kind::{Bool, Int8, Int16, Int32, Str, Struct, Uuid};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 1),
    flexible_from: 0,
    fields: &[array("group_ids", &Str), field("include_authorized_operations", Bool)],
};

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 1),
    flexible_from: 0,
    fields: &[field("throttle_time_ms", Int32), array("groups", &Struct(RESPONSE_GROUP))],
};

const RESPONSE_GROUP: &[Field] = &[
    field("error_code", Int16),
    field("error_message", Str).nullable(),
    field("group_id", Str),
    field("group_state", Str),
    field("group_epoch", Int32),
    field("assignment_epoch", Int32),
    field("assignor_name", Str),
    array("members", &Struct(RESPONSE_MEMBER)),
    field("authorized_operations", Int32),
];

const RESPONSE_MEMBER: &[Field] = &[
    field("member_id", Str),
    field("instance_id", Str).nullable(),
    field("rack_id", Str).nullable(),
    field("member_epoch", Int32),
    field("client_id", Str),
    field("client_host", Str),
    array("subscribed_topic_names", &Str).counted(Topics),
    field("subscribed_topic_regex", Str).nullable(),
    field("assignment", Struct(ASSIGNMENT)),
    field("target_assignment", Struct(ASSIGNMENT)),
    field("member_type", Int8).from(1),
];

const ASSIGNMENT: &[Field] = &[array("topic_partitions", &Struct(TOPIC_PARTITIONS)).counted(Topics)];

const TOPIC_PARTITIONS: &[Field] =
    &[field("topic_id", Uuid), field("topic_name", Str), array("partitions", &Int32).counted(Partitions)];
