//! What `java/Bodies.java` wrote: random valid bodies by kafka-clients, and where in each a length or a count stands.

use std::io::{self, Read};

use crate::through::Direction;

/// What stands at a position. In the order of `Kind` in `Bodies.java`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The count of a list, in four bytes.
    Array,
    /// The count of a list, as a variable-length number one higher.
    CompactArray,
    /// The length of a string, in two bytes.
    Text,
    /// The length of a string, as a variable-length number one higher.
    CompactText,
    /// The length of bytes, in four bytes.
    Bytes,
    /// The length of bytes, as a variable-length number one higher.
    CompactBytes,
    /// The count of tagged fields, as a variable-length number.
    Tags,
}

/// A place of a schema where a length or a count stands.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its field, from the root: `/topics[]/name`.
    pub path: String,
    /// What stands there.
    pub kind: Kind,
}

/// One body.
#[derive(Clone, Debug)]
pub struct Body {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The number of a place in `Message::places`, and the offset of its first byte.
    pub positions: Vec<(usize, usize)>,
}

/// All bodies of one direction, key and version.
#[derive(Clone, Debug)]
pub struct Message {
    /// Who sends it.
    pub direction: Direction,
    /// The API.
    pub key: i16,
    /// The version.
    pub version: i16,
    /// Every place that the schema has.
    pub places: Vec<Place>,
    /// The bodies.
    pub bodies: Vec<Body>,
}

/// Reads the next message; none at the end.
///
/// # Errors
/// Those of the reader, and where the file is not one of `Bodies.java`.
pub fn read(from: &mut impl Read) -> io::Result<Option<Message>> {
    let mut direction = [0; 1];
    if from.read(&mut direction)? == 0 {
        return Ok(None);
    }
    let direction = if direction == [1] { Direction::Response } else { Direction::Request };
    let (key, version) = (i16::from_be_bytes(bytes(from)?), i16::from_be_bytes(bytes(from)?));
    let places = (0..count16(from)?).map(|_| place(from)).collect::<io::Result<_>>()?;
    let bodies = (0..count(from)?).map(|_| body(from)).collect::<io::Result<_>>()?;
    Ok(Some(Message { direction, key, version, places, bodies }))
}

fn place(from: &mut impl Read) -> io::Result<Place> {
    let mut path = vec![0; count16(from)?];
    from.read_exact(&mut path)?;
    let path = String::from_utf8(path).map_err(io::Error::other)?;
    let [kind] = bytes(from)?;
    let kinds =
        [Kind::Array, Kind::CompactArray, Kind::Text, Kind::CompactText, Kind::Bytes, Kind::CompactBytes, Kind::Tags];
    let kind = kinds.get(usize::from(kind)).ok_or_else(|| io::Error::other(format!("kind {kind}")))?;
    Ok(Place { path, kind: *kind })
}

fn body(from: &mut impl Read) -> io::Result<Body> {
    let mut bytes = vec![0; count(from)?];
    from.read_exact(&mut bytes)?;
    let positions = (0..count(from)?).map(|_| Ok((count16(from)?, count(from)?))).collect::<io::Result<_>>()?;
    Ok(Body { bytes, positions })
}

fn bytes<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn count16(from: &mut impl Read) -> io::Result<usize> {
    bytes(from).map(u16::from_be_bytes).map(usize::from)
}

fn count(from: &mut impl Read) -> io::Result<usize> {
    bytes(from).map(|count| u32::from_be_bytes(count) as usize)
}
