//! A bounded cursor over a stranger's bytes, and the writers for what Weir writes by hand.
//!
//! Must never: panic, allocate on reading, read past the end, or take a number in two spellings.

#![deny(clippy::arithmetic_side_effects)]

mod malformed;

use uuid::Uuid;

pub use malformed::Malformed;

/// The longest string that Kafka takes, in bytes, whatever a compact length could say.
pub const LONGEST_STRING: usize = i16::MAX as usize;

/// A cursor over bytes that someone else wrote. Every method reads forward, or fails and says why.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    start_len: usize,
}

impl<'a> Reader<'a> {
    /// A cursor at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, start_len: bytes.len() }
    }

    /// Bytes that were read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.start_len.saturating_sub(self.rest.len())
    }

    /// Bytes that are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// `Truncated` where fewer are left.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Passes over `count` bytes.
    ///
    /// # Errors
    /// `Truncated` where fewer are left.
    pub fn skip(&mut self, count: usize) -> Result<(), Malformed> {
        self.take(count).map(|_| ())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// An unsigned byte.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(u8::from_be_bytes)
    }

    /// A signed byte.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn i8(&mut self) -> Result<i8, Malformed> {
        self.array().map(i8::from_be_bytes)
    }

    /// Two bytes, signed, the highest first.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn i16(&mut self) -> Result<i16, Malformed> {
        self.array().map(i16::from_be_bytes)
    }

    /// Four bytes, signed, the highest first.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    /// A signed number of eight bytes.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_be_bytes)
    }

    /// A UUID.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn uuid(&mut self) -> Result<Uuid, Malformed> {
        self.array().map(Uuid::from_bytes)
    }

    /// An unsigned variable-length number: at most five bytes, at most 32 bits, and no byte more than it needs.
    ///
    /// # Errors
    /// `Truncated`, `VarintTooLong`, `VarintOverlong`.
    #[inline]
    pub fn unsigned_varint(&mut self) -> Result<u32, Malformed> {
        match self.rest.split_first() {
            // Nearly all of them.
            Some((byte, rest)) if *byte < 0x80 => {
                self.rest = rest;
                Ok(u32::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u32, Malformed> {
        let mut value: u32 = 0;
        for shift in [0_u32, 7, 14, 21, 28] {
            let byte = self.u8()?;
            let bits = u32::from(byte & 0x7f);
            // The fifth byte has room for four bits.
            if shift == 28 && byte > 0x0f {
                return Err(Malformed::VarintTooLong);
            }
            value |= bits.checked_shl(shift).ok_or(Malformed::VarintTooLong)?;
            if byte & 0x80 == 0 {
                let overlong = byte == 0 && shift > 0;
                return if overlong { Err(Malformed::VarintOverlong) } else { Ok(value) };
            }
        }
        Err(Malformed::VarintTooLong)
    }

    /// Passes over a section of tagged fields; true where it has any. Their numbers are not looked at.
    ///
    /// # Errors
    /// As `unsigned_varint`.
    #[inline]
    pub fn skip_tags(&mut self) -> Result<bool, Malformed> {
        let count = self.unsigned_varint()?;
        for _ in 0..count {
            self.unsigned_varint()?;
            let size = self.unsigned_varint()?;
            self.skip(usize::try_from(size).unwrap_or(usize::MAX))?;
        }
        Ok(count > 0)
    }

    /// A string with a length of two bytes, or null.
    ///
    /// # Errors
    /// `Truncated`, `NegativeLength`, `LengthPastEnd`, `NotUtf8`.
    pub fn nullable_string(&mut self) -> Result<Option<&'a str>, Malformed> {
        match self.i16()? {
            -1 => Ok(None),
            length => self.text(usize::try_from(length).map_err(|_| Malformed::NegativeLength)?).map(Some),
        }
    }

    /// A string with a length of two bytes.
    ///
    /// # Errors
    /// As `nullable_string`, and `NullNotAllowed`.
    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        self.nullable_string()?.ok_or(Malformed::NullNotAllowed)
    }

    /// A string with a variable-length length, or null.
    ///
    /// # Errors
    /// As `unsigned_varint`, and `LengthPastEnd`, `StringTooLong`, `NotUtf8`.
    pub fn compact_nullable_string(&mut self) -> Result<Option<&'a str>, Malformed> {
        let Some(length) = self.compact_length()? else { return Ok(None) };
        if length > LONGEST_STRING {
            return Err(Malformed::StringTooLong);
        }
        self.text(length).map(Some)
    }

    /// A string with a variable-length length.
    ///
    /// # Errors
    /// As `compact_nullable_string`, and `NullNotAllowed`.
    pub fn compact_string(&mut self) -> Result<&'a str, Malformed> {
        self.compact_nullable_string()?.ok_or(Malformed::NullNotAllowed)
    }

    /// The length or count of a compact field: null is 0, and every other one is written one higher.
    ///
    /// # Errors
    /// As `unsigned_varint`.
    pub fn compact_length(&mut self) -> Result<Option<usize>, Malformed> {
        let written = self.unsigned_varint()?;
        Ok(written.checked_sub(1).map(|length| usize::try_from(length).unwrap_or(usize::MAX)))
    }

    /// The length or count of a field of old versions: four bytes, and null is -1.
    ///
    /// # Errors
    /// `Truncated`, `NegativeLength`.
    pub fn plain_length(&mut self) -> Result<Option<usize>, Malformed> {
        match self.i32()? {
            -1 => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| Malformed::NegativeLength),
        }
    }

    /// The length or count of a field, in the form of flexible versions or of old ones.
    ///
    /// # Errors
    /// As `compact_length` and `plain_length`.
    #[inline]
    pub fn length(&mut self, flexible: bool) -> Result<Option<usize>, Malformed> {
        if flexible { self.compact_length() } else { self.plain_length() }
    }

    /// The count of a list that may not be null.
    ///
    /// # Errors
    /// As `length`, and `NullNotAllowed`.
    #[inline]
    pub fn count(&mut self, flexible: bool) -> Result<usize, Malformed> {
        self.length(flexible)?.ok_or(Malformed::NullNotAllowed)
    }

    fn text(&mut self, length: usize) -> Result<&'a str, Malformed> {
        let bytes = self.take(length).map_err(|_| Malformed::LengthPastEnd)?;
        std::str::from_utf8(bytes).map_err(|_| Malformed::NotUtf8)
    }
}

/// Bytes that `put_unsigned_varint` writes for a value.
#[must_use]
pub fn unsigned_varint_len(value: usize) -> usize {
    let mut length: usize = 1;
    let mut rest = value >> 7;
    while rest > 0 {
        length = length.saturating_add(1);
        rest >>= 7;
    }
    length
}

/// Writes two bytes, the highest first.
pub fn put_i16(out: &mut Vec<u8>, value: i16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Writes four bytes, the highest first.
pub fn put_i32(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Writes an unsigned variable-length number.
pub fn put_unsigned_varint(out: &mut Vec<u8>, mut value: u32) {
    while value > 0x7f {
        out.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0));
}

/// Writes the length or count of a field that is not null, in the form of flexible versions or of old ones.
#[inline]
pub fn put_length(out: &mut Vec<u8>, flexible: bool, length: usize) {
    match u8::try_from(length) {
        _ if !flexible => put_i32(out, i32::try_from(length).unwrap_or(i32::MAX)),
        // Nearly all of them.
        Ok(length @ ..0x7f) => out.push(length.saturating_add(1)),
        _ => put_unsigned_varint(out, u32::try_from(length.saturating_add(1)).unwrap_or(u32::MAX)),
    }
}

/// Writes a string with a length of two bytes, or null. What Kafka takes no string for is cut at a character.
pub fn put_nullable_string(out: &mut Vec<u8>, text: Option<&str>) {
    let Some(text) = text else { return put_i16(out, -1) };
    let fits = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=text.len().min(LONGEST_STRING)).rev().find(fits).unwrap_or(0);
    let text = text.get(..end).unwrap_or_default();
    put_i16(out, i16::try_from(text.len()).unwrap_or(i16::MAX));
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests;
