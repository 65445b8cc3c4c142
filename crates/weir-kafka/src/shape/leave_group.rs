//! LeaveGroup: the form of its request and its response.

use super::Kind::{Int16, Int32, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 5),
    flexible_from: 4,
    fields: &[
        field("group_id", Str),
        field("member_id", Str).until(2),
        array("members", &Struct(REQUEST_MEMBER)).from(3),
    ],
};

const REQUEST_MEMBER: &[Field] =
    &[field("member_id", Str), field("group_instance_id", Str).nullable(), field("reason", Str).from(5).nullable()];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 5),
    flexible_from: 4,
    fields: &[
        field("throttle_time_ms", Int32).from(1),
        field("error_code", Int16),
        array("members", &Struct(RESPONSE_MEMBER)).from(3),
    ],
};

const RESPONSE_MEMBER: &[Field] =
    &[field("member_id", Str), field("group_instance_id", Str).nullable(), field("error_code", Int16)];
