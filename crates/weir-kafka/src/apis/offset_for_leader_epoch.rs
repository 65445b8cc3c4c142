//! OffsetForLeaderEpoch: each topic is judged; what was refused returns behind what the broker answered.
//!
//! Must never: ask for a refused topic, or ask as a replica (trap S2).

use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderTopic;
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::{BrokerId, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use weir_policy::Operation;

use super::{Answer, Judged, NAMES_NO_TIME, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::{code_of, shows_stale_view};

/// What consumers send as their replica id, from version 3 on.
const CONSUMER: BrokerId = BrokerId(-2);

/// The refused topics, as they return.
#[derive(Debug)]
pub(crate) struct Refused(Vec<OffsetForLeaderTopicResult>);

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<OffsetForLeaderEpochRequest>()?;
    message.replica_id = CONSUMER;
    let mut refused = Vec::new();
    message.topics.retain(|topic| match request.judge_topic(Operation::Describe, &topic.topic) {
        Ok(()) => true,
        Err(reason) => {
            refusals.add(reason, topic.partitions.len());
            refused.push(failed(topic, code_of(reason)));
            false
        }
    });
    if message.topics.is_empty() {
        return request.answer(&OffsetForLeaderEpochResponse::default().with_topics(refused));
    }
    let if_unreachable = || {
        let asked = message.topics.iter().map(|topic| failed(topic, request.row.unreachable_code()));
        OffsetForLeaderEpochResponse::default().with_topics(asked.chain(refused.iter().cloned()).collect())
    };
    let if_unreachable = request.if_unreachable(if_unreachable)?;
    let withheld = Withheld::OffsetForLeaderEpoch(Refused(refused));
    request.forward_prepared(&message, withheld, request.patience(NAMES_NO_TIME), if_unreachable)
}

pub(super) fn restore(answer: &Answer<'_>, refused: &Refused) -> Result<Restored, Fault> {
    let mut message = answer.decode::<OffsetForLeaderEpochResponse>()?;
    let mut partitions = message.topics.iter().flat_map(|topic| &topic.partitions);
    let view_is_stale = partitions.any(|partition| shows_stale_view(partition.error_code));
    message.topics.extend(refused.0.iter().cloned());
    answer.encoded(&message, view_is_stale)
}

fn failed(topic: &OffsetForLeaderTopic, error_code: i16) -> OffsetForLeaderTopicResult {
    let failed = |partition| {
        EpochEndOffset::default()
            .with_partition(partition)
            .with_error_code(error_code)
            .with_leader_epoch(-1)
            .with_end_offset(-1)
    };
    OffsetForLeaderTopicResult::default()
        .with_topic(topic.topic.clone())
        .with_partitions(topic.partitions.iter().map(|partition| failed(partition.partition)).collect())
}
