//! OffsetFetch: the form of its request and its response.

use super::Counted::{Partitions, Topics};
use super::Kind::{Bool, Int16, Int32, Int64, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(1, 9),
    flexible_from: 6,
    fields: &[
        field("group_id", Str).until(7),
        array("topics", &Struct(REQUEST_TOPIC)).until(7).nullable_from(2).counted(Topics),
        array("groups", &Struct(REQUEST_GROUP)).from(8),
        field("require_stable", Bool).from(7),
    ],
};

const REQUEST_TOPIC: &[Field] = &[field("name", Str), array("partition_indexes", &Int32).counted(Partitions)];

const REQUEST_GROUP: &[Field] = &[
    field("group_id", Str),
    field("member_id", Str).from(9).nullable(),
    field("member_epoch", Int32).from(9),
    array("topics", &Struct(REQUEST_TOPIC)).nullable().counted(Topics),
];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(1, 9),
    flexible_from: 6,
    fields: &[
        field("throttle_time_ms", Int32).from(3),
        array("topics", &Struct(RESPONSE_TOPIC)).until(7).counted(Topics),
        field("error_code", Int16).from(2).until(7),
        array("groups", &Struct(RESPONSE_GROUP)).from(8),
    ],
};

const RESPONSE_TOPIC: &[Field] =
    &[field("name", Str), array("partitions", &Struct(RESPONSE_PARTITION)).counted(Partitions)];

const RESPONSE_GROUP: &[Field] =
    &[field("group_id", Str), array("topics", &Struct(RESPONSE_TOPIC)).counted(Topics), field("error_code", Int16)];

const RESPONSE_PARTITION: &[Field] = &[
    field("partition_index", Int32),
    field("committed_offset", Int64),
    field("committed_leader_epoch", Int32).from(5),
    field("metadata", Str).nullable(),
    field("error_code", Int16),
];
