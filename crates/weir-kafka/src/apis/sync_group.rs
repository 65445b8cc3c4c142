//! SyncGroup: the group is renamed; assignments are opaque, for every member is the same principal's.
//!
//! Must never: reach a group outside the principal's namespace.

use kafka_protocol::messages::{SyncGroupRequest, SyncGroupResponse};

use super::{Judged, Request, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code_of;

/// A rebalance is as long as the slowest member; SyncGroup does not say how long that may be, so this is the most that a
/// broker allows a member by default (`group.max.session.timeout.ms`, 30 minutes).
pub(super) const LONGEST_REBALANCE_MS: i32 = 30 * 60 * 1000;

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<SyncGroupRequest>()?.message;
    let answer = |error_code| SyncGroupResponse::default().with_error_code(error_code);
    match request.real_group(&message.group_id) {
        Err(reason) => {
            refusals.add(reason, 1);
            request.answer(&answer(code_of(reason)))
        }
        Ok(group) => {
            message.group_id = group;
            let if_unreachable = request.if_unreachable(|| answer(request.row.unreachable_code()))?;
            let patience = request.patience(LONGEST_REBALANCE_MS);
            request.forward_prepared(&message, Withheld::Nothing, patience, if_unreachable)
        }
    }
}
