//! JoinGroup: the form of its request and its response.

use super::Kind::{Bool, Bytes, Int16, Int32, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 9),
    flexible_from: 6,
    fields: &[
        field("group_id", Str),
        field("session_timeout_ms", Int32),
        field("rebalance_timeout_ms", Int32).from(1),
        field("member_id", Str),
        field("group_instance_id", Str).from(5).nullable(),
        field("protocol_type", Str),
        array("protocols", &Struct(REQUEST_PROTOCOL)),
        field("reason", Str).from(8).nullable(),
    ],
};

const REQUEST_PROTOCOL: &[Field] = &[field("name", Str), field("metadata", Bytes)];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 9),
    flexible_from: 6,
    fields: &[
        field("throttle_time_ms", Int32).from(2),
        field("error_code", Int16),
        field("generation_id", Int32),
        field("protocol_type", Str).from(7).nullable(),
        field("protocol_name", Str).nullable_from(7),
        field("leader", Str),
        field("skip_assignment", Bool).from(9),
        field("member_id", Str),
        array("members", &Struct(RESPONSE_MEMBER)),
    ],
};

const RESPONSE_MEMBER: &[Field] =
    &[field("member_id", Str), field("group_instance_id", Str).from(5).nullable(), field("metadata", Bytes)];
