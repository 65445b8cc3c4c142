//! ListOffsets: each topic is judged; what was refused returns behind what the broker answered.
//!
//! Must never: ask for a refused topic, or ask as anything but a consumer (trap S2).

use kafka_protocol::messages::list_offsets_request::ListOffsetsTopic;
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, ListOffsetsResponse, TopicName};
use weir_policy::{Operation, Reason};

use super::topics::{Answered, AskedTopic, merge};
use super::{Answer, ForwardBody, Judged, NAMES_NO_TIME, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::{code, code_of, shows_stale_view};
use crate::skim;

/// What consumers send as their replica id, the first field.
const CONSUMER: i32 = -1;
/// The isolation level is the second field from this version on.
const ISOLATION: i16 = 2;
/// The first version with a leader epoch in each partition.
const LEADER_EPOCH: i16 = 4;
/// Asks for the record with the largest timestamp.
const LARGEST: i64 = -3;

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    match as_it_is(request)? {
        AsItIs::Judged(judged) => Ok(judged),
        AsItIs::Refused(reason) => judge_each(request, Some(reason), refusals),
        AsItIs::Unusual => judge_each(request, None, refusals),
    }
}

/// The usual request: a consumer's, and nothing of it is refused.
enum AsItIs {
    Judged(Judged),
    /// All of it would be right, but the brokers have looked up enough for this principal.
    Refused(Reason),
    Unusual,
}

fn as_it_is(request: &Request<'_>) -> Result<AsItIs, Fault> {
    let consumers = request.body.strip_prefix(&CONSUMER.to_be_bytes());
    let has_level = consumers.is_some_and(|rest| request.version < ISOLATION || matches!(rest.first(), Some(0 | 1)));
    if !request.env.broker_connected || !has_level {
        return Ok(AsItIs::Unusual);
    }
    let body = request.known_body()?;
    let (mut asks_for_some, mut lookups) = (false, 0_usize);
    let may_describe = |topic: &str| {
        asks_for_some = true;
        request.judge_topic(Operation::Describe, topic).is_ok()
    };
    let all = skim::all(request.row.request, request.version, &body, may_describe, |_, partition| {
        lookups = lookups.saturating_add(usize::from(asks_by_time(partition, request.version)));
        true
    });
    if !all.map_err(Fault::Malformed)? || !asks_for_some {
        return Ok(AsItIs::Unusual);
    }
    if let Err(reason) = request.admit_lookups(lookups) {
        return Ok(AsItIs::Refused(reason));
    }
    let withheld = Withheld::ListOffsets(Vec::new());
    let patience = request.patience(NAMES_NO_TIME);
    Ok(AsItIs::Judged(request.forward_body(ForwardBody::Encoded(body), withheld, patience, None)))
}

/// Whether a partition of a walked body is looked up by time: its last plain field says so.
fn asks_by_time(partition: &[u8], version: i16) -> bool {
    let at = if version >= LEADER_EPOCH { 8 } else { 4 };
    let time = partition.get(at..).and_then(|rest| rest.first_chunk().copied()).map(i64::from_be_bytes);
    time.is_none_or(is_lookup)
}

/// Whether brokers read segments to answer, and not only what they know of them.
fn is_lookup(timestamp: i64) -> bool {
    timestamp >= 0 || timestamp == LARGEST
}

fn judge_each(request: &Request<'_>, refused: Option<Reason>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<ListOffsetsRequest>()?;
    message.replica_id = BrokerId(CONSUMER);
    let may_describe = |topic: &ListOffsetsTopic| request.judge_topic(Operation::Describe, &topic.name).is_ok();
    if !matches!(message.isolation_level, 0 | 1) && message.topics.iter().any(may_describe) {
        // Kafka looks at it once there is something to tell, and fails as a whole.
        let failed = message.topics.iter().map(|topic| topic.failed(code::UNKNOWN_SERVER_ERROR)).collect();
        return request.answer(&response(failed));
    }
    let mut cut = request.cut_topics(Operation::Describe, &mut message.topics, refusals);
    let partitions = message.topics.iter().flat_map(|topic| &topic.partitions);
    let lookups = partitions.filter(|partition| is_lookup(partition.timestamp)).count();
    if let Some(reason) = refused.or_else(|| request.admit_lookups(lookups).err()) {
        refusals.add(reason, lookups);
        cut_lookups(&mut message.topics, reason, &mut cut);
    }
    if message.topics.is_empty() {
        return request.answer(&response(cut));
    }
    request.forward_topics(&message, &message.topics, cut, response, Withheld::ListOffsets)
}

fn cut_lookups(topics: &mut Vec<ListOffsetsTopic>, reason: Reason, refused: &mut Vec<ListOffsetsTopicResponse>) {
    topics.retain_mut(|topic| {
        let all = std::mem::take(&mut topic.partitions);
        let (lookups, others) = all.into_iter().partition(|partition| is_lookup(partition.timestamp));
        topic.partitions = others;
        let lookups = ListOffsetsTopic::default().with_name(topic.name.clone()).with_partitions(lookups);
        if !lookups.partitions.is_empty() {
            refused.push(lookups.failed(code_of(reason)));
        }
        !topic.partitions.is_empty()
    });
}

pub(super) fn restore(answer: &Answer<'_>, refused: &[ListOffsetsTopicResponse]) -> Result<Restored, Fault> {
    let mut message = answer.decode::<ListOffsetsResponse>()?;
    let mut partitions = message.topics.iter().flat_map(|topic| &topic.partitions);
    let view_is_stale = partitions.any(|partition| shows_stale_view(partition.error_code));
    if refused.is_empty() {
        return Ok(Restored { view_is_stale, ..answer.passed()? });
    }
    merge(&mut message.topics, refused.iter().cloned());
    answer.encoded(&message, view_is_stale)
}

fn response(topics: Vec<ListOffsetsTopicResponse>) -> ListOffsetsResponse {
    let mut merged = Vec::with_capacity(topics.len());
    merge(&mut merged, topics.into_iter());
    ListOffsetsResponse::default().with_topics(merged)
}

impl Answered for ListOffsetsTopicResponse {
    fn name(&self) -> &TopicName {
        &self.name
    }

    fn add(&mut self, more: Self) {
        self.partitions.extend(more.partitions);
    }
}

impl AskedTopic for ListOffsetsTopic {
    type Answered = ListOffsetsTopicResponse;

    fn name(&self) -> &str {
        &self.name
    }

    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn failed(&self, error_code: i16) -> ListOffsetsTopicResponse {
        let failed = |index| {
            ListOffsetsPartitionResponse::default()
                .with_partition_index(index)
                .with_error_code(error_code)
                .with_timestamp(-1)
                .with_offset(-1)
                .with_leader_epoch(-1)
        };
        ListOffsetsTopicResponse::default()
            .with_name(self.name.clone())
            .with_partitions(self.partitions.iter().map(|partition| failed(partition.partition_index)).collect())
    }
}
