//! Bodies: numbers that lie, names that are none, tags that smuggle, and bytes of any kind.

use kafka_protocol::messages::{FetchRequest, GroupId, HeartbeatRequest, MetadataRequest, MetadataResponse};
use kafka_protocol::protocol::StrBytes;
use weir_testkit::kafka::wire;

use crate::edge::client::{Tls, framed, request};
use crate::edge::{SOON, TOPIC, broker};
use crate::{WEIR, connect, correlation, is_refused};

pub fn strings(names: &[&[u8]]) -> Vec<u8> {
    let mut body = i32::try_from(names.len()).unwrap().to_be_bytes().to_vec();
    for name in names {
        body.extend(i16::try_from(name.len()).unwrap().to_be_bytes());
        body.extend(*name);
    }
    body
}

/// Asks for topics by name, in version 1, and gives name and code of each.
pub fn metadata(client: &mut Tls, names: &[&[u8]]) -> Vec<(String, i16)> {
    client.send(&request(3, 1, 77, Some(b"edge"), &strings(names))).unwrap();
    let answer = client.read_frame(SOON).unwrap();
    let (id, body): (i32, MetadataResponse) = wire::open::<MetadataRequest>(1, &answer).unwrap();
    assert_eq!(id, 77);
    body.topics.into_iter().map(|topic| (topic.name.unwrap().to_string(), topic.error_code)).collect()
}

#[test]
fn hostile_f9_f10_headers_of_another_version_and_bytes_behind_the_end() {
    let turn = WEIR.turn();
    turn.broker().play(broker::idle);
    let plain = broker::encoded(&heartbeat_body(), 3);
    let flexible = broker::encoded(&heartbeat_body(), 4);
    let at = |version: i16, tags: &[u8], body: &[u8]| request(12, version, 1, Some(b"edge"), &[tags, body].concat());
    let mut client = connect(&turn);
    for sound in [at(3, &[], &plain), at(4, &[0], &flexible), at(4, &[1, 9, 2, 7, 7], &flexible)] {
        client.send(&sound).unwrap();
        assert_eq!(correlation(&client.read_frame(SOON).unwrap()), 1);
    }
    turn.broker().play(broker::idle);
    let many: Vec<u8> = [17].into_iter().chain((0..17).flat_map(|tag| [tag, 0])).collect();
    let bad = [
        at(4, &[], &flexible),
        at(3, &[0], &plain),
        at(4, &[1, 9, 200, 7], &flexible),
        at(4, &[2, 9, 0, 9, 0], &flexible),
        at(3, &[], &[&plain[..], &[0]].concat()),
        at(4, &[0], &[&flexible[..], &[0; 500]].concat()),
        framed(&[0, 12, 0, 3, 0, 0, 0, 1]),
        framed(&[0, 12, 0, 3, 0, 0, 0, 1, 0x7f, 0xff]),
        framed(&[0, 12, 0, 3, 0, 0, 0, 1, 0xff, 0xfe]),
        framed(&[0, 12, 0, 3, 0, 0, 0, 1, 0, 1, 0xff]),
    ];
    for bytes in bad {
        is_refused(&turn, "malformed", &bytes);
    }
    is_refused(&turn, "too-many-items", &at(4, &many, &flexible));
    assert!(turn.broker().asked().is_empty(), "nothing of it went on");
}

pub fn heartbeat_body() -> HeartbeatRequest {
    HeartbeatRequest::default().with_group_id(GroupId(StrBytes::from_static_str("g")))
}

#[test]
fn hostile_f11_f13_f14_numbers_that_lie() {
    let turn = WEIR.turn();
    let before = turn.memory_kib();
    let v1 = |body: &[u8]| request(3, 1, 1, Some(b"edge"), body);
    let v9 = |body: &[u8]| request(3, 9, 1, Some(b"edge"), &[&[0], body].concat());
    let bad = [
        v1(&i32::MAX.to_be_bytes()),
        v1(&400_000_000_i32.to_be_bytes()),
        v1(&(-2_i32).to_be_bytes()),
        v9(&[0xff, 0xff, 0xff, 0xff, 0x0f]),
        v1(&[0, 0, 0, 1, 0xff, 0xfe]),
        v1(&[0, 0, 0, 1, 0x7f, 0xff, b'a', b'b', b'c']),
        v1(&[0, 0, 0, 1, 0xff, 0xff]),
        // A compact string of 32,768 bytes; a name that is null before nulls existed.
        v9(&[&[2, 0x81, 0x80, 0x02][..], &[b'a'; 32_768], &[0, 0, 0, 0, 0]].concat()),
        v9(&[2, 0, 0, 0, 0, 0, 0]),
        // Six bytes; bits past the 32nd; a zero in two bytes.
        v9(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0, 0, 0, 0]),
        v9(&[0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0]),
        v9(&[0x80, 0x00, 0, 0, 0, 0]),
        // A boolean of 2.
        v9(&[0, 2, 0, 0, 0]),
    ];
    for bytes in bad {
        is_refused(&turn, "malformed", &bytes);
    }
    let grown = turn.memory_kib().saturating_sub(before);
    assert!(grown < 16 << 10, "{grown} KiB");
}

#[test]
fn hostile_f15_f16_names_that_are_none() {
    let turn = WEIR.turn();
    for bytes in [&[0xff][..], &[0xc0, 0x80], &[0xed, 0xa0, 0x80], &[b'a', 0xe2, 0x82], &[0xf4, 0x90, 0x80, 0x80]] {
        is_refused(&turn, "malformed", &request(3, 1, 1, Some(b"edge"), &strings(&[bytes])));
    }
    let long = "x".repeat(250);
    let odd = [
        "",
        ".",
        "..",
        &long,
        "edge.topic\0",
        "edge/topic",
        "%65dge.topic",
        "\u{202e}cipot.egde",
        "\u{435}dge.topic",
        "Edge.Topic",
        "edge.topic ",
        "edge.topic\r\n",
        "*",
        "__consumer_offsets",
    ];
    let bytes: Vec<&[u8]> = odd.iter().map(|name| name.as_bytes()).collect();
    let mut client = connect(&turn);
    let answered = metadata(&mut client, &bytes);
    let expected: Vec<(String, i16)> = odd.iter().map(|name| ((*name).to_string(), 29)).collect();
    assert_eq!(answered, expected);
    assert_eq!(metadata(&mut client, &[TOPIC.as_bytes()]), [(TOPIC.to_string(), 0)]);
}

#[test]
fn hostile_f12_f17_a_name_a_thousand_times_is_answered_once() {
    let turn = WEIR.turn();
    let mut client = connect(&turn);
    let answered = metadata(&mut client, &[TOPIC.as_bytes(); 2_000]);
    assert_eq!(answered, [(TOPIC.to_string(), 0)], "Kafka makes a set of them");
    let hidden = metadata(&mut client, &[&b"hidden"[..]; 2_000]);
    assert_eq!(hidden, [("hidden".to_string(), 29)]);
    is_refused(&turn, "too-many-items", &request(3, 1, 1, Some(b"edge"), &strings(&[&b"x"[..]; 2_001])));
    is_refused(&turn, "too-many-items", &request(3, 1, 1, Some(b"edge"), &strings(&vec![&b""[..]; 500_000])));
}

#[test]
fn hostile_f18_tagged_fields_are_in_order_few_and_not_passed_on() {
    let turn = WEIR.turn();
    turn.broker().play(broker::idle);
    let body = broker::encoded(&heartbeat_body(), 4);
    let untagged = &body[..body.len() - 1];
    let tagged = |tags: &[u8]| request(12, 4, 3, Some(b"edge"), &[&[0], untagged, tags].concat());
    let mut client = connect(&turn);
    client.send(&tagged(b"\x01\x07\x08SMUGGLED")).unwrap();
    assert_eq!(correlation(&client.read_frame(SOON).unwrap()), 3);
    let asked = turn.broker().asked();
    assert_eq!(asked.len(), 1);
    assert!(!asked[0].frame.windows(8).any(|window| window == b"SMUGGLED"));
    turn.broker().play(broker::idle);
    let descending: &[u8] = &[2, 7, 0, 6, 0];
    for tags in [descending, &[2, 7, 0, 7, 0], &[1, 7, 9, 0], &[1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0], &[1, 7]] {
        is_refused(&turn, "malformed", &tagged(tags));
    }
    let many = |count: u32| {
        let mut tags = Vec::new();
        for number in [count].into_iter().chain((0..count).flat_map(|tag| [tag, 0])) {
            let mut left = number;
            while left > 0x7f {
                tags.push(u8::try_from(left & 0x7f).unwrap() | 0x80);
                left >>= 7;
            }
            tags.push(u8::try_from(left).unwrap());
        }
        tags
    };
    is_refused(&turn, "too-many-items", &tagged(&many(257)));
    is_refused(&turn, "too-many-items", &tagged(&many(250_000)));
    // A known tag whose content ends before its size does: the cluster id of Fetch.
    let mut fetch = broker::encoded(&FetchRequest::default().with_session_epoch(-1), 12);
    fetch.pop();
    fetch.extend([1, 0, 4, 2, b'c', b'c', b'c']);
    is_refused(&turn, "malformed", &request(1, 12, 1, Some(b"edge"), &[&[0], &fetch[..]].concat()));
    assert!(turn.broker().asked().is_empty(), "nothing of it went on");
}

#[test]
fn hostile_f_bytes_of_any_kind_behind_a_good_header_end_no_more_than_their_connection() {
    let turn = WEIR.turn();
    turn.broker().play(broker::idle);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let before = turn.closed();
    for row in weir_kafka::table::TABLE {
        for version in row.versions.min..=row.versions.max {
            let mut client = connect(&turn);
            for _ in 0..8 {
                let length = usize::try_from(next() % 40).unwrap();
                // Mostly small numbers: they go further than large ones.
                let body: Vec<u8> =
                    (0..length).map(|_| u8::try_from(next() & next() & next() & 0xff).unwrap()).collect();
                if client.send(&request(row.key, version, 1, Some(b"edge"), &[&[0][..], &body].concat())).is_err() {
                    break;
                }
            }
        }
    }
    turn.has_open(0);
    let steps = turn.closed().into_iter().filter(|(name, n)| *n > before[name]).map(|(name, _)| name);
    let expected =
        ["client-eof", "client-reset", "malformed", "too-many-items", "unsupported-version", "api-not-allowed"];
    let others: Vec<String> = steps.filter(|name| !expected.contains(&name.as_str())).collect();
    assert!(others.is_empty(), "connections ended for {others:?}, too");
}
