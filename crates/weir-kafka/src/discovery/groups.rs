//! What brokers say of groups to Weir itself: which there are, who is in them, and for which partitions they hold an
//! offset.
//!
//! Must never: take for a count what a broker said that does not coordinate the group.

use bytes::Bytes;
use kafka_protocol::messages::{
    ConsumerGroupDescribeResponse, DescribeGroupsResponse, ListGroupsResponse, OffsetFetchResponse,
};

use kafka_protocol::protocol::StrBytes;

use super::{BadAnswer, body};
use crate::codec;
use crate::gate::Budget;
use crate::refusal::code;
use crate::shape;

/// What a broker says of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<T> {
    /// This much there is.
    Known(T),
    /// The group is of another protocol, or there is none.
    NoSuchGroup,
    /// Another broker coordinates it, or this one cannot say now: the code.
    Failed(i16),
}

/// A member of a group: its id, and its name as a static member.
pub type Member = (String, Option<String>);
/// The partitions for which a group holds an offset, and the offset: the next one that it wants.
pub type Offsets = Vec<(String, i32, i64)>;
/// What a broker says of groups, by their names.
pub type SaidOfGroups<T> = Vec<(String, Said<T>)>;

/// Reads an answer to ListGroups, header included: the groups that the broker coordinates.
///
/// # Errors
/// Where it is malformed, or an error: then it does not say all.
pub fn read_groups(version: i16, answer: &Bytes) -> Result<Vec<String>, BadAnswer> {
    let body = body(answer, shape::list_groups::RESPONSE.is_flexible(version))?;
    let message: ListGroupsResponse = codec::decode(&shape::list_groups::RESPONSE, version, &body, &Budget::RESPONSE)?;
    match message.error_code {
        code::NONE => Ok(message.groups.into_iter().map(|group| group.group_id.to_string()).collect()),
        code => Err(BadAnswer::Code(code)),
    }
}

/// Reads an answer to DescribeGroups, header included. A broker describes a group that it has not as a dead one.
///
/// # Errors
/// Where it is malformed.
pub fn read_classic_members(version: i16, answer: &Bytes) -> Result<SaidOfGroups<Vec<Member>>, BadAnswer> {
    let body = body(answer, shape::describe_groups::RESPONSE.is_flexible(version))?;
    let message: DescribeGroupsResponse =
        codec::decode(&shape::describe_groups::RESPONSE, version, &body, &Budget::RESPONSE)?;
    let groups = message.groups.into_iter().map(|group| {
        let members = group.members.iter().map(|one| member(&one.member_id, one.group_instance_id.as_ref()));
        (group.group_id.to_string(), said(group.error_code, || members.collect()))
    });
    Ok(groups.collect())
}

/// Reads an answer to ConsumerGroupDescribe, header included.
///
/// # Errors
/// Where it is malformed.
pub fn read_members(version: i16, answer: &Bytes) -> Result<SaidOfGroups<Vec<Member>>, BadAnswer> {
    let body = body(answer, shape::consumer_group_describe::RESPONSE.is_flexible(version))?;
    let message: ConsumerGroupDescribeResponse =
        codec::decode(&shape::consumer_group_describe::RESPONSE, version, &body, &Budget::RESPONSE)?;
    let groups = message.groups.into_iter().map(|group| {
        let members = group.members.iter().map(|one| member(&one.member_id, one.instance_id.as_ref()));
        (group.group_id.to_string(), said(group.error_code, || members.collect()))
    });
    Ok(groups.collect())
}

/// Reads an answer to OffsetFetch for all topics, header included. Before version 8 it does not name the group, of
/// which there was one: `asked`.
///
/// # Errors
/// Where it is malformed.
pub fn read_committed(version: i16, answer: &Bytes, asked: &str) -> Result<SaidOfGroups<Offsets>, BadAnswer> {
    let body = body(answer, shape::offset_fetch::RESPONSE.is_flexible(version))?;
    let message: OffsetFetchResponse =
        codec::decode(&shape::offset_fetch::RESPONSE, version, &body, &Budget::RESPONSE)?;
    if version < FIRST_WITH_GROUPS {
        let held = message.topics.iter().flat_map(|topic| {
            let held = topic.partitions.iter().filter(|one| one.error_code == code::NONE && one.committed_offset >= 0);
            held.map(|one| (topic.name.to_string(), one.partition_index, one.committed_offset))
        });
        return Ok(vec![(asked.to_owned(), said(message.error_code, || held.collect()))]);
    }
    let groups = message.groups.iter().map(|group| {
        let held = group.topics.iter().flat_map(|topic| {
            let held = topic.partitions.iter().filter(|one| one.error_code == code::NONE && one.committed_offset >= 0);
            held.map(|one| (topic.name.to_string(), one.partition_index, one.committed_offset))
        });
        (group.group_id.to_string(), said(group.error_code, || held.collect()))
    });
    Ok(groups.collect())
}

/// The first version of OffsetFetch that asks for several groups at once.
pub const FIRST_WITH_GROUPS: i16 = 8;

fn member(id: &StrBytes, instance: Option<&StrBytes>) -> Member {
    (id.to_string(), instance.map(ToString::to_string))
}

fn said<T>(error_code: i16, known: impl FnOnce() -> T) -> Said<T> {
    match error_code {
        code::NONE => Said::Known(known()),
        code::GROUP_ID_NOT_FOUND => Said::NoSuchGroup,
        failed => Said::Failed(failed),
    }
}
