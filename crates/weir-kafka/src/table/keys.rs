//! The keys of the APIs that Weir speaks, as Kafka numbers them.

/// Produce.
pub const PRODUCE: i16 = 0;
/// Fetch.
pub const FETCH: i16 = 1;
/// ListOffsets.
pub const LIST_OFFSETS: i16 = 2;
/// Metadata.
pub const METADATA: i16 = 3;
/// OffsetCommit.
pub const OFFSET_COMMIT: i16 = 8;
/// OffsetFetch.
pub const OFFSET_FETCH: i16 = 9;
/// FindCoordinator.
pub const FIND_COORDINATOR: i16 = 10;
/// JoinGroup.
pub const JOIN_GROUP: i16 = 11;
/// Heartbeat.
pub const HEARTBEAT: i16 = 12;
/// LeaveGroup.
pub const LEAVE_GROUP: i16 = 13;
/// SyncGroup.
pub const SYNC_GROUP: i16 = 14;
/// DescribeGroups.
pub const DESCRIBE_GROUPS: i16 = 15;
/// ListGroups.
pub const LIST_GROUPS: i16 = 16;
/// SaslHandshake.
pub const SASL_HANDSHAKE: i16 = 17;
/// ApiVersions.
pub const API_VERSIONS: i16 = 18;
/// OffsetForLeaderEpoch.
pub const OFFSET_FOR_LEADER_EPOCH: i16 = 23;
/// DescribeAcls.
pub const DESCRIBE_ACLS: i16 = 29;
/// DescribeConfigs.
pub const DESCRIBE_CONFIGS: i16 = 32;
/// SaslAuthenticate.
pub const SASL_AUTHENTICATE: i16 = 36;
/// DeleteGroups.
pub const DELETE_GROUPS: i16 = 42;
/// OffsetDelete.
pub const OFFSET_DELETE: i16 = 47;
/// DescribeClientQuotas.
pub const DESCRIBE_CLIENT_QUOTAS: i16 = 48;
/// DescribeUserScramCredentials.
pub const DESCRIBE_USER_SCRAM_CREDENTIALS: i16 = 50;
/// DescribeCluster.
pub const DESCRIBE_CLUSTER: i16 = 60;
/// ConsumerGroupHeartbeat.
pub const CONSUMER_GROUP_HEARTBEAT: i16 = 68;
/// ConsumerGroupDescribe.
pub const CONSUMER_GROUP_DESCRIBE: i16 = 69;
/// DescribeTopicPartitions.
pub const DESCRIBE_TOPIC_PARTITIONS: i16 = 75;
