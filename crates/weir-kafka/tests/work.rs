//! How much work a request is: sixteen times as many items are sixteen times the work, in every list of every API.
//!
//! Processor times of one thread are compared with each other, generously: work that grows with the square is 256 times
//! as long.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod plain;
mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use support::filler::{self, Contents, Place};
use support::*;
use uuid::Uuid;
use weir_kafka::cluster::RealTopic;
use weir_kafka::session::Session;
use weir_kafka::shape::{Counted, Field, Kind};
use weir_kafka::table::{Row, TABLE};
use weir_policy::{Policy, PolicyFiles, PolicyOptions, SourceFile};

/// How much more work sixteen times as many items may be.
const GROWTH: f64 = 40.0;
/// How often two times are compared before they are believed.
const TRIES: usize = 3;
/// How long a request is repeated until its time is known: the clock has steps of a few milliseconds.
const LONG_ENOUGH: Duration = Duration::from_millis(12);
/// What the longest request may take at all, in a build without optimisation.
const BUDGET: f64 = 1.5;

fn topic(index: usize) -> String {
    format!("public.topic-{index}")
}

/// A desk whose principal was granted so many topics, all of which there are.
fn desk(topics: usize) -> Desk {
    let mut desk = Desk::new();
    desk.policy = policy_of(topics);
    let known = desk.view.topics[&RealTopic(GRANTED.into())].clone();
    for index in 0..topics {
        let (name, id) = (RealTopic(topic(index)), Uuid::from_u128(index as u128 + 1));
        let mut topic = known.clone();
        topic.id = id;
        desk.view.topics_by_id.insert(id, name.clone());
        desk.view.topics.insert(name, topic);
    }
    desk
}

fn policy_of(topics: usize) -> Policy {
    let file = |path: &str, text: String| SourceFile { path: path.into(), text: text.into() };
    let stream = |index: usize| {
        let name = topic(index);
        format!(
            "  - stream: {name}\n    topics: [{name}]\n    description: x\n    schema: /x\n    schema_version: 1.0.0\n    \
             cleanup_policy: delete\n    pii: {{verdict: none, by: test, on: 2026-11-01, ticket: T1}}\n"
        )
    };
    let granted: String = (0..topics).map(|index| format!("  - topic: {}\n", topic(index))).collect();
    let files = PolicyFiles {
        catalogue: file("catalogue.yaml", format!("streams:\n{}", (0..topics).map(stream).collect::<String>())),
        never: file("never.yaml", "never:\n  - prefix: __\n    why: internal\n".into()),
        tiers: file("tiers.yaml", "tiers:\n  - tier: tool\n    connections: 20\n".into()),
        principals: vec![file(
            "principals/reader.yaml",
            format!(
                "principal: reader\ncertificate:\n  - cn: reader\nnamespace: reader\ntier: tool\nread:\n{granted}\
                 contact: a@example.org\nreview_by: 2027-01-01\n"
            ),
        )],
        suspended: Vec::new(),
    };
    Policy::compile(&files, &PolicyOptions::default()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A list of a request.
#[derive(Clone, Debug)]
struct List {
    path: Vec<&'static str>,
    /// How many lists it is in.
    depth: usize,
    /// How many elements it has at the most.
    most: usize,
}

fn lists(row: &Row, version: i16) -> Vec<List> {
    fn below(fields: &'static [Field], version: i16, list: &List, found: &mut Vec<List>) {
        for field in fields.iter().filter(|field| field.tag.is_none() && field.versions.holds(version)) {
            let mut here = list.clone();
            here.path.push(field.name);
            let inner = match field.kind {
                Kind::Array(element) => {
                    here.depth += 1;
                    here.most = if field.counted == Counted::Partitions { 10_000 } else { 1_900 };
                    found.push(here.clone());
                    *element
                }
                kind => kind,
            };
            if let Kind::Struct(fields) = inner {
                below(fields, version, &here, found);
            }
        }
    }
    let mut found = Vec::new();
    below(row.request.fields, version, &List { path: Vec::new(), depth: 0, most: 0 }, &mut found);
    found
}

/// What a broker answers in the order of the request; all else it may answer in any, and does so in the opposite one.
const IN_ORDER: [&str; 2] = ["forgotten_topics_data", "resources"];

/// Fills one list, and puts one element into every other.
struct Many<'a> {
    list: &'a List,
    count: usize,
    /// Whether a broker says it: by the brokers' names, in whatever list is as deep.
    broker: bool,
}

impl Many<'_> {
    fn index(&self, place: &Place) -> usize {
        let index = place.elements.get(self.list.depth - 1).copied().unwrap_or(0);
        let turns = self.broker && !IN_ORDER.contains(&self.list.path[0]);
        if turns { self.count - 1 - index.min(self.count - 1) } else { index }
    }

    /// Names differ where it is the elements of the list that have them.
    fn named(&self, place: &Place) -> usize {
        if place.elements.len() == self.list.depth { self.index(place) } else { 0 }
    }
}

impl Contents for Many<'_> {
    fn text(&mut self, place: &Place) -> Option<String> {
        let needed = ["protocol_type", "protocol_name", "topics"].contains(&place.name());
        let before = if self.broker { "weir.reader." } else { "" };
        let (topic, group) = (topic(self.named(place)), format!("{before}g{}", self.named(place)));
        let name = match place.name() {
            // What a broker calls a group in its answer about one.
            "key" | "group_id" if self.broker => group,
            "name" if place.path.contains(&"configs") => "retention.ms".into(),
            // Members and protocols are told apart by their names, too.
            "member_id" | "name" if place.path.len() > 1 && !place.path.iter().any(|field| field.contains("topic")) => {
                format!("m{}", self.named(place))
            }
            field => plain::text_of(field, &topic, &group).to_owned(),
        };
        (!place.nullable || needed).then_some(name)
    }

    fn id(&mut self, place: &Place) -> Uuid {
        Uuid::from_u128(self.named(place) as u128 + 1)
    }

    fn number(&mut self, place: &Place) -> i64 {
        match place.name() {
            "node_id" => 1,
            "partition" | "partition_index" | "partition_indexes" | "partitions" | "index" => self.named(place) as i64,
            field => plain::number_of(field),
        }
    }

    fn bytes(&mut self, _: &Place) -> Vec<u8> {
        Vec::new()
    }

    fn elements(&mut self, place: &Place) -> Option<usize> {
        if place.name() == "members" && self.broker {
            return Some(0);
        }
        // A broker says nothing of what it was told to forget.
        let answers = place.elements.len() + 1 == self.list.depth && self.list.path[0] != "forgotten_topics_data";
        let grows = if self.broker { answers } else { place.path == self.list.path };
        Some(if grows { self.count } else { 1 })
    }
}

/// The processor time of this thread.
fn clock() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// The seconds that such a request takes, with its answer.
fn time(desk: &mut Desk, row: &Row, version: i16, list: &List, count: usize) -> f64 {
    let asked = plain::request(row, version, "c", &mut Many { list, count, broker: false });
    let mut answer = vec![0; 8 + usize::from(row.response_header_is_flexible(version))];
    answer.extend(filler::body(row.response, version, &mut Many { list, count, broker: true }));
    let length = u32::try_from(answer.len() - 4).unwrap();
    answer[..4].copy_from_slice(&length.to_be_bytes());
    let (began, mut times) = (clock(), 0_u32);
    while clock() - began < LONG_ENOUGH {
        for _ in 0..(2_000 / count).max(1) {
            desk.session = Session::new("reader".into(), &desk.limits);
            match desk.raw(asked.clone()) {
                Ok(Led::Local) => drop(desk.local_answer()),
                Ok(Led::Upstream(_)) => {
                    let told = desk.broker_answers(&answer, usize::MAX);
                    assert!(told.is_ok(), "{} v{version} {list:?}: {told:?}", row.name);
                }
                Err(fault) => panic!("{} v{version} with {count} of {list:?}: {fault:?}", row.name),
            }
            times += 1;
        }
    }
    (clock() - began).as_secs_f64() / f64::from(times)
}

#[test]
fn trap_a25_sixteen_times_as_many_items_are_sixteen_times_the_work() {
    let mut desk = desk(2_000);
    let mut wrong = Vec::new();
    for row in TABLE {
        for version in BTreeSet::from([row.versions.min, row.versions.max]) {
            for list in lists(row, version) {
                let mut is_right = || {
                    let few = time(&mut desk, row, version, &list, list.most / 16);
                    let many = time(&mut desk, row, version, &list, list.most);
                    println!("{} v{version} {}: {few:.6} s, and {many:.6} s", row.name, list.path.join("."));
                    many < few * GROWTH && many < BUDGET
                };
                if !(0..TRIES).any(|_| is_right()) {
                    wrong.push(format!("{} v{version} {}", row.name, list.path.join(".")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "these grow faster than their items: {wrong:?}");
}
