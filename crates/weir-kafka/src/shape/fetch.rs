//! Fetch: the form of its request and its response.

use super::Counted::{Partitions, Topics};
use super::Kind::{Int8, Int16, Int32, Int64, Records, Str, Struct, Uuid};
use super::{Field, Shape, array, field, versions};

/// The request.
pub const REQUEST: Shape = Shape {
    versions: versions(4, 17),
    flexible_from: 12,
    fields: &[
        field("replica_id", Int32).until(14),
        field("max_wait_ms", Int32),
        field("min_bytes", Int32),
        field("max_bytes", Int32),
        field("isolation_level", Int8),
        field("session_id", Int32).from(7),
        field("session_epoch", Int32).from(7),
        array("topics", &Struct(REQUEST_TOPIC)).counted(Topics),
        array("forgotten_topics_data", &Struct(REQUEST_FORGOTTEN_TOPIC)).from(7).counted(Topics),
        field("rack_id", Str).from(11),
        field("cluster_id", Str).from(12).nullable().tagged(0),
        field("replica_state", Struct(REQUEST_REPLICA_STATE)).from(15).tagged(1),
    ],
};

const REQUEST_TOPIC: &[Field] = &[
    field("topic", Str).until(12),
    field("topic_id", Uuid).from(13),
    array("partitions", &Struct(REQUEST_PARTITION)).counted(Partitions),
];

const REQUEST_FORGOTTEN_TOPIC: &[Field] =
    &[field("topic", Str).until(12), field("topic_id", Uuid).from(13), array("partitions", &Int32).counted(Partitions)];

const REQUEST_REPLICA_STATE: &[Field] = &[field("replica_id", Int32), field("replica_epoch", Int64)];

const REQUEST_PARTITION: &[Field] = &[
    field("partition", Int32),
    field("current_leader_epoch", Int32).from(9),
    field("fetch_offset", Int64),
    field("last_fetched_epoch", Int32).from(12),
    field("log_start_offset", Int64).from(5),
    field("partition_max_bytes", Int32),
    field("replica_directory_id", Uuid).from(17).tagged(0),
];

/// The response.
pub const RESPONSE: Shape = Shape {
    versions: versions(4, 17),
    flexible_from: 12,
    fields: &[
        field("throttle_time_ms", Int32),
        field("error_code", Int16).from(7),
        field("session_id", Int32).from(7),
        array("responses", &Struct(RESPONSE_TOPIC)).counted(Topics),
        array("node_endpoints", &Struct(RESPONSE_NODE_ENDPOINT)).from(16).tagged(0),
    ],
};

const RESPONSE_TOPIC: &[Field] = &[
    field("topic", Str).until(12),
    field("topic_id", Uuid).from(13),
    array("partitions", &Struct(RESPONSE_PARTITION)).counted(Partitions),
];

const RESPONSE_NODE_ENDPOINT: &[Field] =
    &[field("node_id", Int32), field("host", Str), field("port", Int32), field("rack", Str).nullable()];

const RESPONSE_PARTITION: &[Field] = &[
    field("partition_index", Int32),
    field("error_code", Int16),
    field("high_watermark", Int64),
    field("last_stable_offset", Int64),
    field("log_start_offset", Int64).from(5),
    array("aborted_transactions", &Struct(RESPONSE_ABORTED_TRANSACTION)).nullable(),
    field("preferred_read_replica", Int32).from(11),
    field("records", Records).nullable(),
    field("diverging_epoch", Struct(RESPONSE_DIVERGING_EPOCH)).from(12).tagged(0),
    field("current_leader", Struct(RESPONSE_CURRENT_LEADER)).from(12).tagged(1),
    field("snapshot_id", Struct(RESPONSE_SNAPSHOT_ID)).from(12).tagged(2),
];

const RESPONSE_ABORTED_TRANSACTION: &[Field] = &[field("producer_id", Int64), field("first_offset", Int64)];

const RESPONSE_DIVERGING_EPOCH: &[Field] = &[field("epoch", Int32), field("end_offset", Int64)];

const RESPONSE_CURRENT_LEADER: &[Field] = &[field("leader_id", Int32), field("leader_epoch", Int32)];

const RESPONSE_SNAPSHOT_ID: &[Field] = &[field("end_offset", Int64), field("epoch", Int32)];
