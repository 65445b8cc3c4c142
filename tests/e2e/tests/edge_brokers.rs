//! Brokers that answer garbage, or not at all: both sides close, nothing of it is delivered, and nobody else notices.

mod edge;

use std::sync::LazyLock;
use std::time::Duration;

use edge::broker::{self, Asked, Broker, Reply};
use edge::client::{Tls, framed};
use edge::{SOON, TOPIC, Turn, Watch, timed};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, GroupId, HeartbeatRequest, HeartbeatResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use weir_testkit::Ended;
use weir_testkit::kafka::wire;

static WEIR: LazyLock<Watch> = LazyLock::new(|| Watch::before(Broker::start(), |_| {}));

/// The version in which everybody else asks, and is answered well.
const BYSTANDER: i16 = 3;
/// The versions of those who get garbage.
const HEARTBEAT: i16 = 4;
const FETCH: i16 = 12;

fn heartbeat(version: i16, correlation: i32) -> Vec<u8> {
    let group = GroupId(StrBytes::from_static_str("g"));
    wire::frame(correlation, version, &HeartbeatRequest::default().with_group_id(group)).unwrap()
}

/// A Fetch that does not wait.
fn fetch(correlation: i32) -> Vec<u8> {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic(TopicName(StrBytes::from_static_str(TOPIC)));
    let topic = topic.with_partitions(vec![partition]);
    let request = FetchRequest::default().with_max_bytes(1 << 20).with_session_epoch(-1).with_topics(vec![topic]);
    wire::frame(correlation, FETCH, &request).unwrap()
}

fn connect(turn: &Turn<'_>) -> Tls {
    Tls::connect(&turn.reader()).unwrap()
}

/// A bystander's request and its answer.
fn is_served(bystander: &mut Tls) {
    bystander.send(&heartbeat(BYSTANDER, 5)).unwrap();
    let answer = bystander.read_frame(SOON).unwrap();
    assert_eq!(wire::open::<HeartbeatRequest>(BYSTANDER, &answer).unwrap().1.error_code, 0);
}

/// Whether a request is of those that get garbage.
fn is_victim(asked: &Asked) -> bool {
    (asked.key, asked.version) != (12, BYSTANDER)
}

/// Both kinds of answers, the one that is held whole and the one that streams: the client that asked gets not a byte and
/// is closed for this reason, and so is Weir's connection to the broker, or the turn would miss its descriptors.
fn ends(turn: &Turn<'_>, reason: &str, garbage: impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
    let mut bystander = connect(turn);
    turn.broker().play(move |asked| if is_victim(asked) { garbage(asked) } else { broker::idle(asked) });
    is_served(&mut bystander);
    for request in [heartbeat(HEARTBEAT, 7), fetch(7)] {
        turn.ends(&[(reason, 1)], || {
            let mut client = connect(turn);
            client.send(&request).unwrap();
            assert_eq!(client.ended(Duration::from_secs(20)), (Ended::Closed, 0), "{reason}");
        });
        is_served(&mut bystander);
    }
}

/// The body of a good answer.
fn body(asked: &Asked) -> Vec<u8> {
    match asked.key {
        1 => broker::fetched(asked.version, 0, Some(vec![7; 100].into())),
        _ => broker::encoded(&HeartbeatResponse::default(), asked.version),
    }
}

/// A good answer, but for its correlation id.
fn misnamed(asked: &Asked, by: i32) -> Vec<u8> {
    let other = Asked { correlation: asked.correlation.wrapping_add(by), ..asked.clone() };
    broker::answer(&other, &body(asked))
}

/// A good answer, but for its length.
fn with_length(asked: &Asked, length: i32) -> Vec<u8> {
    let mut answer = broker::answer(asked, &body(asked));
    answer[..4].copy_from_slice(&length.to_be_bytes());
    answer
}

#[test]
fn hostile_u4_an_answer_that_ends_in_its_middle_is_not_begun() {
    let turn = WEIR.turn();
    for kept in [1, 4, 8, 9, 12] {
        ends(&turn, "upstream-lost", move |asked| {
            let answer = broker::answer(asked, &body(asked));
            Reply::RawThenClose(answer[..kept.min(answer.len() - 1)].to_vec())
        });
    }
}

#[test]
fn hostile_u5_a_long_answer_that_ends_in_its_middle_ends_there() {
    let turn = WEIR.turn();
    turn.broker().play(|asked| {
        let records = vec![7; 500_000];
        let answer = broker::answer(asked, &broker::fetched(asked.version, 0, Some(records.into())));
        Reply::RawThenClose(answer[..300_000].to_vec())
    });
    turn.ends(&[("upstream-lost", 1)], || {
        let mut client = connect(&turn);
        client.send(&fetch(7)).unwrap();
        let (ended, bytes) = client.ended(SOON);
        assert_eq!(ended, Ended::Closed);
        assert!(bytes <= 300_000, "{bytes} bytes: nothing is made up for what did not come");
    });
}

#[test]
fn hostile_u7_an_answer_to_another_request_is_given_to_nobody() {
    let turn = WEIR.turn();
    for by in [1, -1, i32::MIN] {
        ends(&turn, "upstream-desync", move |asked| Reply::Raw(misnamed(asked, by)));
    }
}

#[test]
fn hostile_u7_an_answer_that_nobody_waits_for_ends_both_sides() {
    let turn = WEIR.turn();
    turn.broker().play(|asked| {
        let once = broker::answer(asked, &body(asked));
        Reply::Raw(if is_victim(asked) { [once.clone(), once].concat() } else { once })
    });
    let mut bystander = connect(&turn);
    for (request, pipelined) in [(heartbeat(HEARTBEAT, 7), 1), (fetch(7), 1), (heartbeat(HEARTBEAT, 7), 2)] {
        turn.ends(&[("upstream-desync", 1)], || {
            let mut client = connect(&turn);
            client.send(&request.repeat(pipelined)).unwrap();
            client.read_frame(SOON).expect("the answer that was asked for");
            assert_eq!(client.ended(SOON), (Ended::Closed, 0), "and nothing behind it");
        });
        is_served(&mut bystander);
    }
}

#[test]
fn hostile_u6_lengths_that_no_answer_has() {
    let turn = WEIR.turn();
    for length in [-1, i32::MIN, 0, 3] {
        ends(&turn, "upstream-malformed", move |asked| Reply::Raw(with_length(asked, length)));
    }
}

#[test]
fn hostile_u6_an_answer_longer_than_may_be_held_is_not_waited_for() {
    let turn = WEIR.turn();
    turn.broker().play(|asked| Reply::Raw(with_length(asked, 17 << 20)));
    turn.ends(&[("upstream-malformed", 1)], || {
        let mut client = connect(&turn);
        client.send(&heartbeat(HEARTBEAT, 7)).unwrap();
        // A request that is waited for has 25 s.
        assert_eq!(client.ended(SOON), (Ended::Closed, 0));
    });
}

#[test]
fn hostile_u6_bodies_with_bytes_missing_behind_or_of_something_else() {
    let turn = WEIR.turn();
    ends(&turn, "upstream-malformed", |asked| {
        let mut body = body(asked);
        body.pop();
        Reply::Body(body)
    });
    ends(&turn, "upstream-malformed", |asked| Reply::Body(vec![0xff; body(asked).len()]));
    ends(&turn, "upstream-malformed", |asked| {
        // A tagged field in the header: there is none that a broker sends.
        let tagged = [&asked.correlation.to_be_bytes()[..], &[1, 0, 1, 0], &body(asked)].concat();
        Reply::Raw(framed(&tagged))
    });
}

#[test]
fn trap_c45_a_byte_behind_a_short_answer_is_cut_off_and_behind_records_it_ends_both_sides() {
    let turn = WEIR.turn();
    turn.broker().play(|asked| Reply::Body([body(asked), vec![0]].concat()));
    let mut client = connect(&turn);
    client.send(&heartbeat(HEARTBEAT, 7)).unwrap();
    let answer = client.read_frame(SOON).unwrap();
    let good = broker::encoded(&HeartbeatResponse::default(), HEARTBEAT);
    assert_eq!(answer, [&7_i32.to_be_bytes()[..], &[0], &good].concat());
    turn.ends(&[("upstream-malformed", 1)], || {
        client.send(&fetch(7)).unwrap();
        assert_eq!(client.ended(SOON), (Ended::Closed, 0));
    });
}

#[test]
fn hostile_u20_a_code_that_nobody_knows_is_passed_on() {
    let turn = WEIR.turn();
    turn.broker().play(|asked| {
        let unknown = HeartbeatResponse::default().with_error_code(i16::MAX);
        Reply::Body(broker::encoded(&unknown, asked.version))
    });
    let mut client = connect(&turn);
    for correlation in [7, 8] {
        client.send(&heartbeat(HEARTBEAT, correlation)).unwrap();
        let answer = client.read_frame(SOON).unwrap();
        let (id, response) = wire::open::<HeartbeatRequest>(HEARTBEAT, &answer).unwrap();
        assert_eq!((id, response.error_code), (correlation, i16::MAX));
    }
}

#[test]
fn hostile_u2_silence_has_an_end_and_answers_nobody() {
    let turn = WEIR.turn();
    turn.broker().play(|asked| if is_victim(asked) { Reply::Never } else { broker::idle(asked) });
    let mut bystander = connect(&turn);
    turn.ends(&[("upstream-timeout", 1)], || {
        let mut client = connect(&turn);
        // A Fetch that does not wait has ten seconds.
        client.send(&fetch(7)).unwrap();
        is_served(&mut bystander);
        let (ended, took) = timed(|| client.ended(Duration::from_secs(20)));
        assert_eq!(ended, (Ended::Closed, 0));
        assert!(took > Duration::from_secs(8), "{took:?}");
    });
    is_served(&mut bystander);
}
