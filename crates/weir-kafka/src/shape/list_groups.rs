//! ListGroups: the form of its request and its response.

use super::Kind::{Int16, Int32, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 5),
    flexible_from: 3,
    fields: &[array("states_filter", &Str).from(4), array("types_filter", &Str).from(5)],
};

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 5),
    flexible_from: 3,
    fields: &[
        field("throttle_time_ms", Int32).from(1),
        field("error_code", Int16),
        array("groups", &Struct(RESPONSE_GROUP)),
    ],
};

const RESPONSE_GROUP: &[Field] = &[
    field("group_id", Str),
    field("protocol_type", Str),
    field("group_state", Str).from(4),
    field("group_type", Str).from(5),
];
