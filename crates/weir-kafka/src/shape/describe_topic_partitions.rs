//! DescribeTopicPartitions: the form of its request and its response.

use super::Counted::{Partitions, Topics};
use super::Kind::{Bool, Int16, Int32, Str, Struct, Uuid};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 0),
    flexible_from: 0,
    fields: &[
        array("topics", &Struct(REQUEST_TOPIC)).counted(Topics),
        field("response_partition_limit", Int32),
        field("cursor", Struct(CURSOR)).nullable(),
    ],
};

const REQUEST_TOPIC: &[Field] = &[field("name", Str)];

const CURSOR: &[Field] = &[field("topic_name", Str), field("partition_index", Int32)];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 0),
    flexible_from: 0,
    fields: &[
        field("throttle_time_ms", Int32),
        array("topics", &Struct(RESPONSE_TOPIC)).counted(Topics),
        field("next_cursor", Struct(CURSOR)).nullable(),
    ],
};

const RESPONSE_TOPIC: &[Field] = &[
    field("error_code", Int16),
    field("name", Str).nullable(),
    field("topic_id", Uuid),
    field("is_internal", Bool),
    array("partitions", &Struct(RESPONSE_PARTITION)).counted(Partitions),
    field("topic_authorized_operations", Int32),
];

const RESPONSE_PARTITION: &[Field] = &[
    field("error_code", Int16),
    field("partition_index", Int32),
    field("leader_id", Int32),
    field("leader_epoch", Int32),
    array("replica_nodes", &Int32),
    array("isr_nodes", &Int32),
    array("eligible_leader_replicas", &Int32).nullable(),
    array("last_known_elr", &Int32).nullable(),
    array("offline_replicas", &Int32),
];
