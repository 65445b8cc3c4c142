//! Joining a group, alone, and leaving it again.
//!
//! Must never: join a group that is in use, or end without leaving.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{DeleteGroupsRequest, GroupId, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest};
use kafka_protocol::protocol::StrBytes;
use weir_pki::bundle::GroupRule;

use crate::consumer::bundle::Bundle;
use crate::consumer::deadline::Deadline;
use crate::consumer::fault::Fault;
use crate::consumer::finding::{Finding, Passed};
use crate::consumer::group::{coordinator, failed, is_free, is_passing, seen};
use crate::consumer::place::Place;
use crate::consumer::visit::{Line, Visit, code, name_of, text_of};

/// The group that is joined where the user names none, and deleted afterwards.
const GROUP: &str = "weir-doctor";
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

/// Joins a group: the one that the user names, or the doctor's own. `topic` is what it subscribes to.
pub(super) fn join(visit: &Visit<'_>, named: Option<&str>, topic: &str) -> Result<(Member, Passed), Finding> {
    let deadline = visit.deadline();
    let name = named.map_or_else(|| own_group(visit.bundle), str::to_owned);
    let member = loop {
        match join_once(visit, &GroupId(text_of(&name)), named.is_none(), topic, deadline) {
            // Where the coordinator goes, another one comes.
            Err(finding) if finding.fault == Fault::BrokerUnavailable && deadline.pause() => {}
            joined => break joined?,
        }
    };
    let seen = format!("joined {}, generation {}, at {}", name_of(&name), member.generation, member.coordinator);
    Ok((member, Passed::new(seen).with("group", name_of(&name))))
}

/// The name under which this principal may have it.
fn own_group(bundle: &Bundle) -> String {
    match &bundle.manifest.groups {
        GroupRule::Any => GROUP.to_owned(),
        GroupRule::Prefix(prefix) => format!("{prefix}{GROUP}"),
    }
}

fn join_once(
    visit: &Visit<'_>,
    group: &GroupId,
    is_own: bool,
    topic: &str,
    deadline: Deadline,
) -> Result<Member, Finding> {
    let coordinator = coordinator(visit, group, deadline)?;
    let mut line = Line::new(visit, &coordinator, deadline);
    let is_new = is_free(&mut line, group, is_own)?;
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
