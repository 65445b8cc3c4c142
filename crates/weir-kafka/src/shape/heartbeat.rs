//! Heartbeat: the form of its request and its response.

use super::Kind::{Int16, Int32, Str};
use super::{Shape, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 4),
    flexible_from: 4,
    fields: &[
        field("group_id", Str),
        field("generation_id", Int32),
        field("member_id", Str),
        field("group_instance_id", Str).from(3).nullable(),
    ],
};

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 4),
    flexible_from: 4,
    fields: &[field("throttle_time_ms", Int32).from(1), field("error_code", Int16)],
};
