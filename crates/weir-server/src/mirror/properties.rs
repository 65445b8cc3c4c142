//! Java's properties: `java.util.Properties` reads what is written here, and what it would read is read here.
//!
//! Must never: write a line that Java reads as another key or value than it was given.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Properties that belong together, and what is said above them.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) about: &'static str,
    pub(super) settings: Vec<(String, Value)>,
}

/// The items of a value, in Kafka's way with commas between them: one, or a line for each.
pub(super) type Value = Vec<String>;

/// A whole file.
pub(super) fn write(head: &[String], sections: &[Section]) -> String {
    let mut text: String = head.iter().map(|line| comment(line)).collect();
    for section in sections {
        text.push('\n');
        text.push_str(&comment(section.about));
        for (key, value) in &section.settings {
            let _ = writeln!(text, "{} = {}", escape(key, true), items(value));
        }
    }
    text
}

/// The longest line of a comment.
const WIDTH: usize = 116;

fn comment(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut().filter(|line| line.len() + 1 + word.len() <= WIDTH) {
            Some(line) => *line = format!("{line} {word}"),
            None => lines.push(format!("# {word}")),
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// One item on the line of its key, several on lines of their own: so a change of one is a change of one line.
fn items(value: &[String]) -> String {
    match value {
        [one] => escape(one, false),
        several => {
            let lines: Vec<String> = several.iter().map(|item| format!("\\\n    {}", escape(item, false))).collect();
            lines.join(",")
        }
    }
}

fn escape(text: &str, is_key: bool) -> String {
    let mut escaped = String::new();
    for (at, letter) in text.char_indices() {
        match letter {
            '\\' => escaped.push_str("\\\\"),
            ' ' if is_key || at == 0 => escaped.push_str("\\ "),
            ':' | '=' | '#' | '!' if is_key => escaped.extend(['\\', letter]),
            ' '..='~' => escaped.push(letter),
            other => {
                let mut units = [0; 2];
                other.encode_utf16(&mut units).iter().for_each(|unit| {
                    let _ = write!(escaped, "\\u{unit:04x}");
                });
            }
        }
    }
    escaped
}

/// What Java reads from a file. Of two lines with one key the last holds.
///
/// # Errors
/// The line of a `\u` without four hexadecimal digits: Java refuses the file.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    // For Java a carriage return ends a line, too, one of a comment not least.
    let text = text.replace("\r\n", "\n");
    let mut lines = text.split(['\n', '\r']).enumerate();
    while let Some((number, line)) = lines.next() {
        let begin = line.trim_start_matches(BLANKS);
        if begin.is_empty() || begin.starts_with(['#', '!']) {
            continue;
        }
        let mut whole = begin.to_owned();
        while goes_on(&whole) {
            whole.pop();
            let Some((_, next)) = lines.next() else { break };
            whole.push_str(next.trim_start_matches(BLANKS));
        }
        let (key, value) = split(&whole);
        let pair = unescape(key).zip(unescape(value));
        let (key, value) = pair.ok_or_else(|| format!("line {}: \\u wants four hexadecimal digits", number + 1))?;
        found.insert(key, value);
    }
    Ok(found)
}

const BLANKS: [char; 3] = [' ', '\t', '\x0c'];

/// Whether the line ends in a backslash that no other one takes away.
fn goes_on(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

fn split(line: &str) -> (&str, &str) {
    let mut is_escaped = false;
    let ends = line.char_indices().find(|(_, letter)| {
        let ends = !is_escaped && (matches!(letter, '=' | ':') || BLANKS.contains(letter));
        is_escaped = !is_escaped && *letter == '\\';
        ends
    });
    let Some((key, rest)) = ends.and_then(|(at, _)| line.split_at_checked(at)) else { return (line, "") };
    let rest = rest.trim_start_matches(BLANKS);
    let value = rest.strip_prefix(['=', ':']).map_or(rest, |rest| rest.trim_start_matches(BLANKS));
    (key, value)
}

fn unescape(text: &str) -> Option<String> {
    let mut units: Vec<u16> = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let plain = match letter {
            '\\' => match letters.next()? {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                'f' => '\x0c',
                'u' => {
                    let digits: String = letters.by_ref().take(4).collect();
                    let sound = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                    units.push(sound.then(|| u16::from_str_radix(&digits, 16).ok()).flatten()?);
                    continue;
                }
                other => other,
            },
            other => other,
        };
        units.extend(plain.encode_utf16(&mut [0; 2]).iter());
    }
    Some(String::from_utf16_lossy(&units))
}
