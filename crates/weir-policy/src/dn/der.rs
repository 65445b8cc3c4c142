//! The DER of one string, for attribute types without a short name.
//!
//! Must never: read a string type whose bytes may mean another text (T61String, BMPString).

const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;

/// The text as a DER UTF8String.
pub(super) fn utf8_string(text: &str) -> Vec<u8> {
    let mut bytes = vec![UTF8_STRING];
    let length = text.len().to_be_bytes();
    let significant = length.iter().position(|byte| *byte != 0).and_then(|at| length.get(at..)).unwrap_or(&[0]);
    match significant {
        [short @ 0..=0x7f] => bytes.push(*short),
        long => {
            bytes.push(0x80 | u8::try_from(long.len()).unwrap_or(0x7f));
            bytes.extend_from_slice(long);
        }
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// The text of a DER string, if it is of a type that is text without doubt and nothing follows it.
pub(super) fn text(der: &[u8]) -> Option<String> {
    let [UTF8_STRING | PRINTABLE_STRING | IA5_STRING, length, rest @ ..] = der else { return None };
    let (length, text) = match length {
        short @ 0..=0x7f => (usize::from(*short), rest),
        long => {
            let (digits, text) = rest.split_at_checked(usize::from(long & 0x7f))?;
            let length = digits
                .iter()
                .try_fold(0_usize, |length, digit| length.checked_mul(256)?.checked_add(usize::from(*digit)))?;
            // DER writes a length in one way: without leading zeros, and short where that is possible.
            (digits.first().is_some_and(|first| *first != 0) && length > 0x7f).then_some((length, text))?
        }
    };
    (length == text.len()).then(|| String::from_utf8(text.to_vec()).ok())?
}
