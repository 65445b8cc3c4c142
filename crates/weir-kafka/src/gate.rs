//! The gate: a bounded walk over bytes, along a shape, before anything is decoded.
//!
//! Whoever wrote the bytes may have written anything. The walk allocates nothing, reads every byte at most once, and
//! goes no deeper than the shape does.
//! Must never: pass bytes that two decoders could read differently, or a count that the bytes cannot hold.

#![deny(clippy::arithmetic_side_effects)]

use crate::header::next_tag;
use crate::shape::{Counted, Field, Kind, Shape};
use crate::wire::{Malformed, Reader};

/// How much one message may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Topics, in all lists together.
    pub topics: u32,
    /// Partitions, in all lists together.
    pub partitions: u32,
    /// Elements of all other lists together.
    pub others: u32,
    /// Tagged fields, in all structures together.
    pub tags: u32,
    /// Whether bytes behind the last field are left standing rather than refused (trap C45).
    pub trailing_bytes: bool,
}

impl Budget {
    /// For a client's request.
    pub const REQUEST: Self =
        Self { topics: 2_000, partitions: 20_000, others: 2_000, tags: 256, trailing_bytes: false };

    /// For a broker's response, which is bounded by its length: a cluster may have many topics.
    pub const RESPONSE: Self =
        Self { topics: 200_000, partitions: 2_000_000, others: 8_000_000, tags: 200_000, trailing_bytes: true };
}

/// What the gate found of bytes that it let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The bytes say nothing that Weir does not know: no unknown tagged field. Only then may they go on as they are.
    pub canonical: bool,
    /// Bytes from the first field to the last: all, unless the budget leaves trailing bytes standing.
    pub body_len: usize,
}

/// Walks a message's body along its shape.
///
/// # Errors
/// The first rule that the bytes break.
pub fn walk(shape: &Shape, version: i16, body: &[u8], budget: &Budget) -> Result<Passed, Malformed> {
    if !shape.versions.holds(version) {
        return Err(Malformed::NoSuchVersion);
    }
    let flexible = shape.is_flexible(version);
    let mut walk =
        Walk { reader: Reader::new(body), version, flexible, left: *budget, canonical: true, measured: None };
    walk.structure(shape.fields)?;
    if walk.reader.remaining() > 0 && !budget.trailing_bytes {
        return Err(Malformed::TrailingBytes);
    }
    Ok(Passed { canonical: walk.canonical, body_len: walk.reader.position() })
}

struct Walk<'a> {
    reader: Reader<'a>,
    version: i16,
    flexible: bool,
    left: Budget,
    canonical: bool,
    /// The list whose elements were measured last: often the same again.
    measured: Option<(&'static Kind, Least)>,
}

impl<'a> Walk<'a> {
    fn structure(&mut self, fields: &'static [Field]) -> Result<(), Malformed> {
        for field in fields {
            if field.is_plain_in(self.version) {
                self.field(field)?;
            }
        }
        if self.flexible { self.tags(fields) } else { Ok(()) }
    }

    fn field(&mut self, field: &'static Field) -> Result<(), Malformed> {
        let nullable = field.is_nullable(self.version);
        match field.kind {
            Kind::Array(element) => self.array(element, nullable, field.counted),
            kind => self.value(kind, nullable),
        }
    }

    fn value(&mut self, kind: Kind, nullable: bool) -> Result<(), Malformed> {
        match kind {
            Kind::Bool => match self.reader.u8()? {
                0 | 1 => Ok(()),
                _ => Err(Malformed::NotBoolean),
            },
            Kind::Int8 => self.reader.skip(1),
            Kind::Int16 => self.reader.skip(2),
            Kind::Int32 => self.reader.skip(4),
            Kind::Int64 | Kind::Float64 => self.reader.skip(8),
            Kind::Uuid => self.reader.skip(16),
            Kind::Str => self.string(nullable),
            Kind::Bytes | Kind::Records => self.bytes(nullable),
            Kind::Array(element) => self.array(element, nullable, Counted::Others),
            Kind::Struct(fields) => self.nullable_structure(fields, nullable),
        }
    }

    fn string(&mut self, nullable: bool) -> Result<(), Malformed> {
        let text = match self.flexible {
            true => self.reader.compact_nullable_string()?,
            false => self.reader.nullable_string()?,
        };
        null_if(text.is_none(), nullable)
    }

    fn bytes(&mut self, nullable: bool) -> Result<(), Malformed> {
        match self.length()? {
            Some(length) => self.reader.skip(length).map_err(|_| Malformed::LengthPastEnd),
            None => null_if(true, nullable),
        }
    }

    /// The count is held against the bytes that are left, and against the budget, before the first element is read.
    fn array(&mut self, element: &'static Kind, nullable: bool, counted: Counted) -> Result<(), Malformed> {
        let Some(count) = self.length()? else { return null_if(true, nullable) };
        let least = self.measure(element);
        let bytes = count.checked_mul(least.bytes).filter(|bytes| *bytes <= self.reader.remaining());
        let bytes = bytes.ok_or(Malformed::LengthPastEnd)?;
        self.charge(counted, count)?;
        if least.is_all {
            return self.alike(element, count, bytes, least.bytes);
        }
        for _ in 0..count {
            self.value(*element, false)?;
        }
        Ok(())
    }

    fn measure(&mut self, element: &'static Kind) -> Least {
        match self.measured {
            Some((kind, least)) if std::ptr::eq(kind, element) => least,
            _ => {
                let least = least(element, self.version, self.flexible);
                self.measured = Some((element, least));
                least
            }
        }
    }

    /// Elements of one length, which have nothing in them to be looked at but their tagged fields.
    fn alike(
        &mut self,
        element: &'static Kind,
        count: usize,
        bytes: usize,
        bytes_of_each: usize,
    ) -> Result<(), Malformed> {
        match element {
            Kind::Struct(fields) if self.flexible => {
                let plain = bytes_of_each.saturating_sub(NO_TAGS);
                for _ in 0..count {
                    self.reader.skip(plain)?;
                    self.tags(fields)?;
                }
                Ok(())
            }
            _ => self.reader.skip(bytes),
        }
    }

    /// A structure that may be null stands behind a byte. Kafka takes every byte from 0 to 127 for "present" and others
    /// take 1 alone: what they do not agree on is refused (trap S6).
    fn nullable_structure(&mut self, fields: &'static [Field], nullable: bool) -> Result<(), Malformed> {
        if !nullable {
            return self.structure(fields);
        }
        match self.reader.i8()? {
            -1 => Ok(()),
            1 => self.structure(fields),
            _ => Err(Malformed::PresenceByte),
        }
    }

    fn tags(&mut self, fields: &'static [Field]) -> Result<(), Malformed> {
        let count = self.reader.unsigned_varint()?;
        if count == 0 {
            return Ok(());
        }
        self.left.tags = self.left.tags.checked_sub(count).ok_or(Malformed::TooManyTags)?;
        let mut last = None;
        for _ in 0..count {
            let tag = next_tag(&mut self.reader, last)?;
            last = Some(tag);
            let size = usize::try_from(self.reader.unsigned_varint()?).unwrap_or(usize::MAX);
            let content = self.reader.take(size).map_err(|_| Malformed::LengthPastEnd)?;
            match fields.iter().find(|field| field.tag == Some(tag)) {
                Some(field) => self.tagged(field, content)?,
                None => self.canonical = false,
            }
        }
        Ok(())
    }

    /// A known tagged field fills its declared size to the last byte: decoders read on by the field, not by the size.
    fn tagged(&mut self, field: &'static Field, content: &'a [u8]) -> Result<(), Malformed> {
        if !field.versions.holds(self.version) {
            return Err(Malformed::TagNotInVersion);
        }
        let outside = std::mem::replace(&mut self.reader, Reader::new(content));
        self.field(field)?;
        let inside = std::mem::replace(&mut self.reader, outside);
        if inside.remaining() > 0 { Err(Malformed::TagSize) } else { Ok(()) }
    }

    fn length(&mut self) -> Result<Option<usize>, Malformed> {
        self.reader.length(self.flexible)
    }

    fn charge(&mut self, counted: Counted, count: usize) -> Result<(), Malformed> {
        let (left, spent) = match counted {
            Counted::Topics => (&mut self.left.topics, Malformed::TooManyTopics),
            Counted::Partitions => (&mut self.left.partitions, Malformed::TooManyPartitions),
            Counted::Others => (&mut self.left.others, Malformed::TooManyElements),
        };
        let count = u32::try_from(count).map_err(|_| spent)?;
        *left = left.checked_sub(count).ok_or(spent)?;
        Ok(())
    }
}

fn null_if(is_null: bool, nullable: bool) -> Result<(), Malformed> {
    if is_null && !nullable { Err(Malformed::NullNotAllowed) } else { Ok(()) }
}

/// Bytes of a section without tagged fields.
const NO_TAGS: usize = 1;

/// The fewest bytes that a value can have, and whether every value has so many and none of them means anything to the
/// gate, except tagged fields.
#[derive(Clone, Copy)]
struct Least {
    bytes: usize,
    is_all: bool,
}

/// Never 0 bytes, so that no count is free.
fn least(kind: &Kind, version: i16, flexible: bool) -> Least {
    let always = |bytes| Least { bytes, is_all: true };
    let at_least = |bytes| Least { bytes, is_all: false };
    match kind {
        // Not every byte is a boolean.
        Kind::Bool => at_least(1),
        Kind::Int8 => always(1),
        Kind::Int16 => always(2),
        Kind::Int32 => always(4),
        Kind::Int64 | Kind::Float64 => always(8),
        Kind::Uuid => always(16),
        Kind::Str => at_least(if flexible { 1 } else { 2 }),
        Kind::Bytes | Kind::Records | Kind::Array(_) => at_least(if flexible { 1 } else { 4 }),
        Kind::Struct(fields) => least_of_structure(fields, version, flexible),
    }
}

fn least_of_structure(fields: &[Field], version: i16, flexible: bool) -> Least {
    let mut all = Least { bytes: if flexible { NO_TAGS } else { 0 }, is_all: true };
    for field in fields.iter().filter(|field| field.is_plain_in(version)) {
        let of_field = match field.kind {
            Kind::Struct(_) if field.is_nullable(version) => Least { bytes: 1, is_all: false },
            // Its own tagged fields would stand in the midst.
            Kind::Struct(_) if flexible => Least { is_all: false, ..least(&field.kind, version, flexible) },
            kind => least(&kind, version, flexible),
        };
        all.bytes = all.bytes.saturating_add(of_field.bytes);
        all.is_all &= of_field.is_all;
    }
    if all.bytes == 0 { Least { bytes: 1, is_all: false } } else { all }
}

#[cfg(test)]
mod tests;
