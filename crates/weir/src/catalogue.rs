//! Entries of a catalogue, as text.
//!
//! Must never: write a decision, or a value that a reader of YAML would take for something else than its text.

use std::fmt::Write;

use serde_json::json;

use crate::shipped;

/// A stream that nobody has decided on.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) stream: String,
    pub(crate) topics: Vec<String>,
    /// One line.
    pub(crate) description: String,
    pub(crate) schema: String,
    /// Empty where nobody says it: who decides writes what was looked at.
    pub(crate) schema_version: String,
    /// The fields of a record's key, for a comment.
    pub(crate) keys: Vec<String>,
}

/// A whole catalogue of these entries, with what its keys mean above them.
pub(crate) fn whole<'a>(entries: impl Iterator<Item = &'a Entry>) -> String {
    let entries = block(2, entries);
    let streams = if entries.is_empty() { "streams: []\n" } else { "streams:\n" };
    format!("{}{streams}{entries}", shipped::catalogue_header())
}

/// Entries alone, each dash in this column, counted from 0.
pub(crate) fn block<'a>(column: usize, entries: impl Iterator<Item = &'a Entry>) -> String {
    entries.map(|entry| of_entry(entry, &" ".repeat(column))).collect()
}

fn of_entry(entry: &Entry, indent: &str) -> String {
    let mut text = String::new();
    let topics: Vec<String> = entry.topics.iter().map(|topic| scalar(topic)).collect();
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{indent}{key}{value}");
    };
    line("- stream: ", &scalar(&entry.stream));
    line("  topics: ", &format!("[{}]", topics.join(", ")));
    line("  description: ", &json!(entry.description).to_string());
    line("  schema: ", &scalar(&entry.schema));
    line("  schema_version: ", &scalar(&entry.schema_version));
    line("  cleanup_policy: ", "delete");
    if !entry.keys.is_empty() {
        line("  # The key of its records: ", &entry.keys.join(", "));
    }
    line("  pii: ", "{verdict: open}");
    text
}

/// What YAML takes for something else than a text, in any case.
const WORDS: [&str; 12] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "inf", "nan", "~"];

/// A text, in quotes where it needs them.
pub(crate) fn scalar(text: &str) -> String {
    let names = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let is_word = WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    if begins && !is_word && text.bytes().all(names) { text.to_owned() } else { json!(text).to_string() }
}
