//! ConsumerGroupHeartbeat (KIP-848): the group is renamed and every topic that is subscribed by name is judged.
//!
//! Must never: forward a pattern. The brokers would resolve it over all topics, with Weir's rights (trap L14).

use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use kafka_protocol::protocol::StrBytes;
use weir_policy::{Operation, Reason};

use super::{Answer, Judged, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::{code, code_of, sentence_of};

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<ConsumerGroupHeartbeatRequest>()?;
    match request.real_group(&message.group_id) {
        Ok(group) => message.group_id = group,
        Err(reason) => return refuse(request, refusals, reason, code_of(reason)),
    }
    if message.subscribed_topic_regex.as_ref().is_some_and(|pattern| !pattern.is_empty()) {
        return refuse(request, refusals, Reason::RequestShape, code::INVALID_REGULAR_EXPRESSION);
    }
    // One topic that is refused refuses the whole heartbeat, as with Kafka.
    for topic in message.subscribed_topic_names.iter().flatten() {
        if let Err(reason) = request.judge_topic(Operation::Describe, topic) {
            return refuse(request, refusals, reason, code_of(reason));
        }
    }
    // Kafka asks for the rights first.
    if message.rack_id.as_ref().is_some_and(|rack| rack.is_empty()) {
        return refuse(request, refusals, Reason::RequestShape, code::INVALID_REQUEST);
    }
    // Racks are the brokers' own; an absent one means that it did not change.
    message.rack_id = None;
    let if_unreachable = || failed(request.row.unreachable_code());
    request.forward(&message, Withheld::ConsumerGroupHeartbeat, if_unreachable)
}

/// The broker's text is replaced: it may name members, assignors or topics (trap L24).
pub(super) fn restore(answer: &Answer<'_>) -> Result<Restored, Fault> {
    let mut message = answer.decode::<ConsumerGroupHeartbeatResponse>()?;
    if message.error_message.is_none() {
        return answer.passed();
    }
    message.error_message = Some(StrBytes::from_static_str(sentence_of(message.error_code)));
    answer.encoded(&message, false)
}

fn refuse(request: &Request<'_>, refusals: &mut Refusals, reason: Reason, error_code: i16) -> Result<Judged, Fault> {
    refusals.add(reason, 1);
    request.answer(&failed(error_code))
}

fn failed(error_code: i16) -> ConsumerGroupHeartbeatResponse {
    // A refusal of rights has no text with Kafka either.
    let has_text = !matches!(error_code, code::TOPIC_AUTHORIZATION_FAILED | code::GROUP_AUTHORIZATION_FAILED);
    ConsumerGroupHeartbeatResponse::default()
        .with_error_code(error_code)
        .with_error_message(has_text.then(|| StrBytes::from_static_str(sentence_of(error_code))))
}
