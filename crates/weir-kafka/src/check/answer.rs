//! What brokers answer to a `Trial`.
//!
//! Must never: take for a refusal what is not Kafka's word for one, or for a permission what Kafka may say before it has
//! authorised. All else was not told.

use bytes::Bytes;
use kafka_protocol::messages::{
    AlterClientQuotasResponse, ApiKey, CreatePartitionsResponse, CreateTopicsResponse, DeleteGroupsResponse,
    DeleteRecordsResponse, DeleteTopicsResponse, DescribeAclsResponse, DescribeClientQuotasResponse,
    DescribeConfigsResponse, DescribeDelegationTokenResponse, DescribeGroupsResponse, DescribeLogDirsResponse,
    DescribeTransactionsResponse, DescribeUserScramCredentialsResponse, FetchResponse, IncrementalAlterConfigsResponse,
    InitProducerIdResponse, ListPartitionReassignmentsResponse, OffsetFetchResponse, ProduceResponse,
};
use kafka_protocol::protocol::Decodable;

use super::Trial;
use crate::codec;
use crate::discovery::{BadAnswer, body};
use crate::gate::Budget;
use crate::shape::{self, Shape, check as of_check};

/// Kafka's codes.
const NONE: i16 = 0;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const COORDINATOR_LOADING: i16 = 14;
const COORDINATOR_NOT_AVAILABLE: i16 = 15;
const NOT_COORDINATOR: i16 = 16;
const INVALID_TOPIC: i16 = 17;
const TOPIC_AUTHORIZATION_FAILED: i16 = 29;
const GROUP_AUTHORIZATION_FAILED: i16 = 30;
const CLUSTER_AUTHORIZATION_FAILED: i16 = 31;
const INVALID_REQUEST: i16 = 42;
const TRANSACTIONAL_ID_AUTHORIZATION_FAILED: i16 = 53;
const SECURITY_DISABLED: i16 = 54;
const DELEGATION_TOKEN_AUTH_DISABLED: i16 = 61;
const DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: i16 = 64;
const GROUP_ID_NOT_FOUND: i16 = 69;
const TOPIC_DELETION_DISABLED: i16 = 73;
const RESOURCE_NOT_FOUND: i16 = 91;
const TRANSACTIONAL_ID_NOT_FOUND: i16 = 105;

/// Who knows a group or an id answers about it; who does not, says so, and both have authorised it before.
const OF_COORDINATORS: [i16; 3] = [COORDINATOR_LOADING, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR];

/// What came of a `Trial`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is refused, as it should be.
    Refused,
    /// It is allowed.
    Allowed,
    /// It is allowed, for nothing is refused to anybody: the broker has no authorizer.
    NoAuthorizer,
    /// The broker answered with this code, which says neither.
    Untold(i16),
}

impl Trial {
    /// Reads the answer, header included.
    ///
    /// # Errors
    /// Where it is malformed, or answers nothing.
    pub fn read(self, version: i16, answer: &Bytes) -> Result<Verdict, BadAnswer> {
        let code = self.code(version, answer)?;
        Ok(match (self, code) {
            (Self::AccessRules, SECURITY_DISABLED) => Verdict::NoAuthorizer,
            (_, code) if self.is_refusal(code) => Verdict::Refused,
            (_, code) if self.is_permission(code) => Verdict::Allowed,
            (_, code) => Verdict::Untold(code),
        })
    }

    fn is_refusal(self, code: i16) -> bool {
        match self {
            // Where nobody can delete topics, nobody is asked whether they may.
            Self::DeleteTopic => matches!(code, TOPIC_AUTHORIZATION_FAILED | TOPIC_DELETION_DISABLED),
            Self::CreateTopic | Self::AddPartitions | Self::DeleteRecords | Self::Produce | Self::FetchAsReplica => {
                code == TOPIC_AUTHORIZATION_FAILED
            }
            Self::BeginTransaction | Self::DescribeTransaction => code == TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            Self::DescribeGroup | Self::GroupOffsets | Self::DeleteGroup => code == GROUP_AUTHORIZATION_FAILED,
            // There are none, or none to see: `code` says so with the last.
            Self::Tokens => matches!(
                code,
                DELEGATION_TOKEN_AUTH_DISABLED | DELEGATION_TOKEN_REQUEST_NOT_ALLOWED | CLUSTER_AUTHORIZATION_FAILED
            ),
            _ => code == CLUSTER_AUTHORIZATION_FAILED,
        }
    }

    fn is_permission(self, code: i16) -> bool {
        match self {
            Self::CreateTopic => matches!(code, NONE | INVALID_TOPIC),
            Self::AddPartitions | Self::DeleteTopic | Self::DeleteRecords | Self::Produce | Self::FetchAsReplica => {
                code == UNKNOWN_TOPIC_OR_PARTITION
            }
            Self::ProduceAnywhere | Self::BeginTransaction => code == INVALID_REQUEST,
            Self::DescribeTransaction => code == TRANSACTIONAL_ID_NOT_FOUND || OF_COORDINATORS.contains(&code),
            Self::DescribeGroup | Self::GroupOffsets | Self::DeleteGroup => {
                matches!(code, NONE | GROUP_ID_NOT_FOUND) || OF_COORDINATORS.contains(&code)
            }
            Self::Passwords => matches!(code, NONE | RESOURCE_NOT_FOUND),
            Self::AlterQuotas => matches!(code, NONE | INVALID_REQUEST),
            _ => code == NONE,
        }
    }

    /// The one code that the answer has on what was tried.
    fn code(self, version: i16, answer: &Bytes) -> Result<i16, BadAnswer> {
        let read = Answer { trial: self, version, answer };
        let code = match self {
            Self::CreateTopic => {
                read.as_::<CreateTopicsResponse>(&of_check::CREATE_TOPICS)?.topics.first().map(|one| one.error_code)
            }
            Self::AddPartitions => {
                let message = read.as_::<CreatePartitionsResponse>(&of_check::CREATE_PARTITIONS)?;
                message.results.first().map(|one| one.error_code)
            }
            Self::DeleteTopic => {
                read.as_::<DeleteTopicsResponse>(&of_check::DELETE_TOPICS)?.responses.first().map(|one| one.error_code)
            }
            Self::DeleteRecords => {
                let message = read.as_::<DeleteRecordsResponse>(&of_check::DELETE_RECORDS)?;
                message.topics.first().and_then(|topic| topic.partitions.first()).map(|one| one.error_code)
            }
            Self::Produce => {
                let message = read.as_::<ProduceResponse>(&shape::produce::RESPONSE)?;
                message.responses.first().and_then(|topic| topic.partition_responses.first()).map(|one| one.error_code)
            }
            Self::FetchAsReplica => {
                let message = read.as_::<FetchResponse>(&shape::fetch::RESPONSE)?;
                message.responses.first().and_then(|topic| topic.partitions.first()).map(|one| one.error_code)
            }
            Self::ProduceAnywhere | Self::BeginTransaction => {
                Some(read.as_::<InitProducerIdResponse>(&of_check::INIT_PRODUCER_ID)?.error_code)
            }
            Self::DescribeTransaction => {
                let message = read.as_::<DescribeTransactionsResponse>(&of_check::DESCRIBE_TRANSACTIONS)?;
                message.transaction_states.first().map(|one| one.error_code)
            }
            Self::DescribeGroup | Self::GroupOffsets | Self::DeleteGroup => self.code_of_group(&read)?,
            _ => self.code_of_cluster(&read)?,
        };
        code.ok_or(BadAnswer::Contradiction)
    }

    fn code_of_group(self, read: &Answer<'_>) -> Result<Option<i16>, BadAnswer> {
        Ok(match self {
            Self::GroupOffsets => Some(read.as_::<OffsetFetchResponse>(&shape::offset_fetch::RESPONSE)?.error_code),
            Self::DeleteGroup => {
                let message = read.as_::<DeleteGroupsResponse>(&shape::delete_groups::RESPONSE)?;
                message.results.first().map(|one| one.error_code)
            }
            _ => {
                let message = read.as_::<DescribeGroupsResponse>(&shape::describe_groups::RESPONSE)?;
                message.groups.first().map(|one| one.error_code)
            }
        })
    }

    fn code_of_cluster(self, read: &Answer<'_>) -> Result<Option<i16>, BadAnswer> {
        Ok(match self {
            Self::BrokerSettings => {
                let message = read.as_::<DescribeConfigsResponse>(&shape::describe_configs::RESPONSE)?;
                message.results.first().map(|one| one.error_code)
            }
            Self::AlterBrokerSettings => {
                let message = read.as_::<IncrementalAlterConfigsResponse>(&of_check::INCREMENTAL_ALTER_CONFIGS)?;
                message.responses.first().map(|one| one.error_code)
            }
            Self::AccessRules => Some(read.as_::<DescribeAclsResponse>(&shape::describe_acls::RESPONSE)?.error_code),
            Self::Quotas => {
                Some(read.as_::<DescribeClientQuotasResponse>(&shape::describe_client_quotas::RESPONSE)?.error_code)
            }
            Self::AlterQuotas => {
                let message = read.as_::<AlterClientQuotasResponse>(&of_check::ALTER_CLIENT_QUOTAS)?;
                message.entries.first().map(|one| one.error_code)
            }
            // This version has no code: who may not see them gets none.
            Self::LogDirs => {
                let message = read.as_::<DescribeLogDirsResponse>(&of_check::DESCRIBE_LOG_DIRS)?;
                Some(if message.results.is_empty() { CLUSTER_AUTHORIZATION_FAILED } else { NONE })
            }
            Self::Reassignments => {
                let shape = &of_check::LIST_PARTITION_REASSIGNMENTS;
                Some(read.as_::<ListPartitionReassignmentsResponse>(shape)?.error_code)
            }
            Self::Passwords => {
                let shape = &shape::describe_user_scram_credentials::RESPONSE;
                Some(read.as_::<DescribeUserScramCredentialsResponse>(shape)?.error_code)
            }
            _ => {
                let message = read.as_::<DescribeDelegationTokenResponse>(&of_check::DESCRIBE_DELEGATION_TOKEN)?;
                // Anybody may ask, and sees what is theirs to see.
                let none_seen = message.error_code == NONE && message.tokens.is_empty();
                Some(if none_seen { CLUSTER_AUTHORIZATION_FAILED } else { message.error_code })
            }
        })
    }
}

/// An answer that was not read yet.
struct Answer<'a> {
    trial: Trial,
    version: i16,
    answer: &'a Bytes,
}

impl Answer<'_> {
    fn as_<M: Decodable>(&self, shape: &'static Shape) -> Result<M, BadAnswer> {
        read(self.trial.api().0, shape, self.version, self.answer)
    }
}

/// Decodes an answer, header included, once the gate has walked it.
pub(super) fn read<M: Decodable>(
    api: ApiKey,
    shape: &'static Shape,
    version: i16,
    answer: &Bytes,
) -> Result<M, BadAnswer> {
    let body = body(answer, api.response_header_version(version) >= 1)?;
    Ok(codec::decode(shape, version, &body, &Budget::RESPONSE)?)
}
