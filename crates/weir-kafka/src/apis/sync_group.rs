//! SyncGroup: the group is renamed; assignments are opaque, for every member is the same principal's.
//!
//! Must never: reach a group outside the principal's namespace.

use kafka_protocol::messages::SyncGroupResponse;

use super::{Judged, Request};
use crate::fault::Fault;
use crate::outcome::Refusals;

/// A rebalance is as long as the slowest member; SyncGroup does not say how long that may be, so this is the most that a
/// broker allows a member by default (`group.max.session.timeout.ms`, 30 minutes).
pub(super) const LONGEST_REBALANCE_MS: i32 = 30 * 60 * 1000;

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let answer = |error_code| SyncGroupResponse::default().with_error_code(error_code);
    request.forward_for_member(LONGEST_REBALANCE_MS, refusals, answer)
}
