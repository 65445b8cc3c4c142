//! Frames: how long they say they are, how they come, and how long that takes.

use std::time::{Duration, Instant};

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use weir_testkit::Ended;
use weir_testkit::kafka::wire;

use crate::edge::client::{Dial, Tls, ping, request};
use crate::edge::{self, SOON, TOPIC, at_once, broker};
use crate::{HASTY, WEIR, connect, correlation, heartbeat, is_refused};

/// A Fetch of the one partition.
pub fn fetch(correlation: i32, max_wait_ms: i32) -> Vec<u8> {
    let partition = FetchPartition::default().with_partition_max_bytes(50 << 20);
    let topic =
        FetchTopic::default().with_topic(TopicName(StrBytes::from_static_str(TOPIC))).with_partitions(vec![partition]);
    let request = FetchRequest::default().with_max_wait_ms(max_wait_ms).with_max_bytes(50 << 20);
    wire::frame(correlation, 11, &request.with_session_epoch(-1).with_topics(vec![topic])).unwrap()
}

#[test]
fn hostile_f1_f2_a_length_is_judged_by_its_four_bytes() {
    let turn = WEIR.turn();
    for length in [i32::MIN, -1, 0, 1, 4, 7] {
        is_refused(&turn, "bad-frame-length", &length.to_be_bytes());
    }
    for length in [(1 << 20) + 1, i32::MAX, i32::from_be_bytes(*b"GET "), 0x1603_0100] {
        is_refused(&turn, "frame-too-large", &length.to_be_bytes());
    }
    is_refused(&turn, "frame-too-large", b"GET /metrics HTTP/1.1\r\nHost: weir\r\n\r\n");
}

#[test]
fn hostile_f2_q11_each_api_has_its_own_longest_frame() {
    let turn = WEIR.turn();
    // The key is enough: not a byte more is waited for.
    for (key, limit) in [(11_i16, 256 << 10), (14, 256 << 10), (18, 16 << 10), (10, 16 << 10), (12, 1 << 20)] {
        let over: i32 = limit + 1;
        is_refused(&turn, "frame-too-large", &[&over.to_be_bytes()[..], &key.to_be_bytes()].concat());
    }
    let mut client = connect(&turn);
    let id = vec![b'x'; (16 << 10) - 10 - 4];
    client.send(&request(18, 99, 1, Some(&id), &[0, 1, 1, 0])).unwrap();
    client.read_pong(1).unwrap();
}

#[test]
fn hostile_f3_a_frame_that_does_not_come_on_is_stalled() {
    let turn = HASTY.turn();
    let openings: [fn(&mut Tls); 3] = [
        |client| client.send(&(1_i32 << 20).to_be_bytes()).unwrap(),
        |client| {
            let whole = heartbeat(1, 0, "stalled");
            client.send(&whole[..whole.len() - 1]).unwrap();
        },
        |client| {
            let dribble = heartbeat(1, 0, &"x".repeat(200));
            for byte in dribble {
                if client.send(&[byte]).is_err() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        },
    ];
    turn.broker().play(broker::idle);
    turn.ends(&[("frame-stalled", 3)], || {
        let turn = &turn;
        at_once(
            openings
                .map(|open| {
                    move || {
                        let mut client = connect(turn);
                        client.is_served().unwrap();
                        let began = Instant::now();
                        open(&mut client);
                        assert_eq!(client.ended(SOON), (Ended::Closed, 0));
                        assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
                    }
                })
                .into(),
        );
    });
    assert!(turn.broker().asked().is_empty(), "nothing of it went on");
}

#[test]
fn hostile_f3_what_a_frame_announces_is_not_reserved() {
    let turn = WEIR.turn();
    let mut clients: Vec<Tls> = (0..150).map(|_| connect(&turn)).collect();
    clients.iter_mut().for_each(|client| client.is_served().unwrap());
    let before = turn.memory_kib();
    for client in &mut clients {
        client.send(&[&(1_i32 << 20).to_be_bytes()[..], &[0, 12], &[b'x'; 1024]].concat()).unwrap();
    }
    std::thread::sleep(Duration::from_millis(300));
    let grown = turn.memory_kib().saturating_sub(before);
    assert!(grown < 150 * 32, "{grown} KiB for 150 announcements of 1 MiB");
}

#[test]
fn hostile_f4_q16_half_a_frame_and_the_end_is_no_request() {
    let turn = WEIR.turn();
    turn.broker().play(broker::idle);
    let whole = heartbeat(1, 0, "half");
    turn.ends(&[("eof-mid-frame", 4)], || {
        for length in [1, 4, 5, whole.len() - 1] {
            let mut client = connect(&turn);
            client.send(&whole[..length]).unwrap();
            client.shut_write();
            assert_eq!(client.ended(SOON), (Ended::Closed, 0));
        }
    });
    turn.ends(&[("client-reset", 1)], || {
        let target = turn.reader();
        let how = Dial { resets: true, ..Dial::default() };
        let mut client = Tls::connect_with(&target, target.config(), how).unwrap();
        client.send(&whole[..9]).unwrap();
    });
    assert!(turn.broker().asked().is_empty(), "nothing of it went on");
    // A whole request before it has its answer.
    turn.ends(&[("eof-mid-frame", 1)], || {
        let mut client = connect(&turn);
        client.send(&[ping(5), whole[..9].to_vec()].concat()).unwrap();
        client.read_pong(5).unwrap();
        client.shut_write();
        assert_eq!(client.ended(SOON), (Ended::Closed, 0));
    });
}

#[test]
fn hostile_f5_frames_do_not_care_how_they_come() {
    let turn = WEIR.turn();
    turn.broker().play(broker::idle);
    let mut client = connect(&turn);
    let whole = heartbeat(9, 4, "pieces");
    client.send(&whole).unwrap();
    let answer = client.read_frame(SOON).unwrap();
    for at in 1..whole.len() {
        client.send(&whole[..at]).unwrap();
        client.send(&whole[at..]).unwrap();
        assert_eq!(client.read_frame(SOON).unwrap(), answer, "split at {at}");
    }
    for byte in &whole {
        client.send(&[*byte]).unwrap();
    }
    assert_eq!(client.read_frame(SOON).unwrap(), answer, "records of one byte");
    // One write, in records as full as they can be.
    let many: Vec<u8> = (0..1_000).flat_map(ping).collect();
    client.send(&many).unwrap();
    for id in 0..1_000 {
        client.read_pong(id).unwrap();
    }
}

#[test]
fn a_first_request_must_come_and_come_whole() {
    let turn = HASTY.turn();
    turn.ends(&[("first-frame-timeout", 3)], || {
        let turn = &turn;
        let openings: [&[u8]; 3] = [&[], &[0], &[0, 0, 0, 60, 0, 12, 0, 0]];
        at_once(
            openings
                .map(|opening| {
                    move || {
                        let mut client = connect(turn);
                        client.send(opening).unwrap();
                        let (ended, took) = edge::timed(|| client.ended(SOON));
                        assert_eq!(ended, (Ended::Closed, 0));
                        assert!(took > Duration::from_millis(800), "{took:?}");
                    }
                })
                .into(),
        );
    });
}

#[test]
fn idle_is_who_says_nothing_and_waits_for_nothing() {
    let turn = HASTY.turn();
    // Longer than the idle limit, shorter than Kafka may take.
    turn.broker().play(|asked| {
        std::thread::sleep(Duration::from_secs(3));
        broker::idle(asked)
    });
    turn.ends(&[("idle", 2)], || {
        let turn = &turn;
        let waits = move || {
            let mut client = connect(turn);
            client.send(&fetch(8, 10_000)).unwrap();
            let answer = client.read_frame(SOON).expect("whoever waits for an answer is not idle");
            assert_eq!(correlation(&answer), 8);
            assert_eq!(client.ended(SOON), (Ended::Closed, 0));
        };
        let silent = move || {
            let mut client = connect(turn);
            client.is_served().unwrap();
            let (ended, took) = edge::timed(|| client.ended(SOON));
            assert_eq!(ended, (Ended::Closed, 0));
            assert!(took > Duration::from_millis(1_800), "{took:?}");
        };
        at_once(vec![Box::new(waits) as Box<dyn FnOnce() + Send>, Box::new(silent)]);
    });
}
