//! The answers to Weir's own requests (`cleared::OwnRequest`): what a broker serves, and what the cluster holds.
//!
//! Must never: decode what the gate has not walked, keep a topic that its caller does not keep, or believe a broker:
//! its answer may be garbage.

mod groups;
mod listed;
mod rights;

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{ApiVersionsResponse, BrokerId, ListOffsetsResponse, MetadataResponse};
use uuid::Uuid;

use crate::cluster::{PartitionView, RealAddress, RealBrokerId, RealClusterId, RealTopic, TopicView, VersionRange};
use crate::codec;
use crate::gate::Budget;
use crate::header::parse_response_header;
use crate::racks::RealRack;
use crate::shape;
use crate::wire::Malformed;
pub use groups::{
    FIRST_WITH_GROUPS, Member, Offsets, Said, SaidOfGroups, read_classic_members, read_committed, read_groups,
    read_members,
};
pub use listed::{CLASSIC, CONSUMER, ListedGroup, read_listed_groups};
pub use rights::{
    CLEANUP_POLICY, Rights, RightsByName, operation_name, read_cleanup_policies, read_group_rights, read_topic_rights,
};

/// Kafka's own cluster ids have 22 letters.
const LONGEST_CLUSTER_ID: usize = 128;
/// A name in DNS (RFC 1035).
const LONGEST_HOST: usize = 255;

/// One Metadata answer, reduced to what may be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataAnswer {
    /// The cluster's id.
    pub cluster_id: RealClusterId,
    /// The brokers that can be dialled. Never empty.
    pub brokers: BTreeMap<RealBrokerId, RealAddress>,
    /// Their racks, as the brokers name them, where they have one.
    pub racks: BTreeMap<RealBrokerId, RealRack>,
    /// The ids of brokers whose id, host or port makes no sense, in order. They are not in `brokers`.
    pub unusable_brokers: Vec<i32>,
    /// The kept topics that exist.
    pub topics: HashMap<RealTopic, TopicView>,
    /// The kept topics that the broker did not describe, with its error code.
    pub absent: BTreeMap<RealTopic, i16>,
}

/// Why an answer is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// It is not what the protocol says.
    #[error("its answer is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// It is an error.
    #[error("it answered with error code {0}")]
    Code(i16),
    /// It holds two topics of one name or id, or a partition twice or with a negative index.
    #[error("its answer contradicts itself")]
    Contradiction,
    /// It does not say which cluster it is of.
    #[error("its answer does not tell the cluster's id")]
    NoClusterId,
    /// It lists no broker that can be dialled.
    #[error("its answer lists no broker that can be dialled")]
    NoBrokers,
}

/// The correlation id of an answer, which is a frame without its length prefix.
#[must_use]
pub fn correlation_id(answer: &[u8]) -> Option<i32> {
    answer.first_chunk().map(|id| i32::from_be_bytes(*id))
}

/// Reads an answer to ApiVersions, header included: what the broker serves, by API key.
///
/// # Errors
/// Where it is malformed, or an error: then its ranges are not those of a broker that answers.
pub fn read_api_versions(version: i16, answer: &Bytes) -> Result<HashMap<i16, VersionRange>, BadAnswer> {
    let body = body(answer, false)?;
    // Trap C11: whatever version was asked for, a broker that does not know it answers in the form of version 0. Its
    // error code stands first in every version.
    match body.first_chunk().map(|code| i16::from_be_bytes(*code)) {
        Some(0) => {}
        Some(code) => return Err(BadAnswer::Code(code)),
        None => return Err(BadAnswer::Malformed(Malformed::Truncated)),
    }
    let message: ApiVersionsResponse =
        codec::decode(&shape::api_versions::RESPONSE, version, &body, &Budget::RESPONSE)?;
    let usable = message.api_keys.iter().filter(|api| api.min_version <= api.max_version);
    Ok(usable.map(|api| (api.api_key, VersionRange { min: api.min_version, max: api.max_version })).collect())
}

/// Reads an answer to Metadata, header included. Topics that `keeps` refuses are dropped here, and internal ones.
///
/// # Errors
/// Where it is malformed, contradicts itself, or lacks what a view needs.
pub fn read_metadata(version: i16, answer: &Bytes, keeps: &dyn Fn(&str) -> bool) -> Result<MetadataAnswer, BadAnswer> {
    let body = body(answer, shape::metadata::RESPONSE.is_flexible(version))?;
    let message: MetadataResponse = codec::decode(&shape::metadata::RESPONSE, version, &body, &Budget::RESPONSE)?;
    if message.error_code != 0 {
        return Err(BadAnswer::Code(message.error_code));
    }
    let cluster_id = message.cluster_id.filter(|id| is_word(id, LONGEST_CLUSTER_ID)).ok_or(BadAnswer::NoClusterId)?;
    let racks = racks(&message.brokers);
    let (brokers, unusable_brokers) = usable_brokers(message.brokers);
    if brokers.is_empty() {
        return Err(BadAnswer::NoBrokers);
    }
    let (topics, absent) = kept_topics(message.topics, keeps)?;
    let cluster_id = RealClusterId(cluster_id.to_string());
    Ok(MetadataAnswer { cluster_id, brokers, racks, unusable_brokers, topics, absent })
}

/// Whether a text is one word: operators read it in the log and in `/readyz`, and must not read there what a broker likes.
fn is_word(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Reads an answer to ListOffsets, header included: the offset of each partition, -1 where no record is that young.
/// Partitions that were answered with an error are left out.
///
/// # Errors
/// Where it is malformed.
pub fn read_offsets(version: i16, answer: &Bytes) -> Result<HashMap<(RealTopic, i32), i64>, BadAnswer> {
    let body = body(answer, shape::list_offsets::RESPONSE.is_flexible(version))?;
    let message: ListOffsetsResponse =
        codec::decode(&shape::list_offsets::RESPONSE, version, &body, &Budget::RESPONSE)?;
    let mut offsets = HashMap::new();
    for topic in message.topics {
        let name = RealTopic(topic.name.0.to_string());
        for partition in topic.partitions.iter().filter(|partition| partition.error_code == 0) {
            offsets.insert((name.clone(), partition.partition_index), partition.offset);
        }
    }
    Ok(offsets)
}

pub(crate) fn body(answer: &Bytes, flexible_header: bool) -> Result<Bytes, Malformed> {
    let (_, start) = parse_response_header(answer, flexible_header)?;
    Ok(answer.slice(start.min(answer.len())..))
}

type Topics = HashMap<RealTopic, TopicView>;

fn usable_brokers(listed: Vec<MetadataResponseBroker>) -> (BTreeMap<RealBrokerId, RealAddress>, Vec<i32>) {
    let mut brokers = BTreeMap::new();
    let mut unusable = Vec::new();
    for broker in listed {
        let port = u16::try_from(broker.port).ok().filter(|port| *port != 0);
        match port.filter(|_| broker.node_id.0 >= 0 && is_word(&broker.host, LONGEST_HOST)) {
            Some(port) => {
                brokers.insert(RealBrokerId(broker.node_id.0), RealAddress { host: broker.host.to_string(), port });
            }
            None => unusable.push(broker.node_id.0),
        }
    }
    unusable.sort_unstable();
    (brokers, unusable)
}

fn racks(listed: &[MetadataResponseBroker]) -> BTreeMap<RealBrokerId, RealRack> {
    let rack = |broker: &MetadataResponseBroker| {
        let rack = broker.rack.as_ref().filter(|rack| !rack.is_empty())?;
        Some((RealBrokerId(broker.node_id.0), RealRack(rack.to_string())))
    };
    listed.iter().filter_map(rack).collect()
}

fn kept_topics(
    listed: Vec<MetadataResponseTopic>,
    keeps: &dyn Fn(&str) -> bool,
) -> Result<(Topics, BTreeMap<RealTopic, i16>), BadAnswer> {
    let mut topics = Topics::new();
    let mut absent = BTreeMap::new();
    let mut ids = HashSet::new();
    for topic in listed {
        let Some(name) = topic.name.as_ref().map(|name| name.0.as_str()).filter(|name| keeps(name)) else { continue };
        let name = RealTopic(name.to_owned());
        if topic.is_internal {
            continue;
        }
        if topic.error_code != 0 {
            absent.insert(name, topic.error_code);
            continue;
        }
        let is_new = topic.topic_id == Uuid::nil() || ids.insert(topic.topic_id);
        let view = TopicView { id: topic.topic_id, partitions: partitions(topic.partitions)? };
        if topics.insert(name, view).is_some() || !is_new {
            return Err(BadAnswer::Contradiction);
        }
    }
    Ok((topics, absent))
}

fn partitions(listed: Vec<MetadataResponsePartition>) -> Result<Vec<PartitionView>, BadAnswer> {
    let ids = |brokers: Vec<BrokerId>| brokers.into_iter().map(|broker| RealBrokerId(broker.0)).collect();
    let view = |partition: MetadataResponsePartition| PartitionView {
        index: partition.partition_index,
        error_code: partition.error_code,
        leader: RealBrokerId(partition.leader_id.0),
        leader_epoch: partition.leader_epoch,
        replicas: ids(partition.replica_nodes),
        isr: ids(partition.isr_nodes),
        offline: ids(partition.offline_replicas),
    };
    let mut partitions: Vec<PartitionView> = listed.into_iter().map(view).collect();
    partitions.sort_unstable_by_key(|partition| partition.index);
    let is_twice = partitions.iter().zip(partitions.iter().skip(1)).any(|(one, next)| one.index == next.index);
    let is_negative = partitions.first().is_some_and(|first| first.index < 0);
    if is_twice || is_negative { Err(BadAnswer::Contradiction) } else { Ok(partitions) }
}

#[cfg(test)]
mod tests;
