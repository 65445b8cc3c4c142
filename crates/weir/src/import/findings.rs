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
        self.lines.push(format!("left out: {place}: {}: {}; {fix}", printable(stream), harmless(what)));
    }

    /// Something that may not be what was meant.
    pub(super) fn note(&mut self, place: &Place, stream: &str, what: &str) {
        self.lines.push(format!("note: {place}: {}: {}", printable(stream), harmless(what)));
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

/// Whether a character moves a cursor, turns the text around or does not show.
pub(super) fn is_hidden(next: char) -> bool {
    let turns =
        matches!(next, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    next.is_control() || turns
}

/// A sentence with what a file says in it.
fn harmless(text: &str) -> String {
    text.chars().map(|next| if is_hidden(next) { next.escape_unicode().to_string() } else { next.into() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_what_a_file_says_moves_no_cursor_and_turns_no_text_around() {
        let mut findings = Findings::default();
        let place = Place { file: "a.yaml".to_owned(), line: 1 };
        findings.note(&place, "s", "the schema `\u{1b}[2J\u{202e}\n`: `it's` \"so\"");
        findings.leave_out(&place, "s", "the topic `\r`", "mend it");
        let said = findings.to_string();
        assert!(said.contains("`\\u{1b}[2J\\u{202e}\\u{a}`: `it's` \"so\""), "{said}");
        assert_eq!(said.chars().filter(|next| is_hidden(*next)).count(), 3, "the ends of lines alone: {said:?}");
    }
}
