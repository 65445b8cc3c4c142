//! Produce: advertised, for librdkafka does not fetch from a broker without it (trap K1), and always refused.
//!
//! Must never: forward, or look at the records.

use std::collections::{HashMap, HashSet};

use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};
use weir_policy::{Operation, Reason};

use super::{Judged, Request};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code_of;

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let message = request.decode::<ProduceRequest>()?;
    if message.acks == 0 {
        return Err(Fault::ProduceWithoutAnswer);
    }
    let mut responses: Vec<TopicProduceResponse> = Vec::with_capacity(message.topic_data.len());
    // A topic or partition that is named twice is answered once, as with Kafka.
    let mut seen = HashMap::with_capacity(message.topic_data.len());
    for topic in &message.topic_data {
        let reason = if message.transactional_id.is_some() {
            Reason::TransactionalIdNotServed
        } else {
            // No rule allows Write; were one to, it would still not be served here.
            request.judge_topic(Operation::Write, &topic.name).err().unwrap_or(Reason::TopicReadOnly)
        };
        refusals.add(reason, topic.partition_data.len());
        let refused = |index| {
            PartitionProduceResponse::default()
                .with_index(index)
                .with_error_code(code_of(reason))
                .with_base_offset(-1)
                .with_log_append_time_ms(-1)
                .with_log_start_offset(-1)
        };
        let (place, indexes) = seen.entry(&topic.name).or_insert_with(|| {
            responses.push(TopicProduceResponse::default().with_name(topic.name.clone()));
            (responses.len().saturating_sub(1), HashSet::new())
        });
        if let Some(response) = responses.get_mut(*place) {
            let named_first = topic.partition_data.iter().map(|partition| partition.index);
            let named_first = named_first.filter(|index| indexes.insert(*index));
            response.partition_responses.extend(named_first.map(refused));
        }
    }
    request.answer(&ProduceResponse::default().with_responses(responses))
}
