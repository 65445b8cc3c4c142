//! DeleteGroups: the form of its request and its response.

use super::Kind::{Int16, Int32, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape { versions: versions(0, 2), flexible_from: 2, fields: &[array("groups_names", &Str)] };

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 2),
    flexible_from: 2,
    fields: &[field("throttle_time_ms", Int32), array("results", &Struct(RESPONSE_RESULT))],
};

const RESPONSE_RESULT: &[Field] = &[field("group_id", Str), field("error_code", Int16)];
