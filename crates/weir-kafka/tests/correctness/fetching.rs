//! Fetches of these tests: topics by name up to version 12, by id from 13 on.

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{ApiKey, BrokerId, FetchRequest, FetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;
use weir_kafka::fault::Fault;

use crate::support::*;

/// All versions that are served.
pub const ALL: std::ops::RangeInclusive<i16> = 4..=17;
/// Those with sessions.
pub const WITH_SESSIONS: std::ops::RangeInclusive<i16> = 7..=17;
/// The number that the broker gives to a session.
pub const SESSION: i32 = 500;
const BY_ID: i16 = 13;
const ALSO_GRANTED_ID: Uuid = Uuid::from_u128(0xdddd);
const IDS: [(&str, Uuid); 4] =
    [(GRANTED, GRANTED_ID), (ALSO_GRANTED, ALSO_GRANTED_ID), (HIDDEN, HIDDEN_ID), (ABSENT, ABSENT_ID)];

pub fn is_flexible(version: i16) -> bool {
    version >= 12
}

/// The code of a topic that is refused.
pub fn refused(version: i16) -> i16 {
    if version >= BY_ID { 100 } else { 29 }
}

fn id_of(name: &str) -> Uuid {
    IDS.iter().find(|(known, _)| *known == name).unwrap().1
}

fn name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

pub fn topic(version: i16, topic: &str, partitions: &[i32]) -> FetchTopic {
    let partition = |index: &i32| FetchPartition::default().with_partition(*index).with_partition_max_bytes(1 << 20);
    let asked = FetchTopic::default().with_partitions(partitions.iter().map(partition).collect());
    if version >= BY_ID { asked.with_topic_id(id_of(topic)) } else { asked.with_topic(name(topic)) }
}

pub fn forgotten(version: i16, topic: &str, partitions: &[i32]) -> ForgottenTopic {
    let forgotten = ForgottenTopic::default().with_partitions(partitions.to_vec());
    if version >= BY_ID { forgotten.with_topic_id(id_of(topic)) } else { forgotten.with_topic(name(topic)) }
}

/// A Fetch; `session` is its number and epoch.
pub fn asked(version: i16, session: (i32, i32), topics: Vec<FetchTopic>) -> FetchRequest {
    let request = FetchRequest::default().with_max_wait_ms(500).with_min_bytes(1).with_max_bytes(50 << 20);
    let request = request.with_topics(topics);
    if version >= 7 { request.with_session_id(session.0).with_session_epoch(session.1) } else { request }
}

/// A partition with records.
pub fn data(index: i32, bytes: usize) -> PartitionData {
    PartitionData::default()
        .with_partition_index(index)
        .with_high_watermark(100)
        .with_last_stable_offset(100)
        .with_aborted_transactions(Some(vec![]))
        .with_preferred_read_replica(BrokerId(-1))
        .with_records(Some(Bytes::from(vec![0x5a; bytes])))
}

pub fn answered(version: i16, topic: &str, partitions: Vec<PartitionData>) -> FetchableTopicResponse {
    let answered = FetchableTopicResponse::default().with_partitions(partitions);
    if version >= BY_ID { answered.with_topic_id(id_of(topic)) } else { answered.with_topic(name(topic)) }
}

/// A broker's answer; `session` counts from the version that has them on.
pub fn broker_says(version: i16, session: i32, topics: Vec<FetchableTopicResponse>) -> FetchResponse {
    let response = FetchResponse::default().with_responses(topics);
    if version >= 7 { response.with_session_id(session) } else { response }
}

/// What goes to the broker, and its correlation id there.
pub fn sent(desk: &mut Desk, version: i16, request: &FetchRequest) -> (i32, FetchRequest) {
    let (header, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, request), version);
    (header.correlation_id, sent)
}

/// What the client gets of a broker's answer.
pub fn got(desk: &mut Desk, version: i16, correlation: i32, broker: &FetchResponse) -> Result<FetchResponse, Fault> {
    let out = desk.broker_answers(&answer(correlation, is_flexible(version), version, broker), 60_000)?;
    Ok(read::<FetchResponse>(&out, is_flexible(version), version).1)
}

/// What Weir answers to a request that does not go to the broker.
pub fn here(desk: &mut Desk, version: i16, request: &FetchRequest) -> FetchResponse {
    let led = desk.ask(ApiKey::Fetch, version, request);
    assert!(matches!(led, Led::Local), "version {version}: it went to the broker");
    read::<FetchResponse>(&desk.local_answer(), is_flexible(version), version).1
}

/// Each partition that is told of: its topic, its number, its code and how many bytes of records it has.
pub fn told(response: &FetchResponse) -> Vec<(&str, i32, i16, usize)> {
    let mut told = Vec::new();
    for topic in &response.responses {
        let by_id = IDS.iter().find(|(_, id)| *id == topic.topic_id).map(|(name, _)| *name);
        let name = by_id.unwrap_or(&topic.topic.0);
        told.extend(topic.partitions.iter().map(|partition| {
            let bytes = partition.records.as_ref().map_or(0, Bytes::len);
            (name, partition.partition_index, partition.error_code, bytes)
        }));
    }
    told.sort_unstable();
    told
}

/// A desk with an open session of two partitions that may be read and two of a topic that may not.
pub fn with_session(version: i16) -> Desk {
    let mut desk = Desk::new();
    let topics = vec![topic(version, GRANTED, &[0, 1]), topic(version, HIDDEN, &[0, 1])];
    let (id, _) = sent(&mut desk, version, &asked(version, (0, 0), topics));
    let broker = broker_says(version, SESSION, vec![answered(version, GRANTED, vec![data(0, 1), data(1, 1)])]);
    assert_eq!(got(&mut desk, version, id, &broker).unwrap().session_id, SESSION);
    desk
}
