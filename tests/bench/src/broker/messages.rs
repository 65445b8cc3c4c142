//! What the canned broker reads and says: the frame of a request, and the answers that are not a Fetch's.

use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{ApiVersionsResponse, BrokerId, MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use uuid::Uuid;

use super::ID;
use crate::canned::{self, PARTITIONS, REFUSED, TOPICS};

pub const FETCH: i16 = 1;
pub const METADATA: i16 = 3;
pub const API_VERSIONS: i16 = 18;
const LIST_OFFSETS: i16 = 2;
const OFFSET_COMMIT: i16 = 8;
/// What it serves: key, lowest and highest version. ListOffsets and OffsetCommit are here so that a proxy offers them;
/// one that lets them through has its connection closed.
const SERVED: [(i16, i16, i16); 5] =
    [(FETCH, 4, 17), (LIST_OFFSETS, 1, 10), (METADATA, 4, 12), (OFFSET_COMMIT, 2, 9), (API_VERSIONS, 0, 3)];
/// The longest request that it reads, in bytes.
const LONGEST: usize = 1024 * 1024;

/// A request with its header read.
pub struct Request {
    pub key: i16,
    pub version: i16,
    pub correlation_id: i32,
    body: Bytes,
}

/// Takes a whole frame from the start of what has come, without its length.
pub fn cut(inbound: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let Some(prefix) = inbound.first_chunk::<4>() else { return Ok(None) };
    let length = usize::try_from(i32::from_be_bytes(*prefix)).ok().filter(|length| *length <= LONGEST);
    let length = length.ok_or_else(|| broken("a request's length"))?;
    if inbound.len() < prefix.len() + length {
        return Ok(None);
    }
    let frame = inbound.split_to(4 + length).freeze();
    Ok(Some(frame.slice(4..)))
}

impl Request {
    /// Reads the header; nothing where it is not one.
    pub fn read(frame: Bytes) -> Option<Self> {
        let (fixed, _) = frame.split_first_chunk::<10>()?;
        let [k0, k1, v0, v1, c0, c1, c2, c3, n0, n1] = *fixed;
        let (key, version) = (i16::from_be_bytes([k0, k1]), i16::from_be_bytes([v0, v1]));
        let name = usize::try_from(i16::from_be_bytes([n0, n1])).unwrap_or(0);
        let flexible = match key {
            FETCH => version >= 12,
            METADATA => version >= 9,
            _ => version >= 3,
        };
        // A flexible header ends with tagged fields, of which nobody sends any.
        let start = fixed.len() + name + usize::from(flexible);
        let body = (start <= frame.len()).then(|| frame.slice(start..))?;
        Some(Self { key, version, correlation_id: i32::from_be_bytes([c0, c1, c2, c3]), body })
    }

    /// Reads the body.
    pub fn decode<M: Decodable>(&self) -> io::Result<M> {
        M::decode(&mut self.body.clone(), self.version).map_err(|error| broken(&error.to_string()))
    }
}

/// The start of a Fetch answer's body: throttle time, code and session.
pub fn head(code: i16, session: i32) -> [u8; 10] {
    let mut head = [0; 10];
    head[4..6].copy_from_slice(&code.to_be_bytes());
    head[6..].copy_from_slice(&session.to_be_bytes());
    head
}

/// Its own ApiVersions.
pub fn api_versions() -> ApiVersionsResponse {
    let api = |(key, min, max): &(i16, i16, i16)| {
        ApiVersion::default().with_api_key(*key).with_min_version(*min).with_max_version(*max)
    };
    ApiVersionsResponse::default().with_api_keys(SERVED.iter().map(api).collect())
}

/// What was asked for of the topics that it has, which are more than those of all rows. Of more topics it has one partition.
pub fn metadata(wanted: &MetadataRequest, address: SocketAddr, more: &HashMap<String, Uuid>) -> MetadataResponse {
    let names = wanted.topics.as_ref().map(|topics| {
        let names = topics.iter().filter_map(|topic| topic.name.as_ref());
        names.map(|name| name.0.as_str()).collect::<HashSet<_>>()
    });
    let is_wanted = |name: &str| names.as_ref().is_none_or(|names| names.contains(name));
    let partition = |index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(BrokerId(ID))
            .with_leader_epoch(0)
            .with_replica_nodes(vec![BrokerId(ID)])
            .with_isr_nodes(vec![BrokerId(ID)])
    };
    let known = TOPICS.iter().chain([&REFUSED]).filter(|(name, _)| is_wanted(name));
    let topic = |name, id: &Uuid, partitions| {
        MetadataResponseTopic::default()
            .with_name(Some(name))
            .with_topic_id(*id)
            .with_partitions((0..partitions).map(partition).collect())
    };
    let more = more.iter().filter(|(name, _)| is_wanted(name));
    let more = more.map(|(name, id)| topic(TopicName(StrBytes::from_string(name.clone())), id, 1));
    let known = known.map(|(name, id)| topic(canned::topic_name(name), id, PARTITIONS));
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(ID))
        .with_host(StrBytes::from_string(address.ip().to_string()))
        .with_port(address.port().into());
    MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(StrBytes::from_static_str("canned")))
        .with_controller_id(BrokerId(ID))
        .with_topics(known.chain(more).collect())
}

/// A body's bytes.
pub fn encoded(message: &impl Encodable, version: i16) -> io::Result<Bytes> {
    let mut body = BytesMut::new();
    message.encode(&mut body, version).map_err(|error| broken(&error.to_string()))?;
    Ok(body.freeze())
}

/// Why a connection ends.
pub fn broken(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("not understood: {what}"))
}
