//! Honest requests that are as full as they can be: traps A2 and A3, hostile F12 and F19.

use weir_hostile::case::Case;
use weir_hostile::through::{self, Direction};
use weir_kafka::table;
use weir_kafka::wire::put_unsigned_varint;

use crate::child::{KIB, all_as_expected};

/// What the greatest lists of the smallest elements cost beyond eight times their frame: a decoded topic is at least
/// 72 bytes, however few it had in the frame, and a request has no more than 2,000 of them.
const SLACK_AT_THE_LIMITS: usize = 256 * KIB;

#[test]
fn hostile_f12_a_mebibyte_of_the_smallest_elements_is_refused_before_it_is_decoded() {
    let full = |smallest: usize| (1_000 * KIB / smallest) as u32;
    let cases = [
        request(table::METADATA, 9, &metadata(full(2), 0)),
        request(table::OFFSET_FETCH, 7, &offset_fetch(full(3), 0)),
        request(table::OFFSET_FETCH, 7, &offset_fetch(1, full(4))),
        request(table::OFFSET_FETCH, 8, &groups(full(3))),
        request(table::METADATA, 9, &metadata(1, full(3).min(16_000))),
        request(table::FETCH, 12, &fetch(full(3), 0)),
        request(table::FETCH, 12, &fetch(1, full(33))),
    ];
    all_as_expected("full", 64 * KIB, cases.map(|frame| case(false, frame)).into_iter());
}

#[test]
fn trap_a3_a_request_at_its_limits_costs_a_bounded_amount() {
    let cases = [
        request(table::METADATA, 9, &metadata(2_000, 0)),
        request(table::METADATA, 9, &metadata(1, 256)),
        request(table::OFFSET_FETCH, 7, &offset_fetch(2_000, 10)),
        request(table::OFFSET_FETCH, 8, &groups(2_000)),
        request(table::FETCH, 12, &fetch(2_000, 10)),
        request(table::FETCH, 12, &fetch(1, 20_000)),
    ];
    all_as_expected("limits", SLACK_AT_THE_LIMITS, cases.map(|frame| case(true, frame)).into_iter());
}

#[test]
fn one_more_than_the_limits_is_refused() {
    let cases = [
        request(table::METADATA, 9, &metadata(2_001, 0)),
        request(table::METADATA, 9, &metadata(1, 257)),
        request(table::OFFSET_FETCH, 8, &groups(2_001)),
        request(table::FETCH, 12, &fetch(2_001, 0)),
        request(table::FETCH, 12, &fetch(1, 20_001)),
    ];
    all_as_expected("over", 64 * KIB, cases.map(|frame| case(false, frame)).into_iter());
}

struct Request {
    key: i16,
    version: i16,
    frame: Vec<u8>,
}

fn request(key: i16, version: i16, body: &[u8]) -> Request {
    let row = table::row(key).expect("a key with a row");
    Request { key, version, frame: through::frame(Direction::Request, row, version, body) }
}

fn case(must_pass: bool, request: Request) -> Case {
    let Request { key, version, frame } = request;
    Case { must_pass, direction: Direction::Request, key, version, frame }
}

fn count(body: &mut Vec<u8>, count: u32) {
    put_unsigned_varint(body, count + 1);
}

/// Topics without a name, of which each has so many unknown tagged fields of no bytes.
fn metadata(topics: u32, tags: u32) -> Vec<u8> {
    let mut body = Vec::new();
    count(&mut body, topics);
    for _ in 0..topics {
        body.push(1);
        put_unsigned_varint(&mut body, tags);
        for tag in 0..tags {
            put_unsigned_varint(&mut body, tag);
            body.push(0);
        }
    }
    body.extend_from_slice(&[0, 0, 0, 0]);
    body
}

fn offset_fetch(topics: u32, partitions: u32) -> Vec<u8> {
    let mut body = vec![1];
    count(&mut body, topics);
    for _ in 0..topics {
        body.push(1);
        count(&mut body, partitions);
        body.resize(body.len() + partitions as usize * 4, 0);
        body.push(0);
    }
    body.extend_from_slice(&[0, 0]);
    body
}

/// Groups without a name that ask for all of their topics.
fn groups(groups: u32) -> Vec<u8> {
    let mut body = Vec::new();
    count(&mut body, groups);
    (0..groups).for_each(|_| body.extend_from_slice(&[1, 0, 0]));
    body.extend_from_slice(&[0, 0]);
    body
}

fn fetch(topics: u32, partitions: u32) -> Vec<u8> {
    let mut body = vec![0; 25];
    count(&mut body, topics);
    for _ in 0..topics {
        body.push(1);
        count(&mut body, partitions);
        body.resize(body.len() + partitions as usize * 33, 0);
        body.push(0);
    }
    body.extend_from_slice(&[1, 1, 0]);
    body
}
