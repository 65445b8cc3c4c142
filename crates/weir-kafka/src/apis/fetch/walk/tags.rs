//! Tagged fields of a Fetch answer, edited in place.
//!
//! Must never: change a length.

use super::Piece;
use crate::fault::Fault;
use crate::wire::{Malformed, Reader};

/// As many tagged fields as one section of a Fetch answer may have; no version has more than three.
const MOST_TAGS: usize = 8;
/// A tag number that no version uses: clients skip it.
const UNKNOWN_TAG: u8 = 0x7f;

/// What becomes of a tagged field. No edit changes a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Keep,
    Zero,
    NoLeader,
    Hide,
}

/// Walks a section of tagged fields that starts at `at`, edits each in place, and says how long the section is.
pub(super) fn edit(piece: &mut [u8], at: usize, edit: impl Fn(u32, &[u8]) -> Edit) -> Result<usize, Piece> {
    let section = piece.get_mut(at..).unwrap_or_default();
    let mut reader = Reader::new(section);
    let count = usize::try_from(reader.unsigned_varint()?).unwrap_or(usize::MAX);
    if count > MOST_TAGS {
        return Err(Piece::Refused(Fault::BrokerMalformed(Malformed::TooManyTags)));
    }
    let first = reader.position();
    for _ in 0..count {
        tag(&mut reader)?;
    }
    let length = reader.position();
    // All of it is there: nothing is edited of what is looked at again.
    let mut tag_at = first;
    for _ in 0..count {
        let mut reader = Reader::new(section.get(tag_at..).unwrap_or_default());
        let (tag, content) = tag(&mut reader)?;
        let size = content.len();
        let edit = edit(tag, content);
        let next = tag_at.saturating_add(reader.position());
        apply(section, tag_at, next.saturating_sub(size), size, edit);
        tag_at = next;
    }
    Ok(length)
}

/// A tagged field: its number and its content.
fn tag<'a>(reader: &mut Reader<'a>) -> Result<(u32, &'a [u8]), Malformed> {
    let tag = reader.unsigned_varint()?;
    let size = usize::try_from(reader.unsigned_varint()?).unwrap_or(usize::MAX);
    Ok((tag, reader.take(size)?))
}

fn apply(piece: &mut [u8], tag_at: usize, content_at: usize, size: usize, edit: Edit) {
    match edit {
        Edit::Keep => {}
        Edit::Zero => zero(piece, content_at, size),
        Edit::NoLeader => {
            zero(piece, content_at, size);
            // Leader and epoch, four bytes each, are -1; what follows of the field is its own empty tag section.
            put(piece, content_at, &(-1_i64).to_be_bytes());
        }
        Edit::Hide => {
            zero(piece, content_at, size);
            put(piece, tag_at, &[UNKNOWN_TAG]);
        }
    }
}

fn zero(piece: &mut [u8], at: usize, size: usize) {
    if let Some(bytes) = piece.get_mut(at..at.saturating_add(size)) {
        bytes.fill(0);
    }
}

pub(super) fn put(piece: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = piece.get_mut(at..at.saturating_add(bytes.len())) {
        place.copy_from_slice(bytes);
    }
}
