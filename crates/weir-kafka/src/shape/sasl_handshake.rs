//! SaslHandshake: the form of its request and its response.

use super::Kind::{Int16, Str};
use super::{NEVER_FLEXIBLE, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape =
    Shape { versions: versions(0, 1), flexible_from: NEVER_FLEXIBLE, fields: &[field("mechanism", Str)] };

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 1),
    flexible_from: NEVER_FLEXIBLE,
    fields: &[field("error_code", Int16), array("mechanisms", &Str)],
};
