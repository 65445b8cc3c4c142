//! Numbers with units, as the configuration writes them: `5s`, `1MiB`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A time: a whole number and `ms`, `s`, `m`, `h` or `d`, like `5s`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("format" = "time"))]
pub struct TimeText(pub String);

/// A number of bytes: a whole number and `B`, `KiB`, `MiB` or `GiB`, like `1MiB`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("format" = "size"))]
pub struct SizeText(pub String);

/// What is wrong with a number and what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadUnit {
    /// What is wrong.
    pub what: &'static str,
    /// What to write.
    pub fix: &'static str,
}

const TIME_FIX: &str = "write a whole number and one of ms, s, m, h, d, like 5s";
const SIZE_FIX: &str = "write a whole number and one of B, KiB, MiB, GiB, like 1MiB";

impl TimeText {
    /// The time.
    ///
    /// # Errors
    /// A text without a number, without a unit, or a time beyond what can be counted.
    pub fn parse(&self) -> Result<Duration, BadUnit> {
        let (number, unit) = split(&self.0).ok_or(BadUnit { what: "is not a time", fix: TIME_FIX })?;
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(BadUnit { what: "has no unit of time", fix: TIME_FIX }),
        };
        let too_long = BadUnit { what: "is too long a time", fix: "write at most 365d" };
        let total = number.checked_mul(milliseconds).ok_or(too_long)?;
        let time = Duration::from_millis(total);
        if time > Duration::from_secs(365 * 86_400) { Err(too_long) } else { Ok(time) }
    }
}

impl SizeText {
    /// The size in bytes.
    ///
    /// # Errors
    /// A text without a number, without a unit, or more bytes than an answer of Kafka can have.
    pub fn parse(&self) -> Result<usize, BadUnit> {
        let (number, unit) = split(&self.0).ok_or(BadUnit { what: "is not a size", fix: SIZE_FIX })?;
        let bytes = match unit {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(BadUnit { what: "has no unit of size", fix: SIZE_FIX }),
        };
        let too_large = BadUnit { what: "is too large a size", fix: "write at most 1GiB" };
        let total = number.checked_mul(bytes).ok_or(too_large)?;
        if total > 1 << 30 { Err(too_large) } else { usize::try_from(total).map_err(|_| too_large) }
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, unit.trim_start_matches(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Result<Duration, BadUnit> {
        TimeText(text.to_owned()).parse()
    }

    fn size(text: &str) -> Result<usize, BadUnit> {
        SizeText(text.to_owned()).parse()
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(time("10 min"), Ok(Duration::from_secs(600)));
        assert_eq!(time("2h"), Ok(Duration::from_secs(7200)));
        for bad in ["", "5", "s", "-5s", "1.5s", "5 s s", "99999999999999999999s", "18446744073709551615d", "366d"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_have_a_unit_and_an_end() {
        assert_eq!(size("16KiB"), Ok(16_384));
        assert_eq!(size("1 GiB"), Ok(1 << 30));
        for bad in ["1024", "1kb", "2GiB", "18446744073709551615KiB", "", "MiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
