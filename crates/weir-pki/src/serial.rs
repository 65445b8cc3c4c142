//! Serial numbers. Must never give one out twice: 126 random bits see to that, and the index looks.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::PkiError;
use crate::random;

/// RFC 5280 section 4.1.2.2: at most 20 bytes.
const LONGEST: usize = 20;

/// A serial number in hexadecimal digits: lower case, two for each byte, no zero byte before the first that is none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SerialHex(String);

impl SerialHex {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number that a person types: digits of either case, with or without colons.
    pub fn parse(text: &str) -> Option<SerialHex> {
        let digits: String = text.chars().filter(|next| *next != ':').collect::<String>().to_ascii_lowercase();
        let is_hex = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let digits = digits.trim_start_matches('0');
        let even = format!("{digits:0>width$}", width = digits.len().next_multiple_of(2));
        (is_hex && (2..=LONGEST * 2).contains(&even.len())).then_some(SerialHex(even))
    }

    /// A new random number: positive, and 16 bytes long.
    pub(crate) fn random() -> Result<SerialHex, PkiError> {
        let mut bytes = random::bytes::<16>()?;
        if let Some(first) = bytes.first_mut() {
            // Not negative, and none of its bytes falls away.
            *first = (*first & 0x3f) | 0x40;
        }
        Ok(SerialHex::from_bytes(&bytes))
    }

    /// The number of these bytes, the most significant first.
    pub(crate) fn from_bytes(bytes: &[u8]) -> SerialHex {
        let significant: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        SerialHex(random::hex(&significant))
    }

    /// The bytes, the most significant first.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let pairs = self.0.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
        pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
    }
}

impl fmt::Display for SerialHex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
