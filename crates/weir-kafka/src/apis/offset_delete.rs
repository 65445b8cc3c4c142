//! OffsetDelete: offsets of the principal's own group, for topics that it may read.
//!
//! Must never: delete an offset of a group or a topic that was refused.

use kafka_protocol::messages::offset_delete_request::OffsetDeleteRequestTopic;
use kafka_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use kafka_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};
use weir_policy::Operation;

use super::topics::AskedTopic;
use super::{Answer, Judged, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::{code, code_of};

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<OffsetDeleteRequest>()?;
    match request.real_group_for(Operation::Delete, &message.group_id) {
        Ok(group) => message.group_id = group,
        Err(reason) => {
            refusals.add(reason, 1);
            return request.answer(&OffsetDeleteResponse::default().with_error_code(code_of(reason)));
        }
    }
    let refused = request.cut_from_group(Operation::Read, &mut message.topics, refusals);
    // Where nothing is left it is asked all the same: what is wrong with the group comes before what is wrong with topics,
    // and no topics mean none (trap C36).
    let if_unreachable = || OffsetDeleteResponse::default().with_error_code(request.row.unreachable_code());
    request.forward(&message, Withheld::OffsetDelete(refused), if_unreachable)
}

/// What is wrong with the group stands alone, as with Kafka; else the refused topics come first.
pub(super) fn restore(answer: &Answer<'_>, refused: &[OffsetDeleteResponseTopic]) -> Result<Restored, Fault> {
    let mut message = answer.decode::<OffsetDeleteResponse>()?;
    if message.error_code == code::NONE {
        message.topics.splice(..0, refused.iter().cloned());
    }
    answer.encoded(&message, false)
}

impl AskedTopic for OffsetDeleteRequestTopic {
    type Answered = OffsetDeleteResponseTopic;

    fn name(&self) -> &str {
        &self.name
    }

    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn failed(&self, error_code: i16) -> OffsetDeleteResponseTopic {
        let failed =
            |index| OffsetDeleteResponsePartition::default().with_partition_index(index).with_error_code(error_code);
        OffsetDeleteResponseTopic::default()
            .with_name(self.name.clone())
            .with_partitions(self.partitions.iter().map(|partition| failed(partition.partition_index)).collect())
    }
}
