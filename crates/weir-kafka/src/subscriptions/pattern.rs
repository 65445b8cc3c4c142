//! A pattern over topic names: compiled within bounds, matched against the whole name, in linear time.
//!
//! Kafka takes RE2's language, and so does this engine, but for what `dialect.rs` says in its words.
//! Must never: take a pattern whose matching could cost more than its bounds say (trap A21).

use regex::bytes::{Regex, RegexBuilder};

use super::dialect::translated;

/// The longest pattern, in bytes.
const LONGEST: usize = 4096;
/// The most that a compiled pattern may take, in bytes. This bounds the steps for each byte of a name.
const COMPILED: usize = 256 * 1024;
/// The most that the engine may remember while it matches, in bytes.
const CACHE: usize = 512 * 1024;
/// How deep groups may stand in one another.
const DEPTH: u32 = 64;
/// As many classes as a pattern with Unicode's may have. One of them has hundreds of ranges, and is folded for `(?i)` before
/// any other bound counts it: a pattern full of them takes a second.
const UNICODE_CLASSES: usize = 8;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct TopicPattern(Regex);

impl TopicPattern {
    /// Nothing where the pattern is not one, or is over a bound.
    pub(crate) fn compile(pattern: &str) -> Option<Self> {
        if pattern.len() > LONGEST {
            return None;
        }
        let pattern = translated(pattern)?;
        // Alone first: what closes a group that it did not open must not become whole by the group around it.
        build(&pattern)?;
        build(&format!("^(?:{pattern})$")).map(Self)
    }

    /// Whether the pattern matches the whole name.
    pub(crate) fn matches(&self, topic: &str) -> bool {
        self.0.is_match(topic.as_bytes())
    }
}

/// Names of topics are ASCII, so classes are too, as with RE2, unless the pattern has Unicode's own.
fn build(pattern: &str) -> Option<Regex> {
    let engine = |unicode| {
        RegexBuilder::new(pattern)
            .unicode(unicode)
            .size_limit(COMPILED)
            .dfa_size_limit(CACHE)
            .nest_limit(DEPTH)
            .build()
            .ok()
    };
    engine(false).or_else(|| if classes(pattern) <= UNICODE_CLASSES { engine(true) } else { None })
}

/// As many classes as a pattern can have.
fn classes(pattern: &str) -> usize {
    let opens = |pair: &&[u8]| {
        matches!(pair, [b'[', _] | [b'\\', b'p' | b'P' | b'w' | b'W' | b'd' | b'D' | b's' | b'S' | b'b' | b'B'])
    };
    pattern.as_bytes().windows(2).filter(opens).count()
}
