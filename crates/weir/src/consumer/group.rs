//! A group: who coordinates it, and whether anybody is in it.
//!
//! Must never: change it.

use kafka_protocol::messages::{DescribeGroupsRequest, FindCoordinatorRequest, GroupId};

use super::deadline::Deadline;
use super::fault::Fault;
use super::finding::Finding;
use super::place::Place;
use super::visit::{Line, Visit, code, name_of, refused};

/// Who coordinates the group.
pub(crate) fn coordinator(visit: &Visit<'_>, group: &GroupId, deadline: Deadline) -> Result<Place, Finding> {
    let mut line = Line::new(visit, &visit.first, deadline);
    let request = FindCoordinatorRequest::default().with_key(group.0.clone());
    loop {
        let answer = line.ask(2, &request)?;
        match answer.error_code {
            code::NONE => {
                let place = Place::of(&answer.host, answer.port);
                return place.ok_or_else(|| Finding::new(Fault::BrokerUnavailable, "the coordinator has no address"));
            }
            again if is_passing(again) && line.again() => {}
            code::NO_COORDINATOR => {
                return Err(seen(Fault::BrokerUnavailable, "FindCoordinator", answer.error_code, group));
            }
            other => return Err(failed("FindCoordinator", other, group)),
        }
    }
}

/// Whether the group is new; an error where somebody is in it now. `is_own`: who is in it
/// will soon be gone.
pub(crate) fn is_free(line: &mut Line<'_>, group: &GroupId, is_own: bool) -> Result<bool, Finding> {
    if line.newest::<DescribeGroupsRequest>(4).is_none() {
        // Not every broker can be asked: whether the group is new is not known then.
        return Ok(false);
    }
    let request = DescribeGroupsRequest::default().with_groups(vec![group.clone()]);
    loop {
        let answer = line.ask(4, &request)?;
        let described = answer.groups.first().ok_or_else(|| refused("DescribeGroups", code::NONE))?;
        match described.error_code {
            code::NONE => {}
            again if is_passing(again) && line.again() => continue,
            other => return Err(failed("DescribeGroups", other, group)),
        }
        return match described.group_state.as_str() {
            "Dead" => Ok(true),
            "Empty" => Ok(false),
            // Another doctor, as a rule: it ends soon.
            _ if is_own && line.again() => continue,
            state => {
                let members = described.members.len();
                let seen = format!("{} is {}, with {members} members", name_of(&group.0), name_of(state));
                Err(Finding::new(Fault::GroupInUse, seen))
            }
        };
    }
}

/// Whether a code is for a moment only.
pub(crate) fn is_passing(error_code: i16) -> bool {
    [code::COORDINATOR_LOADING, code::NO_COORDINATOR, code::REBALANCE].contains(&error_code)
}

/// What a code that does not pass says of a group.
pub(crate) fn failed(what: &str, error_code: i16, group: &GroupId) -> Finding {
    let fault = match error_code {
        code::GROUP_REFUSED | code::INVALID_GROUP => Fault::GroupName,
        code::GROUP_FULL => Fault::QuotaMembers,
        code::NOT_COORDINATOR => Fault::BrokerUnavailable,
        again if is_passing(again) => Fault::GroupBusy,
        other => return refused(what, other),
    };
    seen(fault, what, error_code, group)
}

/// A fault of a group, with what was asked and the code that came.
pub(crate) fn seen(fault: Fault, what: &str, error_code: i16, group: &GroupId) -> Finding {
    Finding::new(fault, format!("{what} of {}: error {error_code}", name_of(&group.0)))
        .with("code", error_code)
        .with("group", name_of(&group.0))
}
