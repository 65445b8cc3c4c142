//! What ends a connection and what does not: a broker that answers nonsense does, a refusal does not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod plain;
mod support;

use plain::Plain;
use support::filler::{self, Contents, Place};
use support::*;
use uuid::Uuid;
use weir_kafka::fault::Fault;
use weir_kafka::session::Session;
use weir_kafka::table::{self, Disposition, Row, TABLE};

/// A broker's frame for the oldest request, with its length prefix.
fn told(row: &Row, version: i16, correlation: i32) -> Vec<u8> {
    let mut out = correlation.to_be_bytes().to_vec();
    out.extend(std::iter::repeat_n(0, usize::from(row.response_header_is_flexible(version))));
    out.extend(filler::body(row.response, version, &mut BrokersOwn));
    [&u32::try_from(out.len()).unwrap().to_be_bytes()[..], &out].concat()
}

/// An answer about the one group and the one topic that a plain request names.
struct BrokersOwn;

impl Contents for BrokersOwn {
    fn text(&mut self, place: &Place) -> Option<String> {
        let text = match place.name() {
            "group_id" | "key" => "weir.reader.g",
            field => plain::text_of(field, GRANTED, "weir.reader.g"),
        };
        (!place.nullable).then(|| text.to_owned())
    }

    fn id(&mut self, _: &Place) -> Uuid {
        GRANTED_ID
    }

    fn number(&mut self, place: &Place) -> i64 {
        match place.name() {
            "node_id" => 1,
            field => plain::number_of(field),
        }
    }

    fn bytes(&mut self, _: &Place) -> Vec<u8> {
        Vec::new()
    }

    fn elements(&mut self, place: &Place) -> Option<usize> {
        Some(usize::from(place.name() != "members"))
    }
}

#[test]
fn trap_a23_an_answer_that_is_cut_short_or_another_ones_is_given_to_nobody() {
    let (mut desk, mut whole, mut cuts) = (Desk::new(), 0, 0);
    for row in TABLE.iter().filter(|row| row.disposition == Disposition::Forward) {
        for version in row.versions.min..=row.versions.max {
            let mut given = |change: &dyn Fn(&mut Vec<u8>)| {
                desk.session = Session::new("reader".into(), &desk.limits);
                let asked = plain::request(row, version, "c", &mut Plain);
                let Ok(Led::Upstream(sent)) = desk.raw(asked) else { panic!("{} v{version} goes on", row.name) };
                let mut told = told(row, version, i32::from_be_bytes(sent[4..8].try_into().unwrap()));
                change(&mut told);
                let length = u32::try_from(told.len() - 4).unwrap();
                told[..4].copy_from_slice(&length.to_be_bytes());
                desk.broker_answers(&told, usize::MAX)
            };
            let right = given(&|_| {});
            assert!(right.is_ok(), "{} v{version}: {right:?}", row.name);
            whole += 1;
            for correlation in [1_i32, -1, 77, i32::MAX] {
                let another = given(&|told| told[4..8].copy_from_slice(&correlation.to_be_bytes()));
                assert_eq!(another.unwrap_err(), Fault::BrokerDesync, "{} v{version}", row.name);
            }
            let length = told(row, version, 0).len();
            for end in 8..length {
                let short = given(&|told| told.truncate(end));
                assert!(short.is_err(), "{} v{version} cut at {end} of {length}", row.name);
                cuts += 1;
            }
        }
    }
    assert!(whole > 80 && cuts > whole * 10, "{whole} answers, {cuts} cuts");
    // An answer that nobody waits for.
    let row = table::row(table::HEARTBEAT).unwrap();
    desk.session = Session::new("reader".into(), &desk.limits);
    assert!(desk.broker_answers(&told(row, 0, 0), usize::MAX).unwrap().is_empty(), "it is left unread");
}

/// Names what the client may not name.
struct Refused {
    topic: &'static str,
    group: &'static str,
    resource: i64,
}

impl Contents for Refused {
    fn text(&mut self, place: &Place) -> Option<String> {
        let needed = ["protocol_type", "protocol_name", "topics"].contains(&place.name());
        (!place.nullable || needed).then(|| plain::text_of(place.name(), self.topic, self.group).to_owned())
    }

    fn id(&mut self, _: &Place) -> Uuid {
        HIDDEN_ID
    }

    fn number(&mut self, place: &Place) -> i64 {
        match place.name() {
            "resource_type" => self.resource,
            field => plain::number_of(field),
        }
    }

    fn bytes(&mut self, _: &Place) -> Vec<u8> {
        Vec::new()
    }

    fn elements(&mut self, _: &Place) -> Option<usize> {
        Some(2)
    }
}

#[test]
fn trap_a24_a_refusal_is_an_answer_and_the_connection_stays() {
    let (mut desk, mut answered) = (Desk::new(), 0);
    for row in TABLE {
        for version in row.versions.min..=row.versions.max {
            for (topic, group) in [(HIDDEN, "g"), (GRANTED, "a/b"), (HIDDEN, "a/b"), (ABSENT, ""), ("no topic!", "g")] {
                for resource in [2, 4, 32] {
                    desk.session = Session::new("reader".into(), &desk.limits);
                    let asked = plain::request(row, version, "c", &mut Refused { topic, group, resource });
                    let led = desk.raw(asked);
                    if let Ok(Led::Local) = led {
                        assert!(desk.local_answer().len() > 8);
                        answered += 1;
                    }
                    assert!(led.is_ok(), "{} v{version} about {topic:?} and {group:?}: {led:?}", row.name);
                }
            }
        }
    }
    assert!(answered > 500, "{answered}");
}
