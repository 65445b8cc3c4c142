//! SaslAuthenticate: the form of its request and its response.

use super::Kind::{Bytes, Int16, Int64, Str};
use super::{Shape, field, versions};

/// The request.
pub const REQUEST: Shape = Shape { versions: versions(0, 2), flexible_from: 2, fields: &[field("auth_bytes", Bytes)] };

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 2),
    flexible_from: 2,
    fields: &[
        field("error_code", Int16),
        field("error_message", Str).nullable(),
        field("auth_bytes", Bytes),
        field("session_lifetime_ms", Int64).from(1),
    ],
};
