//! JoinGroup: the group is renamed; only consumers form groups, so that groups are no free lock or chat service.
//!
//! The answer lists the subscriptions of all members to their leader: all of them are the same principal's (trap L13).
//! Must never: reach a group outside the principal's namespace, subscribe to a topic that is refused, or make a group
//! more than the principal may have (trap A10).

use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use kafka_protocol::protocol::StrBytes;
use weir_policy::{Joiner, Operation, Reason};

use super::quotas::millis;
use super::sync_group::LONGEST_REBALANCE_MS;
use super::{Judged, Request, Withheld, subscription};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code_of;

/// The first version in which a member is given its id first, and asks again with it.
const ASKS_AGAIN: i16 = 4;
/// The protocol type of consumers.
const CONSUMER: &str = "consumer";

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<JoinGroupRequest>()?;
    let judged = request
        .real_group(&message.group_id)
        .and_then(|group| if &*message.protocol_type == CONSUMER { Ok(group) } else { Err(Reason::GroupProtocolType) })
        .and_then(|group| request.admit_join(&group, joiner(request.version, &message)).map(|()| group));
    match judged {
        Err(reason) => {
            refusals.add(reason, 1);
            request.answer(&failed(request.version, code_of(reason), &StrBytes::default()))
        }
        Ok(group) => {
            message.group_id = group;
            cut_refused_names(request, &mut message, refusals)?;
            let limits = &request.env.principal.limits;
            message.session_timeout_ms = message.session_timeout_ms.min(millis(limits.session_timeout_max));
            message.rebalance_timeout_ms = message.rebalance_timeout_ms.min(millis(limits.rebalance_timeout_max));
            // Brokers take any rebalance time-out: without an end of Weir's own, one request could hold a place for
            // weeks.
            let rebalance = message.rebalance_timeout_ms.max(message.session_timeout_ms).min(LONGEST_REBALANCE_MS);
            let unreachable = || failed(request.version, request.row.unreachable_code(), &message.member_id);
            let if_unreachable = request.if_unreachable(unreachable)?;
            request.forward_prepared(&message, Withheld::Nothing, request.patience(rebalance), if_unreachable)
        }
    }
}

fn joiner(version: i16, message: &JoinGroupRequest) -> Joiner<'_> {
    let id = Some(&*message.member_id).filter(|id| !id.is_empty());
    let instance = message.group_instance_id.as_deref();
    let asks_again = version >= ASKS_AGAIN && id.is_none() && instance.is_none();
    Joiner { id, id_is_given: id.is_some(), instance, asks_again }
}

fn cut_refused_names(
    request: &Request<'_>,
    message: &mut JoinGroupRequest,
    refusals: &mut Refusals,
) -> Result<(), Fault> {
    let mut is_granted = |topic: &str| {
        let judged = request.env.judge_in_group(Operation::Describe, topic);
        judged.map_err(|reason| refusals.add(reason, 1)).is_ok()
    };
    for protocol in &mut message.protocols {
        protocol.metadata =
            subscription::granted_only(&protocol.metadata, &mut is_granted).map_err(Fault::Malformed)?;
    }
    Ok(())
}

/// Trap C38: no generation, no leader, and the protocol is null from version 7 on, empty before.
fn failed(version: i16, error_code: i16, member_id: &StrBytes) -> JoinGroupResponse {
    let protocol_name = (version < 7).then(StrBytes::default);
    JoinGroupResponse::default()
        .with_error_code(error_code)
        .with_generation_id(-1)
        .with_protocol_name(protocol_name)
        .with_member_id(member_id.clone())
}
