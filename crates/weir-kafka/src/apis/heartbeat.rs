//! Heartbeat: the group is renamed, the answer passes.
//!
//! Must never: reach a group outside the principal's namespace.

use kafka_protocol::messages::HeartbeatResponse;

use super::{Judged, NAMES_NO_TIME, Request};
use crate::fault::Fault;
use crate::outcome::Refusals;

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let answer = |error_code| HeartbeatResponse::default().with_error_code(error_code);
    request.forward_for_member(NAMES_NO_TIME, refusals, answer)
}
