//! Hidden and absent are the same bytes: in every API, in every version, wherever a request may name a topic.
//!
//! Each field that holds a text, an id or bytes is filled in turn with a hidden topic, and then with one that is nowhere.
//! What the broker is sent, what Weir waits for and what the client gets must be the same but for the name itself. The
//! bodies are made from the shapes of the table, so that an API that comes later is asked by itself.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use bytes::BytesMut;
use kafka_protocol::messages::RequestHeader;
use kafka_protocol::protocol::{Encodable, StrBytes};
use support::filler;
use support::probe::{BrokerSays, Probe, names_a_topic};
use support::*;
use uuid::Uuid;
use weir_kafka::cluster::{PartitionView, RealBrokerId, RealTopic, TopicView};
use weir_kafka::session::Session;
use weir_kafka::subscriptions::Subscriptions;
use weir_kafka::table::{self, Disposition, Row};

/// A topic and one that is nowhere. Names are as long as each other and next to each other where answers are sorted.
struct Pair {
    why: &'static str,
    hidden: &'static str,
    absent: &'static str,
    /// Whether the brokers have the hidden one.
    is_on_brokers: bool,
}

const PAIRS: [Pair; 5] = [
    Pair { why: "in the catalogue, not granted", hidden: HIDDEN, absent: "public.hiddem", is_on_brokers: true },
    Pair { why: "not granted, and gone", hidden: HIDDEN, absent: "public.hiddem", is_on_brokers: false },
    Pair { why: "not in the catalogue", hidden: "public.nobody", absent: "public.nobodx", is_on_brokers: true },
    Pair { why: "on the never list", hidden: "__internal_it", absent: "_-internal_it", is_on_brokers: true },
    Pair { why: "on the never list, both", hidden: "__internal_it", absent: "__internal_is", is_on_brokers: true },
];

/// Places of topics at which nothing is decided, granted or not: what a member says that it holds is for the broker to
/// compare with what it gave.
const NEVER_JUDGED: [(&str, &str); 1] = [("ConsumerGroupHeartbeat", "topic_partitions/topic_id")];

/// Another way to fill what is not looked at in this turn.
const VARIANTS: i64 = 4;

#[test]
fn trap_l1_l2_hidden_and_absent_topics_lead_to_the_same_bytes_in_every_api_and_version() {
    let (mut compared, mut answered) = (0_u32, BTreeSet::new());
    for pair in PAIRS {
        let mut desk = desk(&pair);
        for (row, version, probe) in probes() {
            let of = |desk: &mut Desk, name, id| transcript(desk, row, version, &Probe { name, id, ..probe.clone() });
            let hidden = of(&mut desk, pair.hidden, HIDDEN_ID);
            let absent = of(&mut desk, pair.absent, ABSENT_ID);
            let place = || format!("{} v{version}, {}, {:?}", row.name, pair.why, probe);
            assert_eq!(hidden.shown(pair.hidden, HIDDEN_ID), absent.shown(pair.absent, ABSENT_ID), "{}", place());
            if hidden.0.iter().any(|step| step.what == "answered" && !step.bytes.is_empty()) {
                answered.insert((row.key, version));
            }
            compared += 1;
        }
    }
    let all = table::TABLE.iter().flat_map(|row| (row.versions.min..=row.versions.max).map(|at| (row.key, at)));
    let silent: Vec<_> = all.filter(|asked| !answered.contains(asked)).collect();
    assert!(silent.is_empty(), "no answer was ever compared of {silent:?}");
    assert!(compared > 10_000, "{compared}");
}

#[test]
fn what_names_a_topic_is_looked_at_so_that_the_comparison_can_fail() {
    let pair = &PAIRS[0];
    let (mut hidden, mut granted) = (desk(pair), desk(pair));
    granted.policy = policy(&[GRANTED, ALSO_GRANTED, HIDDEN]);
    let mut differs: BTreeMap<_, bool> = BTreeMap::new();
    for (row, version, probe) in probes() {
        let probe = Probe { name: HIDDEN, id: HIDDEN_ID, plants_nothing: true, ..probe };
        let Some(path) = probe.place(row, version).filter(|path| names_a_topic(path)) else { continue };
        if row.disposition == Disposition::Deny || NEVER_JUDGED.contains(&(row.name, &path)) {
            continue;
        }
        let is_other = transcript(&mut hidden, row, version, &probe) != transcript(&mut granted, row, version, &probe);
        *differs.entry((row.name, version, path)).or_default() |= is_other;
    }
    let blind: Vec<_> = differs.iter().filter(|(_, differs)| !**differs).map(|(place, _)| place).collect();
    assert!(blind.is_empty(), "granted and hidden are the same at {blind:?}");
}

#[test]
fn whether_a_topic_is_there_shows_where_it_is_granted_so_that_the_comparison_can_fail() {
    let (mut there, mut gone) = (desk(&PAIRS[0]), desk(&PAIRS[1]));
    let mut shows = BTreeSet::new();
    for desk in [&mut there, &mut gone] {
        desk.policy = policy(&[GRANTED, ALSO_GRANTED, HIDDEN]);
    }
    for (row, version, probe) in probes() {
        let probe = Probe { name: HIDDEN, id: HIDDEN_ID, ..probe };
        if transcript(&mut there, row, version, &probe) != transcript(&mut gone, row, version, &probe) {
            shows.insert(row.name);
        }
    }
    let looked_for = ["DescribeTopicPartitions", "Fetch", "Metadata"];
    assert!(looked_for.iter().all(|name| shows.contains(name)), "{shows:?}");
}

/// A desk before a cluster that has the hidden topic of a pair, or has it no more.
fn desk(pair: &Pair) -> Desk {
    let mut desk = Desk::new();
    desk.view.topics.remove(HIDDEN);
    desk.view.topics_by_id.remove(&HIDDEN_ID);
    if pair.is_on_brokers {
        let partition = |index| PartitionView {
            index,
            error_code: 0,
            leader: RealBrokerId(1),
            leader_epoch: 5,
            replicas: [RealBrokerId(1)].into_iter().collect(),
            isr: [RealBrokerId(1)].into_iter().collect(),
            offline: [].into_iter().collect(),
        };
        let name = RealTopic(pair.hidden.into());
        desk.view.topics.insert(name.clone(), TopicView { id: HIDDEN_ID, partitions: (0..2).map(partition).collect() });
        desk.view.topics_by_id.insert(HIDDEN_ID, name);
    }
    desk
}

/// Every field that may hold a topic, of every API in every version.
fn probes() -> Vec<(&'static Row, i16, Probe)> {
    let mut probes = Vec::new();
    for row in table::TABLE {
        for version in row.versions.min..=row.versions.max {
            for variant in 0..VARIANTS {
                let mut counts = Probe { variant, slot: usize::MAX, ..Probe::default() };
                filler::body(row.request, version, &mut counts);
                // The last but one fills none of them, and the last every one that names a topic.
                let probe = |slot| Probe { variant, slot, everywhere: slot > counts.seen, ..Probe::default() };
                probes.extend((0..=counts.seen + 1).map(|slot| (row, version, probe(slot))));
            }
        }
    }
    probes
}

/// What happened, step by step.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    what: &'static str,
    bytes: Vec<u8>,
    told: String,
}

#[derive(Debug, PartialEq, Eq)]
struct Transcript(Vec<Step>);

impl Transcript {
    fn add(&mut self, what: &'static str, bytes: Vec<u8>, told: impl std::fmt::Debug) {
        self.0.push(Step { what, bytes, told: format!("{told:?}") });
    }

    /// The same with a placeholder for the topic that was asked for.
    fn shown(&self, name: &str, id: Uuid) -> Vec<(&'static str, Vec<u8>, &str)> {
        let shown = |step: &'_ Step| {
            let without_name = replaced(&step.bytes, name.as_bytes(), b"the.topic.its");
            replaced(&without_name, id.as_bytes(), &[0x2a; 16])
        };
        self.0.iter().map(|step| (step.what, shown(step), &*step.told)).collect()
    }
}

fn replaced(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    assert_eq!(what.len(), with.len());
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at + what.len() <= out.len() {
        if &out[at..at + what.len()] == what {
            out[at..at + what.len()].copy_from_slice(with);
        }
        at += 1;
    }
    out
}

/// A new connection: the request again and again, for what it leaves behind. The broker answers what it is sent, then
/// speaks of the topic by itself, and at last is gone.
fn transcript(desk: &mut Desk, row: &Row, version: i16, probe: &Probe) -> Transcript {
    desk.subscriptions = Subscriptions::default();
    desk.session = Session::new("reader".into(), &desk.limits);
    let mut transcript = Transcript(Vec::new());
    for broker in [Broker::Answers, Broker::Plants, Broker::IsGone] {
        if !goes_on(desk, (row, version), probe.clone(), &broker, &mut transcript) {
            // It was closed: the rest happens to a new connection.
            desk.session = Session::new("reader".into(), &desk.limits);
        }
    }
    transcript
}

enum Broker {
    Answers,
    Plants,
    IsGone,
}

/// One request and what comes of it; false where it ended the connection.
fn goes_on(
    desk: &mut Desk,
    (row, version): (&Row, i16),
    mut probe: Probe,
    broker: &Broker,
    transcript: &mut Transcript,
) -> bool {
    desk.connected = !matches!(broker, Broker::IsGone);
    let led = desk.raw(request(row, version, &mut probe));
    transcript.add("head", Vec::new(), desk.session.head());
    let answered = match (led, broker) {
        (Err(fault), _) => Err(fault),
        (Ok(Led::Local), _) => Ok(desk.local_answer()),
        (Ok(Led::Upstream(_)), Broker::IsGone) => desk.session.broker_unreachable().map(|()| desk.local_answer()),
        (Ok(Led::Upstream(sent)), _) => {
            // A broker assigns members what is there: what the view does not have is newer than the view, and not absent.
            let assigns = row.key == table::CONSUMER_GROUP_HEARTBEAT;
            let plants = matches!(broker, Broker::Plants) && !probe.plants_nothing && !assigns;
            let mut says = BrokerSays { probe: &probe, planted: plants.then_some((probe.name, probe.id)) };
            let answer = broker_frame(row, version, &sent, &mut says);
            transcript.add("sent", sent, ());
            desk.broker_answers(&answer, usize::MAX)
        }
    };
    transcript.add("view is stale", Vec::new(), desk.session.take_view_is_stale());
    let goes_on = answered.is_ok();
    match answered {
        Ok(answer) => transcript.add("answered", answer, ()),
        Err(fault) => transcript.add("closed", Vec::new(), fault),
    }
    goes_on
}

fn request(row: &Row, version: i16, probe: &mut Probe) -> Vec<u8> {
    let header = RequestHeader::default()
        .with_request_api_key(row.key)
        .with_request_api_version(version)
        .with_correlation_id(7)
        .with_client_id(Some(StrBytes::from_static_str("a client")));
    let mut frame = BytesMut::new();
    header.encode(&mut frame, if row.is_flexible(version) { 2 } else { 1 }).unwrap();
    frame.extend(filler::body(row.request, version, probe));
    frame.to_vec()
}

/// A broker's frame for a request that it was sent.
fn broker_frame(row: &Row, version: i16, sent: &[u8], says: &mut BrokerSays<'_>) -> Vec<u8> {
    let mut out = sent[4..8].to_vec();
    out.extend(std::iter::repeat_n(0, usize::from(row.response_header_is_flexible(version))));
    out.extend(filler::body(row.response, version, says));
    [&(out.len() as u32).to_be_bytes()[..], &out].concat()
}
