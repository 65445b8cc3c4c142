//! The gate before bodies that kafka-clients made, whole and spoiled, in a process whose allocator has a cap.
//!
//! Traps A1 and A2, hostile F11, F13 and F14: at every list, string and section of tagged fields of every version.

use bytes::Bytes;
use weir_hostile::bodies::{Body, Message};
use weir_hostile::case::Case;
use weir_hostile::hostile;
use weir_hostile::through::{self, Direction};
use weir_kafka::gate;
use weir_kafka::table;
use weir_testkit::require;

use crate::child::{KIB, all_as_expected, under_cap};
use crate::made::{self, messages};

#[test]
fn every_valid_body_of_kafka_clients_passes_to_its_last_byte() {
    for message in &require!(messages()) {
        let row = table::row(message.key).expect("bodies were asked for by the table");
        assert_eq!(message.bodies.len(), made::BODIES);
        for body in &message.bodies {
            let bytes = Bytes::copy_from_slice(&body.bytes);
            let shape = message.direction.shape(row);
            let passed = gate::walk(shape, message.version, &bytes, &message.direction.budget())
                .unwrap_or_else(|error| panic!("{}: {error}: {bytes:x?}", name(message)));
            assert_eq!(passed.body_len, bytes.len(), "{}: {bytes:x?}", name(message));
            through::agrees(message.direction, row, message.version, &bytes, passed);
        }
    }
}

#[test]
fn every_valid_body_passes_under_the_cap() {
    let messages = require!(messages());
    let cases =
        messages.iter().flat_map(|message| message.bodies.iter().map(move |body| case(message, true, &body.bytes)));
    all_as_expected("valid", 64 * KIB, cases);
}

#[test]
fn trap_a1_a_hostile_length_is_refused_at_every_position_and_nothing_is_allocated_for_it() {
    let messages = require!(messages());
    let mut count = 0_usize;
    let cases = messages.iter().flat_map(spoiled_cases).inspect(|_| count += 1);
    all_as_expected("hostile", 64 * KIB, cases);
    assert!(count > 10_000, "only {count} cases: the positions are not those of kafka-clients");
}

/// Shows that the tests above can fail: the same bytes without the gate before the decoder end the process.
#[test]
fn the_cap_is_noticed_where_the_gate_is_left_out() {
    let bomb = [0x7f, 0xff, 0xff, 0xff, 0];
    let row = table::row(table::METADATA).expect("Metadata is spoken");
    let frame = through::frame(Direction::Request, row, 4, &bomb);
    let case = Case { must_pass: false, direction: Direction::Request, key: row.key, version: 4, frame };
    let (with_gate, _) = under_cap("bomb", 64 * KIB, true, [case.clone()].into_iter());
    assert!(with_gate.status.success(), "{with_gate:?}");
    let (without, last) = under_cap("bomb-without-gate", 64 * KIB, false, [case].into_iter());
    assert_eq!((without.status.code(), last), (None, Some(0)), "it was not aborted: {without:?}");
}

/// For each place of the schema, the shortest and the longest body that fills it.
fn spoiled_cases(message: &Message) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, place) in message.places.iter().enumerate() {
        let at = |body: &Body| body.positions.iter().find(|(place, _)| *place == number).map(|(_, offset)| *offset);
        let short = |body: &&Body| body.bytes.len() < 30_000;
        let mut filling: Vec<&Body> = message.bodies.iter().filter(short).filter(|body| at(body).is_some()).collect();
        filling.sort_by_key(|body| body.bytes.len());
        let (Some(shortest), Some(longest)) = (filling.first(), filling.last()) else {
            panic!("{}: no body fills {}", name(message), place.path);
        };
        for body in [shortest, longest] {
            let offset = at(body).expect("this body was chosen by it");
            let spoiled = hostile::spoiled(&body.bytes, offset, place.kind);
            cases.extend(spoiled.iter().map(|body| case(message, false, body)));
        }
    }
    cases
}

fn case(message: &Message, must_pass: bool, body: &[u8]) -> Case {
    let Message { direction, key, version, .. } = *message;
    let row = table::row(key).expect("bodies were asked for by the table");
    Case { must_pass, direction, key, version, frame: through::frame(direction, row, version, body) }
}

fn name(message: &Message) -> String {
    format!("key {} v{} {:?}", message.key, message.version, message.direction)
}
