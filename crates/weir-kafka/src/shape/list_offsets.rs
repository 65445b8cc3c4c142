//! ListOffsets: the form of its request and its response.

use super::Counted::{Partitions, Topics};
use super::Kind::{Int8, Int16, Int32, Int64, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(1, 10),
    flexible_from: 6,
    fields: &[
        field("replica_id", Int32),
        field("isolation_level", Int8).from(2),
        array("topics", &Struct(REQUEST_TOPIC)).counted(Topics),
        field("timeout_ms", Int32).from(10),
    ],
};

const REQUEST_TOPIC: &[Field] =
    &[field("name", Str), array("partitions", &Struct(REQUEST_PARTITION)).counted(Partitions)];

const REQUEST_PARTITION: &[Field] =
    &[field("partition_index", Int32), field("current_leader_epoch", Int32).from(4), field("timestamp", Int64)];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(1, 10),
    flexible_from: 6,
    fields: &[field("throttle_time_ms", Int32).from(2), array("topics", &Struct(RESPONSE_TOPIC)).counted(Topics)],
};

const RESPONSE_TOPIC: &[Field] =
    &[field("name", Str), array("partitions", &Struct(RESPONSE_PARTITION)).counted(Partitions)];

const RESPONSE_PARTITION: &[Field] = &[
    field("partition_index", Int32),
    field("error_code", Int16),
    field("timestamp", Int64),
    field("offset", Int64),
    field("leader_epoch", Int32).from(4),
];
