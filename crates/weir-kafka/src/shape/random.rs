//! Random valid bodies, made from the shapes themselves, for tests.
//!
//! Tagged fields never hold their default: no encoder writes it, so it would not return from a decoder.

use super::{Field, Kind, Shape};
use crate::wire::{put_i16, put_i32, put_unsigned_varint};

/// A body of a version, the same for the same seed. Lists have at most `longest` elements.
pub(crate) fn body(shape: &Shape, version: i16, seed: u64, longest: u64) -> Vec<u8> {
    let flexible = shape.is_flexible(version);
    let mut writer = Writer { out: Vec::new(), version, flexible, longest, dice: Dice(seed) };
    writer.structure(shape.fields);
    writer.out
}

/// A small generator of numbers (splitmix64): tests need no better one.
pub(crate) struct Dice(pub u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

struct Writer {
    out: Vec<u8>,
    version: i16,
    flexible: bool,
    longest: u64,
    dice: Dice,
}

impl Writer {
    fn structure(&mut self, fields: &[Field]) {
        let version = self.version;
        let present = |field: &&Field| field.versions.holds(version);
        for field in fields.iter().filter(present).filter(|field| field.tag.is_none()) {
            self.field(field);
        }
        if self.flexible {
            let tagged: Vec<&Field> = fields.iter().filter(present).filter(|field| field.tag.is_some()).collect();
            self.tags(&tagged);
        }
    }

    fn tags(&mut self, fields: &[&Field]) {
        let chosen: Vec<&&Field> = fields.iter().filter(|_| self.dice.below(2) == 0).collect();
        put_unsigned_varint(&mut self.out, chosen.len() as u32);
        for field in chosen {
            put_unsigned_varint(&mut self.out, field.tag.unwrap());
            let before = std::mem::take(&mut self.out);
            self.tagged(field);
            let content = std::mem::replace(&mut self.out, before);
            put_unsigned_varint(&mut self.out, content.len() as u32);
            self.out.extend_from_slice(&content);
        }
    }

    fn tagged(&mut self, field: &Field) {
        match field.kind {
            Kind::Bool => self.out.push(1),
            Kind::Array(element) => {
                let count = 1 + self.dice.below(self.longest.max(1));
                self.elements(element, count);
            }
            kind => self.value(kind),
        }
    }

    fn field(&mut self, field: &Field) {
        let nullable = field.is_nullable(self.version);
        let null = nullable && self.dice.below(4) == 0;
        match field.kind {
            Kind::Struct(fields) if nullable => {
                self.out.push(if null { 0xff } else { 1 });
                if !null {
                    self.structure(fields);
                }
            }
            Kind::Str if null && !self.flexible => put_i16(&mut self.out, -1),
            Kind::Str | Kind::Bytes | Kind::Records | Kind::Array(_) if null => self.length(None),
            kind => self.value(kind),
        }
    }

    fn value(&mut self, kind: Kind) {
        match kind {
            Kind::Bool => {
                let bit = self.dice.below(2) as u8;
                self.out.push(bit);
            }
            Kind::Int8 => self.random(1),
            Kind::Int16 => self.random(2),
            Kind::Int32 => self.random(4),
            Kind::Int64 => self.random(8),
            Kind::Float64 => {
                let quarters = self.dice.below(1 << 40) as f64 / 4.0;
                self.out.extend_from_slice(&quarters.to_be_bytes());
            }
            Kind::Uuid => self.random(16),
            Kind::Str => self.text(),
            Kind::Bytes | Kind::Records => {
                let length = self.dice.below(40) as usize;
                self.length(Some(length));
                self.random(length);
            }
            Kind::Array(element) => {
                let count = self.dice.below(self.longest + 1);
                self.elements(element, count);
            }
            Kind::Struct(fields) => self.structure(fields),
        }
    }

    fn elements(&mut self, element: &Kind, count: u64) {
        self.length(Some(count as usize));
        for _ in 0..count {
            self.value(*element);
        }
    }

    fn text(&mut self) {
        const TEXTS: [&str; 7] = ["", "a", "mediawiki.recentchange", "ä", "日本", "a\0b", "\u{10ffff}"];
        // Once in a while, long enough for a compact length of two bytes.
        let long = "x".repeat(200);
        let text = if self.dice.below(20) == 0 { &long } else { TEXTS[self.dice.below(7) as usize] };
        match self.flexible {
            true => self.length(Some(text.len())),
            false => put_i16(&mut self.out, text.len() as i16),
        }
        self.out.extend_from_slice(text.as_bytes());
    }

    fn length(&mut self, length: Option<usize>) {
        match (self.flexible, length) {
            (true, None) => self.out.push(0),
            (true, Some(length)) => put_unsigned_varint(&mut self.out, length as u32 + 1),
            (false, None) => put_i32(&mut self.out, -1),
            (false, Some(length)) => put_i32(&mut self.out, length as i32),
        }
    }

    fn random(&mut self, bytes: usize) {
        for _ in 0..bytes {
            let byte = self.dice.next() as u8;
            self.out.push(byte);
        }
    }
}
