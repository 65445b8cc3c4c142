//! Requests that are right one by one: fetch sessions by the dozen, names by the megabyte, brokers that are not there.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::ForgottenTopic;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::{
    FetchRequest, FetchResponse, GroupId, JoinGroupRequest, JoinGroupResponse, MetadataRequest, TopicName,
};
use kafka_protocol::protocol::{Decodable, StrBytes};
use weir_testkit::Ended;
use weir_testkit::kafka::wire;

use crate::edge::broker::{self, Gate, Reply};
use crate::edge::client::{Tls, ping};
use crate::edge::{SOON, TOPIC, reader};
use crate::{WEIR, connect, correlation, fetch, fetched, heartbeat, named, session_script};

#[test]
fn hostile_q15_a_connection_has_eight_fetch_sessions_however_fast_it_asks() {
    let turn = WEIR.turn();
    turn.broker().play(session_script());
    let mut client = connect(&turn);
    let all: Vec<u8> = (0..16).flat_map(|id| fetch(id, (0, 0), vec![named(TOPIC, 0..1)])).collect();
    client.send(&all).unwrap();
    let ids: Vec<i32> = (0..16).map(|id| fetched(&mut client, id).session_id).collect();
    let given = ids.iter().filter(|id| **id != 0).count();
    assert!(given <= 8, "{given} sessions: {ids:?}");
}

#[test]
fn hostile_q15_no_session_is_left_at_the_broker_when_weir_forgets_it() {
    let turn = WEIR.turn();
    let script = session_script();
    let open = Arc::new(Mutex::new(BTreeSet::new()));
    let known = Arc::clone(&open);
    turn.broker().play(move |asked| {
        let reply = script(asked);
        if let (1, Reply::Body(body)) = (asked.key, &reply) {
            let (mut known, request): (_, FetchRequest) = (known.lock().unwrap(), broker::decoded(asked));
            if request.session_epoch <= 0 {
                known.remove(&request.session_id);
            }
            let given = FetchResponse::decode(&mut Bytes::copy_from_slice(body), asked.version).unwrap().session_id;
            known.extend((given != 0).then_some(given));
        }
        reply
    });
    let mut client = connect(&turn);
    for _ in 0..30 {
        client.send(&fetch(1, (0, 0), vec![named(TOPIC, 0..1)])).unwrap();
        let session = fetched(&mut client, 1).session_id;
        // The session ends with a Fetch that only Weir sees.
        let refused = FetchRequest::default().with_session_id(session).with_topics(vec![named("hidden", 0..1)]);
        client.send(&wire::frame(2, 11, &refused).unwrap()).unwrap();
        fetched(&mut client, 2);
    }
    let left = open.lock().unwrap().len();
    assert!(left <= 8, "{left} sessions are left at the broker");
}

#[test]
fn hostile_q15_sessions_come_and_go() {
    let turn = WEIR.turn();
    turn.broker().play(session_script());
    let mut client = connect(&turn);
    let mut ids = Vec::new();
    for id in 0..12 {
        client.send(&fetch(id, (0, 0), vec![named(TOPIC, 0..1)])).unwrap();
        ids.push(fetched(&mut client, id).session_id);
    }
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0], "the ninth is served without a session");
    // Each can be used, ended, and its place taken.
    for session in 1..=8 {
        client.send(&fetch(50, (session, 1), vec![])).unwrap();
        assert_eq!((fetched(&mut client, 50).session_id), session);
        client.send(&fetch(51, (session, -1), vec![named(TOPIC, 0..1)])).unwrap();
        assert_eq!(fetched(&mut client, 51).session_id, 0);
        client.send(&fetch(52, (session, 2), vec![])).unwrap();
        assert_eq!(fetched(&mut client, 52).error_code, 70, "it is gone");
        client.send(&fetch(53, (0, 0), vec![named(TOPIC, 0..1)])).unwrap();
        assert!(fetched(&mut client, 53).session_id > 8);
    }
    // Of another connection, of nobody, and below zero.
    let mut other = connect(&turn);
    for session in [9, 16, 4_711, -1, i32::MIN] {
        other.send(&fetch(60, (session, 1), vec![])).unwrap();
        assert_eq!(fetched(&mut other, 60).error_code, 70, "session {session}");
    }
}

#[test]
fn a_session_of_20000_partitions_that_is_forgotten_whole() {
    let turn = WEIR.turn();
    turn.broker().play(session_script());
    let mut client = connect(&turn);
    client.send(&fetch(1, (0, 0), vec![named(TOPIC, 0..20_000)])).unwrap();
    let session = fetched(&mut client, 1).session_id;
    assert_ne!(session, 0);
    client.send(&fetch(2, (session, 1), vec![])).unwrap();
    assert_eq!(fetched(&mut client, 2).error_code, 0);
    let forgotten = ForgottenTopic::default()
        .with_topic(TopicName(StrBytes::from_static_str(TOPIC)))
        .with_partitions((0..20_000).collect());
    let request = FetchRequest::default().with_session_id(session).with_session_epoch(2);
    client.send(&wire::frame(3, 11, &request.with_forgotten_topics_data(vec![forgotten])).unwrap()).unwrap();
    assert_eq!(fetched(&mut client, 3).responses.len(), 0, "nothing is left of it");
    client.is_served().unwrap();
    // One more than there may be, at once and by and by.
    turn.ends(&[("too-many-items", 2)], || {
        let mut greedy = connect(&turn);
        greedy.send(&fetch(1, (0, -1), vec![named(TOPIC, 0..20_001)])).unwrap();
        assert_eq!(greedy.ended(SOON), (Ended::Closed, 0));
        let mut growing = connect(&turn);
        growing.send(&fetch(1, (0, 0), vec![named(TOPIC, 0..19_999)])).unwrap();
        let session = fetched(&mut growing, 1).session_id;
        growing.send(&fetch(2, (session, 1), vec![named("hidden", 0..2)])).unwrap();
        assert_eq!(growing.ended(SOON), (Ended::Closed, 0));
    });
}

#[test]
fn a_session_holds_no_more_than_one_request_could_say() {
    let turn = WEIR.turn();
    turn.broker().play(session_script());
    let mut client = connect(&turn);
    client.send(&fetch(1, (0, 0), vec![named(TOPIC, 0..1)])).unwrap();
    let session = fetched(&mut client, 1).session_id;
    let before = turn.memory_kib();
    let mut epoch = 0;
    // Hidden names as long as a string can be, 900 KiB of them a request.
    for round in 0..60 {
        epoch += 1;
        let topics = (0..28).map(|at| named(&format!("{round}-{at}-{}", "x".repeat(32_000)), 0..1)).collect();
        if client.send(&fetch(epoch, (session, epoch), topics)).is_err() || client.read_frame(SOON).is_err() {
            break;
        }
    }
    let grown = turn.memory_kib().saturating_sub(before);
    assert!(grown < 16 << 10, "one session holds {grown} KiB");
}

#[test]
fn a_session_may_be_ended_while_its_answer_is_under_way() {
    let turn = WEIR.turn();
    let gate = Gate::default();
    let (held, script) = (gate.clone(), session_script());
    turn.broker().play(move |asked| {
        let request: FetchRequest = broker::decoded(asked);
        match script(asked) {
            Reply::Body(body) if request.session_epoch > 0 => Reply::After(held.clone(), body),
            other => other,
        }
    });
    turn.ends(&[("client-eof", 1)], || {
        let mut client = connect(&turn);
        client.send(&fetch(1, (0, 0), vec![named(TOPIC, 0..1)])).unwrap();
        let session = fetched(&mut client, 1).session_id;
        // As Kafka's own consumer does when it is closed.
        let last = fetch(3, (session, -1), vec![named(TOPIC, 0..1)]);
        client.send(&[fetch(2, (session, 1), vec![]), last].concat()).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        gate.open();
        assert_eq!(fetched(&mut client, 2).session_id, session);
        assert_eq!(fetched(&mut client, 3).error_code, 0);
    });
}

#[test]
fn what_is_pipelined_across_a_dial_that_fails_is_answered_in_order() {
    let turn = WEIR.turn();
    turn.broker().play(broker::idle);
    // Nobody is broker 7.
    let nowhere = turn.weir.target(&turn.weir.broker(7), reader());
    let mut client = Tls::connect(&nowhere).unwrap();
    let names = MetadataRequest::default().with_topics(None);
    let round = |at: i32| {
        let asked = wire::frame(at + 2, 9, &names).unwrap();
        [heartbeat(at), ping(at + 1), asked, fetch(at + 3, (0, 0), vec![named(TOPIC, 0..3), named("hidden", 0..1)])]
    };
    client.send(&(0..3).flat_map(|at| round(at * 4)).collect::<Vec<_>>().concat()).unwrap();
    for at in (0..3).map(|at| at * 4) {
        let beat = client.read_frame(SOON).unwrap();
        assert_eq!((correlation(&beat), &beat[9..11]), (at, &16_i16.to_be_bytes()[..]), "NOT_COORDINATOR");
        client.read_pong(at + 1).unwrap();
        assert_eq!(correlation(&client.read_frame(SOON).unwrap()), at + 2);
        let answer = fetched(&mut client, at + 3);
        let mut codes: Vec<i16> =
            answer.responses.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code).collect();
        codes.sort_unstable();
        assert_eq!(codes, [6, 6, 6, 29]);
    }
    // Clients go to another broker when one ends the connection, as one that is down does.
    assert_eq!(client.ended(SOON), (Ended::Closed, 0));
    assert!(turn.broker().asked().is_empty());
}

#[test]
fn the_longest_join_passes_and_a_longer_one_does_not() {
    let turn = WEIR.turn();
    turn.broker().play(|asked| match asked.key {
        11 => Reply::Body(broker::encoded(
            &JoinGroupResponse::default().with_error_code(79).with_protocol_name(Some(StrBytes::default())),
            asked.version,
        )),
        _ => broker::idle(asked),
    });
    let join = |size: usize| {
        // A subscription to nothing, with user data of this size.
        let metadata =
            [&[0, 0, 0, 0, 0, 0][..], &i32::try_from(size).unwrap().to_be_bytes(), &vec![b'u'; size]].concat();
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str("range"))
            .with_metadata(Bytes::from(metadata));
        let request = JoinGroupRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str("g")))
            .with_protocol_type(StrBytes::from_static_str("consumer"))
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(10_000)
            .with_protocols(vec![protocol]);
        wire::frame(1, 5, &request).unwrap()
    };
    let least = join(0).len() - 4;
    let mut client = connect(&turn);
    client.send(&join((256 << 10) - least)).unwrap();
    assert_eq!(correlation(&client.read_frame(SOON).unwrap()), 1);
    turn.ends(&[("frame-too-large", 1)], || {
        let mut client = connect(&turn);
        let _ = client.send(&join((256 << 10) - least + 1));
        assert_eq!(client.ended(SOON).1, 0);
    });
}
