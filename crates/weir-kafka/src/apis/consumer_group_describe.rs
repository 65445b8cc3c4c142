//! ConsumerGroupDescribe (KIP-848): the principal's own groups of the consumer protocol, under its own names for them.
//!
//! Must never: show where a member is, a topic that the principal may not see (trap L15), or whether somebody else's group
//! exists (trap L11).

use kafka_protocol::messages::consumer_group_describe_response::{DescribedGroup, Member};
use kafka_protocol::messages::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, GroupId};
use kafka_protocol::protocol::StrBytes;
use weir_policy::{Operation, Resource};

use super::own_groups::{self, NO_HOST, Name};
use super::{Answer, Judged, NAMES_NO_TIME, Request, Restored, Withheld};
use crate::env::Env;
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code;

/// What is said of a group that holds a topic which the principal may not see.
const HOLDS_HIDDEN: &str = "A member of the group holds a topic that you may not describe.";

/// What was asked, and what of it was refused.
#[derive(Debug)]
pub(crate) struct Asked {
    own: Vec<Name>,
    refused: Vec<DescribedGroup>,
    operations: bool,
}

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let mut message = request.decode::<ConsumerGroupDescribeRequest>()?;
    let groups = std::mem::take(&mut message.group_ids);
    let sorted = own_groups::sort(request, Operation::Describe, groups, refusals);
    let refused: Vec<_> = sorted.refused.iter().map(|(shown, error_code)| failed(shown, *error_code)).collect();
    if sorted.own.is_empty() {
        return request.answer(&ConsumerGroupDescribeResponse::default().with_groups(refused));
    }
    let if_unreachable = || {
        let own = sorted.own.iter().map(|name| failed(&name.shown, request.row.unreachable_code()));
        ConsumerGroupDescribeResponse::default().with_groups(refused.iter().cloned().chain(own).collect())
    };
    let if_unreachable = request.if_unreachable(if_unreachable)?;
    message.group_ids = own_groups::real(&sorted.own);
    // What Weir itself may do at the brokers is nobody's business.
    let operations = std::mem::take(&mut message.include_authorized_operations);
    let withheld = Withheld::ConsumerGroupDescribe(Box::new(Asked { own: sorted.own, refused, operations }));
    request.forward_prepared(&message, withheld, request.patience(NAMES_NO_TIME), if_unreachable)
}

/// The refused groups come first, as with Kafka.
pub(super) fn restore(answer: &Answer<'_>, asked: &Asked) -> Result<Restored, Fault> {
    let mut message = answer.decode::<ConsumerGroupDescribeResponse>()?;
    let mut left: Vec<&Name> = asked.own.iter().collect();
    let mut groups = asked.refused.clone();
    for group in std::mem::take(&mut message.groups) {
        let name = own_groups::take(&mut left, &group.group_id)?;
        groups.push(shown(group, name, asked.operations, answer.env));
    }
    message.groups = groups;
    answer.encoded(&message, false)
}

fn shown(mut group: DescribedGroup, name: &Name, operations: bool, env: &Env<'_>) -> DescribedGroup {
    let may_see = |topic: &str| env.policy.judge(env.principal, Operation::Describe, Resource::Topic(topic)).is_ok();
    if !group.members.iter().flat_map(topics).all(may_see) {
        let told = Some(StrBytes::from_static_str(HOLDS_HIDDEN));
        return failed(&name.shown, code::TOPIC_AUTHORIZATION_FAILED).with_error_message(told);
    }
    group.error_message = own_groups::sentence(group.error_message.as_ref(), name);
    group.group_id = name.shown.clone();
    group.members.iter_mut().for_each(mask);
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

/// Racks are the brokers' own, and so is a pattern: members behind Weir have none at the brokers.
fn mask(member: &mut Member) {
    member.client_host = NO_HOST;
    member.rack_id = None;
    member.subscribed_topic_regex = member.subscribed_topic_regex.take().filter(|pattern| pattern.is_empty());
}

fn failed(shown: &GroupId, error_code: i16) -> DescribedGroup {
    DescribedGroup::default().with_group_id(shown.clone()).with_error_code(error_code)
}
