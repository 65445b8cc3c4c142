//! What of a Fetch goes to the broker, and what Weir answers itself.

use super::*;

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
