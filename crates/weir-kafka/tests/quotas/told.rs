//! What clients are told of what they owe, and what they are asked to read less for.

use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{
    ApiKey, FetchRequest, FetchResponse, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, MetadataRequest,
    MetadataResponse,
};
use weir_kafka::env::Owed;

use super::*;

fn owes(time: Duration) -> Desk {
    let mut desk = Desk::new();
    desk.owed = Owed { told: time, bytes_out: false };
    desk
}

#[test]
fn answers_tell_the_longer_of_what_is_owed_here_and_what_the_broker_says() {
    for (here, broker, told) in [(0, 0, 0), (700, 0, 700), (700, 100, 700), (100, 200, 256), (0, 1, 128)] {
        let mut desk = owes(Duration::from_millis(here));
        let asked = HeartbeatRequest::default().with_group_id(GroupId(text("g")));
        for pieces in [1, usize::MAX] {
            let (header, _) = upstream::<HeartbeatRequest>(desk.ask(ApiKey::Heartbeat, 4, &asked), 4);
            let said = HeartbeatResponse::default().with_throttle_time_ms(broker);
            let frame = answer(header.correlation_id, true, 4, &said);
            let given = desk.broker_answers(&frame, pieces).unwrap();
            assert_eq!(read::<HeartbeatResponse>(&given, true, 4).1.throttle_time_ms, told, "{here} {broker}");
        }
    }
}

#[test]
fn answers_of_weirs_own_tell_it_too_and_no_time_is_told_too_short() {
    let mut desk = owes(Duration::from_micros(1_500_001));
    desk.ask(ApiKey::Metadata, 12, &MetadataRequest::default().with_topics(Some(Vec::new())));
    assert_eq!(read::<MetadataResponse>(&desk.local_answer(), true, 12).1.throttle_time_ms, 1_501);
    // Before version 3 there is no place for it.
    desk.ask(ApiKey::Metadata, 1, &MetadataRequest::default().with_topics(Some(Vec::new())));
    assert_eq!(read::<MetadataResponse>(&desk.local_answer(), false, 1).1.throttle_time_ms, 0);
}

#[test]
fn trap_q5_who_owes_bytes_asks_for_fewer_of_them() {
    for (per_second, owed, asked_for) in [(100_000, true, 100_000), (10, true, 64 * 1024), (100_000, false, 50 << 20)] {
        let mut desk = within(&format!("bytes_out: {{per_second: {per_second}, burst: 100000}}"));
        desk.owed.bytes_out = owed;
        let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
        let topic = FetchTopic::default().with_topic(TopicName(text(GRANTED))).with_partitions(vec![partition]);
        let fetch = FetchRequest::default().with_max_bytes(50 << 20).with_session_epoch(-1).with_topics(vec![topic]);
        let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &fetch), 12);
        assert_eq!((sent.max_bytes, sent.topics.len()), (asked_for, 1));
    }
}

#[test]
fn trap_q6_what_is_owed_here_is_not_taken_for_the_brokers_throttling() {
    let mut desk = owes(Duration::from_millis(700));
    let topic =
        |name| FetchTopic::default().with_topic(TopicName(text(name))).with_partitions(vec![FetchPartition::default()]);
    let fetch = FetchRequest::default().with_session_epoch(-1).with_topics(vec![topic(GRANTED), topic(HIDDEN)]);
    for (broker, told, topics) in [(0, 700, 2), (100, 700, 0), (2_000, 2_048, 0)] {
        let (header, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &fetch), 12);
        let partition = PartitionData::default().with_high_watermark(1).with_last_stable_offset(1);
        let read_one =
            FetchableTopicResponse::default().with_topic(sent.topics[0].topic.clone()).with_partitions(vec![partition]);
        let said = FetchResponse::default().with_throttle_time_ms(broker).with_responses(if broker == 0 {
            vec![read_one]
        } else {
            Vec::new()
        });
        let given = desk.broker_answers(&answer(header.correlation_id, true, 12, &said), usize::MAX).unwrap();
        let response = read::<FetchResponse>(&given, true, 12).1;
        assert_eq!((response.throttle_time_ms, response.responses.len()), (told, topics), "{broker}");
    }
}

#[test]
fn trap_q3_where_a_member_speaks_its_session_says_how_long_it_bears_to_wait() {
    let mut desk = Desk::new();
    desk.ask(ApiKey::Metadata, 12, &MetadataRequest::default());
    assert_eq!(desk.session.member_bears(), None);
    desk.ask(ApiKey::Heartbeat, 4, &HeartbeatRequest::default().with_group_id(GroupId(text("g"))));
    assert_eq!(desk.session.member_bears(), Some(Duration::from_secs(2)));
    for (version, session, bears) in [(0, 30_000, 2_000), (9, 3_000, 1_000), (5, 9_000, 1_000), (5, -1, 1_000)] {
        let asked = JoinGroupRequest::default()
            .with_group_id(GroupId(text("g")))
            .with_protocol_type(text("consumer"))
            .with_session_timeout_ms(session);
        desk.ask(ApiKey::JoinGroup, version, &asked);
        assert_eq!(desk.session.member_bears(), Some(Duration::from_millis(bears)), "{version} {session}");
    }
}
