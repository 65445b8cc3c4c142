//! RFC 4514 text to a name.
//!
//! Must never: guess. What is not escaped as the RFC asks is refused.

use std::collections::BTreeSet;

use super::{Attribute, DistinguishedName, DnError, Rdn, der};

/// The name that the text stands for; the empty text is the empty name.
pub(super) fn name(text: &str) -> Result<DistinguishedName, DnError> {
    if text.is_empty() {
        return Ok(DistinguishedName(Vec::new()));
    }
    let mut reader = Reader { rest: text };
    let mut rdns = Vec::new();
    loop {
        rdns.push(reader.rdn()?);
        match reader.take() {
            None => break,
            Some(',') => {}
            Some(_) => return Err(DnError::Value),
        }
    }
    // The text begins with the last RDN of the certificate.
    rdns.reverse();
    Ok(DistinguishedName(rdns))
}

/// Reads a text from its left.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    /// `type=value`, joined by `+`.
    fn rdn(&mut self) -> Result<Rdn, DnError> {
        let mut set = BTreeSet::new();
        loop {
            if !set.insert(self.attribute()?) {
                return Err(DnError::Repeated);
            }
            if self.peek() != Some('+') {
                return Ok(Rdn(set));
            }
            self.take();
        }
    }

    fn attribute(&mut self) -> Result<Attribute, DnError> {
        // RFC 4514 has no blank after a separator, but people write one; a value cannot begin with it.
        self.rest = self.rest.trim_start_matches(' ');
        let (kind, rest) = self.rest.split_once('=').ok_or(DnError::EmptyRdn)?;
        if kind.is_empty() {
            return Err(DnError::EmptyRdn);
        }
        self.rest = rest;
        let value = if self.peek() == Some('#') { self.hex_value()? } else { self.text_value()? };
        Attribute::new(kind, value)
    }

    /// A value as text: special characters and outer blanks are escaped.
    fn text_value(&mut self) -> Result<String, DnError> {
        let mut bytes = Vec::new();
        let mut bare_blanks_at_end = false;
        if self.peek() == Some(' ') {
            return Err(DnError::Value);
        }
        while let Some(next) = self.peek() {
            if matches!(next, ',' | '+') {
                break;
            }
            self.take();
            bare_blanks_at_end = next == ' ';
            match next {
                '\\' => bytes.extend_from_slice(self.escaped()?.as_slice()),
                '"' | ';' | '<' | '>' | '\0' => return Err(DnError::Value),
                other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if bare_blanks_at_end {
            return Err(DnError::Value);
        }
        String::from_utf8(bytes).map_err(|_| DnError::Value)
    }

    /// What follows a backslash: a special character, or two hex digits that are one byte.
    fn escaped(&mut self) -> Result<Vec<u8>, DnError> {
        let first = self.take().ok_or(DnError::Value)?;
        if matches!(first, ' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\') {
            return Ok(vec![u8::try_from(first).map_err(|_| DnError::Value)?]);
        }
        let second = self.take().ok_or(DnError::Value)?;
        Ok(vec![hex_byte(first, second).ok_or(DnError::Value)?])
    }

    /// A value as `#` and the hex digits of its encoding: one of the string types that are text without doubt.
    fn hex_value(&mut self) -> Result<String, DnError> {
        self.take();
        let mut bytes = Vec::new();
        while let Some(first) = self.peek().filter(|next| !matches!(next, ',' | '+')) {
            self.take();
            let second = self.take().ok_or(DnError::Value)?;
            bytes.push(hex_byte(first, second).ok_or(DnError::Value)?);
        }
        der::text(&bytes).ok_or(DnError::Value)
    }
}

fn hex_byte(first: char, second: char) -> Option<u8> {
    let digits = first.to_digit(16)?.checked_mul(16)?.checked_add(second.to_digit(16)?)?;
    u8::try_from(digits).ok()
}
