//! `Cleared`: the only value that an upstream writer takes, so that nothing else can reach a broker.
//!
//! It has three origins: a client's request that was judged (`Cleared::judged`, open to this crate alone), a closed list
//! of Weir's own read-only requests (`OwnRequest`), and what Weir says to show who it is (`sasl`).
//! Must never: be made from bytes that were not judged, or offer a request that changes anything on a broker.

use std::fmt;

use bytes::BytesMut;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, BrokerId, ConsumerGroupDescribeRequest, DescribeConfigsRequest, DescribeGroupsRequest,
    GroupId, ListGroupsRequest, ListOffsetsRequest, MetadataRequest, OffsetFetchRequest, TopicName,
    list_offsets_request, metadata_request,
};
use kafka_protocol::protocol::{Encodable, StrBytes};
use uuid::Uuid;

use crate::cluster::RealTopic;
use crate::discovery::{CLEANUP_POLICY, FIRST_WITH_GROUPS};
use crate::header::{RequestHeader, write_request_header};

/// Kafka's number for topics among the things that have settings.
const TOPIC: i8 = 2;

/// A whole request frame that may go to a broker.
pub struct Cleared {
    frame: Vec<u8>,
}

/// The requests that Weir sends for itself. They read, and nothing else.
#[derive(Clone, Debug)]
pub enum OwnRequest {
    /// What the broker serves. Versions 0 to 2: they have no fields.
    ApiVersions {
        /// The version, at most 2.
        version: i16,
    },
    /// Catalogue topics by name, never creating one. Versions 4 to 12.
    MetadataByName {
        /// The version.
        version: i16,
        /// The topics.
        topics: Vec<RealTopic>,
    },
    /// The groups that the broker coordinates, of every state and type. Versions 0 to 5.
    ListGroups {
        /// The version, at most 5.
        version: i16,
    },
    /// Of partitions that the broker leads, the first offset that is not older than a time. Versions 1 to 3.
    ListOffsets {
        /// The version.
        version: i16,
        /// The partitions.
        topics: Vec<(RealTopic, Vec<i32>)>,
        /// Milliseconds since 1970; -2 for the first offset that is there.
        timestamp: i64,
    },
    /// Who is in these groups of the classic protocol. Versions 0 to 5.
    DescribeGroups {
        /// The version, at most 5.
        version: i16,
        /// The groups, by the brokers' names.
        groups: Vec<String>,
    },
    /// Who is in these groups of the consumer protocol. Versions 0 and 1.
    ConsumerGroupDescribe {
        /// The version, at most 1.
        version: i16,
        /// The groups, by the brokers' names.
        groups: Vec<String>,
    },
    /// For which partitions these groups hold an offset. Versions 2 to 8; before 8, of the first group alone.
    OffsetFetch {
        /// The version, at most 8.
        version: i16,
        /// The groups, by the brokers' names.
        groups: Vec<String>,
    },
    /// Catalogue topics by name, and what who asks may do with each. Versions 8 to 12.
    TopicRights {
        /// The version.
        version: i16,
        /// The topics.
        topics: Vec<RealTopic>,
    },
    /// What who asks may do with these groups. Versions 3 to 5.
    GroupRights {
        /// The version.
        version: i16,
        /// The groups, by the brokers' names; they need not exist.
        groups: Vec<String>,
    },
    /// How old records of these topics go. Versions 1 to 4.
    CleanupPolicies {
        /// The version.
        version: i16,
        /// The topics.
        topics: Vec<RealTopic>,
    },
    /// Every topic, for a catalogue with patterns or a broker that would create what it is asked for by name.
    MetadataAll {
        /// The version.
        version: i16,
    },
}

/// A request of Weir's own that the chosen version cannot express.
#[derive(Debug, thiserror::Error)]
#[error("{api} version {version} cannot express this request")]
pub struct NotExpressible {
    pub(crate) api: &'static str,
    pub(crate) version: i16,
}

impl fmt::Debug for Cleared {
    /// Its length alone: it may hold a secret, or what a client asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cleared({} bytes)", self.frame.len())
    }
}

impl Cleared {
    /// One of Weir's own requests.
    ///
    /// # Errors
    /// Where the version cannot express the request; Weir's fault.
    pub fn own(request: &OwnRequest, correlation_id: i32, client_id: &str) -> Result<Cleared, NotExpressible> {
        let (key, name, version, flexible) = match request {
            OwnRequest::ApiVersions { version } => (ApiKey::ApiVersions, "ApiVersions", *version, *version >= 3),
            OwnRequest::ListGroups { version } => (ApiKey::ListGroups, "ListGroups", *version, *version >= 3),
            OwnRequest::ListOffsets { version, .. } => (ApiKey::ListOffsets, "ListOffsets", *version, *version >= 6),
            OwnRequest::DescribeGroups { version, .. } | OwnRequest::GroupRights { version, .. } => {
                (ApiKey::DescribeGroups, "DescribeGroups", *version, *version >= 5)
            }
            OwnRequest::ConsumerGroupDescribe { version, .. } => {
                (ApiKey::ConsumerGroupDescribe, "ConsumerGroupDescribe", *version, true)
            }
            OwnRequest::OffsetFetch { version, .. } => (ApiKey::OffsetFetch, "OffsetFetch", *version, *version >= 6),
            OwnRequest::MetadataByName { version, .. }
            | OwnRequest::TopicRights { version, .. }
            | OwnRequest::MetadataAll { version } => (ApiKey::Metadata, "Metadata", *version, *version >= 9),
            OwnRequest::CleanupPolicies { version, .. } => {
                (ApiKey::DescribeConfigs, "DescribeConfigs", *version, *version >= 4)
            }
        };
        let mut body = BytesMut::new();
        let encoded = match request {
            OwnRequest::ApiVersions { version } => ApiVersionsRequest::default().encode(&mut body, *version),
            OwnRequest::ListGroups { version } => ListGroupsRequest::default().encode(&mut body, *version),
            OwnRequest::ListOffsets { version, topics, timestamp } => {
                offsets(topics, *timestamp).encode(&mut body, *version)
            }
            OwnRequest::DescribeGroups { version, groups } => {
                DescribeGroupsRequest::default().with_groups(ids(groups)).encode(&mut body, *version)
            }
            OwnRequest::ConsumerGroupDescribe { version, groups } => {
                ConsumerGroupDescribeRequest::default().with_group_ids(ids(groups)).encode(&mut body, *version)
            }
            OwnRequest::OffsetFetch { version, groups } => all_committed(*version, groups).encode(&mut body, *version),
            OwnRequest::MetadataByName { version, topics } => by_name(topics).encode(&mut body, *version),
            OwnRequest::TopicRights { version, topics } => {
                by_name(topics).with_include_topic_authorized_operations(true).encode(&mut body, *version)
            }
            OwnRequest::GroupRights { version, groups } => DescribeGroupsRequest::default()
                .with_groups(ids(groups))
                .with_include_authorized_operations(true)
                .encode(&mut body, *version),
            OwnRequest::CleanupPolicies { version, topics } => cleanup_policies(topics).encode(&mut body, *version),
            OwnRequest::MetadataAll { version } => all_topics(*version).encode(&mut body, *version),
        };
        encoded.map_err(|_| NotExpressible { api: name, version })?;
        let header = RequestHeader { api_key: key as i16, version, correlation_id, client_id: Some(client_id) };
        Ok(Cleared::judged(&header, flexible, &[&body]))
    }

    /// A client's request that was judged: a header of Weir's own before a body that is safe to send, in pieces.
    pub(crate) fn judged(header: &RequestHeader<'_>, flexible: bool, body: &[&[u8]]) -> Cleared {
        // Length, key, version, correlation id, the client id and its length, and no tags.
        let header_len = header.client_id.map_or(0, str::len).saturating_add(15);
        let capacity = body.iter().fold(header_len, |sum, piece| sum.saturating_add(piece.len()));
        let mut frame = Vec::with_capacity(capacity);
        frame.extend_from_slice(&[0; 4]);
        write_request_header(&mut frame, header, flexible);
        body.iter().for_each(|piece| frame.extend_from_slice(piece));
        let length = u32::try_from(frame.len().saturating_sub(4)).unwrap_or(u32::MAX);
        if let Some(prefix) = frame.first_chunk_mut::<4>() {
            *prefix = length.to_be_bytes();
        }
        Cleared { frame }
    }

    /// The frame, its length prefix included.
    #[must_use]
    pub fn into_frame(self) -> Vec<u8> {
        self.frame
    }
}

fn id(group: &str) -> GroupId {
    GroupId(StrBytes::from_string(group.to_owned()))
}

fn ids(groups: &[String]) -> Vec<GroupId> {
    groups.iter().map(|group| id(group)).collect()
}

/// No topics stand for all.
fn all_committed(version: i16, groups: &[String]) -> OffsetFetchRequest {
    let request = OffsetFetchRequest::default();
    if version >= FIRST_WITH_GROUPS {
        let group = |name: &String| OffsetFetchRequestGroup::default().with_group_id(id(name)).with_topics(None);
        return request.with_groups(groups.iter().map(group).collect());
    }
    request.with_group_id(groups.first().map(|group| id(group)).unwrap_or_default()).with_topics(None)
}

fn cleanup_policies(topics: &[RealTopic]) -> DescribeConfigsRequest {
    let one = |topic: &RealTopic| {
        DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(StrBytes::from_string(topic.0.clone()))
            .with_configuration_keys(Some(vec![StrBytes::from_static_str(CLEANUP_POLICY)]))
    };
    DescribeConfigsRequest::default().with_resources(topics.iter().map(one).collect())
}

fn by_name(topics: &[RealTopic]) -> MetadataRequest {
    let named = |topic: &RealTopic| {
        metadata_request::MetadataRequestTopic::default()
            .with_name(Some(TopicName(StrBytes::from_string(topic.0.clone()))))
            .with_topic_id(Uuid::nil())
    };
    MetadataRequest::default()
        .with_topics(Some(topics.iter().map(named).collect()))
        .with_allow_auto_topic_creation(false)
}

fn offsets(topics: &[(RealTopic, Vec<i32>)], timestamp: i64) -> ListOffsetsRequest {
    let partition = |index: &i32| {
        list_offsets_request::ListOffsetsPartition::default().with_partition_index(*index).with_timestamp(timestamp)
    };
    let topic = |(topic, partitions): &(RealTopic, Vec<i32>)| {
        list_offsets_request::ListOffsetsTopic::default()
            .with_name(TopicName(StrBytes::from_string(topic.0.clone())))
            .with_partitions(partitions.iter().map(partition).collect())
    };
    ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(topics.iter().map(topic).collect())
}

/// All topics: null, and in version 0 an empty list.
fn all_topics(version: i16) -> MetadataRequest {
    let topics = if version == 0 { Some(Vec::new()) } else { None };
    // Before version 4 the flag cannot be sent and means true, but nothing is created when no name is given.
    MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(version < 4)
}
