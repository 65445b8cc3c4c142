//! OffsetDelete: the form of its request and its response.

use super::Counted::{Partitions, Topics};
use super::Kind::{Int16, Int32, Str, Struct};
use super::{Field, NEVER_FLEXIBLE, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 0),
    flexible_from: NEVER_FLEXIBLE,
    fields: &[field("group_id", Str), array("topics", &Struct(REQUEST_TOPIC)).counted(Topics)],
};

const REQUEST_TOPIC: &[Field] =
    &[field("name", Str), array("partitions", &Struct(REQUEST_PARTITION)).counted(Partitions)];

const REQUEST_PARTITION: &[Field] = &[field("partition_index", Int32)];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 0),
    flexible_from: NEVER_FLEXIBLE,
    fields: &[
        field("error_code", Int16),
        field("throttle_time_ms", Int32),
        array("topics", &Struct(RESPONSE_TOPIC)).counted(Topics),
    ],
};

const RESPONSE_TOPIC: &[Field] =
    &[field("name", Str), array("partitions", &Struct(RESPONSE_PARTITION)).counted(Partitions)];

const RESPONSE_PARTITION: &[Field] = &[field("partition_index", Int32), field("error_code", Int16)];
