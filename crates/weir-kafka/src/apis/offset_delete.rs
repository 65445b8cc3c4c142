//! OffsetDelete: offsets of the principal's own group, for topics that it may read.
//!
//! Must never: delete an offset of a group or a topic that was refused.

use kafka_protocol::messages::offset_delete_request::OffsetDeleteRequestTopic;
use kafka_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use kafka_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};
use weir_policy::Operation;

use super::{Answer, Judged, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::{code, code_of};

/// The refused topics, as they return.
#[derive(Debug)]
pub(crate) struct Refused(Vec<OffsetDeleteResponseTopic>);

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<OffsetDeleteRequest>()?;
    match request.real_group_for(Operation::Delete, &message.group_id) {
        Ok(group) => message.group_id = group,
        Err(reason) => {
            refusals.add(reason, 1);
            return request.answer(&OffsetDeleteResponse::default().with_error_code(code_of(reason)));
        }
    }
    let mut refused = Vec::new();
    message.topics.retain(|topic| match request.judge_topic(Operation::Read, &topic.name) {
        Ok(()) => true,
        Err(reason) => {
            refusals.add(reason, topic.partitions.len());
            refused.push(failed(topic, code_of(reason)));
            false
        }
    });
    // Where nothing is left it is asked all the same: what is wrong with the group comes before what is wrong with topics,
    // and no topics mean none (trap C36).
    let if_unreachable = || OffsetDeleteResponse::default().with_error_code(request.row.unreachable_code());
    request.forward(&message, Withheld::OffsetDelete(Refused(refused)), if_unreachable)
}

/// What is wrong with the group stands alone, as with Kafka; else the refused topics come first.
pub(super) fn restore(answer: &Answer<'_>, refused: &Refused) -> Result<Restored, Fault> {
    let mut message = answer.decode::<OffsetDeleteResponse>()?;
    if message.error_code == code::NONE {
        message.topics.splice(..0, refused.0.iter().cloned());
    }
    answer.encoded(&message, false)
}

fn failed(topic: &OffsetDeleteRequestTopic, error_code: i16) -> OffsetDeleteResponseTopic {
    let failed =
        |index| OffsetDeleteResponsePartition::default().with_partition_index(index).with_error_code(error_code);
    OffsetDeleteResponseTopic::default()
        .with_name(topic.name.clone())
        .with_partitions(topic.partitions.iter().map(|partition| failed(partition.partition_index)).collect())
}
