//! One request and its answer, straight to a broker's plaintext listener.
//!
//! For what the kit itself must know about the cluster; nothing of Weir is on this way. The answers are recorded: they
//! are the control of the search for planted names.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};

use crate::transcript::{Side, Transcript};

const LIMIT: Duration = Duration::from_secs(15);

/// Sends `request` to `address` over a connection of its own; gives the decoded answer.
pub fn call<R: Request>(address: &str, version: i16, request: &R) -> Result<R::Response, String> {
    let address: SocketAddr = address.parse().map_err(|error| format!("{address}: {error}"))?;
    let failed = |error: std::io::Error| format!("{address}: {error}");
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).map_err(failed)?;
    stream.set_read_timeout(Some(LIMIT)).and_then(|()| stream.set_write_timeout(Some(LIMIT))).map_err(failed)?;
    stream.write_all(&frame(1, version, request)?).map_err(failed)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).map_err(failed)?;
    let length = usize::try_from(i32::from_be_bytes(length)).map_err(|error| error.to_string())?;
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).map_err(failed)?;
    record(&answer);
    open::<R>(version, &answer).map(|(_, body)| body)
}

/// The bytes of a request, its length first.
pub fn frame<R: Request>(correlation: i32, version: i16, request: &R) -> Result<Vec<u8>, String> {
    let mut bytes = BytesMut::new();
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str("weir-testkit")));
    header.encode(&mut bytes, R::header_version(version)).map_err(|error| error.to_string())?;
    request.encode(&mut bytes, version).map_err(|error| error.to_string())?;
    let length = i32::try_from(bytes.len()).map_err(|error| error.to_string())?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(&bytes);
    Ok(framed)
}

/// The correlation id and the body of an answer without its length.
pub fn open<R: Request>(version: i16, answer: &[u8]) -> Result<(i32, R::Response), String> {
    let mut bytes = Bytes::copy_from_slice(answer);
    let header = ResponseHeader::decode(&mut bytes, R::Response::header_version(version)).map_err(|e| e.to_string())?;
    let body = R::Response::decode(&mut bytes, version).map_err(|error| error.to_string())?;
    Ok((header.correlation_id, body))
}

fn record(answer: &[u8]) {
    static ALL: OnceLock<Mutex<Transcript>> = OnceLock::new();
    let all = ALL.get_or_init(|| Mutex::new(Transcript::new(Side::Direct)));
    all.lock().unwrap_or_else(PoisonError::into_inner).add(answer);
}
