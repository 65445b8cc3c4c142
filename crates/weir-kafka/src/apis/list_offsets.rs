//! ListOffsets: each topic is judged; what was refused returns behind what the broker answered.
//!
//! Must never: ask for a refused topic, or ask as anything but a consumer (trap S2).

use kafka_protocol::messages::list_offsets_request::ListOffsetsTopic;
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, ListOffsetsResponse};
use weir_policy::Operation;

use super::{Answer, ForwardBody, Judged, NAMES_NO_TIME, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::{code, code_of, shows_stale_view};
use crate::skim;

/// What consumers send as their replica id, the first field.
const CONSUMER: i32 = -1;
/// The isolation level is the second field from this version on.
const ISOLATION: i16 = 2;

/// The refused topics, as they return.
#[derive(Debug)]
pub(crate) struct Refused(Vec<ListOffsetsTopicResponse>);

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    match as_it_is(request)? {
        Some(judged) => Ok(judged),
        None => judge_each(request, refusals),
    }
}

/// The usual request: a consumer's, and nothing of it is refused.
fn as_it_is(request: &Request<'_>) -> Result<Option<Judged>, Fault> {
    let consumers = request.body.strip_prefix(&CONSUMER.to_be_bytes());
    let has_level = consumers.is_some_and(|rest| request.version < ISOLATION || matches!(rest.first(), Some(0 | 1)));
    if !request.env.broker_connected || !has_level {
        return Ok(None);
    }
    let body = request.known_body()?;
    let mut asks_for_some = false;
    let may_describe = |topic: &str| {
        asks_for_some = true;
        request.judge_topic(Operation::Describe, topic).is_ok()
    };
    let all = skim::all_topics(request.row.request, request.version, &body, may_describe).map_err(Fault::Malformed)?;
    let withheld = Withheld::ListOffsets(Refused(Vec::new()));
    let patience = request.patience(NAMES_NO_TIME);
    let usual = all && asks_for_some;
    Ok(usual.then(|| request.forward_body(ForwardBody::Encoded(body), withheld, patience, None)))
}

fn judge_each(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<ListOffsetsRequest>()?;
    message.replica_id = BrokerId(CONSUMER);
    let may_describe = |topic: &ListOffsetsTopic| request.judge_topic(Operation::Describe, &topic.name).is_ok();
    if !matches!(message.isolation_level, 0 | 1) && message.topics.iter().any(may_describe) {
        // Kafka looks at it once there is something to tell, and fails as a whole.
        let failed = message.topics.iter().map(|topic| failed(topic, code::UNKNOWN_SERVER_ERROR)).collect();
        return request.answer(&ListOffsetsResponse::default().with_topics(failed));
    }
    let mut refused = Vec::new();
    message.topics.retain(|topic| match request.judge_topic(Operation::Describe, &topic.name) {
        Ok(()) => true,
        Err(reason) => {
            refusals.add(reason, topic.partitions.len());
            refused.push(failed(topic, code_of(reason)));
            false
        }
    });
    if message.topics.is_empty() {
        return request.answer(&ListOffsetsResponse::default().with_topics(refused));
    }
    let if_unreachable = || {
        let asked = message.topics.iter().map(|topic| failed(topic, request.row.unreachable_code()));
        ListOffsetsResponse::default().with_topics(asked.chain(refused.iter().cloned()).collect())
    };
    let if_unreachable = request.if_unreachable(if_unreachable)?;
    request.forward_prepared(
        &message,
        Withheld::ListOffsets(Refused(refused)),
        request.patience(NAMES_NO_TIME),
        if_unreachable,
    )
}

pub(super) fn restore(answer: &Answer<'_>, refused: &Refused) -> Result<Restored, Fault> {
    let mut message = answer.decode::<ListOffsetsResponse>()?;
    let mut partitions = message.topics.iter().flat_map(|topic| &topic.partitions);
    let view_is_stale = partitions.any(|partition| shows_stale_view(partition.error_code));
    if refused.0.is_empty() {
        return Ok(Restored { view_is_stale, ..answer.passed()? });
    }
    message.topics.extend(refused.0.iter().cloned());
    answer.encoded(&message, view_is_stale)
}

fn failed(topic: &ListOffsetsTopic, error_code: i16) -> ListOffsetsTopicResponse {
    let failed = |index| {
        ListOffsetsPartitionResponse::default()
            .with_partition_index(index)
            .with_error_code(error_code)
            .with_timestamp(-1)
            .with_offset(-1)
            .with_leader_epoch(-1)
    };
    ListOffsetsTopicResponse::default()
        .with_name(topic.name.clone())
        .with_partitions(topic.partitions.iter().map(|partition| failed(partition.partition_index)).collect())
}
