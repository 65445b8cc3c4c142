//! One file per API: how its request is judged, and how what was cut from it returns in the answer.
//!
//! `judge` and `restore` name every API that is served; a key without an arm is refused.
//! Must never: have an arm that lets through what no file has judged.

pub(crate) mod api_versions;
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
mod sasl;
mod subscription;
mod sync_group;

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::GroupId;
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use weir_policy::{Operation, Reason, Resource};

use crate::answer::{Deferred, LocalAnswer};
use crate::codec;
use crate::env::Env;
use crate::fault::Fault;
use crate::gate::{self, Passed};
use crate::known::known_only;
use crate::outcome::Refusals;
use crate::refusal::code_of;
use crate::skim;
use crate::table::{self, Deadline, Row};
use fetch::FetchSessions;

/// The time of a request that names none.
pub(crate) const NAMES_NO_TIME: i32 = 0;

/// One request, cut and named but not yet judged.
pub(crate) struct Request<'a> {
    pub row: &'static Row,
    pub version: i16,
    pub body: Bytes,
    pub env: &'a Env<'a>,
}

/// What a request was judged to be.
pub(crate) enum Judged {
    /// Weir answers.
    Answer(LocalAnswer),
    /// The broker answers.
    Forward(Forward),
}

/// A request on its way to the broker.
pub(crate) struct Forward {
    pub body: ForwardBody,
    pub withheld: Withheld,
    pub patience: Duration,
    pub if_unreachable: Option<Bytes>,
}

/// The bytes that go to the broker.
pub(crate) enum ForwardBody {
    /// The client's own: nothing was touched, and the gate proved them canonical.
    Original,
    /// Encoded anew.
    Encoded(Bytes),
    /// A body that says no more than it may, whose first field is a group: the brokers' name of it stands there instead.
    Renamed {
        /// The walked body.
        body: Bytes,
        /// The group as the client writes it, and the end of its field.
        shown: Range<usize>,
    },
}

/// What was cut from a request, or renamed in it, and must return in the answer.
#[derive(Debug)]
pub(crate) enum Withheld {
    /// Nothing: the answer is checked and passes as it is.
    Nothing,
    ConsumerGroupDescribe(Box<consumer_group_describe::Asked>),
    ConsumerGroupHeartbeat,
    DeleteGroups(Box<delete_groups::Asked>),
    DescribeConfigs(Box<describe_configs::Asked>),
    DescribeGroups(Box<describe_groups::Asked>),
    FindCoordinator(Box<find_coordinator::Asked>),
    ListGroups,
    ListOffsets(list_offsets::Refused),
    OffsetForLeaderEpoch(offset_for_leader_epoch::Refused),
    OffsetCommit(offset_commit::Refused),
    OffsetDelete(offset_delete::Refused),
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

/// A broker's whole answer, before it is given to the client.
pub(crate) struct Answer<'a> {
    pub row: &'static Row,
    pub version: i16,
    pub body: Bytes,
    pub env: &'a Env<'a>,
}

/// A broker's answer, ready for the client.
pub(crate) struct Restored {
    pub body: Bytes,
    /// Whether the answer showed that what is known of the cluster is out of date.
    pub view_is_stale: bool,
}

/// Judges a request by its API's own rules.
pub(crate) fn judge(
    request: &Request<'_>,
    sessions: &mut FetchSessions,
    refusals: &mut Refusals,
) -> Result<Judged, Fault> {
    match request.row.key {
        table::PRODUCE => produce::judge(request, refusals),
        table::FETCH => fetch::judge(request, sessions, refusals),
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
        Withheld::ConsumerGroupDescribe(asked) => consumer_group_describe::restore(answer, asked),
        Withheld::ConsumerGroupHeartbeat => consumer_group_heartbeat::restore(answer),
        Withheld::DeleteGroups(asked) => delete_groups::restore(answer, asked),
        Withheld::DescribeConfigs(asked) => describe_configs::restore(answer, asked),
        Withheld::DescribeGroups(asked) => describe_groups::restore(answer, asked),
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

impl Request<'_> {
    /// Walks the body.
    pub(crate) fn walk(&self) -> Result<Passed, Fault> {
        gate::walk(self.row.request, self.version, &self.body, &self.env.limits.request).map_err(Fault::Malformed)
    }

    /// Walks the body and decodes it.
    pub(crate) fn decode<M: Decodable>(&self) -> Result<M, Fault> {
        codec::decode(self.row.request, self.version, &self.body, &self.env.limits.request).map_err(Fault::Malformed)
    }

    /// An answer of Weir's own, due at once.
    pub(crate) fn answer<M: Encodable>(&self, response: &M) -> Result<Judged, Fault> {
        self.answer_not_before(response, None)
    }

    /// An answer of Weir's own, due at an instant.
    pub(crate) fn answer_not_before<M: Encodable>(
        &self,
        response: &M,
        not_before: Option<Instant>,
    ) -> Result<Judged, Fault> {
        let body = codec::encode(response, self.version).ok_or(Fault::NotEncodable)?;
        Ok(Judged::Answer(LocalAnswer::Ready { body, not_before }))
    }

    /// The body, walked, without what is unknown in it: what it says may be said, whatever it asks for.
    pub(crate) fn known_body(&self) -> Result<Bytes, Fault> {
        if self.walk()?.canonical {
            return Ok(self.body.clone());
        }
        known_only(self.row.request, self.version, &self.body).map_err(Fault::Malformed)
    }

    /// A known body that begins with a group of the principal's: where the group stands in it.
    pub(crate) fn own_group(&self, body: &[u8]) -> Result<Result<Range<usize>, Reason>, Fault> {
        let (shown, end) = skim::first_text(self.row.request, self.version, body).map_err(Fault::Malformed)?;
        let judged = self.env.policy.judge(self.env.principal, Operation::Read, Resource::Group(shown));
        Ok(judged.map(|()| end.saturating_sub(shown.len())..end))
    }

    /// A request of a group's member: the group is renamed, and the answer passes. `answer` makes one that is a code.
    pub(crate) fn forward_for_member<R: Encodable>(
        &self,
        named_time: i32,
        refusals: &mut Refusals,
        answer: impl Fn(i16) -> R,
    ) -> Result<Judged, Fault> {
        let body = self.known_body()?;
        match self.own_group(&body)? {
            Err(reason) => {
                refusals.add(reason, 1);
                self.answer(&answer(code_of(reason)))
            }
            Ok(shown) => {
                let if_unreachable = self.if_unreachable(|| answer(self.row.unreachable_code()))?;
                let body = ForwardBody::Renamed { body, shown };
                Ok(self.forward_body(body, Withheld::Nothing, self.patience(named_time), if_unreachable))
            }
        }
    }

    /// The request goes to the broker with this body.
    pub(crate) fn forward_body(
        &self,
        body: ForwardBody,
        withheld: Withheld,
        patience: Duration,
        if_unreachable: Option<Bytes>,
    ) -> Judged {
        Judged::Forward(Forward { body, withheld, patience, if_unreachable })
    }

    /// The request goes to the broker, encoded anew.
    pub(crate) fn forward<M: Encodable, R: Encodable>(
        &self,
        message: &M,
        withheld: Withheld,
        if_unreachable: impl FnOnce() -> R,
    ) -> Result<Judged, Fault> {
        let if_unreachable = self.if_unreachable(if_unreachable)?;
        self.forward_prepared(message, withheld, self.patience(NAMES_NO_TIME), if_unreachable)
    }

    /// The request goes to the broker, encoded anew, and its retriable answer is already made.
    pub(crate) fn forward_prepared<M: Encodable>(
        &self,
        message: &M,
        withheld: Withheld,
        patience: Duration,
        if_unreachable: Option<Bytes>,
    ) -> Result<Judged, Fault> {
        let body = codec::encode(message, self.version).ok_or(Fault::NotEncodable)?;
        Ok(Judged::Forward(Forward { body: ForwardBody::Encoded(body), withheld, patience, if_unreachable }))
    }

    /// The retriable answer, made only where the broker's connection is not open yet.
    pub(crate) fn if_unreachable<R: Encodable>(&self, answer: impl FnOnce() -> R) -> Result<Option<Bytes>, Fault> {
        if self.env.broker_connected {
            return Ok(None);
        }
        codec::encode(&answer(), self.version).map(Some).ok_or(Fault::NotEncodable)
    }

    /// Whether the principal may do this to a topic.
    pub(crate) fn judge_topic(&self, operation: Operation, topic: &str) -> Result<(), Reason> {
        self.env.policy.judge(self.env.principal, operation, Resource::Topic(topic))
    }

    /// The name that the brokers know for a group that the principal may read.
    pub(crate) fn real_group(&self, shown: &GroupId) -> Result<GroupId, Reason> {
        self.real_group_for(Operation::Read, shown)
    }

    /// The name that the brokers know for a group to which the principal may do this.
    pub(crate) fn real_group_for(&self, operation: Operation, shown: &GroupId) -> Result<GroupId, Reason> {
        let shown: &str = shown;
        self.env.policy.judge(self.env.principal, operation, Resource::Group(shown))?;
        let real = self.env.principal.real_group(shown)?;
        Ok(GroupId(StrBytes::from_string(real.as_str().to_owned())))
    }

    /// How long the broker may take, by the row. `named` is the time that the request itself allows, in milliseconds.
    pub(crate) fn patience(&self, named: i32) -> Duration {
        let limits = self.env.limits;
        match self.row.deadline {
            Deadline::Fixed => limits.answer,
            Deadline::MaxWait | Deadline::Rebalance => {
                let named = Duration::from_millis(u64::try_from(named).unwrap_or(0));
                named.saturating_add(limits.answer_slack)
            }
        }
    }
}

impl Answer<'_> {
    /// Walks the body and decodes it.
    pub(crate) fn decode<M: Decodable>(&self) -> Result<M, Fault> {
        codec::decode(self.row.response, self.version, &self.body, &self.env.limits.response)
            .map_err(Fault::BrokerMalformed)
    }

    /// Encodes the answer anew.
    pub(crate) fn encoded<M: Encodable>(&self, message: &M, view_is_stale: bool) -> Result<Restored, Fault> {
        let body = codec::encode(message, self.version).ok_or(Fault::NotEncodable)?;
        Ok(Restored { body, view_is_stale })
    }

    /// The answer passes as the broker made it, once it is walked. An unknown tag could hold anything: it is dropped.
    pub(crate) fn passed(&self) -> Result<Restored, Fault> {
        let passed = gate::walk(self.row.response, self.version, &self.body, &self.env.limits.response)
            .map_err(Fault::BrokerMalformed)?;
        let mut body = self.body.slice(..passed.body_len.min(self.body.len()));
        if !passed.canonical {
            body = known_only(self.row.response, self.version, &body).map_err(Fault::BrokerMalformed)?;
        }
        Ok(Restored { body, view_is_stale: false })
    }
}
