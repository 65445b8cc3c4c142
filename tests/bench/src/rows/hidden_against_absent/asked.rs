//! What is asked for: one topic, in each API that says something of topics. A frame is made once, and the topic is written
//! into it.

use std::ops::Range;

use bytes::BytesMut;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{
    ApiKey, BrokerId, FetchRequest, GroupId, ListOffsetsRequest, MetadataRequest, OffsetCommitRequest, TopicName,
};
use kafka_protocol::protocol::{Encodable, StrBytes};
use uuid::Uuid;

use super::Topic;
use crate::failure::{Context, Failure};
use crate::fetch;

/// Where a name stands until one is written there: as long as all names.
const NAME: &str = "prefix.stream-000000000";
const ID: Uuid = Uuid::from_u128(0xfeed_feed_feed_feed_feed_feed_feed_feed);
/// Where a frame has its correlation id, its length before it.
const CORRELATION_ID: usize = 8;

/// One API.
pub struct Asked {
    /// Its name, for a person.
    pub name: &'static str,
    /// The request.
    pub frame: BytesMut,
    /// Where the topic stands in it, and whether by its id.
    place: usize,
    is_by_id: bool,
    /// What was answered the first time, without the topic.
    answer: Option<Vec<u8>>,
}

impl Asked {
    /// All of them.
    pub fn all() -> Result<Vec<Self>, Failure> {
        let name = || TopicName(StrBytes::from_static_str(NAME));
        let by = |topic: MetadataRequestTopic| MetadataRequest::default().with_topics(Some(vec![topic]));
        let by_name = MetadataRequestTopic::default().with_name(Some(name()));
        let by_id = MetadataRequestTopic::default().with_name(None).with_topic_id(ID);
        let offsets = ListOffsetsTopic::default()
            .with_name(name())
            .with_partitions(vec![ListOffsetsPartition::default().with_timestamp(-1)]);
        let commit = OffsetCommitRequestTopic::default()
            .with_name(name())
            .with_partitions(vec![OffsetCommitRequestPartition::default()]);
        let offsets = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![offsets]);
        let commit = OffsetCommitRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str("bench")))
            .with_topics(vec![commit]);
        Ok(vec![
            Self::new("Metadata by name", ApiKey::Metadata, &by(by_name), 12)?,
            Self::new("Metadata by id", ApiKey::Metadata, &by(by_id), 12)?,
            Self::new("ListOffsets", ApiKey::ListOffsets, &offsets, 10)?,
            Self::new("OffsetCommit", ApiKey::OffsetCommit, &commit, 9)?,
            Self::new("Fetch by name", ApiKey::Fetch, &fetch_of(FetchTopic::default().with_topic(name())), 12)?,
            Self::new("Fetch by id", ApiKey::Fetch, &fetch_of(FetchTopic::default().with_topic_id(ID)), 17)?,
        ])
    }

    fn new(name: &'static str, key: ApiKey, body: &impl Encodable, version: i16) -> Result<Self, Failure> {
        let frame = fetch::framed(key as i16, body, version, 0).context("a request cannot be made")?;
        let at = |what: &[u8]| frame.windows(what.len()).position(|bytes| bytes == what);
        let (by_name, by_id) = (at(NAME.as_bytes()), at(ID.as_bytes()));
        let place = by_name.or(by_id).ok_or_else(|| Failure::new("a request without a topic"))?;
        Ok(Self { name, frame, place, is_by_id: by_name.is_none(), answer: None })
    }

    /// Writes the topic and the correlation id.
    pub fn set(&mut self, topic: &Topic, correlation_id: i32) {
        let (place, written) = (self.place(), self.written(topic));
        self.frame[place].copy_from_slice(&written);
        self.frame[CORRELATION_ID..][..4].copy_from_slice(&correlation_id.to_be_bytes());
    }

    /// Where the topic stands in the frame.
    pub fn place(&self) -> Range<usize> {
        self.place..self.place + if self.is_by_id { ID.as_bytes().len() } else { NAME.len() }
    }

    /// Whether an answer, behind its correlation id, is the first one but for the topic.
    pub fn is_as_before(&mut self, topic: &Topic, mut answer: Vec<u8>) -> bool {
        let written = self.written(topic);
        if let Some(at) = answer.windows(written.len()).position(|bytes| bytes == written) {
            answer[at..][..written.len()].fill(0);
        }
        self.answer.get_or_insert_with(|| answer.clone()) == &answer
    }

    fn written(&self, topic: &Topic) -> Vec<u8> {
        if self.is_by_id { topic.id.as_bytes().to_vec() } else { topic.name.clone().into_bytes() }
    }
}

/// A Fetch without a session, which waits for nothing.
fn fetch_of(topic: FetchTopic) -> FetchRequest {
    let partition = FetchPartition::default().with_partition_max_bytes(1024);
    FetchRequest::default()
        .with_max_bytes(1024)
        .with_session_epoch(-1)
        .with_topics(vec![topic.with_partitions(vec![partition])])
}
