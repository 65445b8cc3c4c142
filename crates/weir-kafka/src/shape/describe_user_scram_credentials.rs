//! DescribeUserScramCredentials: the form of its request and its response.

use super::Kind::{Int8, Int16, Int32, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape =
    Shape { versions: versions(0, 0), flexible_from: 0, fields: &[array("users", &Struct(REQUEST_USER)).nullable()] };

const REQUEST_USER: &[Field] = &[field("name", Str)];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 0),
    flexible_from: 0,
    fields: &[
        field("throttle_time_ms", Int32),
        field("error_code", Int16),
        field("error_message", Str).nullable(),
        array("results", &Struct(RESPONSE_RESULT)),
    ],
};

const RESPONSE_RESULT: &[Field] = &[
    field("user", Str),
    field("error_code", Int16),
    field("error_message", Str).nullable(),
    array("credential_infos", &Struct(RESPONSE_CREDENTIAL)),
];

const RESPONSE_CREDENTIAL: &[Field] = &[field("mechanism", Int8), field("iterations", Int32)];
