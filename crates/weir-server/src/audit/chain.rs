//! Lines that hold on to each other: each has the hash of the one before it, and its own over all of that.
//!
//! The hash is over the bytes of a line as they stand, so no reader has to know how JSON was written.
//! Must never: give two lines one number, or a line a hash that is not over all of it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::event::{Event, SCHEMA};
use crate::tls::sha256_hex;

/// Hexadecimal digits of a hash.
const DIGITS: usize = 64;
/// What stands before a line's own hash, and behind it.
const BEFORE: &str = ",\"hash\":\"";
const BEHIND: &str = "\"}";

/// Where a chain has come to: the last line's number and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) seq: u64,
    pub(super) hash: String,
}

/// A line as it stands, but for its own hash.
#[derive(Serialize)]
struct Body<'a> {
    schema: u32,
    seq: u64,
    time: String,
    #[serde(flatten)]
    event: &'a Event,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    prev: &'a str,
}

/// What of a line the chain goes by.
#[derive(Deserialize)]
struct Link {
    seq: u64,
    prev: String,
}

/// Why a line does not follow the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// No hash at its end, or no JSON.
    #[error("this is no line of an audit")]
    NotALine,
    /// It was changed.
    #[error("the line is not the one that was written: its hash is another")]
    Changed,
    /// A line is missing before it, or stands elsewhere.
    #[error("the line does not follow the one before it")]
    NotNext,
}

impl Chain {
    /// The chain before its first line.
    pub(super) fn beginning() -> Self {
        Self { seq: 0, hash: "0".repeat(DIGITS) }
    }

    /// Writes the next line, with its end, behind `lines`.
    ///
    /// # Errors
    /// The event cannot be written as JSON, a fault of Weir's own; nothing is written then.
    pub(super) fn seal(
        &mut self,
        time: OffsetDateTime,
        address: Option<&str>,
        event: &Event,
        lines: &mut Vec<u8>,
    ) -> Result<(), serde_json::Error> {
        let seq = self.seq.saturating_add(1);
        let time = time.format(&Rfc3339).unwrap_or_default();
        let mut line = serde_json::to_string(&Body { schema: SCHEMA, seq, time, event, address, prev: &self.hash })?;
        line.pop();
        let hash = sha256_hex(line.as_bytes());
        for part in [&*line, BEFORE, &hash, BEHIND, "\n"] {
            lines.extend_from_slice(part.as_bytes());
        }
        *self = Self { seq, hash };
        Ok(())
    }

    /// Goes on by a line that was written before, given without its end.
    ///
    /// # Errors
    /// It does not follow.
    pub(super) fn follow(&mut self, line: &str) -> Result<(), Broken> {
        let (next, prev) = Self::of(line)?;
        if prev.hash != self.hash || prev.seq != self.seq {
            return Err(Broken::NotNext);
        }
        *self = next;
        Ok(())
    }

    /// Where the chain stands after a line, and where it stood before, by the line alone.
    ///
    /// # Errors
    /// It is no line, or was changed.
    pub(super) fn of(line: &str) -> Result<(Self, Self), Broken> {
        let sealed = line.strip_suffix(BEHIND).ok_or(Broken::NotALine)?;
        let (body, hash) = sealed.rsplit_once(BEFORE).ok_or(Broken::NotALine)?;
        let link: Link = serde_json::from_str(line).map_err(|_| Broken::NotALine)?;
        if hash != sha256_hex(body.as_bytes()) {
            return Err(Broken::Changed);
        }
        let before = link.seq.checked_sub(1).ok_or(Broken::NotALine)?;
        Ok((Self { seq: link.seq, hash: hash.to_owned() }, Self { seq: before, hash: link.prev }))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Lines of one chain.
    pub(in crate::audit) fn lines(count: u64) -> Vec<String> {
        let (mut chain, mut written) = (Chain::beginning(), Vec::new());
        for number in 0..count {
            let event = Event::GroupCreated { principal: "tool".to_owned(), group: format!("weir.tool.{number}\"") };
            let time = OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap();
            chain.seal(time, Some("192.0.2.0/24"), &event, &mut written).unwrap();
        }
        String::from_utf8(written).unwrap().lines().map(str::to_owned).collect()
    }

    fn first_break<'a>(lines: impl IntoIterator<Item = &'a String>) -> Option<(usize, Broken)> {
        let mut chain = Chain::beginning();
        lines.into_iter().enumerate().find_map(|(place, line)| Some((place, chain.follow(line).err()?)))
    }

    #[test]
    fn a_line_is_json_with_its_schema_its_number_its_time_and_two_hashes() {
        let line: serde_json::Value = serde_json::from_str(&lines(1)[0]).unwrap();
        assert_eq!((&line["schema"], &line["seq"]), (&1.into(), &1.into()));
        assert_eq!(line["time"], "2026-09-21T14:13:20Z");
        assert_eq!((&line["event"], &line["group"]), (&"group.created".into(), &"weir.tool.0\"".into()));
        assert_eq!((&line["address"], &line["prev"]), (&"192.0.2.0/24".into(), &"0".repeat(64).into()));
        assert_eq!(line["hash"].as_str().unwrap().len(), DIGITS);
    }

    #[test]
    fn whoever_changes_removes_or_moves_a_line_breaks_the_chain_there() {
        let sound = lines(6);
        assert_eq!(first_break(&sound), None);
        for place in 0..sound.len() {
            let mut changed = sound.clone();
            changed[place] = changed[place].replace("weir.tool", "weir.loot");
            assert_eq!(first_break(&changed), Some((place, Broken::Changed)));
            let mut removed = sound.clone();
            removed.remove(place);
            let expected = (place + 1 < sound.len()).then_some((place, Broken::NotNext));
            assert_eq!(first_break(&removed), expected, "what is behind the last line, the chain alone cannot tell");
            let mut doubled = sound.clone();
            doubled.insert(place, sound[place].clone());
            assert_eq!(first_break(&doubled), Some((place + 1, Broken::NotNext)));
            if place > 0 {
                let mut moved = sound.clone();
                moved.swap(place - 1, place);
                assert_eq!(first_break(&moved), Some((place - 1, Broken::NotNext)));
            }
        }
    }

    #[test]
    fn every_byte_of_a_line_counts() {
        let sound = lines(1).remove(0);
        for place in 0..sound.len() {
            let mut bytes = sound.clone().into_bytes();
            bytes[place] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(Chain::beginning().follow(&changed).is_err(), "{changed}");
        }
    }
}
