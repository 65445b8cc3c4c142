//! A topic that may leave only while it is compacted, through a session: closed, it is as if it were not there, and gives
//! nothing; what the client's own groups keep of it stays.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::{
    ApiKey, FetchRequest, FetchResponse, GroupId, ListOffsetsRequest, ListOffsetsResponse, MetadataRequest,
    MetadataResponse, OffsetCommitRequest, OffsetFetchRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use support::{ALSO_GRANTED, Desk, GRANTED, GRANTED_ID, HIDDEN, Led, answer, policy_while_compacted, read, upstream};
use uuid::Uuid;
use weir_kafka::fault::Fault;

/// By name, and by id.
const FETCHES: [i16; 2] = [12, 13];

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// A desk at which `GRANTED` must be compacted, and is.
fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.put_in_force(policy_while_compacted(&[GRANTED, ALSO_GRANTED], GRANTED));
    desk.confirm(&[GRANTED]);
    desk
}

fn also_granted_id(desk: &Desk) -> Uuid {
    desk.view.topic(ALSO_GRANTED).unwrap().id
}

fn fetch(desk: &Desk, session: (i32, i32), topics: &[&str]) -> FetchRequest {
    let topic = |topic: &&str| {
        let id = if *topic == GRANTED { GRANTED_ID } else { also_granted_id(desk) };
        let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
        FetchTopic::default().with_topic(name(topic)).with_topic_id(id).with_partitions(vec![partition])
    };
    let (id, epoch) = session;
    FetchRequest::default()
        .with_max_wait_ms(20_000)
        .with_max_bytes(1 << 20)
        .with_session_id(id)
        .with_session_epoch(epoch)
        .with_topics(topics.iter().map(topic).collect())
}

fn named(version: i16, mut request: FetchRequest) -> FetchRequest {
    for topic in &mut request.topics {
        match version {
            13.. => topic.topic = TopicName::default(),
            _ => topic.topic_id = Uuid::nil(),
        }
    }
    request
}

/// The code of each topic in the next local answer: of the closed one, and of the others.
fn told(desk: &mut Desk, version: i16) -> (i16, Vec<i16>) {
    let (_, told): (_, FetchResponse) = read(&desk.local_answer(), true, version);
    assert!(told.responses.iter().all(|topic| topic.partitions[0].records.as_ref().is_none_or(Bytes::is_empty)));
    let is_closed = |topic: &&FetchableTopicResponse| topic.topic_id == GRANTED_ID || *topic.topic == *GRANTED;
    let code = |topic: &FetchableTopicResponse| topic.partitions[0].error_code;
    let closed = told.responses.iter().find(is_closed).map_or(told.error_code, code);
    (closed, told.responses.iter().filter(|topic| !is_closed(topic)).map(code).collect())
}

#[test]
fn closed_it_is_as_if_it_were_not_there_and_open_as_any_other() {
    let codes = |desk: &mut Desk, names: &[&str]| {
        let topic = |topic: &&str| MetadataRequestTopic::default().with_name(Some(name(topic)));
        desk.ask(ApiKey::Metadata, 8, &MetadataRequest::default().with_topics(Some(names.iter().map(topic).collect())));
        let (_, answer): (_, MetadataResponse) = read(&desk.local_answer(), false, 8);
        answer.topics.iter().map(|topic| (topic.error_code, topic.partitions.len())).collect::<Vec<_>>()
    };
    let all = |desk: &mut Desk| {
        desk.ask(ApiKey::Metadata, 8, &MetadataRequest::default().with_topics(None));
        let (_, answer): (_, MetadataResponse) = read(&desk.local_answer(), false, 8);
        let mut names: Vec<_> = answer.topics.iter().map(|topic| topic.name.as_ref().unwrap().to_string()).collect();
        names.sort();
        names
    };
    let by_id = |desk: &mut Desk| {
        let topic = MetadataRequestTopic::default().with_topic_id(GRANTED_ID).with_name(None);
        desk.ask(ApiKey::Metadata, 12, &MetadataRequest::default().with_topics(Some(vec![topic])));
        let (_, answer): (_, MetadataResponse) = read(&desk.local_answer(), true, 12);
        answer.topics[0].error_code
    };
    let mut desk = desk();
    let asked = [GRANTED, ALSO_GRANTED, HIDDEN];
    let open = codes(&mut desk, &asked);
    assert_eq!((open[0].0, open[1].0, open[2]), (0, 0, (29, 0)));
    assert_eq!((all(&mut desk), by_id(&mut desk)), (vec![ALSO_GRANTED.to_owned(), GRANTED.to_owned()], 0));
    desk.confirm(&[ALSO_GRANTED, HIDDEN]);
    assert_eq!(codes(&mut desk, &asked), [(3, 0), open[1], open[2]]);
    assert_eq!((all(&mut desk), by_id(&mut desk)), (vec![ALSO_GRANTED.to_owned()], 100));
    desk.confirm(&[GRANTED]);
    assert_eq!((codes(&mut desk, &asked), by_id(&mut desk)), (open, 0));
}

#[test]
fn hostile_a_parked_fetch_gives_nothing_of_a_topic_that_is_closed_while_it_waits() {
    for version in FETCHES {
        let mut desk = desk();
        let asked = named(version, fetch(&desk, (0, -1), &[GRANTED, ALSO_GRANTED]));
        let (header, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &asked), version);
        desk.confirm(&[]);
        assert_eq!(told(&mut desk, version), (if version < 13 { 3 } else { 100 }, vec![0]));
        // What the broker says by then is for nobody.
        let partition = PartitionData::default().with_records(Some(Bytes::from_static(b"history")));
        let topic = FetchableTopicResponse::default().with_partitions(vec![partition]);
        let topic = if version < 13 { topic.with_topic(name(GRANTED)) } else { topic.with_topic_id(GRANTED_ID) };
        let late = FetchResponse::default().with_responses(vec![topic]);
        assert_eq!(desk.broker_answers(&answer(header.correlation_id, true, version, &late), 7), Ok(Vec::new()));
        // And it is not asked for again.
        let (_, asked) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &asked), version);
        assert_eq!(asked.topics.len(), 1);
    }
}

#[test]
fn a_fetch_session_is_left_when_the_topic_closes_and_when_it_opens() {
    for version in FETCHES {
        let mut desk = desk();
        let full = named(version, fetch(&desk, (0, 0), &[GRANTED, ALSO_GRANTED]));
        let begin = |desk: &mut Desk, session: i32, topics: usize| {
            let (header, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &full), version);
            assert_eq!(sent.topics.len(), topics, "version {version}");
            let begun = FetchResponse::default().with_session_id(session);
            desk.broker_answers(&answer(header.correlation_id, true, version, &begun), 4096).unwrap();
        };
        begin(&mut desk, 9, 2);
        desk.confirm(&[]);
        assert!(matches!(desk.ask(ApiKey::Fetch, version, &fetch(&desk, (9, 1), &[])), Led::Local));
        assert_eq!(told(&mut desk, version), (70, vec![]));
        begin(&mut desk, 10, 1);
        desk.confirm(&[GRANTED]);
        assert!(matches!(desk.ask(ApiKey::Fetch, version, &fetch(&desk, (10, 1), &[])), Led::Local));
        assert_eq!(told(&mut desk, version), (70, vec![]));
        begin(&mut desk, 11, 2);
    }
}

#[test]
fn hostile_offsets_of_a_closed_topic_are_not_told_also_where_they_were_asked_for_before() {
    const LIST: i16 = 7;
    let list = || {
        let partition = ListOffsetsPartition::default().with_timestamp(-1);
        let topic = ListOffsetsTopic::default().with_name(name(GRANTED)).with_partitions(vec![partition]);
        ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic])
    };
    let mut desk = desk();
    let (header, _) = upstream::<ListOffsetsRequest>(desk.ask(ApiKey::ListOffsets, LIST, &list()), LIST);
    desk.confirm(&[]);
    let partition = ListOffsetsPartitionResponse::default().with_offset(4711);
    let topic = ListOffsetsTopicResponse::default().with_name(name(GRANTED)).with_partitions(vec![partition]);
    let late = answer(header.correlation_id, true, LIST, &ListOffsetsResponse::default().with_topics(vec![topic]));
    assert_eq!(desk.broker_answers(&late, 4096), Err(Fault::Revoked));
    let mut desk = self::desk();
    desk.confirm(&[]);
    assert!(matches!(desk.ask(ApiKey::ListOffsets, LIST, &list()), Led::Local));
    let (_, told): (_, ListOffsetsResponse) = read(&desk.local_answer(), true, LIST);
    assert_eq!(told.topics[0].partitions[0].error_code, 3);
}

#[test]
fn what_the_clients_own_groups_keep_of_it_stays_its_own_while_it_is_closed() {
    let mut desk = desk();
    desk.confirm(&[]);
    let group = || GroupId(StrBytes::from_static_str("g"));
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(5).with_committed_leader_epoch(-1);
    let topic = OffsetCommitRequestTopic::default().with_name(name(GRANTED)).with_partitions(vec![partition]);
    let commit = OffsetCommitRequest::default()
        .with_group_id(group())
        .with_generation_id_or_member_epoch(1)
        .with_member_id(StrBytes::from_static_str("m"))
        .with_topics(vec![topic]);
    let (_, sent) = upstream::<OffsetCommitRequest>(desk.ask(ApiKey::OffsetCommit, 7, &commit), 7);
    assert_eq!(sent.topics.len(), 1);
    let topic = OffsetFetchRequestTopic::default().with_name(name(GRANTED)).with_partition_indexes(vec![0]);
    let asked = OffsetFetchRequest::default().with_group_id(group()).with_topics(Some(vec![topic]));
    let (_, sent) = upstream::<OffsetFetchRequest>(desk.ask(ApiKey::OffsetFetch, 5, &asked), 5);
    assert_eq!(sent.topics.unwrap().len(), 1);
}
