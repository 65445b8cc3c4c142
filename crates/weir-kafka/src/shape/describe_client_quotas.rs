//! DescribeClientQuotas: the form of its request and its response.

use super::Kind::{Bool, Float64, Int8, Int16, Int32, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 1),
    flexible_from: 1,
    fields: &[array("components", &Struct(REQUEST_COMPONENT)), field("strict", Bool)],
};

const REQUEST_COMPONENT: &[Field] =
    &[field("entity_type", Str), field("match_type", Int8), field("match", Str).nullable()];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 1),
    flexible_from: 1,
    fields: &[
        field("throttle_time_ms", Int32),
        field("error_code", Int16),
        field("error_message", Str).nullable(),
        array("entries", &Struct(RESPONSE_ENTRY)).nullable(),
    ],
};

const RESPONSE_ENTRY: &[Field] = &[array("entity", &Struct(RESPONSE_ENTITY)), array("values", &Struct(RESPONSE_VALUE))];

const RESPONSE_ENTITY: &[Field] = &[field("entity_type", Str), field("entity_name", Str).nullable()];

const RESPONSE_VALUE: &[Field] = &[field("key", Str), field("value", Float64)];
