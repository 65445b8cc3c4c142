//! Fetch through a session: what is refused returns, what was not asked for never passes, and lengths are true.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

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
    desk.nodes = weir_kafka::advertise::AdvertisedNodes::Ports {
        host: "h".into(),
        bootstrap_port: 9000,
        base_port: 9100,
        ids: 1..=2,
    };
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
fn trap_s1_a_client_cannot_fetch_as_a_replica() {
    for replica in [0, 3, -2, -3] {
        let mut desk = Desk::new();
        let asked = request(4, (0, -1), vec![topic(GRANTED, GRANTED_ID, 4, &[0])]).with_replica_id(BrokerId(replica));
        let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 4, &asked), 4);
        assert_eq!(sent.replica_id, BrokerId(-1));
    }
    let mut desk = Desk::new();
    let state = ReplicaState::default().with_replica_id(BrokerId(1)).with_replica_epoch(3);
    let asked = request(15, (0, -1), vec![topic(GRANTED, GRANTED_ID, 15, &[0])])
        .with_replica_state(state)
        .with_cluster_id(Some(StrBytes::from_static_str("internal-cluster")));
    let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 15, &asked), 15);
    assert_eq!(sent.replica_state, ReplicaState::default());
    assert_eq!(sent.cluster_id, None);
}

#[test]
fn trap_a8_a9_what_may_be_asked_for_is_bounded() {
    let mut desk = Desk::new();
    let asked = request(12, (0, -1), vec![topic(GRANTED, GRANTED_ID, 12, &[0])])
        .with_max_bytes(i32::MAX)
        .with_max_wait_ms(i32::MAX);
    let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &asked), 12);
    assert_eq!(sent.max_bytes, desk.limits.fetch_max_bytes);
    assert_eq!(u128::try_from(sent.max_wait_ms).unwrap(), desk.limits.fetch_max_wait.as_millis());
    // Fewer bytes are never made more.
    for bytes in [i32::MIN, -1, 0, 1] {
        let asked = request(12, (0, -1), vec![topic(GRANTED, GRANTED_ID, 12, &[0])]).with_max_bytes(bytes);
        let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &asked), 12);
        assert_eq!(sent.max_bytes, bytes);
    }
}

#[test]
fn an_isolation_level_that_is_none_fails_each_partition_and_does_not_reach_the_broker() {
    for version in 4..=17 {
        let topics = || vec![topic(GRANTED, GRANTED_ID, version, &[1, 0]), topic(HIDDEN, HIDDEN_ID, version, &[0])];
        for level in [2, -1, i8::MIN] {
            let mut desk = Desk::new();
            let asked = request(version, (41, -1), topics()).with_isolation_level(level);
            assert!(matches!(desk.ask(ApiKey::Fetch, version, &asked), Led::Local));
            let (_, response) = read::<FetchResponse>(&desk.local_answer(), flexible(version), version);
            assert_eq!((response.error_code, response.session_id), if version >= 7 { (-1, 41) } else { (0, 0) });
            let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
            let failed: Vec<_> =
                partitions.map(|partition| (partition.partition_index, partition.error_code)).collect();
            let each = if version >= 13 { vec![] } else { vec![(1, -1), (0, -1), (0, -1)] };
            assert_eq!(failed, each, "version {version}");
            // Where there is nothing to read, Kafka does not look at it.
            let hidden = vec![topic(HIDDEN, HIDDEN_ID, version, &[0])];
            desk.ask(ApiKey::Fetch, version, &request(version, (0, -1), hidden).with_isolation_level(level));
            let (_, response) = read::<FetchResponse>(&desk.local_answer(), flexible(version), version);
            assert_eq!(response.responses[0].partitions[0].error_code, if version >= 13 { 100 } else { 29 });
        }
        if version >= 7 {
            let mut desk = Desk::new();
            open_session(&mut desk, version);
            let asked = request(version, (500, 1), topics()).with_isolation_level(2);
            assert!(matches!(desk.ask(ApiKey::Fetch, version, &asked), Led::Local));
            assert_eq!(read::<FetchResponse>(&desk.local_answer(), flexible(version), version).1.error_code, -1);
            let after = desk.ask(ApiKey::Fetch, version, &request(version, (500, 1), vec![]));
            assert!(matches!(after, Led::Upstream(_)), "the broker has heard nothing of it");
        }
    }
}

#[test]
fn a_refused_topic_without_partitions_is_left_out() {
    for version in 4..=17 {
        let none_of = || topic(HIDDEN, HIDDEN_ID, version, &[]);
        let mut desk = Desk::new();
        assert!(matches!(desk.ask(ApiKey::Fetch, version, &request(version, (0, -1), vec![none_of()])), Led::Local));
        let (_, response) = read::<FetchResponse>(&desk.local_answer(), flexible(version), version);
        assert!(response.responses.is_empty(), "version {version}");
        let asked = request(version, (0, -1), vec![none_of(), topic(GRANTED, GRANTED_ID, version, &[0])]);
        let (header, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &asked), version);
        assert_eq!(sent.topics.len(), 1, "its name stays here");
        let broker =
            FetchResponse::default().with_responses(vec![answered(GRANTED, GRANTED_ID, version, vec![data(0, 1)])]);
        let frame = answer(header.correlation_id, flexible(version), version, &broker);
        let out = desk.broker_answers(&frame, 1 << 20).unwrap();
        assert_eq!(read::<FetchResponse>(&out, flexible(version), version).1.responses.len(), 1);
        if version >= 7 {
            // A session in which nothing is refused.
            let asked = request(version, (0, 0), vec![topic(GRANTED, GRANTED_ID, version, &[0])]);
            let (header, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &asked), version);
            let frame = |id: i32| answer(id, flexible(version), version, &broker.clone().with_session_id(500));
            desk.broker_answers(&frame(header.correlation_id), 1 << 20).unwrap();
            let led = desk.ask(ApiKey::Fetch, version, &request(version, (500, 1), vec![none_of()]));
            let (header, sent) = upstream::<FetchRequest>(led, version);
            assert!(sent.topics.is_empty(), "its name stays here");
            let out = desk.broker_answers(&frame(header.correlation_id), 1 << 20).unwrap();
            assert_eq!(read::<FetchResponse>(&out, flexible(version), version).1.responses.len(), 1);
        }
    }
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
fn trap_c20_an_empty_fetch_in_a_session_goes_on_and_its_answer_keeps_the_refused() {
    for version in [7, 12, 17] {
        let mut desk = Desk::new();
        open_session(&mut desk, version);
        let led = desk.ask(ApiKey::Fetch, version, &request(version, (500, 1), vec![]));
        let (header, sent) = upstream::<FetchRequest>(led, version);
        assert_eq!((sent.session_id, sent.session_epoch, sent.topics.len()), (500, 1, 0));
        let broker = FetchResponse::default().with_session_id(500);
        let frame = answer(header.correlation_id, flexible(version), version, &broker);
        let out = desk.broker_answers(&frame, 3).unwrap();
        let (_, response) = read::<FetchResponse>(&out, flexible(version), version);
        assert_eq!(response.responses.len(), 1, "version {version}: the refused topic");
    }
}

#[test]
fn trap_s3_a_session_of_another_connection_is_none() {
    let mut desk = Desk::new();
    let led = desk.ask(ApiKey::Fetch, 12, &request(12, (500, 3), vec![]));
    assert!(matches!(led, Led::Local));
    let (_, response) = read::<FetchResponse>(&desk.local_answer(), true, 12);
    assert_eq!(response.error_code, 70);
    for epoch in [0, -1] {
        let asked = request(12, (500, epoch), vec![topic(GRANTED, GRANTED_ID, 12, &[0])]);
        let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &asked), 12);
        assert_eq!((sent.session_id, sent.session_epoch), (0, epoch), "the other's session is not closed");
    }
}

#[test]
fn a_negative_session_id_is_answered_here() {
    let mut desk = Desk::new();
    let asked = request(12, (i32::MIN, 0), vec![topic(GRANTED, GRANTED_ID, 12, &[0])]);
    assert!(matches!(desk.ask(ApiKey::Fetch, 12, &asked), Led::Local));
    assert_eq!(read::<FetchResponse>(&desk.local_answer(), true, 12).1.error_code, 70);
}

#[test]
fn trap_c17_c18_a_changed_verdict_sends_the_client_back_for_its_full_list() {
    for granted in [&[GRANTED, HIDDEN][..], &[ALSO_GRANTED][..]] {
        let mut desk = Desk::new();
        open_session(&mut desk, 12);
        desk.policy = policy(granted);
        desk.policy_generation = 2;
        assert!(matches!(desk.ask(ApiKey::Fetch, 12, &request(12, (500, 1), vec![])), Led::Local));
        assert_eq!(read::<FetchResponse>(&desk.local_answer(), true, 12).1.error_code, 70);
    }
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    desk.policy_generation = 2;
    let led = desk.ask(ApiKey::Fetch, 12, &request(12, (500, 1), vec![]));
    assert!(matches!(led, Led::Upstream(_)), "who lost and gained nothing does not notice");
}

#[test]
fn trap_c19_a_forgotten_refused_partition_is_no_longer_answered() {
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    let forgotten =
        ForgottenTopic::default().with_topic(TopicName(StrBytes::from_static_str(HIDDEN))).with_partitions(vec![0]);
    let asked = request(12, (500, 1), vec![]).with_forgotten_topics_data(vec![forgotten]);
    let (header, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &asked), 12);
    assert!(sent.forgotten_topics_data.is_empty(), "its name does not go up");
    let broker = FetchResponse::default().with_session_id(500);
    let out = desk.broker_answers(&answer(header.correlation_id, true, 12, &broker), 1 << 20).unwrap();
    assert!(read::<FetchResponse>(&out, true, 12).1.responses.is_empty());
}

/// As Java does when it closes: it ends its session while a Fetch in it still waits at the broker.
#[test]
fn a_session_that_changes_while_its_answer_is_on_the_way_does_not_change_that_answer() {
    for version in [7, 12, 17] {
        let mut desk = Desk::new();
        open_session(&mut desk, version);
        let (parked, _) =
            upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &request(version, (500, 1), vec![])), version);
        let forgotten = match version {
            13.. => ForgottenTopic::default().with_topic_id(GRANTED_ID),
            _ => ForgottenTopic::default().with_topic(TopicName(StrBytes::from_static_str(GRANTED))),
        };
        let asked = request(version, (500, 2), vec![]);
        let asked = asked.with_forgotten_topics_data(vec![forgotten.with_partitions(vec![0])]);
        let (forgets, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &asked), version);
        let asked = request(version, (500, -1), vec![]);
        let (closes, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &asked), version);
        assert_eq!((sent.session_id, sent.session_epoch), (500, -1), "its own session may be closed");
        for (header, session, partitions) in
            [(parked, 500, vec![data(0, 9), data(1, 9)]), (forgets, 500, vec![data(1, 9)]), (closes, 0, vec![])]
        {
            let topics = vec![answered(GRANTED, GRANTED_ID, version, partitions)];
            let topics = if session == 0 { vec![] } else { topics };
            let broker = FetchResponse::default().with_session_id(session).with_responses(topics);
            let frame = answer(header.correlation_id, flexible(version), version, &broker);
            let out = desk.broker_answers(&frame, 1 << 20).unwrap();
            assert_eq!(read::<FetchResponse>(&out, flexible(version), version).1.session_id, session);
        }
        let after = desk.ask(ApiKey::Fetch, version, &request(version, (500, 3), vec![]));
        assert!(matches!(after, Led::Local));
        let (_, gone) = read::<FetchResponse>(&desk.local_answer(), flexible(version), version);
        assert_eq!(gone.error_code, 70);
    }
}

/// Kafka takes nothing of a request whose epoch is not the next one, and goes on when that comes.
#[test]
fn a_session_outlives_an_epoch_that_is_not_its_next_and_is_as_it_was_before() {
    for version in [7, 12, 17] {
        let refused_epoch = |desk: &mut Desk, id: i32| {
            let broker = FetchResponse::default().with_error_code(71);
            let out = desk.broker_answers(&answer(id, flexible(version), version, &broker), 99).unwrap();
            let (_, response) = read::<FetchResponse>(&out, flexible(version), version);
            assert_eq!((response.error_code, response.responses.len()), (71, 0));
        };
        let forgets = |name, id, partition| {
            let forgotten = ForgottenTopic::default().with_partitions(vec![partition]);
            match version {
                13.. => forgotten.with_topic_id(id),
                _ => forgotten.with_topic(TopicName(StrBytes::from_static_str(name))),
            }
        };
        let adds = |epoch| request(version, (500, epoch), vec![topic(ABSENT, ABSENT_ID, version, &[0])]);
        let lists = vec![forgets(GRANTED, GRANTED_ID, 0), forgets(HIDDEN, HIDDEN_ID, 0)];
        let nothing = request(version, (500, 9), vec![]);
        let (mut desk, mut epoch) = (Desk::new(), 1);
        open_session(&mut desk, version);
        for wrong in [nothing.clone(), adds(9), nothing.with_forgotten_topics_data(lists)] {
            let (header, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &wrong), version);
            refused_epoch(&mut desk, header.correlation_id);
            let next = desk.ask(ApiKey::Fetch, version, &request(version, (500, epoch), vec![]));
            let (header, _) = upstream::<FetchRequest>(next, version);
            let told = vec![answered(GRANTED, GRANTED_ID, version, vec![data(0, 9)])];
            let broker = FetchResponse::default().with_session_id(500).with_responses(told);
            let frame = answer(header.correlation_id, flexible(version), version, &broker);
            let (_, response) =
                read::<FetchResponse>(&desk.broker_answers(&frame, 99).unwrap(), flexible(version), version);
            assert_eq!(response.responses.len(), 2, "version {version}: what it had, and the refused topic");
            assert_eq!(
                response.responses[1],
                answered(HIDDEN, HIDDEN_ID, version, response.responses[1].partitions.clone())
            );
            epoch += 1;
        }
        // What was asked meanwhile counted on the change: the session is over, for nobody can tell what it is.
        let (first, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &adds(99)), version);
        let led = desk.ask(ApiKey::Fetch, version, &request(version, (500, epoch), vec![]));
        assert!(matches!(led, Led::Upstream(_)));
        refused_epoch(&mut desk, first.correlation_id);
        let after = desk.ask(ApiKey::Fetch, version, &request(version, (500, epoch + 1), vec![]));
        assert!(matches!(after, Led::Local), "70, and the client begins anew");
    }
}

#[test]
fn what_a_session_holds_of_refused_names_has_an_end() {
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    let added = |round: i32| {
        let named = |index: usize| {
            let name = TopicName(StrBytes::from_string(format!("{round}-{index}-{}", "x".repeat(30_000))));
            FetchTopic::default().with_topic(name).with_partitions(vec![FetchPartition::default()])
        };
        request(12, (500, round), (0..10).map(named).collect())
    };
    let refused_at = (1..100).find(|round| {
        let Ok(led) = desk.raw(frame(ApiKey::Fetch, 12, 77, &added(*round))) else { return true };
        let (header, _) = upstream::<FetchRequest>(led, 12);
        let broker = FetchResponse::default().with_session_id(500);
        desk.broker_answers(&answer(header.correlation_id, true, 12, &broker), 99).unwrap();
        false
    });
    assert_eq!(refused_at, Some(4), "a mebibyte of names is four times 300 kB");
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
fn trap_c24_nothing_to_read_is_answered_late() {
    let mut desk = Desk::new();
    let led = desk.ask(ApiKey::Fetch, 12, &request(12, (0, 0), vec![topic(HIDDEN, HIDDEN_ID, 12, &[0])]));
    assert!(matches!(led, Led::Local));
    let Head::Local { not_before: Some(due), .. } = desk.session.head() else { panic!("at once") };
    assert_eq!(due.duration_since(desk.now).as_millis(), 500);
    let (_, response) = read::<FetchResponse>(&desk.local_answer(), true, 12);
    assert_eq!(response.session_id, 0);
    assert_eq!(response.responses[0].partitions[0].error_code, 29);
}

#[test]
fn trap_l3_hidden_and_unknown_topic_ids_have_the_same_answer() {
    let ask = |id| {
        let mut desk = Desk::new();
        let led = desk.ask(ApiKey::Fetch, 13, &request(13, (0, -1), vec![topic("", id, 13, &[0])]));
        assert!(matches!(led, Led::Local));
        let (_, mut response) = read::<FetchResponse>(&desk.local_answer(), true, 13);
        assert_eq!(std::mem::take(&mut response.responses[0].topic_id), id);
        response
    };
    assert_eq!(ask(HIDDEN_ID), ask(ABSENT_ID));
    assert_eq!(ask(HIDDEN_ID).responses[0].partitions[0].error_code, 100);
}

#[test]
fn the_original_bytes_go_up_where_nothing_was_touched() {
    let mut desk = Desk::new();
    let asked = request(12, (0, -1), vec![topic(GRANTED, GRANTED_ID, 12, &[0])]);
    let Led::Upstream(sent) = desk.ask(ApiKey::Fetch, 12, &asked) else { panic!("local") };
    let own = frame(ApiKey::Fetch, 12, 77, &asked);
    let body = &own[own.len() - 40..];
    assert!(sent.ends_with(body));
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

#[test]
fn trap_a19_a_session_that_is_over_here_is_ended_at_the_broker_by_the_next_full_fetch() {
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    desk.policy = policy(&[ALSO_GRANTED]);
    desk.policy_generation = 2;
    assert!(matches!(desk.ask(ApiKey::Fetch, 12, &request(12, (500, 1), vec![])), Led::Local));
    desk.local_answer();
    let again = request(12, (0, 0), vec![topic(ALSO_GRANTED, GRANTED_ID, 12, &[0])]);
    let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &again), 12);
    assert_eq!((sent.session_id, sent.session_epoch), (500, 0));
}

#[test]
fn trap_a19_a_session_that_is_emptied_is_emptied_at_the_broker() {
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    let forgotten =
        ForgottenTopic::default().with_topic(TopicName(StrBytes::from_static_str(GRANTED))).with_partitions(vec![0, 1]);
    let asked = request(12, (500, 1), vec![]).with_forgotten_topics_data(vec![forgotten]);
    let (header, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &asked), 12);
    assert_eq!(sent.forgotten_topics_data.len(), 1);
    // The broker ends what has become empty.
    let out = desk.broker_answers(&answer(header.correlation_id, true, 12, &FetchResponse::default()), 99).unwrap();
    let (_, response) = read::<FetchResponse>(&out, true, 12);
    assert_eq!((response.session_id, response.responses.len()), (0, 1), "the refused topic is told");
    assert!(matches!(desk.ask(ApiKey::Fetch, 12, &request(12, (500, 2), vec![])), Led::Local));
}

/// Each change that is under way holds a list of its own, however few bytes ask for it.
#[test]
fn hostile_f12_a_session_does_not_change_again_and_again_while_nobody_waits_for_the_answers() {
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    let adds = |epoch, index| request(12, (500, epoch), vec![topic(GRANTED, GRANTED_ID, 12, &[index])]);
    let nothing = |epoch| request(12, (500, epoch), vec![]);
    for (epoch, asked) in [(1, nothing(1)), (2, adds(2, 7)), (3, nothing(3)), (4, adds(4, 7))] {
        assert!(matches!(desk.ask(ApiKey::Fetch, 12, &asked), Led::Upstream(_)), "epoch {epoch}");
    }
    assert!(matches!(desk.ask(ApiKey::Fetch, 12, &adds(5, 8)), Led::Local));
    assert!(matches!(desk.ask(ApiKey::Fetch, 12, &nothing(6)), Led::Local), "the session is over");
    // With the answers in between, there is no end to it.
    let mut desk = Desk::new();
    open_session(&mut desk, 12);
    for epoch in 1..10 {
        let (header, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &adds(epoch, 10 + epoch)), 12);
        let broker = FetchResponse::default().with_session_id(500);
        desk.broker_answers(&answer(header.correlation_id, true, 12, &broker), 99).unwrap();
    }
}

/// Java reads a tagged structure by its fields, and goes on behind them: the size that stands before it is not looked at.
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

#[test]
fn hostile_u7_a_broker_does_not_make_more_sessions_than_were_asked_for() {
    let mut desk = Desk::new();
    for id in 1..=20 {
        let asked = request(12, (0, -1), vec![topic(GRANTED, GRANTED_ID, 12, &[0])]);
        let (header, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &asked), 12);
        let broker = FetchResponse::default().with_session_id(id);
        desk.broker_answers(&answer(header.correlation_id, true, 12, &broker), 99).unwrap();
    }
    let known = (1..=20).filter(|id| {
        let led = desk.ask(ApiKey::Fetch, 12, &request(12, (*id, 1), vec![]));
        matches!(led, Led::Upstream(_))
    });
    assert_eq!(known.count(), desk.limits.fetch_sessions);
}
