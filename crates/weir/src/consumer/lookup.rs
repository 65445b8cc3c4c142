//! Offsets by time, as ListOffsets finds them: of one leader's partitions.
//!
//! Must never: take a partition that was not answered for one that holds nothing.

use std::collections::BTreeMap;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, TopicName};

use super::connection::Connection;
use super::deadline::Deadline;
use super::fault::Fault;
use super::finding::Finding;
use super::visit::{Visit, code, name_of, refused, text_of};

/// In the place of a time: behind the last record.
pub(crate) const LATEST: i64 = -1;
/// In the place of a time: the first record.
pub(crate) const EARLIEST: i64 = -2;

/// A topic and the index of one of its partitions.
pub(crate) type Partition = (String, i32);

/// What is at a time, or at an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The offset; nothing where no record is at that time or after it.
    pub(crate) offset: Option<i64>,
    /// The time of the record there, in milliseconds since 1970; nothing at an end.
    pub(crate) timestamp: Option<i64>,
}

/// Asks the leader of these partitions for the first record at a time (in milliseconds since 1970) or after it, or for
/// one of the ends.
pub(crate) fn look_up(
    visit: &Visit<'_>,
    leader: &mut Connection,
    partitions: &[Partition],
    at: i64,
    deadline: Deadline,
) -> Result<BTreeMap<Partition, Found>, Finding> {
    let request = request(partitions, at);
    loop {
        let answer = visit.ask(leader, 5, &request, deadline)?;
        let (mut found, mut failed) = (BTreeMap::new(), None);
        for topic in &answer.topics {
            for partition in &topic.partitions {
                if partition.error_code != code::NONE {
                    failed = failed.or(Some((topic.name.0.as_str(), partition.error_code)));
                }
                let there = |value: i64| Some(value).filter(|value| *value >= 0);
                let one = Found { offset: there(partition.offset), timestamp: there(partition.timestamp) };
                found.insert((topic.name.0.to_string(), partition.partition_index), one);
            }
        }
        match failed {
            None if partitions.iter().all(|asked| found.contains_key(asked)) => return Ok(found),
            None => return Err(refused("ListOffsets", code::NONE)),
            Some((_, code::TIMED_OUT)) if deadline.pause() => {}
            Some((topic, code::TIMED_OUT)) if at >= 0 => {
                let seen = format!("ListOffsets of {}: error {}", name_of(topic), code::TIMED_OUT);
                return Err(Finding::new(Fault::QuotaLookups, seen).with("code", code::TIMED_OUT));
            }
            Some((topic, error_code)) => return Err(of_topic("ListOffsets", topic, error_code)),
        }
    }
}

/// What a code says of a topic.
pub(crate) fn of_topic(what: &str, topic: &str, error_code: i16) -> Finding {
    let seen = format!("{what} of {}: error {error_code}", name_of(topic));
    let fault = match error_code {
        code::TOPIC_REFUSED => Fault::TopicRefused,
        code::UNKNOWN_TOPIC | code::LEADER_NOT_AVAILABLE | code::NOT_LEADER | code::NOT_AVAILABLE => {
            Fault::BrokerUnavailable
        }
        code::TIMED_OUT => Fault::NoAnswer,
        code::NO_TIMES => Fault::NoTimes,
        other => return refused(what, other),
    };
    Finding::new(fault, seen).with("code", error_code)
}

fn request(partitions: &[Partition], at: i64) -> ListOffsetsRequest {
    let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for (topic, partition) in partitions {
        let asked = ListOffsetsPartition::default()
            .with_partition_index(*partition)
            .with_current_leader_epoch(-1)
            .with_timestamp(at);
        topics.entry(topic).or_default().push(asked);
    }
    let topics = topics.into_iter().map(|(topic, partitions)| {
        ListOffsetsTopic::default().with_name(TopicName(text_of(topic))).with_partitions(partitions)
    });
    ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(topics.collect())
}
