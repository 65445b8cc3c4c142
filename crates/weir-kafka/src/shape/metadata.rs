//! Metadata: the form of its request and its response.

use super::Counted::{Partitions, Topics};
use super::Kind::{Bool, Int16, Int32, Str, Struct, Uuid};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(0, 12),
    flexible_from: 9,
    fields: &[
        array("topics", &Struct(REQUEST_TOPIC)).nullable_from(1).counted(Topics),
        field("allow_auto_topic_creation", Bool).from(4),
        field("include_cluster_authorized_operations", Bool).from(8).until(10),
        field("include_topic_authorized_operations", Bool).from(8),
    ],
};

const REQUEST_TOPIC: &[Field] = &[field("topic_id", Uuid).from(10), field("name", Str).nullable_from(10)];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(0, 12),
    flexible_from: 9,
    fields: &[
        field("throttle_time_ms", Int32).from(3),
        array("brokers", &Struct(RESPONSE_BROKER)),
        field("cluster_id", Str).from(2).nullable(),
        field("controller_id", Int32).from(1),
        array("topics", &Struct(RESPONSE_TOPIC)).counted(Topics),
        field("cluster_authorized_operations", Int32).from(8).until(10),
    ],
};

const RESPONSE_BROKER: &[Field] =
    &[field("node_id", Int32), field("host", Str), field("port", Int32), field("rack", Str).from(1).nullable()];

const RESPONSE_TOPIC: &[Field] = &[
    field("error_code", Int16),
    field("name", Str).nullable_from(12),
    field("topic_id", Uuid).from(10),
    field("is_internal", Bool).from(1),
    array("partitions", &Struct(RESPONSE_PARTITION)).counted(Partitions),
    field("topic_authorized_operations", Int32).from(8),
];

const RESPONSE_PARTITION: &[Field] = &[
    field("error_code", Int16),
    field("partition_index", Int32),
    field("leader_id", Int32),
    field("leader_epoch", Int32).from(7),
    array("replica_nodes", &Int32),
    array("isr_nodes", &Int32),
    array("offline_replicas", &Int32).from(5),
];
