//! DescribeCluster: the form of its request and its response.

use super::Kind::{Bool, Int8, Int16, Int32, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 1),
    flexible_from: 0,
    fields: &[field("include_cluster_authorized_operations", Bool), field("endpoint_type", Int8).from(1)],
};

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 1),
    flexible_from: 0,
    fields: &[
        field("throttle_time_ms", Int32),
        field("error_code", Int16),
        field("error_message", Str).nullable(),
        field("endpoint_type", Int8).from(1),
        field("cluster_id", Str),
        field("controller_id", Int32),
        array("brokers", &Struct(RESPONSE_BROKER)),
        field("cluster_authorized_operations", Int32),
    ],
};

const RESPONSE_BROKER: &[Field] =
    &[field("broker_id", Int32), field("host", Str), field("port", Int32), field("rack", Str).nullable()];
