//! FindCoordinator: the form of its request and its response.

use super::Kind::{Int8, Int16, Int32, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 6),
    flexible_from: 3,
    fields: &[field("key", Str).until(3), field("key_type", Int8).from(1), array("coordinator_keys", &Str).from(4)],
};

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 6),
    flexible_from: 3,
    fields: &[
        field("throttle_time_ms", Int32).from(1),
        field("error_code", Int16).until(3),
        field("error_message", Str).from(1).until(3).nullable(),
        field("node_id", Int32).until(3),
        field("host", Str).until(3),
        field("port", Int32).until(3),
        array("coordinators", &Struct(RESPONSE_COORDINATOR)).from(4),
    ],
};

const RESPONSE_COORDINATOR: &[Field] = &[
    field("key", Str),
    field("node_id", Int32),
    field("host", Str),
    field("port", Int32),
    field("error_code", Int16),
    field("error_message", Str).nullable(),
];
