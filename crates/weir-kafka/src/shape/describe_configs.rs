//! DescribeConfigs: the form of its request and its response.

use super::Counted::Topics;
use super::Kind::{Bool, Int8, Int16, Int32, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(1, 4),
    flexible_from: 4,
    fields: &[
        array("resources", &Struct(REQUEST_RESOURCE)).counted(Topics),
        field("include_synonyms", Bool),
        field("include_documentation", Bool).from(3),
    ],
};

const REQUEST_RESOURCE: &[Field] =
    &[field("resource_type", Int8), field("resource_name", Str), array("configuration_keys", &Str).nullable()];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(1, 4),
    flexible_from: 4,
    fields: &[field("throttle_time_ms", Int32), array("results", &Struct(RESPONSE_RESULT)).counted(Topics)],
};

const RESPONSE_RESULT: &[Field] = &[
    field("error_code", Int16),
    field("error_message", Str).nullable(),
    field("resource_type", Int8),
    field("resource_name", Str),
    array("configs", &Struct(RESPONSE_CONFIG)),
];

const RESPONSE_CONFIG: &[Field] = &[
    field("name", Str),
    field("value", Str).nullable(),
    field("read_only", Bool),
    field("config_source", Int8),
    field("is_sensitive", Bool),
    array("synonyms", &Struct(RESPONSE_SYNONYM)),
    field("config_type", Int8).from(3),
    field("documentation", Str).from(3).nullable(),
];

const RESPONSE_SYNONYM: &[Field] = &[field("name", Str), field("value", Str).nullable(), field("source", Int8)];
