//! Joining a group, alone, and leaving it again.
//!
//! Must never: join a group that is in use, or end without leaving.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, GroupId, JoinGroupRequest, LeaveGroupRequest,
    SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;

use super::deadline::Deadline;
use super::fault::Fault;
use super::finding::{Finding, Passed};
use super::place::Place;
use super::visit::{Line, Visit, code, name_of, refused, text_of};

/// How long the brokers keep a member that is not heard of: longer than what is between joining and committing, as a
/// rule, and shorter than a step, so that who was stopped in the middle can try again.
const SESSION_MS: i32 = 12_000;
/// The protocol type of consumers.
const CONSUMER: &str = "consumer";
/// How partitions are given out: to one member, it is all the same.
const ASSIGNOR: &str = "range";

/// A member of a group, and the only one.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) group: GroupId,
    pub(super) id: StrBytes,
    pub(super) generation: i32,
    /// The group was not there before.
    is_new: bool,
    pub(super) coordinator: Place,
}

/// Joins a group. `topic` is what it subscribes to.
pub(super) fn join(visit: &Visit<'_>, topic: &str) -> Result<(Member, Passed), Finding> {
    let deadline = visit.deadline();
    let name = visit.patient.group.clone().unwrap_or_else(|| visit.bundle.group());
    let member = loop {
        match join_once(visit, &GroupId(text_of(&name)), topic, deadline) {
            // Where the coordinator goes, another one comes.
            Err(finding) if finding.fault == Fault::BrokerUnavailable && deadline.pause() => {}
            joined => break joined?,
        }
    };
    let seen = format!("joined {}, generation {}, at {}", name_of(&name), member.generation, member.coordinator);
    Ok((member, Passed::new(seen).with("group", name_of(&name))))
}

fn join_once(visit: &Visit<'_>, group: &GroupId, topic: &str, deadline: Deadline) -> Result<Member, Finding> {
    let coordinator = coordinator(visit, group, deadline)?;
    let mut line = Line::new(visit, &coordinator, deadline);
    // Not every broker can be asked: whether the group is new is not known then, and it is not deleted.
    let can_ask = visit.versions.newest::<DescribeGroupsRequest>(4).is_some();
    let is_new = can_ask && is_free(&mut line, group, visit.patient.group.is_none())?;
    let (id, generation) = enter(&mut line, group, topic)?;
    let synced = sync(&mut line, group, &id, generation);
    drop(line);
    let member = Member { group: group.clone(), id, generation, is_new, coordinator };
    if let Err(finding) = synced {
        member.leave(visit);
        return Err(finding);
    }
    Ok(member)
}

/// Who coordinates the group.
fn coordinator(visit: &Visit<'_>, group: &GroupId, deadline: Deadline) -> Result<Place, Finding> {
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

/// Whether nobody is in the group now, and whether it is new. `is_own`: nobody but a doctor would be in it.
fn is_free(line: &mut Line<'_>, group: &GroupId, is_own: bool) -> Result<bool, Finding> {
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

/// Becomes a member: its id, and its generation.
fn enter(line: &mut Line<'_>, group: &GroupId, topic: &str) -> Result<(StrBytes, i32), Finding> {
    let protocol = JoinGroupRequestProtocol::default().with_name(text_of(ASSIGNOR)).with_metadata(subscription(topic));
    let mut request = JoinGroupRequest::default()
        .with_group_id(group.clone())
        .with_session_timeout_ms(SESSION_MS)
        .with_rebalance_timeout_ms(SESSION_MS)
        .with_protocol_type(text_of(CONSUMER))
        .with_protocols(vec![protocol]);
    loop {
        let answer = line.ask(5, &request)?;
        match answer.error_code {
            code::NONE => return Ok((answer.member_id, answer.generation_id)),
            code::MEMBER_ID_REQUIRED if request.member_id.is_empty() => request.member_id = answer.member_id,
            code::GROUP_REFUSED => return Err(seen(Fault::QuotaGroups, "JoinGroup", answer.error_code, group)),
            again if is_passing(again) && line.again() => {}
            other => return Err(failed("JoinGroup", other, group)),
        }
    }
}

/// Takes its assignment, which it makes itself: none.
fn sync(line: &mut Line<'_>, group: &GroupId, id: &StrBytes, generation: i32) -> Result<(), Finding> {
    let assignment = SyncGroupRequestAssignment::default().with_member_id(id.clone()).with_assignment(no_partitions());
    let request = SyncGroupRequest::default()
        .with_group_id(group.clone())
        .with_generation_id(generation)
        .with_member_id(id.clone())
        .with_assignments(vec![assignment]);
    loop {
        let answer = line.ask(3, &request)?;
        match answer.error_code {
            code::NONE => return Ok(()),
            again if is_passing(again) && line.again() => {}
            other => return Err(failed("SyncGroup", other, group)),
        }
    }
}

impl Member {
    /// Leaves the group, and deletes it if it was not there before. What fails then ends by itself: a member without
    /// heartbeats, and a group without members.
    pub(super) fn leave(&self, visit: &Visit<'_>) {
        let mut line = Line::new(visit, &self.coordinator, visit.deadline());
        let leave = LeaveGroupRequest::default().with_group_id(self.group.clone()).with_member_id(self.id.clone());
        if line.ask(2, &leave).is_ok() && self.is_new {
            let _ = line.ask(1, &DeleteGroupsRequest::default().with_groups_names(vec![self.group.clone()]));
        }
    }
}

/// Whether a code is for a moment only.
pub(super) fn is_passing(error_code: i16) -> bool {
    [code::COORDINATOR_LOADING, code::NO_COORDINATOR, code::REBALANCE].contains(&error_code)
}

fn failed(what: &str, error_code: i16, group: &GroupId) -> Finding {
    let fault = match error_code {
        code::GROUP_REFUSED | code::INVALID_GROUP => Fault::GroupName,
        code::GROUP_FULL => Fault::QuotaMembers,
        code::NOT_COORDINATOR => Fault::BrokerUnavailable,
        again if is_passing(again) => Fault::GroupBusy,
        other => return refused(what, other),
    };
    seen(fault, what, error_code, group)
}

fn seen(fault: Fault, what: &str, error_code: i16, group: &GroupId) -> Finding {
    Finding::new(fault, format!("{what} of {}: error {error_code}", name_of(&group.0)))
        .with("code", error_code)
        .with("group", name_of(&group.0))
}

/// What a member of the consumer protocol subscribes to, in the form of version 0.
fn subscription(topic: &str) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(1);
    bytes.put_i16(i16::try_from(topic.len()).unwrap_or_default());
    bytes.put_slice(topic.as_bytes());
    bytes.put_i32(-1);
    bytes.freeze()
}

/// An assignment of the consumer protocol, in the form of version 0.
fn no_partitions() -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(0);
    bytes.put_i32(-1);
    bytes.freeze()
}
