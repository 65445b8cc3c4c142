//! What the bench's clients have in common: a connection, a Fetch in its frame, and an answer that is read whole.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::FetchRequest;
use kafka_protocol::protocol::Encodable;
use rustls::{ClientConfig, ClientConnection};
use rustls_pki_types::ServerName;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(20);
const KEY: i16 = 1;
const CLIENT_ID: &[u8] = b"bench";
/// Before a request's body: length, key, version, correlation id, client id, tags.
pub const REQUEST_HEADER: usize = 4 + 2 + 2 + 4 + 2 + CLIENT_ID.len() + 1;
/// Before an answer's body: correlation id and an empty tag section, for all versions that are measured are flexible.
pub const RESPONSE_HEADER: usize = 5;

/// Sets a new connection up: nothing waits for ever, and nothing waits to be sent.
pub fn prepare(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    tcp.set_write_timeout(Some(PATIENCE))
}

/// The client's side of TLS with who listens there.
pub fn tls(config: &Arc<ClientConfig>, target: SocketAddr) -> io::Result<ClientConnection> {
    ClientConnection::new(Arc::clone(config), ServerName::IpAddress(target.ip().into())).map_err(io::Error::other)
}

/// A Fetch in its frame.
pub fn frame(body: &FetchRequest, version: i16, correlation_id: i32) -> io::Result<BytesMut> {
    framed(KEY, body, version, correlation_id)
}

/// Any request in its frame, in a flexible version.
pub fn framed(key: i16, body: &impl Encodable, version: i16, correlation_id: i32) -> io::Result<BytesMut> {
    let mut frame = BytesMut::zeroed(4);
    frame.extend_from_slice(&key.to_be_bytes());
    frame.extend_from_slice(&version.to_be_bytes());
    frame.extend_from_slice(&correlation_id.to_be_bytes());
    frame.extend_from_slice(&i16::try_from(CLIENT_ID.len()).unwrap_or(0).to_be_bytes());
    frame.extend_from_slice(CLIENT_ID);
    frame.extend_from_slice(&[0]);
    body.encode(&mut frame, version).map_err(io::Error::other)?;
    let length = i32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// Sends a whole request and waits for its answer, without its length prefix.
pub fn exchange(stream: &mut (impl Read + Write), request: &[u8]) -> io::Result<Bytes> {
    stream.write_all(request)?;
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix)?;
    let mut frame = vec![0; usize::try_from(i32::from_be_bytes(prefix)).map_err(io::Error::other)?];
    stream.read_exact(&mut frame)?;
    Ok(frame.into())
}

/// What came is not what must have come.
pub fn unexpected(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("unexpected: {what}"))
}
