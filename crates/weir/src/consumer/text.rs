//! Text for people.
//!
//! Must never: let through a character that a terminal acts on.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// As many characters as are shown of what somebody else wrote.
const LONGEST: usize = 200;

/// What somebody else wrote, as plain text of a bounded length.
pub(crate) fn plain(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push_str("...");
    }
    shown
}

/// A second since 1970, in UTC.
pub(crate) fn time(seconds: i64) -> String {
    let formatted = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|time| time.format(&Rfc3339).ok());
    formatted.unwrap_or_else(|| format!("{seconds} s since 1970"))
}

/// A span of time, in its largest unit.
pub(crate) fn span(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let units = [(86_400_u64, "d"), (3_600, "h"), (60, "min")];
    let large = units.iter().find(|(length, _)| seconds >= length.saturating_mul(2));
    large.map_or_else(|| format!("{seconds} s"), |(length, unit)| format!("{} {unit}", seconds / length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_wrote_is_plain_and_short() {
        assert_eq!(plain("a\u{1b}[2Jb\r\n\u{202e}"), "a\\u{1b}[2Jb\\r\\n\\u{202e}");
        assert_eq!(plain(&"x".repeat(5_000)).len(), LONGEST + 3);
        assert_eq!(plain("kafka.example.org"), "kafka.example.org");
    }

    #[test]
    fn times_and_spans() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(
            [span(7), span(-119), span(120), span(7_300), span(400_000)],
            ["7 s", "119 s", "2 min", "2 h", "4 d"]
        );
    }
}
