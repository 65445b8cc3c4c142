//! SyncGroup: the group is renamed; assignments are opaque, for every member is the same principal's.
//!
//! Must never: reach a group outside the principal's namespace.

use kafka_protocol::messages::{SyncGroupRequest, SyncGroupResponse};
use weir_policy::Reason;

use super::{Judged, Request};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code_of;

/// A rebalance is as long as the slowest member; SyncGroup does not say how long that may be, so this is the most that a
/// broker allows a member by default (`group.max.session.timeout.ms`, 30 minutes).
pub(super) const LONGEST_REBALANCE_MS: i32 = 30 * 60 * 1000;

/// The first version whose request names the group's protocol.
const NAMES_PROTOCOL: i16 = 5;

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let answer = |error_code| SyncGroupResponse::default().with_error_code(error_code);
    // Kafka looks at this before it looks at the right to the group.
    if request.version >= NAMES_PROTOCOL {
        let message = request.decode::<SyncGroupRequest>()?;
        if message.protocol_type.is_none() || message.protocol_name.is_none() {
            refusals.add(Reason::GroupProtocolType, 1);
            return request.answer(&answer(code_of(Reason::GroupProtocolType)));
        }
    }
    request.forward_for_member(LONGEST_REBALANCE_MS, refusals, answer)
}
