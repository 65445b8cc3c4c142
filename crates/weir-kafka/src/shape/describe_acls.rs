//! DescribeAcls: the form of its request and its response.

use super::Kind::{Int8, Int16, Int32, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(1, 3),
    flexible_from: 2,
    fields: &[
        field("resource_type_filter", Int8),
        field("resource_name_filter", Str).nullable(),
        field("pattern_type_filter", Int8),
        field("principal_filter", Str).nullable(),
        field("host_filter", Str).nullable(),
        field("operation", Int8),
        field("permission_type", Int8),
    ],
};

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(1, 3),
    flexible_from: 2,
    fields: &[
        field("throttle_time_ms", Int32),
        field("error_code", Int16),
        field("error_message", Str).nullable(),
        array("resources", &Struct(RESPONSE_RESOURCE)),
    ],
};

const RESPONSE_RESOURCE: &[Field] = &[
    field("resource_type", Int8),
    field("resource_name", Str),
    field("pattern_type", Int8),
    array("acls", &Struct(RESPONSE_ACL)),
];

const RESPONSE_ACL: &[Field] =
    &[field("principal", Str), field("host", Str), field("operation", Int8), field("permission_type", Int8)];
