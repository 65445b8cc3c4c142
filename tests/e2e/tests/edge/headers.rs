//! What stands before a body: keys, versions, correlation ids, client ids; and which request comes first.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_protocol::messages::{ApiVersionsRequest, FetchRequest, OffsetFetchRequest};
use kafka_protocol::protocol::StrBytes;
use weir_testkit::Ended;
use weir_testkit::kafka::wire;

use crate::bodies::{heartbeat_body, metadata, strings};
use crate::edge::broker::{self, Broker, Gate, Reply};
use crate::edge::client::{ping, request};
use crate::edge::{SOON, TOPIC, Watch};
use crate::lengths::fetch;
use crate::{WEIR, connect, correlation, heartbeat, is_refused};

#[test]
fn hostile_f6_f7_an_api_that_is_not_served_ends_the_connection_and_reaches_no_broker() {
    let turn = WEIR.turn();
    turn.broker().play(broker::idle);
    for key in [-1_i16, 999, i16::MAX, i16::MIN] {
        is_refused(&turn, "unknown-api", &request(key, 0, 1, Some(b"edge"), &[0; 16]));
    }
    // All that Kafka has and Weir has not: writers, administrators, brokers, transactions, share groups.
    let served = [0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 17, 18, 23, 36, 60];
    let before = turn.closed();
    let keys: Vec<i16> = (0..=92).filter(|key| !served.contains(key)).collect();
    for key in &keys {
        let mut client = connect(&turn);
        client.send(&request(*key, 0, 1, Some(b"edge"), &[0; 16])).unwrap();
        assert_eq!(client.ended(SOON), (Ended::Closed, 0), "key {key}");
    }
    let known = turn.closed()["api-not-allowed"] - before["api-not-allowed"];
    assert!(known >= 60, "{known} of {} keys are known as Kafka's", keys.len());
    assert!(turn.broker().asked().is_empty(), "nothing of it went on");
}

#[test]
fn hostile_f8_versions_that_are_not_served() {
    let turn = WEIR.turn();
    turn.broker().play(broker::idle);
    let too_new = [(1_i16, 18_i16), (2, 11), (3, 13), (8, 10), (9, 10), (10, 7), (11, 10), (12, 5), (13, 6), (14, 6)];
    for (key, version) in too_new.into_iter().chain([(0, 2), (1, 3), (2, 0), (12, -1), (18, -1), (3, i16::MAX)]) {
        is_refused(&turn, "unsupported-version", &request(key, version, 1, Some(b"edge"), &[0; 16]));
    }
    assert!(turn.broker().asked().is_empty(), "nothing of it went on");
}

#[test]
fn hostile_f8_a_version_that_the_brokers_lack_is_refused_by_weir_and_not_by_them() {
    let turn = WEIR.turn();
    turn.broker().play(|_| Reply::Close);
    // Weir speaks Fetch up to 17, and these brokers up to 12; and so on.
    for (key, version, body) in [(1_i16, 13_i16, fetch_13()), (9, 9, offset_fetch_9())] {
        is_refused(&turn, "unsupported-version", &request(key, version, 1, Some(b"edge"), &body));
    }
    assert!(turn.broker().asked().is_empty(), "nothing of it went on");
}

fn fetch_13() -> Vec<u8> {
    let body = broker::encoded(&FetchRequest::default().with_session_epoch(-1), 13);
    [&[0][..], &body].concat()
}

fn offset_fetch_9() -> Vec<u8> {
    let request = OffsetFetchRequest::default();
    [&[0][..], &broker::encoded(&request, 9)].concat()
}

#[test]
fn hostile_f20_correlation_ids_are_the_clients_own() {
    let turn = WEIR.turn();
    turn.broker().play(broker::idle);
    let mut client = connect(&turn);
    let ids = [0, 0, -1, i32::MIN, i32::MAX, 7, 7, 7];
    let mut all = Vec::new();
    for id in ids {
        // From the broker, from Weir at once, and from Weir later.
        all.extend([heartbeat(id, 4, "ids"), ping(id), request(3, 1, id, None, &strings(&[b"hidden"]))].concat());
    }
    client.send(&all).unwrap();
    for id in ids {
        let sizes: Vec<usize> = (0..3)
            .map(|_| {
                let answer = client.read_frame(SOON).unwrap();
                assert_eq!(correlation(&answer), id);
                answer.len()
            })
            .collect();
        assert_eq!(sizes.iter().collect::<BTreeSet<_>>().len(), 3, "three kinds of answers, in order: {sizes:?}");
    }
    let inside: Vec<i32> = turn.broker().asked().iter().map(|asked| asked.correlation).collect();
    assert_eq!(inside, (0..8).collect::<Vec<i32>>(), "the broker sees Weir's own");
}

#[test]
fn hostile_f21_client_ids_and_software_names() {
    let turn = WEIR.turn();
    turn.broker().play(broker::idle);
    let mut client = connect(&turn);
    let long = vec![b'L'; 32_767];
    for id in [&long[..], b"\r\nINJECTED", b"\x1b[31mINJECTED", b"\"INJECTED\"", b"\0", b""] {
        client.send(&request(3, 1, 77, Some(id), &strings(&[b"hidden"]))).unwrap();
        assert_eq!(correlation(&client.read_frame(SOON).unwrap()), 77);
        client.send(&request(12, 3, 78, Some(id), &broker::encoded(&heartbeat_body(), 3))).unwrap();
        assert_eq!(correlation(&client.read_frame(SOON).unwrap()), 78);
    }
    for asked in turn.broker().asked() {
        assert!(!asked.frame.windows(8).any(|window| window == b"INJECTED"), "the broker is told who it is");
    }
    assert!(!turn.weir.log().contains("INJECTED"));
    for (name, version, code) in
        [("edge", "1", 0), ("edge\r\n", "1", 42), ("-edge", "1", 42), ("", "", 42), ("é", "1", 42)]
    {
        let asked = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_string(name.into()))
            .with_client_software_version(StrBytes::from_string(version.into()));
        client.send(&wire::frame(4, 3, &asked).unwrap()).unwrap();
        let (_, body) = wire::open::<ApiVersionsRequest>(3, &client.read_frame(SOON).unwrap()).unwrap();
        assert_eq!(body.error_code, code, "{name:?}");
    }
}

#[test]
fn hostile_f22_api_versions_twice_before_anything_is_known_is_answered_twice() {
    let gate = Gate::default();
    let broker = Broker::start_behind(gate.clone());
    let watch = Watch::unready(broker);
    let turn = watch.turn();
    let mut client = connect(&turn);
    let asked = ApiVersionsRequest::default();
    client.send(&[wire::frame(1, 2, &asked).unwrap(), wire::frame(2, 0, &asked).unwrap(), ping(3)].concat()).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    gate.open();
    for (id, version) in [(1, 2), (2, 0)] {
        let (got, body) = wire::open::<ApiVersionsRequest>(version, &client.read_frame(SOON).unwrap()).unwrap();
        assert_eq!((got, body.error_code), (id, 0));
        let fetch = body.api_keys.iter().find(|api| api.api_key == 1).expect("Fetch is served");
        assert_eq!((fetch.min_version, fetch.max_version), (4, 12), "what Weir and the broker both speak");
    }
    client.read_pong(3).unwrap();
}

#[test]
fn hostile_f23_any_api_may_be_asked_first() {
    let turn = WEIR.turn();
    turn.broker().play(broker::idle);
    assert_eq!(metadata(&mut connect(&turn), &[TOPIC.as_bytes()]), [(TOPIC.to_string(), 0)]);
    for first in [heartbeat(1, 0, "first"), heartbeat(1, 4, "first"), fetch(1, 0)] {
        let mut client = connect(&turn);
        client.send(&first).unwrap();
        assert_eq!(correlation(&client.read_frame(SOON).unwrap()), 1);
    }
    // Authentication that nobody offered: Kafka says so and goes on.
    let mut client = connect(&turn);
    client.send(&request(17, 1, 5, Some(b"edge"), &[0, 5, b'P', b'L', b'A', b'I', b'N'])).unwrap();
    assert_eq!(client.read_frame(SOON).unwrap()[4..6], 34_i16.to_be_bytes());
    client.is_served().unwrap();
}
