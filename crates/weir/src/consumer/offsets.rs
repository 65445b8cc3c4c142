//! The offsets that a group has: what they are, and what they are to be.
//!
//! Must never: commit an epoch with an offset. That of one cluster means nothing in another, and a consumer would take
//! the difference for records that were lost.

use std::collections::BTreeMap;

use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::{GroupId, OffsetCommitRequest, OffsetFetchRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::fault::Fault;
use super::finding::Finding;
use super::group::is_passing;
use super::lookup::Partition;
use super::visit::{Line, code, name_of, refused, text_of};

/// By partition, the next record to read.
pub(crate) type Offsets = BTreeMap<Partition, i64>;

/// As whom offsets are committed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Committer<'a> {
    /// A member, by its id, in this generation of the group.
    Member(&'a StrBytes, i32),
    /// No member: brokers take it while the group has none.
    Nobody,
}

/// What the group has of these partitions; those without an offset are left out.
pub(crate) fn committed<'a>(
    line: &mut Line<'_>,
    group: &GroupId,
    partitions: impl Iterator<Item = &'a Partition>,
) -> Result<Offsets, Finding> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    partitions.for_each(|(topic, partition)| topics.entry(topic).or_default().push(*partition));
    let topics = topics.into_iter().map(|(topic, partitions)| {
        OffsetFetchRequestTopic::default().with_name(TopicName(text_of(topic))).with_partition_indexes(partitions)
    });
    let request = OffsetFetchRequest::default().with_group_id(group.clone()).with_topics(Some(topics.collect()));
    loop {
        let answer = line.ask(5, &request)?;
        let all = answer.topics.iter().flat_map(|topic| topic.partitions.iter().map(move |one| (&topic.name.0, one)));
        let failed = all.clone().map(|(_, one)| one.error_code).find(|error_code| *error_code != code::NONE);
        match if answer.error_code == code::NONE { failed.unwrap_or(code::NONE) } else { answer.error_code } {
            code::NONE => {
                let there = all.filter(|(_, one)| one.committed_offset >= 0);
                let there = there.map(|(topic, one)| ((topic.to_string(), one.partition_index), one.committed_offset));
                return Ok(there.collect());
            }
            again if is_passing(again) && line.again() => {}
            again if is_passing(again) || again == code::NOT_COORDINATOR => {
                return Err(Finding::new(Fault::BrokerUnavailable, format!("OffsetFetch: error {again}")));
            }
            other => return Err(refused("OffsetFetch", other)),
        }
    }
}

/// Commits them all in one request.
pub(crate) fn commit(
    line: &mut Line<'_>,
    group: &GroupId,
    committer: Committer<'_>,
    offsets: &Offsets,
) -> Result<(), Finding> {
    let request = request(group, committer, offsets);
    loop {
        let answer = line.ask(7, &request)?;
        let all = answer.topics.iter().flat_map(|topic| topic.partitions.iter().map(move |one| (&topic.name.0, one)));
        if all.clone().count() != offsets.len() {
            return Err(refused("OffsetCommit", code::NONE));
        }
        let Some((topic, failed)) = all.clone().find(|(_, one)| one.error_code != code::NONE) else { return Ok(()) };
        let error_code = failed.error_code;
        if is_passing(error_code) && line.again() {
            continue;
        }
        let fault = match error_code {
            code::GROUP_REFUSED => Fault::OffsetsDenied,
            code::INVALID_GROUP => Fault::GroupName,
            code::COMMIT_TOO_LARGE => Fault::QuotaCommits,
            code::TOPIC_REFUSED => Fault::TopicRefused,
            code::REBALANCE | code::ILLEGAL_GENERATION | code::UNKNOWN_MEMBER | code::STALE_MEMBER => {
                match committer {
                    // What was between joining and committing took longer than the group's session.
                    Committer::Member(..) => Fault::NoAnswer,
                    Committer::Nobody => Fault::GroupInUse,
                }
            }
            again if is_passing(again) || again == code::NOT_COORDINATOR => Fault::BrokerUnavailable,
            other => return Err(refused("OffsetCommit", other)),
        };
        let seen = format!("OffsetCommit of {}-{}: error {error_code}", name_of(topic), failed.partition_index);
        return Err(Finding::new(fault, seen).with("code", error_code));
    }
}

fn request(group: &GroupId, committer: Committer<'_>, offsets: &Offsets) -> OffsetCommitRequest {
    let mut topics: BTreeMap<&str, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
    for ((topic, partition), offset) in offsets {
        let one = OffsetCommitRequestPartition::default()
            .with_partition_index(*partition)
            .with_committed_offset(*offset)
            .with_committed_leader_epoch(-1)
            .with_committed_metadata(Some(text_of("")));
        topics.entry(topic).or_default().push(one);
    }
    let topics = topics.into_iter().map(|(topic, partitions)| {
        OffsetCommitRequestTopic::default().with_name(TopicName(text_of(topic))).with_partitions(partitions)
    });
    let (member, generation) = match committer {
        Committer::Member(id, generation) => (id.clone(), generation),
        Committer::Nobody => (text_of(""), -1),
    };
    OffsetCommitRequest::default()
        .with_group_id(group.clone())
        .with_generation_id_or_member_epoch(generation)
        .with_member_id(member)
        .with_topics(topics.collect())
}
