//! ListOffsets: each topic is judged; what was refused returns behind what the broker answered.
//!
//! Must never: ask for a refused topic, or ask as anything but a consumer (trap S2).

use kafka_protocol::messages::list_offsets_request::ListOffsetsTopic;
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, ListOffsetsResponse};
use weir_policy::Operation;

use super::topics::AskedTopic;
use super::{Answer, ForwardBody, Judged, NAMES_NO_TIME, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::{code, shows_stale_view};
use crate::skim;

/// What consumers send as their replica id, the first field.
const CONSUMER: i32 = -1;
/// The isolation level is the second field from this version on.
const ISOLATION: i16 = 2;

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
    let withheld = Withheld::ListOffsets(Vec::new());
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
        let failed = message.topics.iter().map(|topic| topic.failed(code::UNKNOWN_SERVER_ERROR)).collect();
        return request.answer(&response(failed));
    }
    let refused = request.cut_topics(Operation::Describe, &mut message.topics, refusals);
    if message.topics.is_empty() {
        return request.answer(&response(refused));
    }
    request.forward_topics(&message, &message.topics, refused, response, Withheld::ListOffsets)
}

pub(super) fn restore(answer: &Answer<'_>, refused: &[ListOffsetsTopicResponse]) -> Result<Restored, Fault> {
    let mut message = answer.decode::<ListOffsetsResponse>()?;
    let mut partitions = message.topics.iter().flat_map(|topic| &topic.partitions);
    let view_is_stale = partitions.any(|partition| shows_stale_view(partition.error_code));
    if refused.is_empty() {
        return Ok(Restored { view_is_stale, ..answer.passed()? });
    }
    message.topics.extend(refused.iter().cloned());
    answer.encoded(&message, view_is_stale)
}

fn response(topics: Vec<ListOffsetsTopicResponse>) -> ListOffsetsResponse {
    ListOffsetsResponse::default().with_topics(topics)
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
