//! What a principal's Fetches may hold at the brokers at once: sessions, waits, and reading far behind.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{ApiKey, FetchRequest, FetchResponse, HeartbeatRequest};
use weir_kafka::session::{Head, Session};
use weir_policy::{CatchUp, Count, Rate};

use super::*;

const V: i16 = 12;
/// The end of every partition.
const END: i64 = 1_000_000;
const TAIL: i64 = END - 10;

/// A full Fetch in no session, or as the first of one: each topic with its partitions and where they are read from.
fn fetch(session: (i32, i32), topics: &[(&str, &[(i32, i64)])]) -> FetchRequest {
    let partition = |(index, offset): &(i32, i64)| {
        FetchPartition::default().with_partition(*index).with_fetch_offset(*offset).with_partition_max_bytes(1 << 20)
    };
    let topic = |(name, partitions): &(&str, &[(i32, i64)])| {
        FetchTopic::default()
            .with_topic(TopicName(text(name)))
            .with_partitions(partitions.iter().map(partition).collect())
    };
    FetchRequest::default()
        .with_max_wait_ms(500)
        .with_min_bytes(1)
        .with_max_bytes(50 << 20)
        .with_session_id(session.0)
        .with_session_epoch(session.1)
        .with_topics(topics.iter().map(topic).collect())
}

/// What a broker has of a partition from an offset on: so many bytes.
fn data(index: i32, offset: i64, bytes: usize) -> PartitionData {
    let mut records = offset.to_be_bytes().to_vec();
    records.resize(bytes, 0);
    PartitionData::default()
        .with_partition_index(index)
        .with_high_watermark(END)
        .with_last_stable_offset(END)
        .with_log_start_offset(3)
        .with_records(Some(Bytes::from(records)))
}

/// Answers what was asked with so many bytes for each partition, and gives what the client gets.
fn answered(desk: &mut Desk, led: Led, version: i16, session: i32, bytes: usize, pieces: usize) -> FetchResponse {
    let (header, sent) = upstream::<FetchRequest>(led, version);
    let of = |topic: &FetchTopic| {
        let partitions = topic.partitions.iter();
        let partitions = partitions.map(|asked| data(asked.partition, asked.fetch_offset, bytes));
        FetchableTopicResponse::default()
            .with_topic(topic.topic.clone())
            .with_topic_id(topic.topic_id)
            .with_partitions(partitions.collect())
    };
    let said = FetchResponse::default().with_session_id(session).with_responses(sent.topics.iter().map(of).collect());
    let frame = answer(header.correlation_id, version >= 12, version, &said);
    read::<FetchResponse>(&desk.broker_answers(&frame, pieces).unwrap(), version >= 12, version).1
}

/// Partitions that are asked for, by topic.
fn asked(sent: &FetchRequest) -> Vec<(String, Vec<i32>)> {
    let of = |topic: &FetchTopic| (topic.topic.to_string(), topic.partitions.iter().map(|one| one.partition).collect());
    sent.topics.iter().map(of).collect()
}

/// What a client was given: each partition's code, high watermark and bytes.
fn given(response: &FetchResponse) -> Vec<(String, i32, i16, i64, usize)> {
    let of = |topic: &FetchableTopicResponse| {
        let name = topic.topic.to_string();
        topic.partitions.clone().into_iter().map(move |one| {
            let bytes = one.records.map_or(0, |records| records.len());
            (name.clone(), one.partition_index, one.error_code, one.high_watermark, bytes)
        })
    };
    response.responses.iter().flat_map(of).collect()
}

/// A reader that may read so many bytes in a second far behind, one of them at once, and so many partitions at once.
fn far_behind(bytes: u64, partitions: u32) -> Desk {
    let limits = format!("catch_up: {{per_second: {bytes}, burst: 1}}, catch_up_partitions: {{most: {partitions}}}");
    within(&limits)
}

#[test]
fn hostile_q15_more_sessions_than_are_allowed_are_none_and_an_end_gives_places_back() {
    let mut desk = within("fetch_sessions: {most: 2}");
    let open = |desk: &mut Desk, id: i32| {
        let led = desk.ask(ApiKey::Fetch, V, &fetch((0, 0), &[(GRANTED, &[(0, TAIL)])]));
        let Led::Upstream(frame) = led else { panic!("answered locally") };
        let (_, sent) = upstream::<FetchRequest>(Led::Upstream(frame.clone()), V);
        let broker = if sent.session_epoch == 0 { id } else { 0 };
        answered(desk, Led::Upstream(frame), V, broker, 20, 1 << 20).session_id
    };
    // Each on a connection of its own, which stays.
    let mut connections = Vec::new();
    let another = |desk: &Desk| Session::new("reader".into(), &desk.limits);
    for (id, told) in [(500, 500), (501, 501), (502, 0)] {
        assert_eq!(open(&mut desk, id), told);
        let next = another(&desk);
        connections.push(std::mem::replace(&mut desk.session, next));
    }
    // Who closes its session at the broker frees its place at once.
    desk.session = connections.remove(0);
    let ends = desk.ask(ApiKey::Fetch, V, &fetch((500, -1), &[(GRANTED, &[(0, TAIL)])]));
    answered(&mut desk, ends, V, 0, 20, 1 << 20);
    assert_eq!(open(&mut desk, 503), 503);
    // Who just goes does not: the broker still has it.
    for session in [&mut desk.session].into_iter().chain(&mut connections) {
        session.leave(desk.now);
        session.end(desk.now);
    }
    connections.clear();
    desk.session = another(&desk);
    assert_eq!(open(&mut desk, 504), 0);
    desk.now += Duration::from_secs(121);
    assert_eq!(open(&mut desk, 505), 505);
}

#[test]
fn trap_a19_a_session_that_was_asked_for_and_never_seen_counts_as_one() {
    let mut desk = within("fetch_sessions: {most: 1}");
    desk.ask(ApiKey::Fetch, V, &fetch((0, 0), &[(GRANTED, &[(0, TAIL)])]));
    desk.session.leave(desk.now);
    desk.session.end(desk.now);
    desk.session = Session::new("reader".into(), &desk.limits);
    assert_eq!(desk.account.holds_at_once(desk.now).0, 1);
    let led = desk.ask(ApiKey::Fetch, V, &fetch((0, 0), &[(GRANTED, &[(0, TAIL)])]));
    assert_eq!(upstream::<FetchRequest>(led, V).1.session_epoch, -1);
}

#[test]
fn trap_a9_a_fetch_too_many_does_not_wait_at_the_broker_and_its_client_is_kept_quiet() {
    let mut desk = within("parked_fetches: {most: 1}");
    let tail = fetch((0, -1), &[(GRANTED, &[(0, TAIL)])]);
    let waits = |desk: &mut Desk| upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, V, &tail), V).1.max_wait_ms;
    assert_eq!((waits(&mut desk), desk.session.take_pause()), (500, None));
    let next = Session::new("reader".into(), &desk.limits);
    let mut first = std::mem::replace(&mut desk.session, next);
    assert_eq!((waits(&mut desk), desk.session.take_pause()), (0, Some(Duration::from_millis(500))));
    assert_eq!(desk.session.take_pause(), None, "it is told once");
    // The place is free when the first has its answer, or its connection ends.
    first.end(desk.now);
    assert_eq!((waits(&mut desk), desk.session.take_pause()), (500, None));
    assert_eq!(desk.account.holds_at_once(desk.now), (0, 1, 0));
    desk.session = Session::new("reader".into(), &desk.limits);
    assert_eq!(desk.account.holds_at_once(desk.now), (0, 0, 0));
    let led = desk.ask(ApiKey::Fetch, V, &tail);
    answered(&mut desk, led, V, 0, 20, 1 << 20);
    assert_eq!(desk.account.holds_at_once(desk.now), (0, 0, 0));
}

#[test]
fn trap_q3_where_a_member_speaks_a_fetch_too_many_waits_for_a_moment_and_nothing_is_paused() {
    let mut desk = within("parked_fetches: {most: 0}");
    desk.ask(ApiKey::Heartbeat, 4, &HeartbeatRequest::default().with_group_id(GroupId(text("g"))));
    let led = desk.ask(ApiKey::Fetch, V, &fetch((0, -1), &[(GRANTED, &[(0, TAIL)])]));
    assert_eq!(upstream::<FetchRequest>(led, V).1.max_wait_ms, 100);
    assert_eq!(desk.session.take_pause(), None);
}

#[test]
fn trap_q5_what_was_read_far_behind_is_given_and_owed_and_asked_for_again_when_it_is_paid() {
    for version in 4..=V {
        for pieces in [1 << 20, 7] {
            let mut desk = far_behind(100_000, 8);
            let both = fetch((0, -1), &[(GRANTED, &[(0, 5), (1, TAIL)]), (ALSO_GRANTED, &[(0, TAIL)])]);
            let both = if version < 7 { both.with_session_id(0).with_session_epoch(-1) } else { both };
            let led = desk.ask(ApiKey::Fetch, version, &both);
            let response = answered(&mut desk, led, version, 0, 40_001, pieces);
            assert!(given(&response).iter().all(|one| (one.2, one.4) == (0, 40_001)), "nothing is thrown away");
            // What is owed now is 0.4 s of the rate: 40,000 bytes came from far behind, and no more.
            let led = desk.ask(ApiKey::Fetch, version, &both);
            let Led::Upstream(frame) = led else { panic!("the tail goes on") };
            let (_, sent) = upstream::<FetchRequest>(Led::Upstream(frame.clone()), version);
            assert_eq!(asked(&sent), [(GRANTED.to_owned(), vec![1]), (ALSO_GRANTED.to_owned(), vec![0])]);
            assert_eq!(sent.max_wait_ms, 400, "it comes back when it may read");
            let response = answered(&mut desk, Led::Upstream(frame), version, 0, 20, pieces);
            let expected = [(GRANTED, 0, 0), (GRANTED, 1, 20), (ALSO_GRANTED, 0, 20)];
            let told = given(&response);
            let told: Vec<_> =
                told.iter().map(|(name, index, code, end, bytes)| (&**name, *index, *code, *end, *bytes)).collect();
            assert_eq!(told, expected.map(|(name, index, bytes)| (name, index, 0, END, bytes)), "version {version}");
            assert_eq!(desk.session.take_pause(), None);
            desk.now += Duration::from_millis(400);
            let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &both), version);
            assert_eq!(asked(&sent)[0].1, [0, 1], "it is paid");
            assert_eq!(sent.max_bytes, 100_000, "and no more is asked for than a second's worth");
        }
    }
}

#[test]
fn who_reads_nothing_but_far_behind_is_answered_here_and_told_to_wait() {
    let mut desk = far_behind(100_000, 8);
    let all = fetch((0, 0), &[(GRANTED, &[(0, 5)]), (HIDDEN, &[(0, 0)])]);
    let led = desk.ask(ApiKey::Fetch, V, &all);
    answered(&mut desk, led, V, 500, 20_001, 1 << 20);
    // The session that was opened before anybody knew is ended: its client is made to name all it wants.
    let moved = fetch((500, 1), &[(GRANTED, &[(0, 50)])]);
    assert!(matches!(desk.ask(ApiKey::Fetch, V, &moved), Led::Local));
    assert_eq!(read::<FetchResponse>(&desk.local_answer(), true, V).1.error_code, 70);
    assert!(matches!(desk.ask(ApiKey::Fetch, V, &all), Led::Local));
    assert_eq!(desk.session.take_pause(), Some(Duration::from_millis(200)));
    assert!(matches!(desk.session.head(), Head::Local { not_before: None, .. }), "it is told at once");
    let response = read::<FetchResponse>(&desk.local_answer(), true, V).1;
    assert_eq!(given(&response), [(GRANTED.to_owned(), 0, 0, END, 0), (HIDDEN.to_owned(), 0, 29, -1, 0)]);
    assert_eq!((response.session_id, response.error_code), (0, 0));
    desk.now += Duration::from_millis(200);
    let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, V, &all), V);
    assert_eq!((sent.session_id, sent.session_epoch), (500, -1), "the session is closed at the broker");
}

#[test]
fn trap_q3_where_a_member_speaks_it_waits_for_no_longer_than_it_wanted_to() {
    let mut desk = far_behind(1_000, 8);
    desk.ask(ApiKey::Heartbeat, 4, &HeartbeatRequest::default().with_group_id(GroupId(text("g"))));
    desk.session.end(desk.now);
    let all = fetch((0, -1), &[(GRANTED, &[(0, 5)])]).with_max_wait_ms(300);
    let led = desk.ask(ApiKey::Fetch, V, &all);
    answered(&mut desk, led, V, 0, 20_000, 1 << 20);
    assert!(matches!(desk.ask(ApiKey::Fetch, V, &all), Led::Local));
    assert_eq!(desk.session.take_pause(), None, "heartbeats are heard");
    let due = desk.now + Duration::from_millis(300);
    assert!(matches!(desk.session.head(), Head::Local { not_before: Some(at), .. } if at == due));
}

#[test]
fn partitions_that_are_too_many_at_once_have_their_turns() {
    let mut desk = far_behind(1_000_000_000, 2);
    let all = fetch((0, -1), &[(GRANTED, &[(0, 5), (1, 5), (2, 5)]), (ALSO_GRANTED, &[(0, 5)])]);
    let led = desk.ask(ApiKey::Fetch, V, &all);
    answered(&mut desk, led, V, 0, 20, 1 << 20);
    desk.now += Duration::from_millis(1);
    let mut turns = Vec::new();
    for _ in 0..4 {
        let Led::Upstream(frame) = desk.ask(ApiKey::Fetch, V, &all) else { panic!("answered locally") };
        let (_, sent) = upstream::<FetchRequest>(Led::Upstream(frame.clone()), V);
        assert_eq!(desk.account.holds_at_once(desk.now).2, 2);
        turns
            .push(asked(&sent).into_iter().map(|(name, partitions)| (name == GRANTED, partitions)).collect::<Vec<_>>());
        let response = answered(&mut desk, Led::Upstream(frame), V, 0, 20, 1 << 20);
        assert_eq!(given(&response).len(), 4, "all are answered");
        assert_eq!(desk.account.holds_at_once(desk.now).2, 0);
        desk.now += Duration::from_millis(1);
    }
    let first = vec![(true, vec![0]), (false, vec![0])];
    let second = vec![(true, vec![1, 2])];
    assert_eq!(turns, [first.clone(), second.clone(), first, second]);
}

#[test]
fn who_has_come_near_the_end_is_left_alone_and_so_is_who_never_was_far() {
    let mut desk = far_behind(1, 1);
    let led = desk.ask(ApiKey::Fetch, V, &fetch((0, -1), &[(GRANTED, &[(0, 5)])]));
    answered(&mut desk, led, V, 0, 20_000, 1 << 20);
    // The debt would take hours: what is near its end by now is asked for all the same, and may have a session.
    let near = fetch((0, 0), &[(GRANTED, &[(0, END - 100_000)])]);
    let led = desk.ask(ApiKey::Fetch, V, &near);
    assert_eq!(answered(&mut desk, led, V, 500, 20_000, 1 << 20).session_id, 500);
    assert!(matches!(desk.ask(ApiKey::Fetch, V, &fetch((500, 1), &[])), Led::Upstream(_)));
}

#[test]
fn hostile_q14_who_owes_is_known_again_after_a_look_at_the_end() {
    let mut desk = far_behind(1_000, 8);
    let far = fetch((0, -1), &[(GRANTED, &[(0, 5)])]);
    let led = desk.ask(ApiKey::Fetch, V, &far);
    answered(&mut desk, led, V, 0, 20_000, 1 << 20);
    for _ in 0..3 {
        let led = desk.ask(ApiKey::Fetch, V, &fetch((0, -1), &[(GRANTED, &[(0, TAIL)])]));
        answered(&mut desk, led, V, 0, 20, 1 << 20);
        assert!(matches!(desk.ask(ApiKey::Fetch, V, &far), Led::Local), "it owes");
        desk.local_answer();
    }
    assert_eq!(desk.account.charged(Meter::CatchUp), 20_000);
    // When all is paid a look at the end is one, and nothing is remembered.
    desk.now += Duration::from_secs(20);
    let led = desk.ask(ApiKey::Fetch, V, &fetch((0, 0), &[(GRANTED, &[(0, TAIL)])]));
    assert_eq!(answered(&mut desk, led, V, 500, 20, 1 << 20).session_id, 500);
}

#[test]
fn hostile_q14_a_new_connection_of_who_owes_brings_little_before_it_is_known() {
    let mut desk = far_behind(1_000, 8);
    let far = fetch((0, -1), &[(GRANTED, &[(0, 5)])]);
    let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, V, &far), V);
    assert_eq!(sent.max_bytes, 50 << 20, "nobody owes");
    let limits = Arc::clone(&desk.policy.principal("reader").unwrap().limits);
    desk.account.charge_catch_up(100_000, &limits, &desk.limits.catch_up, desk.now);
    let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, V, &far), V);
    assert_eq!(sent.max_bytes, 64 * 1024);
}

#[test]
fn hostile_q14_what_came_from_far_behind_is_owed_by_who_goes_away_amid_the_answer() {
    let mut desk = far_behind(1_000, 8);
    let (header, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, V, &fetch((0, -1), &[(GRANTED, &[(0, 5)])])), V);
    let topic = FetchableTopicResponse::default()
        .with_topic(TopicName(text(GRANTED)))
        .with_partitions(vec![data(0, 5, 200_000)]);
    let frame = answer(header.correlation_id, true, V, &FetchResponse::default().with_responses(vec![topic]));
    let mut part = frame[..100_000].to_vec();
    desk.feed(&mut part).unwrap();
    assert_eq!(desk.account.charged(Meter::CatchUp), 200_000, "the broker has read it");
    let mut rest = [part, frame[100_000..].to_vec()].concat();
    desk.feed(&mut rest).unwrap();
    assert_eq!(desk.account.charged(Meter::CatchUp), 200_000, "once");
}

#[test]
fn all_principals_together_have_a_limit_of_the_process() {
    let mut desk = far_behind(1_000_000_000, 8);
    let rate = Rate::per_second(10_000, 0);
    desk.limits.catch_up = CatchUp { behind: 1_000, rate, partitions: Count::of(8) };
    let all = fetch((0, -1), &[(GRANTED, &[(0, END - 1_001)])]);
    let led = desk.ask(ApiKey::Fetch, V, &all);
    answered(&mut desk, led, V, 0, 20_000, 1 << 20);
    assert!(matches!(desk.ask(ApiKey::Fetch, V, &all), Led::Local));
    desk.now += Duration::from_secs(2);
    assert!(matches!(desk.ask(ApiKey::Fetch, V, &all), Led::Upstream(_)));
}

#[test]
fn what_is_only_observed_is_charged_and_changes_nothing() {
    let observe = "catch_up: {per_second: 1, burst: 0, mode: observe}, catch_up_partitions: {most: 1, mode: observe}, \
                   parked_fetches: {most: 0, mode: observe}, fetch_sessions: {most: 0, mode: observe}";
    let mut desk = within(observe);
    let all_observed = Rate { mode: weir_policy::Mode::Observe, ..Rate::per_second(1, 0) };
    let none = Count { most: 0, mode: weir_policy::Mode::Observe };
    desk.limits.catch_up = CatchUp { rate: all_observed, partitions: none, ..CatchUp::default() };
    let all = fetch((0, 0), &[(GRANTED, &[(0, 5), (1, 5)])]);
    let led = desk.ask(ApiKey::Fetch, V, &all);
    assert_eq!(answered(&mut desk, led, V, 500, 20_000, 1 << 20).session_id, 500);
    let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, V, &fetch((500, 1), &[])), V);
    assert_eq!((sent.max_wait_ms, sent.max_bytes), (500, 50 << 20));
    assert_eq!(desk.session.take_pause(), None);
    assert_eq!(desk.account.charged(Meter::CatchUp), 40_000);
}
