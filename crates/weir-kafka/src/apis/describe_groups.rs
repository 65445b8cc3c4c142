//! DescribeGroups: the principal's own classic groups, under its own names for them.
//!
//! Must never: show where a member is, a topic that the principal may not see (trap L10), or whether somebody else's group
//! exists (trap L11).

use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse, GroupId};
use weir_policy::{Operation, Resource};

use super::own_groups::{self, NO_HOST, Name};
use super::{Answer, Judged, NAMES_NO_TIME, Request, Restored, Withheld, member_bytes};
use crate::env::Env;
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code;

/// The protocol type of consumers, whose members' bytes name topics.
const CONSUMER: &str = "consumer";

/// What was asked, and what of it was refused.
#[derive(Debug)]
pub(crate) struct Asked {
    own: Vec<Name>,
    refused: Vec<DescribedGroup>,
    operations: bool,
}

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<DescribeGroupsRequest>()?;
    let groups = std::mem::take(&mut message.groups);
    let sorted = own_groups::sort(request, Operation::Describe, groups, refusals);
    let refused: Vec<_> = sorted.refused.iter().map(|(shown, error_code)| failed(shown, *error_code)).collect();
    if sorted.own.is_empty() {
        return request.answer(&DescribeGroupsResponse::default().with_groups(refused));
    }
    let if_unreachable = || {
        let own = sorted.own.iter().map(|name| failed(&name.shown, request.row.unreachable_code()));
        DescribeGroupsResponse::default().with_groups(refused.iter().cloned().chain(own).collect())
    };
    let if_unreachable = request.if_unreachable(if_unreachable)?;
    message.groups = own_groups::real(&sorted.own);
    // What Weir itself may do at the brokers is nobody's business.
    let operations = std::mem::take(&mut message.include_authorized_operations);
    let withheld = Withheld::DescribeGroups(Box::new(Asked { own: sorted.own, refused, operations }));
    request.forward_prepared(&message, withheld, request.patience(NAMES_NO_TIME), if_unreachable)
}

/// The refused groups come first, as with Kafka.
pub(super) fn restore(answer: &Answer<'_>, asked: &Asked) -> Result<Restored, Fault> {
    let mut message = answer.decode::<DescribeGroupsResponse>()?;
    let mut left: Vec<&Name> = asked.own.iter().collect();
    let mut groups = asked.refused.clone();
    for mut group in std::mem::take(&mut message.groups) {
        let name = own_groups::take(&mut left, &group.group_id)?;
        group.error_message = own_groups::sentence(group.error_message.as_ref(), name);
        group.group_id = name.shown.clone();
        let of_consumers = &*group.protocol_type == CONSUMER;
        group.members.iter_mut().for_each(|member| mask(member, of_consumers, answer.env));
        if asked.operations && group.error_code == code::NONE {
            group.authorized_operations = own_groups::operations(answer.env, &name.shown);
        }
        groups.push(group);
    }
    message.groups = groups;
    answer.encoded(&message, false)
}

fn mask(member: &mut DescribedGroupMember, of_consumers: bool, env: &Env<'_>) {
    member.client_host = NO_HOST;
    if !of_consumers {
        // Nobody knows what these bytes name.
        member.member_metadata.clear();
        member.member_assignment.clear();
        return;
    }
    let may_see = |topic: &str| env.policy.judge(env.principal, Operation::Describe, Resource::Topic(topic)).is_ok();
    member.member_metadata = member_bytes::subscription(&member.member_metadata, may_see);
    member.member_assignment = member_bytes::assignment(&member.member_assignment, may_see);
}

fn failed(shown: &GroupId, error_code: i16) -> DescribedGroup {
    DescribedGroup::default().with_group_id(shown.clone()).with_error_code(error_code)
}
