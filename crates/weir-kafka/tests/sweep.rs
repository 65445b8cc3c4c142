//! Every key in every version, with a granted and a hidden name wherever a name may stand: what reaches a broker is of the
//! table, and never holds what is hidden.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use bytes::BytesMut;
use kafka_protocol::messages::{ApiKey, RequestHeader};
use kafka_protocol::protocol::{Encodable, StrBytes};
use support::filler::{self, Contents, Place};
use support::*;
use uuid::Uuid;
use weir_kafka::cluster::VersionRange;
use weir_kafka::session::Session;
use weir_kafka::table::{self, Disposition};

/// Keys that Kafka has, and some that it does not have yet.
const KEYS: std::ops::RangeInclusive<i16> = -1..=100;

/// What the broker of a sweep was sent: each frame, by key and version.
type Recorded = BTreeMap<(i16, i16), Vec<Vec<u8>>>;

/// A desk before an upstream that serves all there is: what is held back is held back by Weir alone.
fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.view.versions = KEYS.map(|key| (key, VersionRange { min: 0, max: i16::MAX })).collect();
    desk
}

/// Sends a body of a key and a version over a new connection, and keeps what would go to the broker.
fn send(desk: &mut Desk, key: i16, version: i16, flexible: bool, body: &[u8], recorded: &mut Recorded) {
    let header = RequestHeader::default()
        .with_request_api_key(key)
        .with_request_api_version(version)
        .with_correlation_id(7)
        .with_client_id(Some(StrBytes::from_static_str("a client")));
    let mut frame = BytesMut::new();
    header.encode(&mut frame, if flexible { 2 } else { 1 }).unwrap();
    frame.extend_from_slice(body);
    desk.session = Session::new("reader".into(), &desk.limits);
    if let Ok(Led::Upstream(sent)) = desk.raw(frame.to_vec()) {
        let of = |at: usize| i16::from_be_bytes(sent[at..at + 2].try_into().unwrap());
        assert_eq!((of(0), of(2)), (key, version), "another request than the client's");
        recorded.entry((key, version)).or_default().push(sent);
    }
}

/// Bodies of which one or the other is likely to be read as something, whatever the key.
fn any_bodies() -> Vec<Vec<u8>> {
    let name = |length: &[u8], name: &str| [length, name.as_bytes()].concat();
    let plain = |topic: &str| name(&i16::to_be_bytes(topic.len() as i16), topic);
    let compact = |topic: &str| name(&[topic.len() as u8 + 1], topic);
    vec![
        vec![],
        vec![0; 64],
        vec![0xff; 64],
        [&[0, 0, 0, 2][..], &plain(GRANTED), &plain(HIDDEN)].concat(),
        [&[3][..], &compact(GRANTED), &[0], &compact(HIDDEN), &[0, 0]].concat(),
        [&plain("group")[..], &[0, 0, 0, 2], &plain(GRANTED), &plain(HIDDEN)].concat(),
    ]
}

#[test]
fn trap_s4_s5_s12_what_is_not_in_the_table_never_reaches_a_broker() {
    let (mut desk, mut recorded) = (desk(), Recorded::new());
    for key in KEYS {
        let newest = ApiKey::try_from(key).map_or(5, |known| known.valid_versions().max);
        for version in -1..=newest + 1 {
            for body in any_bodies() {
                send(&mut desk, key, version, false, &body, &mut recorded);
                send(&mut desk, key, version, true, &body, &mut recorded);
            }
        }
    }
    let in_table = |(key, version): &(i16, i16)| {
        table::row(*key).is_some_and(|row| row.disposition == Disposition::Forward && row.versions.holds(*version))
    };
    let strangers: Vec<_> = recorded.keys().filter(|sent| !in_table(sent)).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    let tokens_envelopes_telemetry = [38, 39, 40, 41, 58, 71, 72];
    let shares_and_admin = [19, 20, 21, 30, 31, 33, 34, 35, 37, 44, 45, 49, 51, 57, 76, 77, 78, 79, 83, 84, 85, 86, 87];
    for key in tokens_envelopes_telemetry.into_iter().chain(shares_and_admin).chain([27, 52, 55, 56, 62, 63, 80]) {
        assert!(table::row(key).is_none(), "key {key} has a row");
    }
}

#[test]
fn what_reaches_a_broker_never_holds_a_hidden_name() {
    let (mut desk, mut recorded, mut forwarded) = (desk(), Recorded::new(), BTreeSet::new());
    for row in table::TABLE {
        for version in row.versions.min - 1..=row.versions.max + 1 {
            for variant in 0..VARIANTS {
                let body = filler::body(row.request, version, &mut Swept { variant });
                send(&mut desk, row.key, version, row.is_flexible(version), &body, &mut recorded);
            }
        }
        if row.disposition == Disposition::Forward {
            forwarded.insert(row.key);
        }
    }
    for ((key, version), frames) in &recorded {
        let row = table::row(*key).unwrap();
        assert!(row.disposition == Disposition::Forward && row.versions.holds(*version), "key {key} v{version}");
        for frame in frames {
            let holds = |needle: &[u8]| frame.windows(needle.len()).any(|bytes| bytes == needle);
            assert!(!holds(HIDDEN.as_bytes()), "{} v{version}: {}", row.name, String::from_utf8_lossy(frame));
            assert!(!holds(HIDDEN_ID.as_bytes()), "{} v{version}: an id", row.name);
        }
    }
    let reached: BTreeSet<i16> = recorded.keys().map(|(key, _)| *key).collect();
    assert_eq!(reached, forwarded, "each of the table's own did reach the broker");
}

/// Ways to fill a body.
const VARIANTS: usize = 7;
/// The way that holds nothing hidden, and null where it can: some requests go on only whole.
const HARMLESS: usize = 6;

/// A valid body: every list has two elements, a granted name stands in the first, and a hidden one in the second, wherever
/// the variant puts names of topics.
struct Swept {
    variant: usize,
}

impl Swept {
    fn is_hidden(&self, place: &Place) -> bool {
        self.variant != HARMLESS && place.elements.contains(&1)
    }
}

impl Contents for Swept {
    /// A field that names a group, a member or a protocol has what is valid there; every other has a topic.
    fn text(&mut self, place: &Place) -> Option<String> {
        if self.variant == HARMLESS && place.nullable {
            return None;
        }
        // Members of a group and their protocols have names of their own.
        let is_of_members = ["protocols", "members", "assignments"].iter().any(|name| place.path.contains(name));
        let text = match place.name() {
            _ if is_of_members => "member",
            "group_id" | "groups" | "groups_names" | "group_ids" | "key" | "coordinator_keys" => "group",
            "protocol_type" if self.variant.is_multiple_of(2) => "consumer",
            "member_id" | "protocol_name" | "group_instance_id" | "client_id" if self.variant < 4 => "",
            "member_id" => "member",
            // What brokers keep or pass on as the client wrote it; no name of a topic to them.
            "rack_id" | "server_assignor" | "cluster_id" | "committed_metadata" | "reason" | "assignor" => "",
            "subscribed_topic_regex" if self.variant < 4 => "",
            "states_filter" => "Stable",
            "types_filter" => "consumer",
            "configuration_keys" if self.variant.is_multiple_of(2) => "retention.ms",
            _ if self.is_hidden(place) => HIDDEN,
            _ => GRANTED,
        };
        Some(text.to_owned())
    }

    fn id(&mut self, place: &Place) -> Uuid {
        if self.is_hidden(place) { HIDDEN_ID } else { GRANTED_ID }
    }

    fn number(&mut self, place: &Place) -> i64 {
        match (place.name(), self.variant % 3) {
            ("resource_type", _) => 2,
            ("key_type" | "isolation_level" | "session_epoch" | "session_id", _) => 0,
            ("replica_id", _) => -1,
            (_, 0) => 0,
            (_, 1) => 1,
            _ => -1,
        }
    }

    fn bytes(&mut self, _: &Place) -> Vec<u8> {
        Vec::new()
    }

    fn elements(&mut self, _: &Place) -> Option<usize> {
        Some(2)
    }
}
