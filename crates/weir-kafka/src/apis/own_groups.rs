//! What the requests about groups as such share: which of them are the principal's, under which two names, and what of
//! a group is shown.
//!
//! Must never: let a name of the brokers' through, or tell a group that is absent from one that is somebody else's.

use kafka_protocol::messages::GroupId;
use kafka_protocol::protocol::StrBytes;
use weir_policy::{Operation, Resource};

use super::{Request, operations};
use crate::env::Env;
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code_of;

/// Where each member's client is, to who describes the group: nowhere. Brokers know no more than Weir's own address.
/// It has the form of Java's addresses, which brokers write, so that who cuts the slash off and reads an address can.
pub(super) const NO_HOST: StrBytes = StrBytes::from_static_str("/0.0.0.0");

/// A group that was asked for and may be.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub real: GroupId,
    pub shown: GroupId,
}

/// The groups of a request, each judged. A refused one has its code.
pub(super) struct Sorted {
    pub own: Vec<Name>,
    pub refused: Vec<(GroupId, i16)>,
}

pub(super) fn sort(
    request: &Request<'_>,
    operation: Operation,
    groups: Vec<GroupId>,
    refusals: &mut Refusals,
) -> Sorted {
    let mut sorted = Sorted { own: Vec::with_capacity(groups.len()), refused: Vec::new() };
    for shown in groups {
        match request.real_group_for(operation, &shown) {
            Ok(real) => sorted.own.push(Name { real, shown }),
            Err(reason) => {
                refusals.add(reason, 1);
                sorted.refused.push((shown, code_of(reason)));
            }
        }
    }
    sorted
}

/// The brokers' names, for the request.
pub(super) fn real(own: &[Name]) -> Vec<GroupId> {
    own.iter().map(|name| name.real.clone()).collect()
}

/// The names of a group in the broker's answer. A group that is asked for twice has two answers (trap C35).
pub(super) fn take<'a>(left: &mut Vec<&'a Name>, real: &GroupId) -> Result<&'a Name, Fault> {
    let place = left.iter().position(|name| name.real == *real).ok_or(Fault::BrokerUnasked)?;
    Ok(left.swap_remove(place))
}

/// A broker's sentence about a group, with the name that the client knows; none where it is not one of those that are
/// known, for it could name anything (trap L24).
pub(super) fn sentence(said: Option<&StrBytes>, name: &Name) -> Option<StrBytes> {
    let (before, after) = said?.split_once(&**name.real)?;
    let known = before == "Group " && KNOWN_ENDS.contains(&after);
    known.then(|| StrBytes::from_string([before, &**name.shown, after].concat()))
}

/// How brokers end a sentence about a group.
const KNOWN_ENDS: [&str; 3] = [" not found.", " is not a classic group.", " is not a consumer group."];

/// What the principal may do to a group of its own, as Kafka writes it: a bit for each operation.
pub(super) fn operations(env: &Env<'_>, group: &GroupId) -> i32 {
    operations::bits(|operation| env.policy.judge(env.principal, operation, Resource::Group(group)).is_ok())
}
