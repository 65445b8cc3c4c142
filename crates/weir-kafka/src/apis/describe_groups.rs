//! DescribeGroups: the principal's own classic groups, under its own names for them.
//!
//! Must never: show where a member is, a topic that the principal may not see (trap L10), or whether somebody else's group
//! exists (trap L11).

use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse, GroupId};
use weir_policy::Operation;

use super::own_groups::{self, Asked, NO_HOST, Name, NamesGroups};
use super::{Answer, Judged, Request, Restored, Withheld, member_bytes};
use crate::env::Env;
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code;

/// The protocol type of consumers, whose members' bytes name topics.
const CONSUMER: &str = "consumer";

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<DescribeGroupsRequest>()?;
    // What Weir itself may do at the brokers is nobody's business.
    let operations = std::mem::take(&mut message.include_authorized_operations);
    let withheld = |asked| Withheld::DescribeGroups { asked: Box::new(asked), operations };
    own_groups::judge(request, message, refusals, withheld)
}

pub(super) fn restore(answer: &Answer<'_>, asked: &Asked<DescribedGroup>, operations: bool) -> Result<Restored, Fault> {
    let mut message = answer.decode::<DescribeGroupsResponse>()?;
    let show = |group, name: &_| shown(group, name, operations, answer.env);
    message.groups = asked.described(std::mem::take(&mut message.groups), |group| &group.group_id, show)?;
    answer.encoded(&message, false)
}

fn shown(mut group: DescribedGroup, name: &Name, operations: bool, env: &Env<'_>) -> DescribedGroup {
    group.error_message = own_groups::sentence(group.error_message.as_ref(), name);
    group.group_id = name.shown.clone();
    let of_consumers = &*group.protocol_type == CONSUMER;
    group.members.iter_mut().for_each(|member| mask(member, of_consumers, env));
    if operations && group.error_code == code::NONE {
        group.authorized_operations = own_groups::operations(env, &name.shown);
    }
    group
}

fn mask(member: &mut DescribedGroupMember, of_consumers: bool, env: &Env<'_>) {
    member.client_host = NO_HOST;
    if !of_consumers {
        // Nobody knows what these bytes name.
        member.member_metadata.clear();
        member.member_assignment.clear();
        return;
    }
    let may_see = |topic: &str| env.judge_in_group(Operation::Describe, topic).is_ok();
    member.member_metadata = member_bytes::subscription(&member.member_metadata, may_see);
    member.member_assignment = member_bytes::assignment(&member.member_assignment, may_see);
}

impl NamesGroups for DescribeGroupsRequest {
    type Group = DescribedGroup;
    type Answer = DescribeGroupsResponse;

    const OPERATION: Operation = Operation::Describe;

    fn groups(&mut self) -> &mut Vec<GroupId> {
        &mut self.groups
    }

    fn failed(shown: &GroupId, error_code: i16) -> DescribedGroup {
        DescribedGroup::default().with_group_id(shown.clone()).with_error_code(error_code)
    }

    /// The refused groups come first.
    fn answer(own: Vec<DescribedGroup>, refused: Vec<DescribedGroup>) -> DescribeGroupsResponse {
        DescribeGroupsResponse::default().with_groups(refused.into_iter().chain(own).collect())
    }
}
