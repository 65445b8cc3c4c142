//! Fetch through a session: what is refused returns, what was not asked for never passes, and lengths are true.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod out_of_range;
mod requests;
mod sessions;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic, ReplicaState};
use kafka_protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint, PartitionData,
};
use kafka_protocol::messages::{ApiKey, BrokerId, FetchRequest, FetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use support::*;
use uuid::Uuid;
use weir_kafka::fault::Fault;
use weir_kafka::session::Head;

fn topic(name: &'static str, id: Uuid, version: i16, partitions: &[i32]) -> FetchTopic {
    let partition = |index: &i32| FetchPartition::default().with_partition(*index).with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_partitions(partitions.iter().map(partition).collect());
    if version >= 13 { topic.with_topic_id(id) } else { topic.with_topic(TopicName(StrBytes::from_static_str(name))) }
}

fn request(version: i16, session: (i32, i32), topics: Vec<FetchTopic>) -> FetchRequest {
    let request = FetchRequest::default().with_max_wait_ms(500).with_min_bytes(1).with_max_bytes(50 << 20);
    let request = request.with_topics(topics);
    if version >= 7 { request.with_session_id(session.0).with_session_epoch(session.1) } else { request }
}

fn data(index: i32, bytes: usize) -> PartitionData {
    PartitionData::default()
        .with_partition_index(index)
        .with_high_watermark(100)
        .with_last_stable_offset(100)
        .with_log_start_offset(0)
        .with_aborted_transactions(Some(vec![]))
        .with_preferred_read_replica(BrokerId(-1))
        .with_records(Some(Bytes::from(vec![0x5a; bytes])))
}

fn answered(name: &'static str, id: Uuid, version: i16, partitions: Vec<PartitionData>) -> FetchableTopicResponse {
    let topic = FetchableTopicResponse::default().with_partitions(partitions);
    if version >= 13 { topic.with_topic_id(id) } else { topic.with_topic(TopicName(StrBytes::from_static_str(name))) }
}

fn flexible(version: i16) -> bool {
    version >= 12
}

/// Asks for a granted and a hidden topic, and lets the broker answer with `partitions`.
fn ask_and_answer(version: i16, partitions: Vec<PartitionData>, piece: usize) -> FetchResponse {
    let mut desk = Desk::new();
    let topics = vec![topic(HIDDEN, HIDDEN_ID, version, &[0, 1]), topic(GRANTED, GRANTED_ID, version, &[0, 1, 2])];
    let led = desk.ask(ApiKey::Fetch, version, &request(version, (0, -1), topics));
    let (header, sent) = upstream::<FetchRequest>(led, version);
    assert_eq!(sent.topics.len(), 1, "the hidden topic stays here");
    let broker = FetchResponse::default().with_responses(vec![answered(GRANTED, GRANTED_ID, version, partitions)]);
    let frame = answer(header.correlation_id, flexible(version), version, &broker);
    let out = desk.broker_answers(&frame, piece).unwrap();
    let (correlation, response) = read::<FetchResponse>(&out, flexible(version), version);
    assert_eq!(correlation, 77);
    response
}

/// Opens a session that the broker numbers 500, with a granted and a hidden topic.
fn open_session(desk: &mut Desk, version: i16) {
    let topics = vec![topic(GRANTED, GRANTED_ID, version, &[0, 1]), topic(HIDDEN, HIDDEN_ID, version, &[0])];
    let led = desk.ask(ApiKey::Fetch, version, &request(version, (0, 0), topics));
    let (header, _) = upstream::<FetchRequest>(led, version);
    let partitions = vec![data(0, 1), data(1, 1)];
    let broker = FetchResponse::default()
        .with_session_id(500)
        .with_responses(vec![answered(GRANTED, GRANTED_ID, version, partitions)]);
    desk.broker_answers(&answer(header.correlation_id, flexible(version), version, &broker), 1 << 20).unwrap();
}

#[test]
fn trap_c15_refused_partitions_return_behind_the_others_in_every_version() {
    for version in 4..=17 {
        let response = ask_and_answer(version, vec![data(0, 10), data(1, 0), data(2, 3)], 1 << 20);
        assert_eq!(response.responses.len(), 2, "version {version}");
        let refused = &response.responses[1];
        let expected = if version >= 13 { 100 } else { 29 };
        for partition in &refused.partitions {
            assert_eq!(partition.error_code, expected);
            assert_eq!(partition.high_watermark, -1);
            assert_eq!(partition.records.as_ref().map(Bytes::len), Some(0));
        }
        let indexes: BTreeSet<i32> = refused.partitions.iter().map(|partition| partition.partition_index).collect();
        assert_eq!(indexes, BTreeSet::from([0, 1]));
        assert_eq!(response.responses[0].partitions[2].records.as_ref().unwrap().len(), 3);
    }
}

#[test]
fn hostile_f5_an_answer_is_the_same_however_it_is_cut() {
    for version in [4, 11, 12, 17] {
        let aborted = vec![AbortedTransaction::default(), AbortedTransaction::default()];
        let partitions = || vec![data(0, 700).with_aborted_transactions(Some(aborted.clone())), data(2, 40_000)];
        let whole = ask_and_answer(version, partitions(), 1 << 20);
        for piece in [1, 7, 4096] {
            assert_eq!(ask_and_answer(version, partitions(), piece), whole, "version {version}, pieces of {piece}");
        }
    }
}

#[test]
fn trap_c25_a_long_answer_streams_and_its_length_is_true() {
    for version in [4, 12, 16, 17] {
        let response = ask_and_answer(version, vec![data(0, 3 << 20), data(1, 1), data(2, 2 << 20)], 60_000);
        assert_eq!(response.responses.len(), 2);
        assert_eq!(response.responses[0].partitions[0].records.as_ref().unwrap().len(), 3 << 20);
    }
}

/// A leader has moved: the broker names the new one and where it is.
fn moved(records: usize) -> FetchResponse {
    let leader = LeaderIdAndEpoch::default().with_leader_id(BrokerId(2)).with_leader_epoch(9);
    let diverging = EpochEndOffset::default().with_epoch(3).with_end_offset(7);
    let partitions = vec![
        data(0, records),
        data(1, 0).with_error_code(6).with_current_leader(leader).with_diverging_epoch(diverging),
    ];
    let endpoint = |id| {
        NodeEndpoint::default()
            .with_node_id(BrokerId(id))
            .with_host(StrBytes::from_string(format!("{INTERNAL_HOST}.{id}")))
            .with_port(9092)
            .with_rack(Some(StrBytes::from_static_str("rack-internal")))
    };
    FetchResponse::default()
        .with_responses(vec![answered(GRANTED, GRANTED_ID, 16, partitions)])
        .with_node_endpoints(vec![endpoint(2), endpoint(3)])
}

fn ask_moved(records: usize) -> (Vec<u8>, bool) {
    let mut desk = Desk::new();
    let led = desk.ask(ApiKey::Fetch, 16, &request(16, (0, -1), vec![topic(GRANTED, GRANTED_ID, 16, &[0, 1])]));
    let (header, _) = upstream::<FetchRequest>(led, 16);
    let out = desk.broker_answers(&answer(header.correlation_id, true, 16, &moved(records)), 50_000).unwrap();
    (out, desk.session.take_view_is_stale())
}

#[test]
fn trap_l18_endpoints_are_shown_addresses_in_an_answer_that_fits() {
    let (out, stale) = ask_moved(100);
    assert!(stale, "trap C28: the view is refetched");
    let (_, response) = read::<FetchResponse>(&out, true, 16);
    assert_eq!(response.node_endpoints.len(), 2);
    assert_eq!(&*response.node_endpoints[0].host, "b2.kafka.example.org");
    assert_eq!(response.node_endpoints[0].rack, None);
    assert_eq!(response.responses[0].partitions[1].current_leader.leader_id, BrokerId(2));
    assert_eq!(response.responses[0].partitions[1].diverging_epoch.epoch, 3);
    assert!(!contains(&out, INTERNAL_HOST) && !contains(&out, "rack-internal"));
}

#[test]
fn trap_c26_leader_and_endpoints_are_withheld_together_in_an_answer_that_streams() {
    let (out, stale) = ask_moved(200_000);
    assert!(stale);
    let (_, response) = read::<FetchResponse>(&out, true, 16);
    assert!(response.node_endpoints.is_empty());
    assert_eq!(response.responses[0].partitions[1].current_leader.leader_id, BrokerId(-1));
    assert_eq!(response.responses[0].partitions[1].error_code, 6);
    assert!(!contains(&out, INTERNAL_HOST) && !contains(&out, "rack-internal"));
}

#[test]
fn trap_c27_a_preferred_replica_without_a_shown_address_is_none() {
    let mut desk = Desk::new();
    desk.nodes = support::two_ports();
    let led = desk.ask(ApiKey::Fetch, 12, &request(12, (0, -1), vec![topic(GRANTED, GRANTED_ID, 12, &[0, 1])]));
    let (header, _) = upstream::<FetchRequest>(led, 12);
    let partitions =
        vec![data(0, 0).with_preferred_read_replica(BrokerId(3)), data(1, 0).with_preferred_read_replica(BrokerId(2))];
    let broker = FetchResponse::default().with_responses(vec![answered(GRANTED, GRANTED_ID, 12, partitions)]);
    let out = desk.broker_answers(&answer(header.correlation_id, true, 12, &broker), 9).unwrap();
    let (_, response) = read::<FetchResponse>(&out, true, 12);
    let preferred: Vec<i32> =
        response.responses[0].partitions.iter().map(|partition| partition.preferred_read_replica.0).collect();
    assert_eq!(preferred, [-1, 2]);
}

#[test]
fn trap_c16_a_partition_that_was_not_asked_for_ends_both_connections() {
    for (name, id, index) in [(HIDDEN, HIDDEN_ID, 0), (GRANTED, GRANTED_ID, 7), (ABSENT, ABSENT_ID, 0)] {
        for version in [4, 12, 13] {
            let mut desk = Desk::new();
            let topics = vec![topic(GRANTED, GRANTED_ID, version, &[0]), topic(HIDDEN, HIDDEN_ID, version, &[0])];
            let led = desk.ask(ApiKey::Fetch, version, &request(version, (0, -1), topics));
            let (header, _) = upstream::<FetchRequest>(led, version);
            let broker =
                FetchResponse::default().with_responses(vec![answered(name, id, version, vec![data(index, 9)])]);
            let frame = answer(header.correlation_id, flexible(version), version, &broker);
            assert_eq!(desk.broker_answers(&frame, 1 << 20).unwrap_err(), Fault::BrokerUnasked);
        }
    }
}

#[test]
fn trap_q6_a_throttled_answer_is_as_empty_as_the_broker_made_it() {
    for version in [4, 12, 17] {
        let mut desk = Desk::new();
        let topics = vec![topic(GRANTED, GRANTED_ID, version, &[0]), topic(HIDDEN, HIDDEN_ID, version, &[0])];
        let led = desk.ask(ApiKey::Fetch, version, &request(version, (0, 0), topics));
        let (header, _) = upstream::<FetchRequest>(led, version);
        let broker = FetchResponse::default().with_throttle_time_ms(256);
        let frame = answer(header.correlation_id, flexible(version), version, &broker);
        let out = desk.broker_answers(&frame, 1 << 20).unwrap();
        let (_, response) = read::<FetchResponse>(&out, flexible(version), version);
        assert_eq!((response.throttle_time_ms, response.responses.len()), (256, 0));
    }
}

#[test]
fn hostile_u7_an_answer_to_another_request_is_given_to_nobody() {
    let mut desk = Desk::new();
    let led = desk.ask(ApiKey::Fetch, 12, &request(12, (0, -1), vec![topic(GRANTED, GRANTED_ID, 12, &[0])]));
    let (header, _) = upstream::<FetchRequest>(led, 12);
    let broker = FetchResponse::default();
    let frame = answer(header.correlation_id + 1, true, 12, &broker);
    assert_eq!(desk.broker_answers(&frame, 1 << 20).unwrap_err(), Fault::BrokerDesync);
}

#[test]
fn hostile_u6_garbage_from_a_broker_never_passes() {
    for cut in 9..60 {
        let mut desk = Desk::new();
        let led = desk.ask(ApiKey::Fetch, 12, &request(12, (0, -1), vec![topic(GRANTED, GRANTED_ID, 12, &[0])]));
        let (header, _) = upstream::<FetchRequest>(led, 12);
        let broker = FetchResponse::default().with_responses(vec![answered(GRANTED, GRANTED_ID, 12, vec![data(0, 5)])]);
        let mut frame = answer(header.correlation_id, true, 12, &broker);
        if cut >= frame.len() {
            break;
        }
        // The frame says it is as long as it is, but the end of the answer is missing.
        frame.truncate(cut);
        let length = u32::try_from(cut - 4).unwrap();
        frame[..4].copy_from_slice(&length.to_be_bytes());
        assert!(desk.broker_answers(&frame, 1 << 20).is_err(), "cut at {cut}");
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Java reads a tagged structure by its fields, and goes on behind them: the size that stands before it is not looked
/// at.
#[test]
fn trap_s6_a_broker_hides_nothing_in_a_tagged_field_that_clients_read_by_its_fields() {
    let version = 12;
    let partition = |tag: u8, content: &[u8]| {
        let mut answer = answer(
            0,
            true,
            version,
            &FetchResponse::default().with_responses(vec![answered(
                GRANTED,
                GRANTED_ID,
                version,
                vec![data(0, 0).with_error_code(6)],
            )]),
        );
        // Behind the partition's tags stand those of its topic, and of the answer.
        let rest = answer.split_off(answer.len() - 3);
        assert_eq!(rest, [0, 0, 0]);
        answer.extend_from_slice(&[1, tag, u8::try_from(content.len()).unwrap()]);
        answer.extend_from_slice(content);
        answer.extend_from_slice(&[0, 0]);
        let length = u32::try_from(answer.len() - 4).unwrap();
        answer[..4].copy_from_slice(&length.to_be_bytes());
        answer
    };
    let hidden = |tag: u8, content: &[u8]| {
        let mut desk = Desk::new();
        desk.ask(ApiKey::Fetch, version, &request(version, (0, -1), vec![topic(GRANTED, GRANTED_ID, version, &[0])]));
        let sent = partition(tag, content);
        let out = desk.broker_answers(&sent, 1 << 20).unwrap();
        assert_eq!(out.len(), sent.len());
        let place = out.len() - 2 - content.len();
        assert_eq!(out[place - 1], u8::try_from(content.len()).unwrap());
        (out[place - 2] == 0x7f).then(|| assert!(out[place..].iter().all(|byte| *byte == 0))).is_some()
    };
    let leader = [0, 0, 0, 1, 0, 0, 0, 5, 0];
    let numbers = [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 7, 0];
    for (tag, right) in [(0, &numbers[..]), (1, &leader[..]), (2, &numbers[..])] {
        assert!(!hidden(tag, right), "tag {tag}");
        let fields = &right[..right.len() - 1];
        let smuggled = [right, b"the next partition"].concat();
        let inside = [fields, &[1, 5, 8], b"internal"].concat();
        for wrong in [&smuggled[..], &inside[..], fields, &fields[..4], &[]] {
            assert!(hidden(tag, wrong), "tag {tag}: {wrong:x?}");
        }
    }
}
