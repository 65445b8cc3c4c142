//! SyncGroup: the form of its request and its response.

use super::Kind::{Bytes, Int16, Int32, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 5),
    flexible_from: 4,
    fields: &[
        field("group_id", Str),
        field("generation_id", Int32),
        field("member_id", Str),
        field("group_instance_id", Str).from(3).nullable(),
        field("protocol_type", Str).from(5).nullable(),
        field("protocol_name", Str).from(5).nullable(),
        array("assignments", &Struct(REQUEST_ASSIGNMENT)),
    ],
};

const REQUEST_ASSIGNMENT: &[Field] = &[field("member_id", Str), field("assignment", Bytes)];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 5),
    flexible_from: 4,
    fields: &[
        field("throttle_time_ms", Int32).from(1),
        field("error_code", Int16),
        field("protocol_type", Str).from(5).nullable(),
        field("protocol_name", Str).from(5).nullable(),
        field("assignment", Bytes),
    ],
};
