//! A time as a person writes it.
//!
//! Must never: become one of the numbers that ListOffsets takes for something else than a time.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::consumer::lookup::{EARLIEST, LATEST};
use crate::consumer::moment;

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Earliest,
    Latest,
    At(OffsetDateTime),
    /// So long before now.
    Ago(Duration),
}

/// Reads it from the command line.
pub(super) fn read(text: &str) -> Result<When, String> {
    match text {
        "earliest" => Ok(When::Earliest),
        "latest" => Ok(When::Latest),
        _ => match text.strip_prefix('-') {
            Some(span) => ago(span).map(When::Ago),
            None => moment(text).map(When::At).map_err(|_| without_zone(text).unwrap_or_else(|| HOW.to_owned())),
        },
    }
}

const HOW: &str = "write a time as 2027-05-03T12:00:00Z, -90s, -15m, -6h or -2d, or `earliest` or `latest`";

/// What to write where only the end is missing: a date or a time of nowhere.
fn without_zone(text: &str) -> Option<String> {
    let ends = ["Z", ":00Z", "T00:00:00Z"];
    let whole = ends.iter().map(|end| format!("{text}{end}")).find(|whole| moment(whole).is_ok())?;
    Some(format!(
        "it does not say in which zone, or not to the second: write {whole} for UTC, or +01:00 in the place of Z"
    ))
}

fn ago(span: &str) -> Result<Duration, String> {
    let unit = span.chars().next_back().and_then(|unit| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3_600),
        'd' => Some(86_400),
        _ => None,
    });
    let digits = span.get(..span.len().saturating_sub(1)).filter(|digits| digits.bytes().all(|d| d.is_ascii_digit()));
    let count = digits.and_then(|digits| digits.parse::<u32>().ok());
    match (count, unit) {
        (Some(count), Some(unit)) => Ok(Duration::seconds(i64::from(count).saturating_mul(unit))),
        _ => Err(HOW.to_owned()),
    }
}

impl When {
    /// As ListOffsets takes it: milliseconds since 1970, or one of the ends. `now` is this machine's clock.
    pub(super) fn timestamp(self, now: OffsetDateTime) -> i64 {
        let time = match self {
            Self::Earliest => return EARLIEST,
            Self::Latest => return LATEST,
            Self::At(time) => time,
            Self::Ago(span) => now.saturating_sub(span),
        };
        // Before 1970 there is no record; the numbers below 0 mean something else.
        i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX).max(0)
    }

    /// Whether no record can be as new, by this machine's clock.
    pub(super) fn is_to_come(self, now: OffsetDateTime) -> bool {
        matches!(self, Self::At(time) if time > now)
    }

    /// In words. `now` is this machine's clock.
    pub(super) fn shown(self, now: OffsetDateTime) -> String {
        match self {
            Self::Earliest => "earliest".to_owned(),
            Self::Latest => "latest".to_owned(),
            Self::At(_) | Self::Ago(_) => millis(self.timestamp(now)),
        }
    }
}

/// A time in milliseconds since 1970, in RFC 3339 and UTC.
pub(super) fn millis(since_1970: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(since_1970).saturating_mul(1_000_000)).ok();
    let shown = time.and_then(|time| time.format(&Rfc3339).ok());
    shown.unwrap_or_else(|| format!("{since_1970} ms since 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_a_person_writes_them() {
        let now = OffsetDateTime::from_unix_timestamp(1_000_000).unwrap();
        let read = |text: &str| read(text).map(|when| when.timestamp(now));
        assert_eq!(read("1970-01-02T00:00:00.5Z"), Ok(86_400_500));
        assert_eq!(read("1970-01-02T01:00:00+01:00"), Ok(86_400_000));
        assert_eq!((read("-90s"), read("-15m")), (Ok(999_910_000), Ok(999_100_000)));
        assert_eq!((read("-6h"), read("-2d")), (Ok(978_400_000), Ok(827_200_000)));
        assert_eq!((read("earliest"), read("latest")), (Ok(-2), Ok(-1)));
        for wrong in ["", "-", "-m", "-1", "-1w", "--1m", "-1.5h", "15m", "yesterday", "2027-05-03", "-é", "1700000000"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_missing_of_a_time_is_written_out() {
        for (text, whole) in [
            ("2027-05-03", " 2027-05-03T00:00:00Z "),
            ("2027-05-03T12:00", " 2027-05-03T12:00:00Z "),
            ("2027-05-03 12:00:00", " 2027-05-03 12:00:00Z "),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains(whole) && told.contains("zone"), "{told}");
        }
        assert_eq!(read("2027-13-03"), Err(HOW.to_owned()));
    }

    #[test]
    fn only_a_time_that_was_written_can_be_to_come() {
        let now = OffsetDateTime::from_unix_timestamp(1_000_000).unwrap();
        let is_to_come = |text: &str| read(text).unwrap().is_to_come(now);
        assert!(is_to_come("2027-05-03T12:00:00Z"));
        assert!(!is_to_come("1970-01-02T00:00:00Z") && !is_to_come("-0s") && !is_to_come("latest"));
    }

    #[test]
    fn a_time_before_1970_is_not_an_end() {
        let now = OffsetDateTime::from_unix_timestamp(10).unwrap();
        assert_eq!(read("1969-12-31T23:59:59.999Z").unwrap().timestamp(now), 0, "not `latest`");
        assert_eq!(read("-4294967295d").unwrap().timestamp(now), 0);
    }

    #[test]
    fn times_are_shown_with_their_milliseconds() {
        assert_eq!(millis(1_500), "1970-01-01T00:00:01.5Z");
        assert_eq!(millis(i64::MAX), "9223372036854775807 ms since 1970");
    }
}
