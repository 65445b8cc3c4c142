//! ConsumerGroupDescribe (KIP-848): the principal's own groups of the consumer protocol, under its own names for them.
//!
//! Must never: show where a member is, a topic that the principal may not see (trap L15), or whether somebody else's group
//! exists (trap L11).

use kafka_protocol::messages::consumer_group_describe_response::{DescribedGroup, Member};
use kafka_protocol::messages::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, GroupId};
use kafka_protocol::protocol::StrBytes;
use weir_policy::Operation;

use super::own_groups::{self, Asked, NO_HOST, Name, NamesGroups};
use super::{Answer, Judged, Request, Restored, Withheld};
use crate::env::Env;
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code;
use crate::subscriptions::MemberKey;

/// What is said of a group that holds a topic which the principal may not see.
const HOLDS_HIDDEN: &str = "A member of the group holds a topic that you may not describe.";

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<ConsumerGroupDescribeRequest>()?;
    // What Weir itself may do at the brokers is nobody's business.
    let operations = std::mem::take(&mut message.include_authorized_operations);
    let withheld = |asked| Withheld::ConsumerGroupDescribe { asked: Box::new(asked), operations };
    own_groups::judge(request, message, refusals, withheld)
}

pub(super) fn restore(answer: &Answer<'_>, asked: &Asked<DescribedGroup>, operations: bool) -> Result<Restored, Fault> {
    let mut message = answer.decode::<ConsumerGroupDescribeResponse>()?;
    let show = |group, name: &_| shown(group, name, operations, answer.env);
    message.groups = asked.described(std::mem::take(&mut message.groups), |group| &group.group_id, show)?;
    answer.encoded(&message, false)
}

fn shown(mut group: DescribedGroup, name: &Name, operations: bool, env: &Env<'_>) -> DescribedGroup {
    let may_see = |topic: &str| env.judge_in_group(Operation::Describe, topic).is_ok();
    if !group.members.iter().flat_map(topics).all(may_see) {
        let told = Some(StrBytes::from_static_str(HOLDS_HIDDEN));
        return ConsumerGroupDescribeRequest::failed(&name.shown, code::TOPIC_AUTHORIZATION_FAILED)
            .with_error_message(told);
    }
    group.error_message = own_groups::sentence(group.error_message.as_ref(), name);
    group.group_id = name.shown.clone();
    group.members.iter_mut().for_each(|member| mask(member, name, env));
    if operations && group.error_code == code::NONE {
        group.authorized_operations = own_groups::operations(env, &name.shown);
    }
    group
}

/// Every topic that a member names or holds.
fn topics(member: &Member) -> impl Iterator<Item = &str> {
    let held = member.assignment.topic_partitions.iter().chain(&member.target_assignment.topic_partitions);
    let named = member.subscribed_topic_names.iter().map(|name| &**name as &str);
    named.chain(held.map(|held| &*held.topic_name as &str))
}

/// Racks are the brokers' own, and so is a pattern: members behind Weir have none at the brokers. One that Weir knows has
/// there the names that its pattern stands for, and here its own.
fn mask(member: &mut Member, group: &Name, env: &Env<'_>) {
    member.client_host = NO_HOST;
    member.rack_id = None;
    member.subscribed_topic_regex = member.subscribed_topic_regex.take().filter(|pattern| pattern.is_empty());
    let key = MemberKey {
        principal: env.principal.name.clone(),
        group: group.real.to_string(),
        member: member.member_id.to_string(),
    };
    let Some(known) = env.subscriptions.look_up(&key) else { return };
    if let Some(pattern) = &known.pattern {
        member.subscribed_topic_regex = Some(StrBytes::from_string(pattern.to_string()));
        member.subscribed_topic_names.retain(|topic| known.names.iter().any(|name| **name == ***topic));
    }
}

impl NamesGroups for ConsumerGroupDescribeRequest {
    type Group = DescribedGroup;
    type Answer = ConsumerGroupDescribeResponse;

    const OPERATION: Operation = Operation::Describe;

    fn groups(&mut self) -> &mut Vec<GroupId> {
        &mut self.group_ids
    }

    fn failed(shown: &GroupId, error_code: i16) -> DescribedGroup {
        DescribedGroup::default().with_group_id(shown.clone()).with_error_code(error_code)
    }

    /// The refused groups come first.
    fn answer(own: Vec<DescribedGroup>, refused: Vec<DescribedGroup>) -> ConsumerGroupDescribeResponse {
        ConsumerGroupDescribeResponse::default().with_groups(refused.into_iter().chain(own).collect())
    }
}
