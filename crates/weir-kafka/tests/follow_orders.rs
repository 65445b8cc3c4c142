//! A policy that changes all the time, under a client that asks ahead and a broker whose bytes come in pieces: answers keep
//! their order, and of a topic that was lost no record begins (P21).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use std::collections::VecDeque;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{
    ApiKey, FetchRequest, FetchResponse, HeartbeatRequest, HeartbeatResponse, RequestHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, HeaderVersion, StrBytes};
use support::{ALSO_GRANTED, Desk, GRANTED, Led, answer, frame, policy};
use weir_kafka::fault::Fault;
use weir_kafka::session::Head;

const VERSION: i16 = 12;
const HEARTBEAT: i16 = 4;
/// An answer that is longer may be given in parts.
const WHOLE_FETCH: usize = 32 * 1024;
const LISTS: [&[&str]; 3] = [&[GRANTED], &[ALSO_GRANTED], &[GRANTED, ALSO_GRANTED]];

fn topic(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

fn fetch(session: (i32, i32), topics: &[&str]) -> FetchRequest {
    let asked = |name: &&str| {
        let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
        FetchTopic::default().with_topic(topic(name)).with_partitions(vec![partition])
    };
    FetchRequest::default()
        .with_max_wait_ms(20_000)
        .with_max_bytes(1 << 20)
        .with_session_id(session.0)
        .with_session_epoch(session.1)
        .with_topics(topics.iter().map(asked).collect())
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

/// A client, and a broker that answers in order.
struct Play {
    desk: Desk,
    dice: Dice,
    granted: Vec<&'static str>,
    /// Client's correlation ids that wait for their answers, and which API they are of.
    waiting: VecDeque<(i32, ApiKey)>,
    next: i32,
    /// What the broker has still to answer.
    at_broker: VecDeque<Vec<u8>>,
    next_session: i32,
    /// Of the session that the client has.
    session: Option<(i32, i32)>,
    wire: Vec<u8>,
    held: Vec<u8>,
    /// What the client got.
    got: Vec<u8>,
    dropped: usize,
}

impl Play {
    fn new(seed: u64) -> Self {
        Self {
            desk: Desk::new(),
            dice: Dice(seed),
            granted: vec![GRANTED, ALSO_GRANTED],
            waiting: VecDeque::new(),
            next: 1000,
            at_broker: VecDeque::new(),
            next_session: 50,
            session: None,
            wire: Vec::new(),
            held: Vec::new(),
            got: Vec::new(),
            dropped: 0,
        }
    }

    /// One thing happens; false where the connection has ended, as it may.
    fn step(&mut self) -> bool {
        match self.dice.below(8) {
            0..3 if self.waiting.len() < 16 => self.ask(),
            3 => self.broker_answers(),
            4 => self.reload(),
            _ => return self.bytes_come(),
        }
        true
    }

    fn ask(&mut self) {
        let id = self.next;
        self.next += 1;
        let (key, bytes) = match self.dice.below(5) {
            0 => (ApiKey::Heartbeat, frame(ApiKey::Heartbeat, HEARTBEAT, id, &heartbeat())),
            kind => {
                let topics = LISTS[self.dice.below(3)];
                let session = match (kind, self.session.take()) {
                    (1 | 2, Some((session, epoch))) => {
                        self.session = Some((session, epoch + 1));
                        (session, epoch)
                    }
                    (1..4, _) => (0, 0),
                    _ => (0, -1),
                };
                let topics = if session.1 > 0 { &[][..] } else { topics };
                (ApiKey::Fetch, frame(ApiKey::Fetch, VERSION, id, &fetch(session, topics)))
            }
        };
        self.waiting.push_back((id, key));
        if let Led::Upstream(frame) = self.desk.raw(bytes).unwrap() {
            self.at_broker.push_back(frame);
        }
    }

    fn reload(&mut self) {
        self.granted = LISTS[self.dice.below(3)].to_vec();
        self.desk.put_in_force(policy(&self.granted));
        self.dropped += usize::from(self.desk.session.drops_answers());
    }

    fn broker_answers(&mut self) {
        let Some(frame) = self.at_broker.pop_front() else { return };
        let mut bytes = Bytes::from(frame);
        let key = i16::from_be_bytes([bytes[0], bytes[1]]);
        if key == ApiKey::Heartbeat as i16 {
            let header = RequestHeader::decode(&mut bytes, HeartbeatRequest::header_version(HEARTBEAT)).unwrap();
            self.wire.extend(answer(header.correlation_id, true, HEARTBEAT, &HeartbeatResponse::default()));
            return;
        }
        let header = RequestHeader::decode(&mut bytes, FetchRequest::header_version(VERSION)).unwrap();
        let request = FetchRequest::decode(&mut bytes, VERSION).unwrap();
        let session = match (request.session_id, request.session_epoch) {
            (_, 0) => {
                self.next_session += 1;
                self.next_session
            }
            (_, -1) => 0,
            (session, _) => session,
        };
        let records = |name: TopicName, bytes: usize| {
            let partition = PartitionData::default().with_records(Some(Bytes::from(vec![b'r'; bytes])));
            FetchableTopicResponse::default().with_topic(name).with_partitions(vec![partition])
        };
        let sizes = [0, 10, 5_000, 70_000];
        let of = request.topics.into_iter().map(|asked| records(asked.topic, sizes[self.dice.below(4)])).collect();
        let told = FetchResponse::default().with_session_id(session).with_responses(of);
        self.wire.extend(answer(header.correlation_id, true, VERSION, &told));
    }

    /// Bytes of the broker's come, and local answers are given, as the connection does it.
    fn bytes_come(&mut self) -> bool {
        let some = [1, 7, 100, 4_000, 40_000][self.dice.below(5)].min(self.wire.len());
        self.held.extend(self.wire.drain(..some));
        loop {
            match self.desk.session.head() {
                Head::Local { .. } => {
                    let told = self.desk.local_answer();
                    self.got.extend(told);
                }
                Head::Idle if !self.desk.session.drops_answers() => break,
                Head::Idle | Head::Broker { .. } => {
                    let before = self.held.len();
                    match self.desk.feed(&mut self.held) {
                        Ok(told) => self.got.extend(told),
                        Err(fault) => {
                            assert_eq!(fault, Fault::Revoked);
                            return false;
                        }
                    }
                    if self.held.len() == before {
                        break;
                    }
                }
            }
        }
        self.read_answers();
        true
    }

    fn read_answers(&mut self) {
        while let Some(length) = self.got.first_chunk::<4>() {
            let whole = usize::try_from(u32::from_be_bytes(*length)).unwrap() + 4;
            if self.got.len() < whole {
                return;
            }
            let frame: Vec<u8> = self.got.drain(..whole).collect();
            let Some((id, key)) = self.waiting.pop_front() else { panic!("an answer that nobody waits for") };
            if key == ApiKey::Heartbeat {
                assert_eq!(support::read::<HeartbeatResponse>(&frame, true, HEARTBEAT).0, id);
                continue;
            }
            let (told, response) = support::read::<FetchResponse>(&frame, true, VERSION);
            assert_eq!(told, id, "in order");
            let has_records = |answer: &&FetchableTopicResponse| {
                answer.partitions[0].records.as_ref().is_some_and(|records| !records.is_empty())
            };
            for answer in response.responses.iter().filter(has_records) {
                // A longer one may have begun before.
                let may = whole > WHOLE_FETCH || self.granted.contains(&answer.topic.as_str());
                assert!(may, "{} was lost", *answer.topic);
            }
            if response.session_id != 0 && self.session.is_none() {
                self.session = Some((response.session_id, 1));
            }
        }
    }
}

fn heartbeat() -> HeartbeatRequest {
    let text = StrBytes::from_static_str;
    HeartbeatRequest::default().with_group_id(text("g").into()).with_member_id(text("m"))
}

#[test]
fn hostile_p21_whatever_the_order_of_requests_bytes_and_reloads_answers_keep_theirs() {
    let (mut dropped, mut ended) = (0, 0);
    for seed in 0..40 {
        let mut play = Play::new(seed);
        let lives = (0..400).all(|_| play.step());
        dropped += play.dropped;
        if !lives {
            ended += 1;
            continue;
        }
        while !play.at_broker.is_empty() {
            play.broker_answers();
        }
        let mut lives = play.bytes_come();
        while lives && !play.wire.is_empty() {
            lives = play.bytes_come();
        }
        if lives {
            assert!(play.waiting.is_empty(), "seed {seed}: {:?} and {:?}", play.waiting, play.desk.session.head());
            assert!(!play.desk.session.drops_answers() && play.held.is_empty(), "seed {seed}");
        }
    }
    assert!(dropped > 400 && ended < 10, "{dropped} reloads with something to drop, {ended} connections ended");
}
