//! ConsumerGroupHeartbeat (KIP-848): the group is renamed, every topic that is subscribed by name is judged, and a
//! pattern becomes names of topics that the principal may see (`subscribed.rs`).
//!
//! Must never: forward a pattern, which the brokers would resolve over all topics, with Weir's rights; or give an
//! assignment of a topic that the principal may not see (trap L14).

mod subscribed;

use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use kafka_protocol::protocol::StrBytes;
use weir_policy::{Joiner, Operation, Reason};

use super::quotas::millis;
use super::{Answer, Judged, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::{code, code_of, sentence_of};
pub(crate) use subscribed::Followed;
use subscribed::{NotFollowed, Then, follow};

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<ConsumerGroupHeartbeatRequest>()?;
    match request.real_group(&message.group_id) {
        Ok(group) => message.group_id = group,
        Err(reason) => return refuse(request, refusals, reason, code_of(reason)),
    }
    // One topic that is refused refuses the whole heartbeat, as with Kafka.
    for topic in message.subscribed_topic_names.iter().flatten() {
        if let Err(reason) = request.env.judge_in_group(Operation::Describe, topic) {
            return refuse(request, refusals, reason, code_of(reason));
        }
    }
    // Kafka asks for the rights first.
    if message.rack_id.as_ref().is_some_and(|rack| rack.is_empty()) {
        return refuse(request, refusals, Reason::RequestShape, code::INVALID_REQUEST);
    }
    // Only who has no epoch yet asks for a place.
    if message.member_epoch == 0
        && let Err(reason) = request.admit_join(&message.group_id, joiner(&message))
    {
        return refuse(request, refusals, reason, code_of(reason));
    }
    let longest = millis(request.env.principal.limits.rebalance_timeout_max);
    message.rebalance_timeout_ms = message.rebalance_timeout_ms.min(longest);
    // Racks are the brokers' own; an absent one means that it did not change.
    message.rack_id = None;
    let followed = match follow(request, &mut message) {
        Ok(followed) => followed,
        Err(NotFollowed::NotAPattern) => {
            return refuse(request, refusals, Reason::RequestShape, code::INVALID_REGULAR_EXPRESSION);
        }
        Err(NotFollowed::NothingKnown) => return request.answer(&failed(request.row.unreachable_code())),
    };
    let if_unreachable = || failed(request.row.unreachable_code());
    request.forward(&message, Withheld::ConsumerGroupHeartbeat(followed.map(Box::new)), if_unreachable)
}

/// Who asks for a place: its id is its own, and none where the broker is to give it one.
fn joiner(message: &ConsumerGroupHeartbeatRequest) -> Joiner<'_> {
    let id = Some(&*message.member_id).filter(|id| !id.is_empty());
    Joiner { id, instance: message.instance_id.as_deref(), ..Joiner::default() }
}

/// The broker's text is replaced: it may name members, assignors or topics (trap L24).
pub(super) fn restore(answer: &Answer<'_>, followed: Option<&Followed>) -> Result<Restored, Fault> {
    let mut message = answer.decode::<ConsumerGroupHeartbeatResponse>()?;
    if message.error_code != code::NONE {
        if let Some(followed) = followed
            && matches!(message.error_code, code::UNKNOWN_MEMBER_ID | code::GROUP_ID_NOT_FOUND)
        {
            followed.unknown(answer.env);
        }
        let told = message.error_message.is_some().then(|| StrBytes::from_static_str(sentence_of(message.error_code)));
        message.error_message = told;
        return answer.encoded(&message, false);
    }
    let again = |error_code| failed(error_code).with_throttle_time_ms(message.throttle_time_ms);
    match followed.map(|followed| followed.accepted(answer.env)) {
        // What it said when it joined is not known. Clients answer this code by saying all again, and stay members.
        Some(Then::SayAllAgain) => return answer.encoded(&again(code::NOT_COORDINATOR), false),
        Some(Then::Keep(_) | Then::AsBefore | Then::Forget) | None => {}
    }
    match assigned(answer, &message) {
        Assigned::All if message.error_message.is_none() => answer.passed(),
        Assigned::All => answer.encoded(&message.with_error_message(None), false),
        // Most likely it was made a moment ago. Nobody is told of a topic that nobody judged.
        Assigned::Unknown => answer.encoded(&again(code::COORDINATOR_NOT_AVAILABLE), true),
        Assigned::Hidden => {
            let may_see = |id| may_see(answer, id) == Some(true);
            let assignment = message.assignment.iter_mut();
            assignment.for_each(|assignment| assignment.topic_partitions.retain(|topic| may_see(topic.topic_id)));
            answer.encoded(&message.with_error_message(None), false)
        }
    }
}

/// What the principal may see of an assignment.
enum Assigned {
    All,
    /// Not all of it: something was granted when it was subscribed to, and is no more.
    Hidden,
    /// It holds a topic that is not in the view.
    Unknown,
}

fn assigned(answer: &Answer<'_>, message: &ConsumerGroupHeartbeatResponse) -> Assigned {
    let topics = message.assignment.iter().flat_map(|assignment| &assignment.topic_partitions);
    let mut assigned = Assigned::All;
    for topic in topics {
        match may_see(answer, topic.topic_id) {
            Some(true) => {}
            Some(false) => assigned = Assigned::Hidden,
            None => return Assigned::Unknown,
        }
    }
    assigned
}

/// Nothing where the topic is not known.
fn may_see(answer: &Answer<'_>, id: uuid::Uuid) -> Option<bool> {
    let env = answer.env;
    let (name, _) = env.view?.topic_by_id(id)?;
    Some(env.judge_in_group(Operation::Describe, &name).is_ok())
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
