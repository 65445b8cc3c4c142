//! Produce: the form of its request and its response.

use super::Counted::{Partitions, Topics};
use super::Kind::{Int16, Int32, Int64, Records, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(3, 7),
    flexible_from: 9,
    fields: &[
        field("transactional_id", Str).nullable(),
        field("acks", Int16),
        field("timeout_ms", Int32),
        array("topic_data", &Struct(REQUEST_TOPIC)).counted(Topics),
    ],
};

const REQUEST_TOPIC: &[Field] =
    &[field("name", Str), array("partition_data", &Struct(REQUEST_PARTITION)).counted(Partitions)];

const REQUEST_PARTITION: &[Field] = &[field("index", Int32), field("records", Records).nullable()];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(3, 7),
    flexible_from: 9,
    fields: &[array("responses", &Struct(RESPONSE_TOPIC)).counted(Topics), field("throttle_time_ms", Int32)],
};

const RESPONSE_TOPIC: &[Field] =
    &[field("name", Str), array("partition_responses", &Struct(RESPONSE_PARTITION)).counted(Partitions)];

const RESPONSE_PARTITION: &[Field] = &[
    field("index", Int32),
    field("error_code", Int16),
    field("base_offset", Int64),
    field("log_append_time_ms", Int64),
    field("log_start_offset", Int64).from(5),
];
