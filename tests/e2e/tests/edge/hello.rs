//! ClientHello messages that no TLS library writes, and what Weir answers first.

use std::io::Write;
use std::net::TcpStream;

use super::SOON;
use super::client::everything;

/// A ClientHello of TLS 1.3 with one suite, one group and one signature scheme, all of which Weir has.
pub struct Hello {
    pub legacy_version: u16,
    pub suites: Vec<u16>,
    /// Kind and content, in this order.
    pub extensions: Vec<(u16, Vec<u8>)>,
}

/// What came first.
#[derive(Debug, PartialEq, Eq)]
pub enum First {
    /// The connection ended without a byte.
    Nothing,
    /// A fatal alert, by its number.
    Alert(u8),
    /// A handshake message, by its number.
    Handshake(u8),
}

pub const ACCESS_DENIED: u8 = 49;
pub const HANDSHAKE_FAILURE: u8 = 40;
pub const PROTOCOL_VERSION: u8 = 70;
pub const SERVER_HELLO: u8 = 2;

impl Hello {
    /// One that Weir takes where no server name is needed, or this one is right.
    pub fn new(server_name: Option<&[u8]>) -> Self {
        let mut extensions = vec![
            (43, vec![2, 3, 4]),
            (10, vec![0, 2, 0, 0x1d]),
            (13, vec![0, 2, 4, 3]),
            (51, [&[0, 36, 0, 0x1d, 0, 32, 9][..], &[0; 31]].concat()),
        ];
        if let Some(name) = server_name {
            extensions.push((0, listed(2, &[&[0], &listed(2, name)[..]].concat())));
        }
        Self { legacy_version: 0x0303, suites: vec![0x1301], extensions }
    }

    /// Takes an extension out.
    pub fn without(mut self, kind: u16) -> Self {
        self.extensions.retain(|(known, _)| *known != kind);
        self
    }

    /// Replaces an extension.
    pub fn with(self, kind: u16, content: &[u8]) -> Self {
        let mut changed = self.without(kind);
        changed.extensions.push((kind, content.to_vec()));
        changed
    }

    /// The handshake message.
    pub fn message(&self) -> Vec<u8> {
        let mut body = self.legacy_version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.push(0);
        let suites: Vec<u8> = self.suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
        body.extend(listed(2, &suites));
        body.extend([1, 0]);
        let one = |(kind, content): &(u16, Vec<u8>)| [&kind.to_be_bytes()[..], &listed(2, content)].concat();
        body.extend(listed(2, &self.extensions.iter().flat_map(one).collect::<Vec<u8>>()));
        [&[1][..], &listed(3, &body)].concat()
    }

    /// The message in records of at most `piece` bytes.
    pub fn records(&self, piece: usize) -> Vec<u8> {
        self.message().chunks(piece).flat_map(|part| record(22, part)).collect()
    }
}

/// A plaintext TLS record.
pub fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1][..], &listed(2, content)].concat()
}

/// Bytes with their length before them, in so many bytes.
fn listed(size: usize, bytes: &[u8]) -> Vec<u8> {
    let length = u64::try_from(bytes.len()).expect("a short list").to_be_bytes();
    [&length[8 - size..], bytes].concat()
}

/// Sends bytes and gives what came first.
pub fn first_answer(mut tcp: &TcpStream, bytes: &[u8]) -> First {
    tcp.write_all(bytes).expect("the bytes can be sent");
    let mut start = [0; 7];
    tcp.set_read_timeout(Some(SOON)).expect("a socket takes a time-out");
    match std::io::Read::read_exact(&mut tcp, &mut start) {
        Ok(()) => match start {
            [21, _, _, 0, 2, 2, alert] => First::Alert(alert),
            [22, _, _, _, _, message, _] => First::Handshake(message),
            other => panic!("Weir sends {other:?}"),
        },
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("Weir says nothing"),
        Err(_) => First::Nothing,
    }
}

/// Holds that the connection ends in time and not a byte comes.
pub fn ends_without_a_byte(tcp: &TcpStream) {
    let (bytes, ended) = everything(tcp, SOON);
    assert!(bytes.is_empty(), "Weir sent {bytes:?}");
    assert!(ended, "the connection is still open");
}
