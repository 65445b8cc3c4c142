//! One commit, by the member, of the offset that was read.
//!
//! Must never: move the offset of a group that has one: that is committed again as it is.

use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::{OffsetCommitRequest, OffsetFetchRequest, TopicName};

use super::fault::Fault;
use super::finding::{Finding, Passed};
use super::group::{Member, is_passing};
use super::record::Record;
use super::visit::{Line, Visit, code, name_of, refused, text_of};

/// Commits, and looks whether it is there.
pub(super) fn commit(visit: &Visit<'_>, member: &Member, record: &Record) -> Result<Passed, Finding> {
    let mut line = Line::new(visit, &member.coordinator, visit.deadline());
    let before = committed(&mut line, member, record)?;
    let offset = before.unwrap_or(record.offset);
    write(&mut line, member, record, offset)?;
    let after = committed(&mut line, member, record)?;
    if after != Some(offset) {
        let seen = format!("committed {offset}, and found {after:?}");
        return Err(Finding::new(Fault::CommitLost, seen));
    }
    let again = if before.is_some() { ", as it was before" } else { "" };
    let seen = format!("offset {offset} of {}-{}{again}", name_of(&record.topic), record.partition);
    Ok(Passed::new(seen).with("offset", offset))
}

fn write(line: &mut Line<'_>, member: &Member, record: &Record, offset: i64) -> Result<(), Finding> {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(record.partition)
        .with_committed_offset(offset)
        .with_committed_leader_epoch(-1)
        .with_committed_metadata(Some(text_of("")));
    let topic = OffsetCommitRequestTopic::default()
        .with_name(TopicName(text_of(&record.topic)))
        .with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(member.group.clone())
        .with_generation_id_or_member_epoch(member.generation)
        .with_member_id(member.id.clone())
        .with_topics(vec![topic]);
    loop {
        let answer = line.ask(7, &request)?;
        let mut codes = answer.topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code);
        let error_code = codes.next().ok_or_else(|| refused("OffsetCommit", code::NONE))?;
        let fault = match error_code {
            code::NONE => return Ok(()),
            code::GROUP_REFUSED => Fault::OffsetsDenied,
            code::COMMIT_TOO_LARGE => Fault::QuotaCommits,
            code::TOPIC_REFUSED => Fault::TopicRefused,
            // The record took longer than the group's session.
            code::ILLEGAL_GENERATION | code::UNKNOWN_MEMBER => Fault::NoAnswer,
            again if is_passing(again) && line.again() => continue,
            again if is_passing(again) || again == code::NOT_COORDINATOR => Fault::BrokerUnavailable,
            other => return Err(refused("OffsetCommit", other)),
        };
        return Err(Finding::new(fault, format!("OffsetCommit: error {error_code}")).with("code", error_code));
    }
}

/// The offset that the group has; nothing where it has none.
fn committed(line: &mut Line<'_>, member: &Member, record: &Record) -> Result<Option<i64>, Finding> {
    let topic = OffsetFetchRequestTopic::default()
        .with_name(TopicName(text_of(&record.topic)))
        .with_partition_indexes(vec![record.partition]);
    let request = OffsetFetchRequest::default().with_group_id(member.group.clone()).with_topics(Some(vec![topic]));
    loop {
        let answer = line.ask(5, &request)?;
        let partition = answer.topics.first().and_then(|topic| topic.partitions.first());
        let of_partition = partition.map_or(code::NONE, |partition| partition.error_code);
        match if answer.error_code == code::NONE { of_partition } else { answer.error_code } {
            code::NONE => {
                return Ok(partition.map(|partition| partition.committed_offset).filter(|offset| *offset >= 0));
            }
            again if is_passing(again) && line.again() => {}
            again if is_passing(again) || again == code::NOT_COORDINATOR => {
                return Err(Finding::new(Fault::BrokerUnavailable, format!("OffsetFetch: error {again}")));
            }
            other => return Err(refused("OffsetFetch", other)),
        }
    }
}
