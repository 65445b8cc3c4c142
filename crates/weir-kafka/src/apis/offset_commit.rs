//! OffsetCommit: the group is renamed and each topic judged; the answer names every partition that was asked.
//!
//! Must never: leave an offset for a group or a topic that was refused, or let a client pin it for longer (trap S15).

use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};
use weir_policy::Operation;

use super::topics::AskedTopic;
use super::{Answer, ForwardBody, Judged, NAMES_NO_TIME, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code_of;
use crate::skim;

/// The last version in which a client says for how long an offset is kept.
const LAST_WITH_RETENTION: i16 = 4;

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    match as_it_is(request)? {
        Some(judged) => Ok(judged),
        None => judge_each(request, refusals),
    }
}

/// The usual commit: nothing of it is refused, and nothing but the group's name changes on its way.
fn as_it_is(request: &Request<'_>) -> Result<Option<Judged>, Fault> {
    let names_a_time = request.version <= LAST_WITH_RETENTION;
    if names_a_time || !request.env.broker_connected {
        return Ok(None);
    }
    let body = request.known_body()?;
    let Ok(shown) = request.own_group(&body)? else { return Ok(None) };
    let may_read = |topic: &str| request.judge_topic(Operation::Read, topic).is_ok();
    let all = skim::all_topics(request.row.request, request.version, &body, may_read).map_err(Fault::Malformed)?;
    let body = ForwardBody::Renamed { body, shown };
    let withheld = Withheld::OffsetCommit(Vec::new());
    Ok(all.then(|| request.forward_body(body, withheld, request.patience(NAMES_NO_TIME), None)))
}

fn judge_each(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<OffsetCommitRequest>()?;
    match request.real_group(&message.group_id) {
        Ok(group) => message.group_id = group,
        Err(reason) => {
            refusals.add(reason, 1);
            let topics = message.topics.iter().map(|topic| topic.failed(code_of(reason))).collect();
            return request.answer(&response(topics));
        }
    }
    message.retention_time_ms = -1;
    let asked_for_nothing = message.topics.is_empty();
    let refused = request.cut_topics(Operation::Read, &mut message.topics, refusals);
    if message.topics.is_empty() && !asked_for_nothing {
        return request.answer(&response(refused));
    }
    request.forward_topics(&message, &message.topics, refused, response, Withheld::OffsetCommit)
}

pub(super) fn restore(answer: &Answer<'_>, refused: &[OffsetCommitResponseTopic]) -> Result<Restored, Fault> {
    if refused.is_empty() {
        return answer.passed();
    }
    let mut message = answer.decode::<OffsetCommitResponse>()?;
    message.topics.extend(refused.iter().cloned());
    answer.encoded(&message, false)
}

fn response(topics: Vec<OffsetCommitResponseTopic>) -> OffsetCommitResponse {
    OffsetCommitResponse::default().with_topics(topics)
}

impl AskedTopic for OffsetCommitRequestTopic {
    type Answered = OffsetCommitResponseTopic;

    fn name(&self) -> &str {
        &self.name
    }

    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn failed(&self, error_code: i16) -> OffsetCommitResponseTopic {
        let failed =
            |index| OffsetCommitResponsePartition::default().with_partition_index(index).with_error_code(error_code);
        OffsetCommitResponseTopic::default()
            .with_name(self.name.clone())
            .with_partitions(self.partitions.iter().map(|partition| failed(partition.partition_index)).collect())
    }
}
