//! OffsetForLeaderEpoch: each topic is judged; what was refused returns behind what the broker answered.
//!
//! Must never: ask for a refused topic, or ask as a replica (trap S2).

use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderTopic;
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::{BrokerId, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use weir_policy::Operation;

use super::topics::AskedTopic;
use super::{Answer, Judged, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::shows_stale_view;

/// What consumers send as their replica id, from version 3 on.
const CONSUMER: BrokerId = BrokerId(-2);

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<OffsetForLeaderEpochRequest>()?;
    message.replica_id = CONSUMER;
    let refused = request.cut_topics(Operation::Describe, &mut message.topics, refusals);
    if message.topics.is_empty() {
        return request.answer(&response(refused));
    }
    request.forward_topics(&message, &message.topics, refused, response, Withheld::OffsetForLeaderEpoch)
}

pub(super) fn restore(answer: &Answer<'_>, refused: &[OffsetForLeaderTopicResult]) -> Result<Restored, Fault> {
    let mut message = answer.decode::<OffsetForLeaderEpochResponse>()?;
    let mut partitions = message.topics.iter().flat_map(|topic| &topic.partitions);
    let view_is_stale = partitions.any(|partition| shows_stale_view(partition.error_code));
    message.topics.extend(refused.iter().cloned());
    answer.encoded(&message, view_is_stale)
}

fn response(topics: Vec<OffsetForLeaderTopicResult>) -> OffsetForLeaderEpochResponse {
    OffsetForLeaderEpochResponse::default().with_topics(topics)
}

impl AskedTopic for OffsetForLeaderTopic {
    type Answered = OffsetForLeaderTopicResult;

    fn name(&self) -> &str {
        &self.topic
    }

    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn failed(&self, error_code: i16) -> OffsetForLeaderTopicResult {
        let failed = |partition| {
            EpochEndOffset::default()
                .with_partition(partition)
                .with_error_code(error_code)
                .with_leader_epoch(-1)
                .with_end_offset(-1)
        };
        OffsetForLeaderTopicResult::default()
            .with_topic(self.topic.clone())
            .with_partitions(self.partitions.iter().map(|partition| failed(partition.partition)).collect())
    }
}
