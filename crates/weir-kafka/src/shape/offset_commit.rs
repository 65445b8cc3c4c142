//! OffsetCommit: the form of its request and its response.

use super::Counted::{Partitions, Topics};
use super::Kind::{Int16, Int32, Int64, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(2, 9),
    flexible_from: 8,
    fields: &[
        field("group_id", Str),
        field("generation_id_or_member_epoch", Int32),
        field("member_id", Str),
        field("retention_time_ms", Int64).until(4),
        field("group_instance_id", Str).from(7).nullable(),
        array("topics", &Struct(REQUEST_TOPIC)).counted(Topics),
    ],
};

const REQUEST_TOPIC: &[Field] =
    &[field("name", Str), array("partitions", &Struct(REQUEST_PARTITION)).counted(Partitions)];

const REQUEST_PARTITION: &[Field] = &[
    field("partition_index", Int32),
    field("committed_offset", Int64),
    field("committed_leader_epoch", Int32).from(6),
    field("committed_metadata", Str).nullable(),
];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(2, 9),
    flexible_from: 8,
    fields: &[field("throttle_time_ms", Int32).from(3), array("topics", &Struct(RESPONSE_TOPIC)).counted(Topics)],
};

const RESPONSE_TOPIC: &[Field] =
    &[field("name", Str), array("partitions", &Struct(RESPONSE_PARTITION)).counted(Partitions)];

const RESPONSE_PARTITION: &[Field] = &[field("partition_index", Int32), field("error_code", Int16)];
