//! Decoding after the gate, and encoding: the one door to `kafka-protocol`.
//!
//! Must never: decode bytes that the gate has not walked. `kafka-protocol` allocates by the wire's array length.

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable};

use crate::gate::{self, Budget};
use crate::known::known_only;
use crate::shape::Shape;
use crate::wire::Malformed;

/// Walks the bytes, then decodes them.
pub(crate) fn decode<M: Decodable>(
    shape: &'static Shape,
    version: i16,
    body: &Bytes,
    budget: &Budget,
) -> Result<M, Malformed> {
    let passed = gate::walk(shape, version, body, budget)?;
    // Trailing bytes, which the gate may tolerate in an answer, are not offered to the decoder; nor is what is unknown.
    let mut walked = body.slice(..passed.body_len.min(body.len()));
    if !passed.canonical {
        walked = known_only(shape, version, &walked)?;
    }
    let message = M::decode(&mut walked, version).map_err(|_| Malformed::NotDecodable)?;
    if walked.is_empty() { Ok(message) } else { Err(Malformed::TrailingBytes) }
}

/// Encodes a message; `None` where the version cannot express it, which is a fault of Weir's own.
pub(crate) fn encode<M: Encodable>(message: &M, version: i16) -> Option<Bytes> {
    let mut body = BytesMut::new();
    message.encode(&mut body, version).ok()?;
    Some(body.freeze())
}
