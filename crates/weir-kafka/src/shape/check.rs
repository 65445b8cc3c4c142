//! What brokers answer to what only `weir check --live` asks (`crate::check`), in the few versions that it asks in.

use super::Counted::{Partitions, Topics};
use super::Kind::{Bool, Bytes, Int8, Int16, Int32, Int64, Str, Struct};
use super::{Field, Shape, array, field, versions};

/// The answer to CreateTopics.
pub const CREATE_TOPICS: Shape = Shape {
    versions: versions(2, 4),
    flexible_from: 5,
    fields: &[field("throttle_time_ms", Int32), array("topics", &Struct(NAMED_RESULT)).counted(Topics)],
};

/// The answer to CreatePartitions.
pub const CREATE_PARTITIONS: Shape = Shape {
    versions: versions(0, 1),
    flexible_from: 2,
    fields: &[field("throttle_time_ms", Int32), array("results", &Struct(NAMED_RESULT)).counted(Topics)],
};

const NAMED_RESULT: &[Field] =
    &[field("name", Str), field("error_code", Int16), field("error_message", Str).nullable()];

/// The answer to DeleteTopics.
pub const DELETE_TOPICS: Shape = Shape {
    versions: versions(1, 3),
    flexible_from: 4,
    fields: &[
        field("throttle_time_ms", Int32),
        array("responses", &Struct(&[field("name", Str), field("error_code", Int16)])).counted(Topics),
    ],
};

/// The answer to DeleteRecords.
pub const DELETE_RECORDS: Shape = Shape {
    versions: versions(0, 1),
    flexible_from: 2,
    fields: &[field("throttle_time_ms", Int32), array("topics", &Struct(RECORDS_OF_TOPIC)).counted(Topics)],
};

const RECORDS_OF_TOPIC: &[Field] =
    &[field("name", Str), array("partitions", &Struct(RECORDS_OF_PARTITION)).counted(Partitions)];

const RECORDS_OF_PARTITION: &[Field] =
    &[field("partition_index", Int32), field("low_watermark", Int64), field("error_code", Int16)];

/// The answer to IncrementalAlterConfigs.
pub const INCREMENTAL_ALTER_CONFIGS: Shape = Shape {
    versions: versions(0, 0),
    flexible_from: 1,
    fields: &[field("throttle_time_ms", Int32), array("responses", &Struct(ALTERED))],
};

const ALTERED: &[Field] = &[
    field("error_code", Int16),
    field("error_message", Str).nullable(),
    field("resource_type", Int8),
    field("resource_name", Str),
];

/// The answer to AlterClientQuotas.
pub const ALTER_CLIENT_QUOTAS: Shape = Shape {
    versions: versions(0, 0),
    flexible_from: 1,
    fields: &[field("throttle_time_ms", Int32), array("entries", &Struct(ALTERED_QUOTA))],
};

const ALTERED_QUOTA: &[Field] = &[
    field("error_code", Int16),
    field("error_message", Str).nullable(),
    array("entity", &Struct(&[field("entity_type", Str), field("entity_name", Str).nullable()])),
];

/// The answer to InitProducerId.
pub const INIT_PRODUCER_ID: Shape = Shape {
    versions: versions(3, 4),
    flexible_from: 2,
    fields: &[
        field("throttle_time_ms", Int32),
        field("error_code", Int16),
        field("producer_id", Int64),
        field("producer_epoch", Int16),
    ],
};

/// The answer to DescribeTransactions.
pub const DESCRIBE_TRANSACTIONS: Shape = Shape {
    versions: versions(0, 0),
    flexible_from: 0,
    fields: &[field("throttle_time_ms", Int32), array("transaction_states", &Struct(TRANSACTION))],
};

const TRANSACTION: &[Field] = &[
    field("error_code", Int16),
    field("transactional_id", Str),
    field("transaction_state", Str),
    field("transaction_timeout_ms", Int32),
    field("transaction_start_time_ms", Int64),
    field("producer_id", Int64),
    field("producer_epoch", Int16),
    array("topics", &Struct(&[field("topic", Str), array("partitions", &Int32).counted(Partitions)])).counted(Topics),
];

/// The answer to ListTransactions.
pub const LIST_TRANSACTIONS: Shape = Shape {
    versions: versions(0, 0),
    flexible_from: 0,
    fields: &[
        field("throttle_time_ms", Int32),
        field("error_code", Int16),
        array("unknown_state_filters", &Str),
        array(
            "transaction_states",
            &Struct(&[field("transactional_id", Str), field("producer_id", Int64), field("transaction_state", Str)]),
        ),
    ],
};

/// The answer to DescribeLogDirs.
pub const DESCRIBE_LOG_DIRS: Shape = Shape {
    versions: versions(1, 1),
    flexible_from: 2,
    fields: &[field("throttle_time_ms", Int32), array("results", &Struct(LOG_DIR))],
};

const LOG_DIR: &[Field] = &[
    field("error_code", Int16),
    field("log_dir", Str),
    array("topics", &Struct(&[field("name", Str), array("partitions", &Struct(LOG)).counted(Partitions)]))
        .counted(Topics),
];

const LOG: &[Field] = &[
    field("partition_index", Int32),
    field("partition_size", Int64),
    field("offset_lag", Int64),
    field("is_future_key", Bool),
];

/// The answer to ListPartitionReassignments.
pub const LIST_PARTITION_REASSIGNMENTS: Shape = Shape {
    versions: versions(0, 0),
    flexible_from: 0,
    fields: &[
        field("throttle_time_ms", Int32),
        field("error_code", Int16),
        field("error_message", Str).nullable(),
        array("topics", &Struct(&[field("name", Str), array("partitions", &Struct(MOVED)).counted(Partitions)]))
            .counted(Topics),
    ],
};

const MOVED: &[Field] = &[
    field("partition_index", Int32),
    array("replicas", &Int32),
    array("adding_replicas", &Int32),
    array("removing_replicas", &Int32),
];

/// The answer to DescribeDelegationToken.
pub const DESCRIBE_DELEGATION_TOKEN: Shape = Shape {
    versions: versions(1, 1),
    flexible_from: 2,
    fields: &[field("error_code", Int16), array("tokens", &Struct(TOKEN)), field("throttle_time_ms", Int32)],
};

const TOKEN: &[Field] = &[
    field("principal_type", Str),
    field("principal_name", Str),
    field("issue_timestamp", Int64),
    field("expiry_timestamp", Int64),
    field("max_timestamp", Int64),
    field("token_id", Str),
    field("hmac", Bytes),
    array("renewers", &Struct(&[field("principal_type", Str), field("principal_name", Str)])),
];
