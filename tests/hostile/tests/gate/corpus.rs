//! The corpus of the fuzz targets, through the same functions as fuzzing calls.
//!
//! `WEIR_BLESS=1` adds the seeds: bodies of kafka-clients for every API, and openings that are no Kafka.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use weir_hostile::bodies::Message;
use weir_hostile::targets;
use weir_hostile::through::{self, Direction};
use weir_kafka::table::{self, TABLE};
use weir_pki::{Authority, KeyKind, Validity, csr};
use weir_testkit::{paths, require};

use crate::made::messages;

#[test]
fn the_corpus_of_frame_is_answered() {
    replay("frame", targets::frame, 10);
}

#[test]
fn the_corpus_of_header_is_answered() {
    replay("header", targets::header, 10);
}

#[test]
fn the_corpus_of_gate_is_answered() {
    // A request and a response for each API.
    replay("gate", targets::gate, TABLE.len() * 2);
}

#[test]
fn the_corpus_of_session_is_answered_and_so_is_that_of_gate() {
    let session = |data: &[u8]| {
        let _ = targets::session(data);
    };
    replay("session", session, 20);
    replay("gate", session, TABLE.len() * 2);
}

#[test]
fn the_corpus_of_pem_is_answered() {
    let pem = |data: &[u8]| {
        let _ = targets::pem(data);
    };
    replay("pem", pem, 3);
    for seed in &targets::LABELS[..3] {
        let bytes = fs::read(corpus("pem").join(seed.replace(' ', "-"))).expect("the seed is there");
        assert!(targets::pem(&bytes), "{seed} is well formed");
    }
}

#[test]
fn seeds_of_pem_are_written_when_they_are_asked_for() {
    if std::env::var_os("WEIR_BLESS").is_none() {
        return;
    }
    let temp = tempfile::tempdir().expect("a directory can be made");
    let (key, request) = (temp.path().join("key"), temp.path().join("request"));
    csr::create(&key, &request, "a-tool", KeyKind::EcdsaP256).expect("a request can be made");
    let authority = Authority::new("Test CA").expect("an authority can be made");
    let server = authority.server(&["weir.example", "192.0.2.1"]).expect("a certificate can be made");
    let list = authority.revocation_list(1, &[&[1, 2, 3]], Validity::days(1)).expect("a list can be made");
    let request = fs::read_to_string(request).expect("the request is there");
    for (label, text) in [(0, request), (1, server.certificate_pem), (2, list)] {
        let der = pem::parse(text).expect("it is PEM").into_contents();
        seed("pem", &targets::LABELS[usize::from(label)].replace(' ', "-"), &[&[label], &der[..]].concat());
    }
}

#[test]
fn seeds_of_session_are_written_when_they_are_asked_for() {
    if std::env::var_os("WEIR_BLESS").is_some() {
        crate::session::seeds().iter().for_each(|(name, bytes)| seed("session", name, bytes));
    }
}

#[test]
fn seeds_are_written_when_they_are_asked_for() {
    if std::env::var_os("WEIR_BLESS").is_none() {
        return;
    }
    for message in &require!(messages()) {
        let row = table::row(message.key).expect("bodies were asked for by the table");
        if ![row.versions.min, row.versions.max].contains(&message.version) {
            continue;
        }
        let who = if message.direction == Direction::Request { "request" } else { "response" };
        let name = format!("{}-v{}-{who}", row.name, message.version);
        let body = telling_body(message);
        seed("gate", &name, &targets::gate_input(message.direction, row.key, message.version, body));
        if message.version == row.versions.max && message.direction == Direction::Request {
            let frame = through::frame(Direction::Request, row, message.version, body);
            seed("frame", &name, &frame);
            seed("header", &name, &[&[u8::from(row.is_flexible(message.version))], &frame[4..]].concat());
        }
    }
    let openings: [(&str, &[u8]); 5] = [
        ("http", b"GET / HTTP/1.1\r\n\r\n"),
        ("tls", &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]),
        ("negative", &[0xff, 0xff, 0xff, 0xff]),
        ("too-small", &[0, 0, 0, 7, 0, 18, 0, 0, 0, 0, 0]),
        ("too-large", &[0x7f, 0xff, 0xff, 0xff]),
    ];
    openings.iter().for_each(|(name, bytes)| seed("frame", name, bytes));
}

/// The shortest of the bodies that fill the most places.
fn telling_body(message: &Message) -> &[u8] {
    let mut by_places: BTreeMap<usize, &[u8]> = BTreeMap::new();
    for body in &message.bodies {
        let mut places: Vec<usize> = body.positions.iter().map(|(place, _)| *place).collect();
        places.sort_unstable();
        places.dedup();
        let best = by_places.entry(places.len()).or_insert(&body.bytes);
        if body.bytes.len() < best.len() {
            *best = &body.bytes;
        }
    }
    by_places.last_entry().expect("there are bodies").remove()
}

fn seed(target: &str, name: &str, bytes: &[u8]) {
    let dir = corpus(target);
    fs::create_dir_all(&dir).expect("the corpus can be written");
    fs::write(dir.join(name), bytes).expect("the corpus can be written");
}

fn replay(target: &str, function: fn(&[u8]), at_least: usize) {
    let dir = corpus(target);
    let mut files: Vec<_> = fs::read_dir(&dir).expect("the corpus is there").flatten().collect();
    files.sort_by_key(|file| file.file_name());
    assert!(files.len() >= at_least, "{} has {} files", dir.display(), files.len());
    for file in files {
        // Shown when the test fails: the last one did it.
        println!("{}", file.path().display());
        function(&fs::read(file.path()).expect("the corpus can be read"));
    }
}

fn corpus(target: &str) -> PathBuf {
    paths::root().join("tests/fuzz/corpus").join(target)
}
