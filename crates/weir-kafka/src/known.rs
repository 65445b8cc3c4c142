//! A copy of a message without the tagged fields that Weir does not know: what it did not understand goes no further.
//!
//! Must never: be given bytes that the gate has not walked, or drop a field that a shape names.

use bytes::Bytes;

use crate::shape::{Field, Kind, Shape};
use crate::wire::{self, Malformed, Reader};

/// Copies a body that the gate has walked, without its unknown tagged fields.
pub(crate) fn known_only(shape: &Shape, version: i16, body: &[u8]) -> Result<Bytes, Malformed> {
    let mut copy =
        Copy { reader: Reader::new(body), body, version, flexible: shape.is_flexible(version), out: Vec::new() };
    copy.structure(shape.fields)?;
    Ok(Bytes::from(copy.out))
}

struct Copy<'a> {
    reader: Reader<'a>,
    body: &'a [u8],
    version: i16,
    flexible: bool,
    out: Vec<u8>,
}

impl<'a> Copy<'a> {
    fn structure(&mut self, fields: &'static [Field]) -> Result<(), Malformed> {
        for field in fields {
            if field.is_plain_in(self.version) {
                self.value(field.kind, field.is_nullable(self.version))?;
            }
        }
        if self.flexible { self.tags(fields) } else { Ok(()) }
    }

    fn value(&mut self, kind: Kind, nullable: bool) -> Result<(), Malformed> {
        match kind {
            Kind::Array(element) => {
                let from = self.reader.position();
                let count = self.reader.length(self.flexible)?;
                self.copy_since(from);
                for _ in 0..count.unwrap_or(0) {
                    self.value(*element, false)?;
                }
                Ok(())
            }
            Kind::Struct(fields) if nullable => {
                let present = self.reader.i8()?;
                self.out.extend_from_slice(&present.to_be_bytes());
                if present < 0 { Ok(()) } else { self.structure(fields) }
            }
            Kind::Struct(fields) => self.structure(fields),
            plain => {
                let from = self.reader.position();
                plain.skip_plain(&mut self.reader, self.flexible)?;
                self.copy_since(from);
                Ok(())
            }
        }
    }

    /// The known fields of a section, each copied in the same way, behind their own count and sizes.
    fn tags(&mut self, fields: &'static [Field]) -> Result<(), Malformed> {
        let mut known = Vec::new();
        let mut kept: u32 = 0;
        for _ in 0..self.reader.unsigned_varint()? {
            let tag = self.reader.unsigned_varint()?;
            let size = usize::try_from(self.reader.unsigned_varint()?).unwrap_or(usize::MAX);
            let content = self.reader.take(size)?;
            let Some(field) = fields.iter().find(|field| field.tag == Some(tag)) else { continue };
            let mut inner = Copy {
                reader: Reader::new(content),
                body: content,
                version: self.version,
                flexible: self.flexible,
                out: Vec::new(),
            };
            inner.value(field.kind, field.is_nullable(self.version))?;
            wire::put_unsigned_varint(&mut known, tag);
            wire::put_unsigned_varint(&mut known, u32::try_from(inner.out.len()).unwrap_or(u32::MAX));
            known.extend_from_slice(&inner.out);
            kept = kept.saturating_add(1);
        }
        wire::put_unsigned_varint(&mut self.out, kept);
        self.out.extend_from_slice(&known);
        Ok(())
    }

    fn copy_since(&mut self, from: usize) {
        self.out.extend_from_slice(self.body.get(from..self.reader.position()).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{self, Budget};
    use crate::shape::metadata;

    /// Metadata version 9: one topic with an unknown tag, and one at the end.
    const WITH_UNKNOWN: &[u8] = &[2, 2, b'a', 1, 5, 1, 0xee, 0, 0, 0, 1, 9, 2, 0xab, 0xcd];
    const WITHOUT: &[u8] = &[2, 2, b'a', 0, 0, 0, 0, 0];

    #[test]
    fn trap_c7_unknown_tagged_fields_do_not_reach_a_broker() {
        let passed = gate::walk(&metadata::REQUEST, 9, WITH_UNKNOWN, &Budget::REQUEST).unwrap();
        assert!(!passed.canonical);
        let known = known_only(&metadata::REQUEST, 9, WITH_UNKNOWN).unwrap();
        assert_eq!(&known[..], WITHOUT);
        assert!(gate::walk(&metadata::REQUEST, 9, &known, &Budget::REQUEST).unwrap().canonical);
    }

    #[test]
    fn what_is_known_is_copied_as_it_is() {
        assert_eq!(&known_only(&metadata::REQUEST, 9, WITHOUT).unwrap()[..], WITHOUT);
    }
}
