//! ApiVersions: the form of its request and its response.

use super::Kind::{Bool, Int16, Int32, Int64, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 4),
    flexible_from: 3,
    fields: &[field("client_software_name", Str).from(3), field("client_software_version", Str).from(3)],
};

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 4),
    flexible_from: 3,
    fields: &[
        field("error_code", Int16),
        array("api_keys", &Struct(RESPONSE_API_KEY)),
        field("throttle_time_ms", Int32).from(1),
        array("supported_features", &Struct(RESPONSE_SUPPORTED_FEATURE)).from(3).tagged(0),
        field("finalized_features_epoch", Int64).from(3).tagged(1),
        array("finalized_features", &Struct(RESPONSE_FINALIZED_FEATURE)).from(3).tagged(2),
        field("zk_migration_ready", Bool).from(3).tagged(3),
    ],
};

const RESPONSE_API_KEY: &[Field] = &[field("api_key", Int16), field("min_version", Int16), field("max_version", Int16)];

const RESPONSE_SUPPORTED_FEATURE: &[Field] =
    &[field("name", Str), field("min_version", Int16), field("max_version", Int16)];

const RESPONSE_FINALIZED_FEATURE: &[Field] =
    &[field("name", Str), field("max_version_level", Int16), field("min_version_level", Int16)];
