//! What an import has to say of what it read: what it left out, and what somebody should look at.
//!
//! Must never: swallow a stream. Each one that was asked for is written or stands here.

use std::fmt;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// All that was found, in the order of the streams.
#[derive(Debug, Default)]
pub(super) struct Findings {
    lines: Vec<String>,
    left_out: usize,
}

impl Findings {
    /// A stream that was asked for and is not written.
    pub(super) fn leave_out(&mut self, place: &Place, stream: &str, what: &str, fix: &str) {
        self.left_out += 1;
        self.lines.push(format!("left out: {place}: {}: {what}; {fix}", printable(stream)));
    }

    /// Something that may not be what was meant.
    pub(super) fn note(&mut self, place: &Place, stream: &str, what: &str) {
        self.lines.push(format!("note: {place}: {}: {what}", printable(stream)));
    }

    /// How many streams were left out.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        match self.left_out {
            0 => Ok(()),
            1 => writeln!(f, "1 stream was left out"),
            count => writeln!(f, "{count} streams were left out"),
        }
    }
}

/// The text without what could break a line, and not longer than a line should be.
pub(super) fn printable(text: &str) -> String {
    let short: String = text.chars().take(300).collect();
    short.escape_debug().to_string().replace("\\\\", "\\")
}
