//! The end of a Fetch answer that is in the buffer whole: leaders' endpoints as they are shown (KIP-951).
//!
//! Must never: show a real address, a rack but by its public label, or an endpoint of a broker that has no shown address.

use super::walk::Scope;
use crate::advertise::ShownAddress;
use crate::cluster::RealBrokerId;
use crate::wire::{self, Malformed, Reader};

/// As many endpoints as one answer may bring.
const MOST_ENDPOINTS: u32 = 1000;

/// Reads the section of tagged fields at the end: how long it is, and what the client gets for it.
pub(super) fn rewrite(section: &[u8], scope: &Scope<'_>) -> Result<(usize, Vec<u8>), Malformed> {
    let mut reader = Reader::new(section);
    let mut shown = Vec::new();
    for _ in 0..reader.unsigned_varint()? {
        let tag = reader.unsigned_varint()?;
        let size = usize::try_from(reader.unsigned_varint()?).map_err(|_| Malformed::Truncated)?;
        let content = reader.take(size)?;
        if tag == 0 {
            shown = read(content, scope)?;
        }
    }
    Ok((reader.position(), write(&shown, scope)))
}

fn read(content: &[u8], scope: &Scope<'_>) -> Result<Vec<ShownAddress>, Malformed> {
    let mut reader = Reader::new(content);
    let count = reader.unsigned_varint()?.checked_sub(1).ok_or(Malformed::NullNotAllowed)?;
    if count > MOST_ENDPOINTS {
        return Err(Malformed::TooManyElements);
    }
    let mut shown = Vec::new();
    for _ in 0..count {
        let id = reader.i32()?;
        reader.compact_string()?;
        reader.i32()?;
        let rack = usize::try_from(reader.unsigned_varint()?).map_err(|_| Malformed::Truncated)?;
        reader.skip(rack.saturating_sub(1))?;
        for _ in 0..reader.unsigned_varint()? {
            reader.unsigned_varint()?;
            let size = usize::try_from(reader.unsigned_varint()?).map_err(|_| Malformed::Truncated)?;
            reader.skip(size)?;
        }
        shown.extend(scope.nodes.shown(RealBrokerId(id)));
    }
    if reader.remaining() == 0 { Ok(shown) } else { Err(Malformed::TagSize) }
}

fn write(shown: &[ShownAddress], scope: &Scope<'_>) -> Vec<u8> {
    if shown.is_empty() {
        return vec![0];
    }
    let mut content = Vec::new();
    wire::put_unsigned_varint(&mut content, u32::try_from(shown.len().saturating_add(1)).unwrap_or(u32::MAX));
    for address in shown {
        content.extend_from_slice(&address.id.0.to_be_bytes());
        put_text(&mut content, Some(&address.host));
        content.extend_from_slice(&i32::from(address.port).to_be_bytes());
        put_text(&mut content, scope.racks.and_then(|racks| racks.shown(address.id.real())));
        // No tagged fields.
        content.push(0);
    }
    // One field: the endpoints, tag 0.
    let mut section = vec![1, 0];
    wire::put_unsigned_varint(&mut section, u32::try_from(content.len()).unwrap_or(u32::MAX));
    section.extend_from_slice(&content);
    section
}

fn put_text(out: &mut Vec<u8>, text: Option<&str>) {
    let length = text.map_or(0, |text| text.len().saturating_add(1));
    wire::put_unsigned_varint(out, u32::try_from(length).unwrap_or(u32::MAX));
    out.extend_from_slice(text.unwrap_or_default().as_bytes());
}
