//! The policy changes while requests wait at the broker (trap C17): a Fetch that lost a topic is answered at once, the
//! broker's late answer goes nowhere, and what comes behind it reaches the client.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::{
    ApiKey, FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use support::{ALSO_GRANTED, Desk, GRANTED, Led, answer, read, upstream};
use weir_kafka::fault::Fault;
use weir_kafka::session::Head;

const VERSION: i16 = 12;

fn fetch(session: (i32, i32), topics: &[&str]) -> FetchRequest {
    let topic = |topic: &&str| {
        FetchTopic::default()
            .with_topic(TopicName(StrBytes::from_string((*topic).to_owned())))
            .with_partitions(vec![FetchPartition::default().with_partition_max_bytes(1 << 20)])
    };
    let topics = topics.iter().map(topic).collect();
    let (id, epoch) = session;
    FetchRequest::default()
        .with_max_wait_ms(20_000)
        .with_max_bytes(1 << 20)
        .with_session_id(id)
        .with_session_epoch(epoch)
        .with_topics(topics)
}

fn records(session: i32, topics: &[(&str, usize)]) -> FetchResponse {
    let topic = |(topic, bytes): &(&str, usize)| {
        let partition = PartitionData::default().with_records(Some(Bytes::from(vec![b'r'; *bytes])));
        FetchableTopicResponse::default()
            .with_topic(TopicName(StrBytes::from_string((*topic).to_owned())))
            .with_partitions(vec![partition])
    };
    FetchResponse::default().with_session_id(session).with_responses(topics.iter().map(topic).collect())
}

/// The reader has these topics from now on.
fn grant(desk: &mut Desk, topics: &[&str]) {
    desk.put_in_force(support::policy(topics));
}

fn sent(led: Led) -> (i32, FetchRequest) {
    let (header, request) = upstream(led, VERSION);
    (header.correlation_id, request)
}

#[test]
fn trap_c17_a_parked_fetch_is_told_what_it_lost_and_its_answer_goes_nowhere() {
    let mut desk = Desk::new();
    let (first, _) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, -1), &[GRANTED, ALSO_GRANTED])));
    grant(&mut desk, &[GRANTED]);
    let (_, told): (_, FetchResponse) = read(&desk.local_answer(), true, VERSION);
    let mut codes: Vec<_> = told.responses.iter().map(|t| (t.topic.to_string(), t.partitions[0].error_code)).collect();
    codes.sort();
    assert_eq!(codes, [(ALSO_GRANTED.to_owned(), 29), (GRANTED.to_owned(), 0)]);
    assert!(told.responses.iter().all(|topic| topic.partitions[0].records.as_ref().is_none_or(Bytes::is_empty)));
    // The client asks again, before the broker has answered what nobody waits for.
    let (second, _) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, -1), &[GRANTED])));
    let mut late = answer(first, true, VERSION, &records(0, &[(ALSO_GRANTED, 100)]));
    late.extend(answer(second, true, VERSION, &records(0, &[(GRANTED, 7)])));
    for size in [1, 5, 4096] {
        let mut desk = Desk::new();
        desk.ask(ApiKey::Fetch, VERSION, &fetch((0, -1), &[GRANTED, ALSO_GRANTED]));
        grant(&mut desk, &[GRANTED]);
        desk.local_answer();
        desk.ask(ApiKey::Fetch, VERSION, &fetch((0, -1), &[GRANTED]));
        let given = desk.broker_answers(&late, size).unwrap();
        let (_, got): (_, FetchResponse) = read(&given, true, VERSION);
        assert_eq!(got.responses[0].topic.as_str(), GRANTED);
        assert_eq!((desk.session.head(), desk.session.drops_answers()), (Head::Idle, false), "in pieces of {size}");
    }
}

#[test]
fn trap_c17_in_a_session_the_client_starts_anew_and_the_broker_s_session_is_ended() {
    let mut desk = Desk::new();
    let (first, _) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, 0), &[GRANTED, ALSO_GRANTED])));
    desk.broker_answers(&answer(first, true, VERSION, &records(9, &[])), 4096).unwrap();
    let (parked, _) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((9, 1), &[])));
    grant(&mut desk, &[GRANTED]);
    let (_, told): (_, FetchResponse) = read(&desk.local_answer(), true, VERSION);
    assert_eq!((told.error_code, told.responses.len()), (70, 0));
    desk.broker_answers(&answer(parked, true, VERSION, &records(9, &[(ALSO_GRANTED, 5)])), 4096).unwrap();
    let (_, request) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, 0), &[GRANTED, ALSO_GRANTED])));
    assert_eq!((request.session_id, request.session_epoch), (9, 0), "the full Fetch ends the session that was left");
    assert_eq!(request.topics.len(), 1);
}

#[test]
fn trap_c17_a_session_that_a_dropped_answer_gives_out_is_ended_too() {
    for size in [1, 9, 4096] {
        let mut desk = Desk::new();
        let (first, _) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, 0), &[GRANTED, ALSO_GRANTED])));
        grant(&mut desk, &[GRANTED]);
        desk.local_answer();
        let given =
            desk.broker_answers(&answer(first, true, VERSION, &records(41, &[(ALSO_GRANTED, 50)])), size).unwrap();
        assert!(given.is_empty());
        let (_, request) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, 0), &[GRANTED])));
        assert_eq!((request.session_id, request.session_epoch), (41, 0));
    }
}

#[test]
fn trap_c17_of_a_lost_topic_no_partition_begins_in_an_answer_that_is_under_way() {
    let long = 64 * 1024;
    let frame = |first| answer(first, true, VERSION, &records(0, &[(GRANTED, long), (ALSO_GRANTED, 10)]));
    for (lost, kept) in [(ALSO_GRANTED, GRANTED), (GRANTED, ALSO_GRANTED)] {
        let mut desk = Desk::new();
        let (first, _) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, -1), &[GRANTED, ALSO_GRANTED])));
        let frame = frame(first);
        let (begun, rest) = frame.split_at(1000);
        assert!(!desk.broker_answers(begun, 1000).unwrap().is_empty(), "its length has left");
        grant(&mut desk, &[kept]);
        let ended = desk.broker_answers(rest, 4096);
        if lost == ALSO_GRANTED {
            assert_eq!(ended, Err(Fault::Revoked), "the second topic must not begin");
        } else {
            assert!(ended.is_ok(), "of the first nothing begins any more: {ended:?}");
        }
    }
}

#[test]
fn who_lost_nothing_does_not_notice() {
    let mut desk = Desk::new();
    let (first, _) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, -1), &[GRANTED])));
    grant(&mut desk, &[GRANTED]);
    assert!(matches!(desk.session.head(), Head::Broker { .. }) && !desk.session.drops_answers());
    let given = desk.broker_answers(&answer(first, true, VERSION, &records(0, &[(GRANTED, 3)])), 4096).unwrap();
    let (_, got): (_, FetchResponse) = read(&given, true, VERSION);
    assert_eq!(got.responses.len(), 1);
}

#[test]
fn fetches_behind_the_first_are_judged_again_as_well() {
    let mut desk = Desk::new();
    let (first, _) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, -1), &[GRANTED])));
    let (second, _) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, -1), &[ALSO_GRANTED])));
    grant(&mut desk, &[GRANTED]);
    let given = desk.broker_answers(&answer(first, true, VERSION, &records(0, &[(GRANTED, 3)])), 4096).unwrap();
    let (_, got): (_, FetchResponse) = read(&given, true, VERSION);
    assert_eq!(got.responses[0].topic.as_str(), GRANTED, "the first has lost nothing");
    let (_, told): (_, FetchResponse) = read(&desk.local_answer(), true, VERSION);
    assert_eq!(told.responses[0].partitions[0].error_code, 29);
    let dropped = answer(second, true, VERSION, &records(0, &[(ALSO_GRANTED, 3)]));
    assert!(desk.broker_answers(&dropped, 4096).unwrap().is_empty());
}

#[test]
fn hostile_p21_the_broker_answers_in_its_own_order_whatever_was_lost_first() {
    let mut desk = Desk::new();
    let (first, _) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, -1), &[GRANTED])));
    let (second, _) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, -1), &[ALSO_GRANTED])));
    grant(&mut desk, &[GRANTED]);
    grant(&mut desk, &[ALSO_GRANTED]);
    desk.local_answer();
    desk.local_answer();
    let mut late = answer(first, true, VERSION, &records(0, &[(GRANTED, 3)]));
    late.extend(answer(second, true, VERSION, &records(0, &[(ALSO_GRANTED, 3)])));
    assert_eq!(desk.broker_answers(&late, 4096), Ok(Vec::new()));
    assert!(!desk.session.drops_answers());
}

#[test]
fn hostile_p21_what_is_given_back_while_an_answer_is_under_way_ends_nothing() {
    let mut desk = Desk::new();
    let (first, _) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, -1), &[GRANTED, ALSO_GRANTED])));
    let frame = answer(first, true, VERSION, &records(0, &[(GRANTED, 64 * 1024), (ALSO_GRANTED, 10)]));
    let (begun, rest) = frame.split_at(1000);
    desk.broker_answers(begun, 1000).unwrap();
    grant(&mut desk, &[GRANTED]);
    grant(&mut desk, &[GRANTED, ALSO_GRANTED]);
    assert!(desk.broker_answers(rest, 4096).is_ok());
}

#[test]
fn hostile_p5_sessions_of_dropped_answers_count_as_the_connections_own() {
    let mut desk = Desk::new();
    let most = desk.limits.fetch_sessions;
    let mut asked_for = 0;
    // The policy changes to and fro, and the broker answers nothing.
    for _ in 0..3 * most {
        grant(&mut desk, &[GRANTED, ALSO_GRANTED]);
        let (_, request) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, 0), &[GRANTED, ALSO_GRANTED])));
        asked_for += usize::from(request.session_epoch == 0);
        grant(&mut desk, &[GRANTED]);
        desk.local_answer();
    }
    assert_eq!(asked_for, most, "each of them is one of the broker's thousand");
}

#[test]
fn hostile_p21_a_fetch_that_lost_a_topic_while_its_broker_was_dialled_is_answered_once() {
    for dialled in [true, false] {
        let mut desk = Desk::new();
        desk.connected = false;
        let (first, _) = sent(desk.ask(ApiKey::Fetch, VERSION, &fetch((0, 0), &[GRANTED, ALSO_GRANTED])));
        grant(&mut desk, &[GRANTED]);
        if dialled {
            desk.connected = true;
        } else {
            desk.session.broker_unreachable().unwrap();
        }
        let (_, told): (_, FetchResponse) = read(&desk.local_answer(), true, VERSION);
        let codes: Vec<_> = told.responses.iter().map(|topic| topic.partitions[0].error_code).collect();
        assert_eq!((codes.contains(&29), codes.contains(&0)), (true, true));
        assert_eq!((desk.session.head(), desk.session.drops_answers()), (Head::Idle, dialled));
        if dialled {
            let late = answer(first, true, VERSION, &records(8, &[(ALSO_GRANTED, 3)]));
            assert_eq!(desk.broker_answers(&late, 3), Ok(Vec::new()));
        }
        // Whoever answers what was never asked is no broker of this connection's.
        let unasked = answer(first, true, VERSION, &records(8, &[(ALSO_GRANTED, 3)]));
        assert!(!desk.session.awaits_broker_now() && desk.broker_answers(&unasked, 4096) == Ok(Vec::new()));
    }
}

#[test]
fn hostile_p21_offsets_that_were_asked_for_ahead_are_not_told_once_their_topic_is_lost() {
    const LIST: i16 = 7;
    let name = |topic: &str| TopicName(StrBytes::from_string(topic.to_owned()));
    // With a topic that is refused anyway, and without.
    for more in [&[][..], &[support::HIDDEN]] {
        for (kept, told) in [(GRANTED, false), (ALSO_GRANTED, true)] {
            let mut desk = Desk::new();
            let topics = [ALSO_GRANTED].iter().chain(more);
            let asked = topics.map(|topic| {
                let partitions = vec![ListOffsetsPartition::default().with_timestamp(-1)];
                ListOffsetsTopic::default().with_name(name(topic)).with_partitions(partitions)
            });
            let list = ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(asked.collect());
            let (header, _) = upstream::<ListOffsetsRequest>(desk.ask(ApiKey::ListOffsets, LIST, &list), LIST);
            grant(&mut desk, &[kept]);
            let partitions = vec![ListOffsetsPartitionResponse::default().with_offset(4711)];
            let topics =
                vec![ListOffsetsTopicResponse::default().with_name(name(ALSO_GRANTED)).with_partitions(partitions)];
            let late = ListOffsetsResponse::default().with_topics(topics);
            let given = desk.broker_answers(&answer(header.correlation_id, true, LIST, &late), 4096);
            assert_eq!(given.is_ok(), told, "{more:?}: {given:?}");
            assert!(told || given == Err(Fault::Revoked));
        }
    }
}
