//! What fuzzing calls, and what the tests call with its corpus.
//!
//! Each takes any bytes and panics where something does not hold that must hold of all bytes.

use bytes::Bytes;
use weir_kafka::frame::{self, Cut, FrameLimits, PREFIX};
use weir_kafka::gate;
use weir_kafka::header;
use weir_kafka::table::{self, Row, TABLE};
use weir_pki::inspect::{self, Item};

use crate::judged;
use crate::through::{self, Direction};

/// A stream's first bytes, as the cutter sees them arrive one by one: what it says once it has decided stays true.
pub fn frame(data: &[u8]) {
    let limits = FrameLimits::default();
    let whole = frame::cut(data, &limits);
    for have in 0..data.len().min(16) {
        match frame::cut(&data[..have], &limits) {
            Ok(Cut::Need(more)) => assert!(more > 0, "nothing is needed, and nothing is cut"),
            decided => assert_eq!(decided, whole, "another answer after {have} bytes"),
        }
    }
    match whole {
        Ok(Cut::Frame { len }) => assert!(len >= 8 && PREFIX + len <= data.len()),
        Ok(Cut::Need(more)) => assert!(more > 0 && data.len() + more <= PREFIX + limits.request),
        Err(_) => {}
    }
}

/// A frame's header: the first byte says whether it is flexible, the rest is the frame.
pub fn header(data: &[u8]) {
    let Some((first, frame)) = data.split_first() else { return };
    let flexible = first % 2 == 1;
    if let Ok((request, body)) = header::parse_request_header(frame, flexible) {
        assert!(body <= frame.len());
        assert_eq!(header::key_and_version(frame), Ok((request.api_key, request.version)));
        let mut again = Vec::new();
        header::write_request_header(&mut again, &request, flexible);
        assert_eq!(header::parse_request_header(&again, flexible), Ok((request, again.len())));
    }
    if let Ok((correlation_id, body)) = header::parse_response_header(frame, flexible) {
        let mut again = Vec::new();
        header::write_response_header(&mut again, correlation_id, flexible);
        assert_eq!(header::parse_response_header(&again, flexible), Ok((correlation_id, again.len())));
        assert!(body <= frame.len());
    }
}

/// A body: the first three bytes choose its row, version and direction. What passes is read alike by the decoder.
pub fn gate(data: &[u8]) {
    let Some((row, version, direction, body)) = chosen(data) else { return };
    let body = Bytes::copy_from_slice(body);
    if let Ok(passed) = gate::walk(direction.shape(row), version, &body, &direction.budget()) {
        assert!(passed.body_len <= body.len());
        through::agrees(direction, row, version, &body, passed);
    }
}

/// A body, chosen as for `gate`, on its whole way through a session: a request from its client, or a broker's answer to a
/// Fetch. Says whether something went on.
pub fn session(data: &[u8]) -> bool {
    let Some((row, version, direction, body)) = chosen(data) else { return false };
    if direction == Direction::Response {
        return row.key == table::FETCH && judged::fetch_answer(version, body);
    }
    let frame = through::frame(Direction::Request, row, version, body);
    judged::request(&Bytes::copy_from_slice(&frame[PREFIX..]), row, version)
}

/// What a PEM block may be.
pub const LABELS: [&str; 4] = ["CERTIFICATE REQUEST", "CERTIFICATE", "X509 CRL", "ENCRYPTED PRIVATE KEY"];

/// A PEM file that a stranger sends, a request for a certificate above all: the first byte chooses the label, the rest is
/// the block. Says whether it could be read. What is told of it has nothing in it that a terminal would take for more than
/// text.
pub fn pem(data: &[u8]) -> bool {
    let Some((label, der)) = data.split_first() else { return false };
    let label = LABELS[usize::from(*label) % LABELS.len()];
    let Ok(items) = inspect::read(&pem::encode(&pem::Pem::new(label, der))) else { return false };
    for item in items {
        let told = match item {
            Item::Request(facts) => [facts.asks, vec![facts.key]].concat(),
            Item::Certificate(facts) => [facts.alternative_names, facts.usages, vec![facts.key]].concat(),
            Item::RevocationList(_) | Item::Key(_) => Vec::new(),
        };
        for line in told {
            assert!(line.len() < 8_192 && !line.contains(char::is_control), "{line:?}");
        }
    }
    true
}

/// A row, a version, a direction and a body.
fn chosen(data: &[u8]) -> Option<(&'static Row, i16, Direction, &[u8])> {
    let [row, version, direction, body @ ..] = data else { return None };
    let row = &TABLE[usize::from(*row) % TABLE.len()];
    let versions: Vec<i16> = (row.versions.min..=row.versions.max).collect();
    let version = versions[usize::from(*version) % versions.len()];
    let direction = if direction % 2 == 0 { Direction::Request } else { Direction::Response };
    Some((row, version, direction, body))
}

/// The input of `gate` and of `session` that has this body.
pub fn gate_input(direction: Direction, key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let row = TABLE.iter().position(|row| row.key == key).expect("a key with a row");
    let first = TABLE[row].versions.min;
    let number = |value: usize| u8::try_from(value).expect("the table is short");
    let version = u8::try_from(version - first).expect("a version of the row");
    let mut input = vec![number(row), version, u8::from(direction == Direction::Response)];
    input.extend_from_slice(body);
    input
}
