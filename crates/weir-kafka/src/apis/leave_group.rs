//! LeaveGroup: the group is renamed. Version 3 may remove other members: all of them are the same principal's.
//!
//! Must never: reach a group outside the principal's namespace.

use kafka_protocol::messages::LeaveGroupResponse;

use super::{Judged, NAMES_NO_TIME, Request};
use crate::fault::Fault;
use crate::outcome::Refusals;

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let answer = |error_code| LeaveGroupResponse::default().with_error_code(error_code);
    request.forward_for_member(NAMES_NO_TIME, refusals, answer)
}
