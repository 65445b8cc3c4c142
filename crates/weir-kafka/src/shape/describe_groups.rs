//! DescribeGroups: the form of its request and its response.

use super::Kind::{Bool, Bytes, Int16, Int32, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 6),
    flexible_from: 5,
    fields: &[array("groups", &Str), field("include_authorized_operations", Bool).from(3)],
};

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 6),
    flexible_from: 5,
    fields: &[field("throttle_time_ms", Int32).from(1), array("groups", &Struct(RESPONSE_GROUP))],
};

const RESPONSE_GROUP: &[Field] = &[
    field("error_code", Int16),
    field("error_message", Str).from(6).nullable(),
    field("group_id", Str),
    field("group_state", Str),
    field("protocol_type", Str),
    field("protocol_data", Str),
    array("members", &Struct(RESPONSE_MEMBER)),
    field("authorized_operations", Int32).from(3),
];

const RESPONSE_MEMBER: &[Field] = &[
    field("member_id", Str),
    field("group_instance_id", Str).from(4).nullable(),
    field("client_id", Str),
    field("client_host", Str),
    field("member_metadata", Bytes),
    field("member_assignment", Bytes),
];
