//! Heartbeat: the group is renamed, the answer passes.
//!
//! Must never: reach a group outside the principal's namespace.

use kafka_protocol::messages::{HeartbeatRequest, HeartbeatResponse};

use super::{Judged, Request, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code_of;

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<HeartbeatRequest>()?.message;
    let answer = |error_code| HeartbeatResponse::default().with_error_code(error_code);
    match request.real_group(&message.group_id) {
        Err(reason) => {
            refusals.add(reason, 1);
            request.answer(&answer(code_of(reason)))
        }
        Ok(group) => {
            message.group_id = group;
            let if_unreachable = || answer(request.row.unreachable_code());
            request.forward(&message, Withheld::Nothing, if_unreachable)
        }
    }
}
