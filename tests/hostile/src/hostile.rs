//! Spoils a valid body at one position with lengths and counts that no body can have.

use weir_kafka::wire::{Reader, put_unsigned_varint};

use crate::bodies::Kind;

/// Greater than any body of these tests, and as great as lengths get.
const GREAT: [u32; 4] = [i32::MAX as u32, 400_000_000, 100_000_000, 10_000_000];

/// The body with each hostile length in the place of the one at `offset`. All of them must be refused.
pub fn spoiled(body: &[u8], offset: usize, kind: Kind) -> Vec<Vec<u8>> {
    let old = length_of(&body[offset..], kind);
    let rest = body.len() - offset - old.len;
    let with = |length: Vec<u8>| [&body[..offset], &length, &body[offset + old.len..]].concat();
    lengths(kind, old.value, rest).into_iter().map(with).collect()
}

/// What stands at a position: bytes of it, and its value where it is a variable-length number.
struct Old {
    len: usize,
    value: u32,
}

fn length_of(at: &[u8], kind: Kind) -> Old {
    match kind {
        Kind::Array | Kind::Bytes => Old { len: 4, value: 0 },
        Kind::Text => Old { len: 2, value: 0 },
        Kind::CompactArray | Kind::CompactText | Kind::CompactBytes | Kind::Tags => {
            let mut reader = Reader::new(at);
            let value = reader.unsigned_varint().expect("kafka-clients wrote a variable-length number here");
            Old { len: reader.position(), value }
        }
    }
}

/// `rest` bytes follow. A list, a string or a section of one more element than that cannot be there.
fn lengths(kind: Kind, old: u32, rest: usize) -> Vec<Vec<u8>> {
    let one_more = u32::try_from(rest + 1).expect("a test's body is short");
    match kind {
        Kind::Array | Kind::Bytes => {
            let negative = [-2, i32::MIN].map(|length: i32| length.to_be_bytes().to_vec());
            let great = GREAT.into_iter().chain([one_more]).map(|length| length.to_be_bytes().to_vec());
            great.chain(negative).collect()
        }
        Kind::Text => {
            let one_more = i16::try_from(one_more).expect("a test's body is short");
            [i16::MAX, one_more, -2, i16::MIN].map(|length| length.to_be_bytes().to_vec()).to_vec()
        }
        Kind::CompactArray | Kind::CompactText | Kind::CompactBytes => variable(old, one_more + 1),
        Kind::Tags => variable(old, one_more),
    }
}

fn variable(old: u32, one_more: u32) -> Vec<Vec<u8>> {
    let written = |value: u32| {
        let mut bytes = Vec::new();
        put_unsigned_varint(&mut bytes, value);
        bytes
    };
    let mut overlong = written(old);
    *overlong.last_mut().expect("a number has a byte") |= 0x80;
    overlong.push(0);
    let five_bits_too_many = vec![0xff, 0xff, 0xff, 0xff, 0x1f];
    let six_bytes = vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    let great = GREAT.into_iter().chain([u32::MAX, one_more]).map(written);
    great.chain([overlong, five_bits_too_many, six_bytes]).collect()
}
