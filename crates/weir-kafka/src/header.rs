//! The headers of requests and responses.
//!
//! A request's header has tagged fields if its body is flexible, and so has a response's, except that of ApiVersions;
//! the client id is an old-style string in every version (traps C12, C13).
//! Must never: pass a client's header on. Weir reads it, and writes its own.

use crate::wire::{Malformed, Reader, put_i16, put_i32, put_nullable_string};

/// As many tagged fields as a header may have. Kafka knows none.
const MOST_TAGS: u32 = 16;

/// What stands before a request's body. Tagged fields are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHeader<'a> {
    /// The API.
    pub api_key: i16,
    /// The version of its request and response.
    pub version: i16,
    /// The client's own number for this request; it may repeat and be negative.
    pub correlation_id: i32,
    /// What the client calls itself: no identity, and of any length.
    pub client_id: Option<&'a str>,
}

/// The API key and version of a request frame (without its length prefix), which say how to read the rest.
///
/// # Errors
/// `Truncated`.
pub fn key_and_version(frame: &[u8]) -> Result<(i16, i16), Malformed> {
    let mut reader = Reader::new(frame);
    Ok((reader.i16()?, reader.i16()?))
}

/// Reads the header of a request frame (without its length prefix) and says where the body starts.
///
/// # Errors
/// Where the bytes are not such a header.
pub fn parse_request_header(frame: &[u8], flexible: bool) -> Result<(RequestHeader<'_>, usize), Malformed> {
    let mut reader = Reader::new(frame);
    let header = RequestHeader {
        api_key: reader.i16()?,
        version: reader.i16()?,
        correlation_id: reader.i32()?,
        client_id: reader.nullable_string()?,
    };
    if flexible {
        skip_tags(&mut reader)?;
    }
    Ok((header, reader.position()))
}

/// Writes the header of a request.
pub fn write_request_header(out: &mut Vec<u8>, header: &RequestHeader<'_>, flexible: bool) {
    put_i16(out, header.api_key);
    put_i16(out, header.version);
    put_i32(out, header.correlation_id);
    put_nullable_string(out, header.client_id);
    if flexible {
        out.push(0);
    }
}

/// Reads the header of a response frame (without its length prefix): the correlation id, and where the body starts.
///
/// # Errors
/// Where the bytes are not such a header.
pub fn parse_response_header(frame: &[u8], flexible: bool) -> Result<(i32, usize), Malformed> {
    let mut reader = Reader::new(frame);
    let correlation_id = reader.i32()?;
    if flexible {
        skip_tags(&mut reader)?;
    }
    Ok((correlation_id, reader.position()))
}

/// Writes the header of a response.
pub fn write_response_header(out: &mut Vec<u8>, correlation_id: i32, flexible: bool) {
    put_i32(out, correlation_id);
    if flexible {
        out.push(0);
    }
}

fn skip_tags(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    let count = reader.unsigned_varint()?;
    if count > MOST_TAGS {
        return Err(Malformed::TooManyTags);
    }
    let mut last = None;
    for _ in 0..count {
        let tag = next_tag(reader, last)?;
        last = Some(tag);
        let size = reader.unsigned_varint()?;
        reader.skip(usize::try_from(size).unwrap_or(usize::MAX)).map_err(|_| Malformed::LengthPastEnd)?;
    }
    Ok(())
}

/// The next tag of a section: greater than the last one, and a number that every Kafka can hold (traps C7, C8).
pub(crate) fn next_tag(reader: &mut Reader<'_>, last: Option<u32>) -> Result<u32, Malformed> {
    let tag = reader.unsigned_varint()?;
    if i32::try_from(tag).is_err() {
        return Err(Malformed::TagNumber);
    }
    if last.is_some_and(|last| tag <= last) {
        return Err(Malformed::TagsUnordered);
    }
    Ok(tag)
}

#[cfg(test)]
mod tests;
