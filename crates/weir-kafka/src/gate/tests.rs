//! The gate by hand-made bytes; `properties` has it beside the decoder that follows it.

#![allow(clippy::arithmetic_side_effects)]

mod properties;

use super::*;
use crate::cluster::VersionRange;
use crate::shape::{fetch, field, join_group, metadata, offset_commit, offset_fetch, produce};
use crate::wire::{put_i16, put_i32, put_unsigned_varint};

const HUGE: [&[u8]; 3] = [&[0x7f, 0xff, 0xff, 0xff], &[0x17, 0xd7, 0x84, 0x00], &[0x00, 0x98, 0x96, 0x80]];

fn request(shape: &Shape, version: i16, body: &[u8]) -> Result<Passed, Malformed> {
    walk(shape, version, body, &Budget::REQUEST)
}

fn ok(canonical: bool, body_len: usize) -> Result<Passed, Malformed> {
    Ok(Passed { canonical, body_len })
}

#[test]
fn trap_a1_an_array_that_the_bytes_cannot_hold_is_refused() {
    // The bodies that end a process: Metadata v4 and v12, OffsetCommit v2.
    let mut commit = vec![0, 1, b'g', 0, 0, 0, 0, 0, 1, b'm'];
    commit.extend_from_slice(&[0; 8]);
    for huge in HUGE {
        let body = [huge, &[0]].concat();
        assert_eq!(request(&metadata::REQUEST, 4, &body), Err(Malformed::LengthPastEnd));
        assert_eq!(request(&offset_commit::REQUEST, 2, &[&commit[..], huge].concat()), Err(Malformed::LengthPastEnd));
    }
    let compact = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0];
    assert_eq!(request(&metadata::REQUEST, 12, &compact), Err(Malformed::LengthPastEnd));
}

#[test]
fn trap_a2_an_array_is_held_against_its_smallest_element() {
    // Two topics of sixteen bytes of id, and no more than one of them is there.
    let body = [&[3][..], &[0; 18], &[0, 0, 0, 0]].concat();
    assert_eq!(request(&metadata::REQUEST, 12, &body), Err(Malformed::LengthPastEnd));
    // Four-byte partitions, of which there are three and a half.
    let mut body = vec![2, b'g', 2, 2, b't', 5];
    body.extend_from_slice(&[0; 14]);
    assert_eq!(request(&offset_fetch::REQUEST, 6, &body), Err(Malformed::LengthPastEnd));
}

#[test]
fn hostile_f11_a_negative_count_other_than_null_is_refused() {
    assert_eq!(request(&metadata::REQUEST, 1, &[0xff; 4]), ok(true, 4));
    assert_eq!(request(&metadata::REQUEST, 1, &[0xff, 0xff, 0xff, 0xfe]), Err(Malformed::NegativeLength));
    assert_eq!(request(&metadata::REQUEST, 0, &[0xff; 4]), Err(Malformed::NullNotAllowed));
    assert_eq!(request(&metadata::REQUEST, 12, &[0, 1, 1, 0]), ok(true, 4));
}

fn metadata_v9_with_topics(count: u32) -> Vec<u8> {
    let mut body = Vec::new();
    put_unsigned_varint(&mut body, count + 1);
    // An empty name and no tags.
    (0..count).for_each(|_| body.extend_from_slice(&[1, 0]));
    body.extend_from_slice(&[0, 0, 0, 0]);
    body
}

#[test]
fn trap_a3_topics_are_counted() {
    assert!(request(&metadata::REQUEST, 9, &metadata_v9_with_topics(2_000)).is_ok());
    assert_eq!(request(&metadata::REQUEST, 9, &metadata_v9_with_topics(2_001)), Err(Malformed::TooManyTopics));
}

fn offset_fetch_v7(topics: &[u32]) -> Vec<u8> {
    let mut body = vec![1];
    put_unsigned_varint(&mut body, topics.len() as u32 + 1);
    for partitions in topics {
        body.push(1);
        put_unsigned_varint(&mut body, partitions + 1);
        body.resize(body.len() + *partitions as usize * 4, 0);
        body.push(0);
    }
    body.extend_from_slice(&[0, 0]);
    body
}

#[test]
fn hostile_f12_partitions_are_counted_over_all_topics() {
    assert!(request(&offset_fetch::REQUEST, 7, &offset_fetch_v7(&[10_000, 10_000])).is_ok());
    let over = offset_fetch_v7(&[10_000, 10_000, 1]);
    assert_eq!(request(&offset_fetch::REQUEST, 7, &over), Err(Malformed::TooManyPartitions));
}

#[test]
fn hostile_f12_other_elements_are_counted() {
    let join = |protocols: i32| {
        let mut body = vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        put_i32(&mut body, protocols);
        body.resize(body.len() + protocols as usize * 6, 0);
        body
    };
    assert!(request(&join_group::REQUEST, 0, &join(2_000)).is_ok());
    assert_eq!(request(&join_group::REQUEST, 0, &join(2_001)), Err(Malformed::TooManyElements));
}

#[test]
fn forgotten_topics_count_as_topics() {
    let fetch = |topics: i32, forgotten: i32| {
        let mut body = vec![0; 25];
        put_i32(&mut body, topics);
        body.resize(body.len() + topics as usize * 6, 0);
        put_i32(&mut body, forgotten);
        body.resize(body.len() + forgotten as usize * 6, 0);
        body
    };
    assert!(request(&fetch::REQUEST, 7, &fetch(1_000, 1_000)).is_ok());
    assert_eq!(request(&fetch::REQUEST, 7, &fetch(1_000, 1_001)), Err(Malformed::TooManyTopics));
}

/// Metadata v12 for no topics, with the tag section that is given.
fn with_tags(tags: &[u8]) -> Result<Passed, Malformed> {
    request(&metadata::REQUEST, 12, &[&[1, 0, 0], tags].concat())
}

#[test]
fn trap_c7_an_unknown_tagged_field_costs_the_right_to_be_forwarded_as_it_is() {
    assert_eq!(with_tags(&[0]), ok(true, 4));
    assert_eq!(with_tags(&[1, 9, 2, 0xaa, 0xbb]), ok(false, 8));
    assert_eq!(with_tags(&[1, 0xff, 0xff, 0xff, 0xff, 0x07, 0]), ok(false, 10), "the greatest tag");
    assert_eq!(with_tags(&[1, 0x80, 0x80, 0x80, 0x80, 0x08, 0]), Err(Malformed::TagNumber), "one more");
    assert_eq!(with_tags(&[1, 9, 3, 0xaa, 0xbb]), Err(Malformed::LengthPastEnd));
    assert_eq!(with_tags(&[1, 9, 0xff, 0xff, 0xff, 0xff, 0x0f]), Err(Malformed::LengthPastEnd));
}

#[test]
fn trap_c8_tagged_fields_ascend() {
    assert_eq!(with_tags(&[2, 8, 0, 9, 0]), ok(false, 8));
    assert_eq!(with_tags(&[2, 9, 0, 8, 0]), Err(Malformed::TagsUnordered));
    assert_eq!(with_tags(&[2, 9, 0, 9, 0]), Err(Malformed::TagsUnordered));
}

/// The plain fields of a Fetch from version 12 to 17, and no topics.
fn fetch_body(version: i16, tags: &[u8]) -> Vec<u8> {
    let replica_id = if version < 15 { 4 } else { 0 };
    let mut body = vec![0; replica_id + 21];
    body.extend_from_slice(&[1, 1, 1]);
    body.extend_from_slice(tags);
    body
}

#[test]
fn hostile_f18_a_known_tagged_field_fills_its_size() {
    let at = |version, tags: &[u8]| request(&fetch::REQUEST, version, &fetch_body(version, tags));
    assert!(at(12, &[1, 0, 3, 3, b'a', b'b']).is_ok());
    assert_eq!(at(12, &[1, 0, 4, 3, b'a', b'b', b'c']), Err(Malformed::TagSize));
    assert_eq!(at(12, &[1, 0, 2, 3, b'a', b'b']), Err(Malformed::LengthPastEnd));
    let replica_state = [&[1, 1, 13][..], &[0; 13]].concat();
    assert!(at(15, &replica_state).is_ok_and(|passed| passed.canonical));
    assert_eq!(at(14, &replica_state), Err(Malformed::TagNotInVersion), "as Kafka says");
    assert_eq!(at(15, &[&[1, 1, 12][..], &[0; 12]].concat()), Err(Malformed::Truncated));
}

#[test]
fn hostile_f19_tagged_fields_are_counted_over_all_structures() {
    let body = |topics: u32, tags_of_each: u32| {
        let mut body = Vec::new();
        put_unsigned_varint(&mut body, topics + 1);
        for _ in 0..topics {
            body.push(1);
            put_unsigned_varint(&mut body, tags_of_each);
            (0..tags_of_each).for_each(|tag| body.extend_from_slice(&[tag as u8, 0]));
        }
        body.extend_from_slice(&[0, 0, 0, 0]);
        body
    };
    assert!(request(&metadata::REQUEST, 9, &body(2, 128)).is_ok());
    assert_eq!(request(&metadata::REQUEST, 9, &body(129, 2)), Err(Malformed::TooManyTags));
    let claimed = [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert_eq!(request(&metadata::REQUEST, 9, &claimed), Err(Malformed::TooManyTags));
}

#[test]
fn hostile_f10_trailing_bytes_of_a_request_are_refused() {
    assert_eq!(request(&metadata::REQUEST, 4, &[0, 0, 0, 0, 0]), ok(true, 5));
    assert_eq!(request(&metadata::REQUEST, 4, &[0, 0, 0, 0, 0, 0]), Err(Malformed::TrailingBytes));
}

#[test]
fn trap_c45_trailing_bytes_of_a_response_are_told_from_its_body() {
    let body = [0, 0, 0, 0, 0, 0, 0];
    let heartbeat = &crate::shape::heartbeat::RESPONSE;
    assert_eq!(walk(heartbeat, 1, &body, &Budget::RESPONSE), ok(true, 6));
}

#[test]
fn a_boolean_is_0_or_1() {
    assert_eq!(request(&metadata::REQUEST, 4, &[0, 0, 0, 0, 1]), ok(true, 5));
    assert_eq!(request(&metadata::REQUEST, 4, &[0, 0, 0, 0, 2]), Err(Malformed::NotBoolean));
}

#[test]
fn trap_s6_a_nullable_structure_is_there_or_not_and_nothing_between() {
    const INNER: &[Field] = &[field("topic", Kind::Str), field("partition", Kind::Int32)];
    const CURSOR: Shape = Shape {
        versions: VersionRange { min: 0, max: 0 },
        flexible_from: 0,
        fields: &[field("cursor", Kind::Struct(INNER)).nullable()],
    };
    assert_eq!(request(&CURSOR, 0, &[0xff, 0]), ok(true, 2));
    assert_eq!(request(&CURSOR, 0, &[1, 2, b't', 0, 0, 0, 7, 0, 0]), ok(true, 9));
    for presence in [0, 2, 0x7f, 0x80, 0xfe] {
        let body = [presence, 2, b't', 0, 0, 0, 7, 0, 0];
        assert_eq!(request(&CURSOR, 0, &body), Err(Malformed::PresenceByte), "{presence}");
    }
}

#[test]
fn bytes_say_no_more_than_is_there() {
    let mut body = Vec::new();
    put_i16(&mut body, -1);
    put_i16(&mut body, 1);
    body.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 0]);
    let with = |records: &[u8]| request(&produce::REQUEST, 3, &[&body[..], records].concat());
    assert!(with(&[0xff; 4]).is_ok(), "null");
    assert!(with(&[0, 0, 0, 2, 7, 7]).is_ok());
    assert_eq!(with(&[0, 0, 0, 3, 7, 7]), Err(Malformed::LengthPastEnd));
    assert_eq!(with(&[0x7f, 0xff, 0xff, 0xff, 7, 7]), Err(Malformed::LengthPastEnd));
    assert_eq!(with(&[0xff, 0xff, 0xff, 0xfe]), Err(Malformed::NegativeLength));
}

#[test]
fn a_version_without_a_shape_is_refused() {
    assert_eq!(request(&fetch::REQUEST, 3, &[]), Err(Malformed::NoSuchVersion));
    assert_eq!(request(&fetch::REQUEST, 18, &[]), Err(Malformed::NoSuchVersion));
}
