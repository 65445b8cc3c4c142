//! One file per API: how its request is judged, and how what was cut from it returns in the answer.
//!
//! `judge` and `restore` name every API that is served; a key without an arm is refused.
//! Must never: have an arm that lets through what no file has judged.

pub(crate) mod api_versions;
mod broker_answer;
mod by_id;
mod consumer_group_describe;
mod consumer_group_heartbeat;
mod delete_groups;
mod describe_acls;
mod describe_client_quotas;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_topic_partitions;
mod describe_user_scram_credentials;
pub(crate) mod fetch;
mod find_coordinator;
mod heartbeat;
mod join_group;
mod leave_group;
mod list_groups;
mod list_offsets;
mod member_bytes;
pub(crate) mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod operations;
mod own_groups;
mod produce;
mod quotas;
mod request;
mod sasl;
mod subscription;
mod sync_group;
mod topics;

use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::list_offsets_response::ListOffsetsTopicResponse;
use kafka_protocol::messages::offset_commit_response::OffsetCommitResponseTopic;
use kafka_protocol::messages::offset_delete_response::OffsetDeleteResponseTopic;
use kafka_protocol::messages::offset_for_leader_epoch_response::OffsetForLeaderTopicResult;
use kafka_protocol::messages::{consumer_group_describe_response, describe_groups_response};

use crate::answer::Deferred;
use crate::env::Env;
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::table;
use fetch::Fetches;
use own_groups::Asked;

pub(crate) use broker_answer::{Answer, Restored};
pub(crate) use operations::code as operation_code;
pub(crate) use request::{Forward, ForwardBody, Judged, NAMES_NO_TIME, Request};

/// What was cut from a request, or renamed in it, and must return in the answer.
#[derive(Debug)]
pub(crate) enum Withheld {
    /// Nothing: the answer is checked and passes as it is.
    Nothing,
    ConsumerGroupDescribe {
        asked: Box<Asked<consumer_group_describe_response::DescribedGroup>>,
        operations: bool,
    },
    ConsumerGroupHeartbeat(Option<Box<consumer_group_heartbeat::Followed>>),
    DeleteGroups(Box<Asked<DeletableGroupResult>>),
    DescribeConfigs(Box<describe_configs::Asked>),
    DescribeGroups {
        asked: Box<Asked<describe_groups_response::DescribedGroup>>,
        operations: bool,
    },
    FindCoordinator(Box<find_coordinator::Asked>),
    ListGroups,
    ListOffsets(Vec<ListOffsetsTopicResponse>),
    OffsetForLeaderEpoch(Vec<OffsetForLeaderTopicResult>),
    OffsetCommit(Vec<OffsetCommitResponseTopic>),
    OffsetDelete(Vec<OffsetDeleteResponseTopic>),
    OffsetFetch(Box<offset_fetch::Refused>),
    Fetch(fetch::Asked),
}

impl Withheld {
    /// Whether the answer passes as the broker made it, once it is walked.
    pub(crate) fn is_nothing(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::OffsetCommit(refused) => refused.is_empty(),
            _ => false,
        }
    }
}

/// Judges a request by its API's own rules.
pub(crate) fn judge(request: &Request<'_>, fetches: &mut Fetches, refusals: &mut Refusals) -> Result<Judged, Fault> {
    match request.row.key {
        table::PRODUCE => produce::judge(request, refusals),
        table::FETCH => fetch::judge(request, fetches, refusals),
        table::LIST_OFFSETS => list_offsets::judge(request, refusals),
        table::METADATA => metadata::judge(request),
        table::OFFSET_COMMIT => offset_commit::judge(request, refusals),
        table::OFFSET_FETCH => offset_fetch::judge(request, refusals),
        table::FIND_COORDINATOR => find_coordinator::judge(request, refusals),
        table::JOIN_GROUP => join_group::judge(request, refusals),
        table::HEARTBEAT => heartbeat::judge(request, refusals),
        table::LEAVE_GROUP => leave_group::judge(request, refusals),
        table::SYNC_GROUP => sync_group::judge(request, refusals),
        table::DESCRIBE_GROUPS => describe_groups::judge(request, refusals),
        table::LIST_GROUPS => list_groups::judge(request),
        table::SASL_HANDSHAKE => sasl::judge_handshake(request),
        table::DESCRIBE_ACLS => describe_acls::judge(request),
        table::DESCRIBE_CONFIGS => describe_configs::judge(request, refusals),
        table::SASL_AUTHENTICATE => sasl::judge_authenticate(request),
        table::API_VERSIONS => api_versions::judge(request),
        table::OFFSET_FOR_LEADER_EPOCH => offset_for_leader_epoch::judge(request, refusals),
        table::DELETE_GROUPS => delete_groups::judge(request, refusals),
        table::OFFSET_DELETE => offset_delete::judge(request, refusals),
        table::DESCRIBE_CLIENT_QUOTAS => describe_client_quotas::judge(request),
        table::DESCRIBE_USER_SCRAM_CREDENTIALS => describe_user_scram_credentials::judge(request),
        table::DESCRIBE_CLUSTER => describe_cluster::judge(request),
        table::CONSUMER_GROUP_HEARTBEAT => consumer_group_heartbeat::judge(request, refusals),
        table::CONSUMER_GROUP_DESCRIBE => consumer_group_describe::judge(request, refusals),
        table::DESCRIBE_TOPIC_PARTITIONS => describe_topic_partitions::judge(request),
        _ => Err(Fault::UnknownApi),
    }
}

/// Puts back into a broker's whole answer what was cut from the request. Fetch is not among them: it streams.
pub(crate) fn restore(answer: &Answer<'_>, withheld: &Withheld) -> Result<Restored, Fault> {
    match withheld {
        Withheld::Nothing => answer.passed(),
        Withheld::ConsumerGroupDescribe { asked, operations } => {
            consumer_group_describe::restore(answer, asked, *operations)
        }
        Withheld::ConsumerGroupHeartbeat(followed) => consumer_group_heartbeat::restore(answer, followed.as_deref()),
        Withheld::DeleteGroups(asked) => delete_groups::restore(answer, asked),
        Withheld::DescribeConfigs(asked) => describe_configs::restore(answer, asked),
        Withheld::DescribeGroups { asked, operations } => describe_groups::restore(answer, asked, *operations),
        Withheld::FindCoordinator(asked) => find_coordinator::restore(answer, asked),
        Withheld::ListGroups => list_groups::restore(answer),
        Withheld::ListOffsets(refused) => list_offsets::restore(answer, refused),
        Withheld::OffsetForLeaderEpoch(refused) => offset_for_leader_epoch::restore(answer, refused),
        Withheld::OffsetCommit(refused) => offset_commit::restore(answer, refused),
        Withheld::OffsetDelete(refused) => offset_delete::restore(answer, refused),
        Withheld::OffsetFetch(refused) => offset_fetch::restore(answer, refused),
        Withheld::Fetch(_) => Err(Fault::BrokerUnasked),
    }
}

/// Makes an answer whose turn has come from what is known of the cluster now, behind what stands in `out`.
pub(crate) fn answer_deferred(
    deferred: &Deferred,
    version: i16,
    env: &Env<'_>,
    refusals: &mut Refusals,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    match deferred {
        Deferred::ApiVersions => out.extend_from_slice(&api_versions::answer(version, env)?),
        Deferred::Metadata { body, .. } => metadata::answer(body, version, env, refusals, out)?,
        Deferred::DescribeCluster { request } => {
            out.extend_from_slice(&describe_cluster::answer(request, version, env)?);
        }
        Deferred::DescribeTopicPartitions { request, .. } => {
            out.extend_from_slice(&describe_topic_partitions::answer(request, version, env, refusals)?);
        }
    }
    Ok(())
}
