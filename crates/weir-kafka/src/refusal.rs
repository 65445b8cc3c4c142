//! Which of Kafka's error codes says each `Reason`. Nothing else maps reasons to codes.
//!
//! Must never: let two reasons that a client may not tell apart (hidden, absent, not granted) have two codes.

use weir_policy::Reason;

/// Kafka's error codes, as the protocol names them.
pub mod code {
    /// The server met an unexpected error.
    pub const UNKNOWN_SERVER_ERROR: i16 = -1;
    /// No error.
    pub const NONE: i16 = 0;
    /// The offset is not there.
    pub const OFFSET_OUT_OF_RANGE: i16 = 1;
    /// The topic or partition does not exist.
    pub const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
    /// The partition has no leader now.
    pub const LEADER_NOT_AVAILABLE: i16 = 5;
    /// This broker does not lead the partition.
    pub const NOT_LEADER_OR_FOLLOWER: i16 = 6;
    /// The time of the request is over; it may be asked again.
    pub const REQUEST_TIMED_OUT: i16 = 7;
    /// The metadata of an offset is too long.
    pub const OFFSET_METADATA_TOO_LARGE: i16 = 12;
    /// The coordinator is there, and not ready yet.
    pub const COORDINATOR_LOAD_IN_PROGRESS: i16 = 14;
    /// The coordinator cannot be reached now.
    pub const COORDINATOR_NOT_AVAILABLE: i16 = 15;
    /// This broker does not coordinate the group.
    pub const NOT_COORDINATOR: i16 = 16;
    /// The group's protocol type is not served.
    pub const INCONSISTENT_GROUP_PROTOCOL: i16 = 23;
    /// The group id is not one.
    pub const INVALID_GROUP_ID: i16 = 24;
    /// The group has no such member.
    pub const UNKNOWN_MEMBER_ID: i16 = 25;
    /// A commit is too large.
    pub const INVALID_COMMIT_OFFSET_SIZE: i16 = 28;
    /// No right to the topic.
    pub const TOPIC_AUTHORIZATION_FAILED: i16 = 29;
    /// No right to the group.
    pub const GROUP_AUTHORIZATION_FAILED: i16 = 30;
    /// No right to the cluster.
    pub const CLUSTER_AUTHORIZATION_FAILED: i16 = 31;
    /// SASL was spoken where it has no place.
    pub const ILLEGAL_SASL_STATE: i16 = 34;
    /// The version is not served.
    pub const UNSUPPORTED_VERSION: i16 = 35;
    /// The request is not one.
    pub const INVALID_REQUEST: i16 = 42;
    /// No right to the transactional id.
    pub const TRANSACTIONAL_ID_AUTHORIZATION_FAILED: i16 = 53;
    /// The group has as many members as it may have.
    pub const GROUP_MAX_SIZE_REACHED: i16 = 81;
    /// There is no such group.
    pub const GROUP_ID_NOT_FOUND: i16 = 69;
    /// The fetch session is not known.
    pub const FETCH_SESSION_ID_NOT_FOUND: i16 = 70;
    /// The request is not the next one of its fetch session.
    pub const INVALID_FETCH_SESSION_EPOCH: i16 = 71;
    /// A fetch session mixes topic names and topic ids.
    pub const FETCH_SESSION_TOPIC_ID_ERROR: i16 = 106;
    /// The partition's leader epoch is old.
    pub const FENCED_LEADER_EPOCH: i16 = 74;
    /// The topic id is not known.
    pub const UNKNOWN_TOPIC_ID: i16 = 100;
    /// The topic id is not the one that the log has.
    pub const INCONSISTENT_TOPIC_ID: i16 = 103;
    /// There is no such thing.
    pub const RESOURCE_NOT_FOUND: i16 = 91;
    /// One thing is asked for twice.
    pub const DUPLICATE_RESOURCE: i16 = 92;
    /// The pattern of a subscription is not taken.
    pub const INVALID_REGULAR_EXPRESSION: i16 = 128;
    /// Controllers were asked for where brokers answer.
    pub const MISMATCHED_ENDPOINT_TYPE: i16 = 114;
    /// There are no endpoints of this type.
    pub const UNSUPPORTED_ENDPOINT_TYPE: i16 = 115;
}

/// The code that says a reason.
#[must_use]
pub fn code_of(reason: Reason) -> i16 {
    match reason {
        Reason::TopicNameInvalid
        | Reason::TopicNever
        | Reason::TopicNotInCatalogue
        | Reason::TopicSuspended
        | Reason::TopicNotGranted
        | Reason::TopicReadOnly => code::TOPIC_AUTHORIZATION_FAILED,
        // It is closed for now: clients wait for a topic that is not there, and give up where they have no right.
        Reason::TopicNotCompacted => code::UNKNOWN_TOPIC_OR_PARTITION,
        Reason::TopicIdUnknown => code::UNKNOWN_TOPIC_ID,
        Reason::GroupNameInvalid => code::INVALID_GROUP_ID,
        Reason::GroupOutsideNamespace | Reason::GroupOperation => code::GROUP_AUTHORIZATION_FAILED,
        Reason::GroupProtocolType => code::INCONSISTENT_GROUP_PROTOCOL,
        Reason::TransactionalIdNotServed => code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        Reason::ClusterOperation => code::CLUSTER_AUTHORIZATION_FAILED,
        // Codes that clients know what to do with where they meet these: of others they make fatal errors of their own.
        Reason::QuotaGroups | Reason::QuotaOffsets => code::GROUP_AUTHORIZATION_FAILED,
        Reason::QuotaNotCounted => code::COORDINATOR_NOT_AVAILABLE,
        Reason::QuotaMembers => code::GROUP_MAX_SIZE_REACHED,
        // Every client tries again where it is, after a while.
        Reason::QuotaJoins | Reason::QuotaBeingCounted => code::COORDINATOR_LOAD_IN_PROGRESS,
        Reason::QuotaCommitRate | Reason::QuotaCommitted => code::INVALID_COMMIT_OFFSET_SIZE,
        Reason::QuotaCommitMetadata => code::OFFSET_METADATA_TOO_LARGE,
        Reason::QuotaTimestampLookups => code::REQUEST_TIMED_OUT,
        Reason::RequestShape => code::INVALID_REQUEST,
        // These end a connection before a request could be answered.
        Reason::PrincipalUnknown
        | Reason::PrincipalAmbiguous
        | Reason::PrincipalSuspended
        | Reason::CertificateSuspended
        | Reason::AllSuspended
        | Reason::AddressNotAllowed
        | Reason::PrincipalConnections => code::CLUSTER_AUTHORIZATION_FAILED,
    }
}

/// A sentence for a code, where an answer has a place for one: the same for everybody, whatever the broker wrote, for
/// that may name hosts, members or topics (trap L24).
#[must_use]
pub(crate) fn sentence_of(error_code: i16) -> &'static str {
    match error_code {
        code::TOPIC_AUTHORIZATION_FAILED => "Topic authorization failed.",
        code::GROUP_AUTHORIZATION_FAILED => "Group authorization failed.",
        code::CLUSTER_AUTHORIZATION_FAILED => "Cluster authorization failed.",
        code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED => "Transactional id authorization failed.",
        code::INVALID_REQUEST => "The request is not valid.",
        code::INVALID_REGULAR_EXPRESSION => "The pattern of the subscription is not taken.",
        code::COORDINATOR_NOT_AVAILABLE | code::NOT_COORDINATOR => "The coordinator is not here now.",
        code::MISMATCHED_ENDPOINT_TYPE | code::UNSUPPORTED_ENDPOINT_TYPE => "Only brokers are described here.",
        _ => "The request failed; its code says why.",
    }
}

/// Whether a partition's error says that what Weir knows of the cluster is out of date.
#[must_use]
pub fn shows_stale_view(error_code: i16) -> bool {
    matches!(
        error_code,
        code::UNKNOWN_TOPIC_OR_PARTITION
            | code::LEADER_NOT_AVAILABLE
            | code::NOT_LEADER_OR_FOLLOWER
            | code::FENCED_LEADER_EPOCH
            | code::UNKNOWN_TOPIC_ID
            | code::INCONSISTENT_TOPIC_ID
    )
}
