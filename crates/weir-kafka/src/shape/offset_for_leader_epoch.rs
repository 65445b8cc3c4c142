//! OffsetForLeaderEpoch: the form of its request and its response.

use super::Counted::{Partitions, Topics};
use super::Kind::{Int16, Int32, Int64, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(2, 4),
    flexible_from: 4,
    fields: &[field("replica_id", Int32).from(3), array("topics", &Struct(REQUEST_TOPIC)).counted(Topics)],
};

const REQUEST_TOPIC: &[Field] =
    &[field("topic", Str), array("partitions", &Struct(REQUEST_PARTITION)).counted(Partitions)];

const REQUEST_PARTITION: &[Field] =
    &[field("partition", Int32), field("current_leader_epoch", Int32), field("leader_epoch", Int32)];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(2, 4),
    flexible_from: 4,
    fields: &[field("throttle_time_ms", Int32), array("topics", &Struct(RESPONSE_TOPIC)).counted(Topics)],
};

const RESPONSE_TOPIC: &[Field] =
    &[field("topic", Str), array("partitions", &Struct(RESPONSE_PARTITION)).counted(Partitions)];

const RESPONSE_PARTITION: &[Field] =
    &[field("error_code", Int16), field("partition", Int32), field("leader_epoch", Int32), field("end_offset", Int64)];
