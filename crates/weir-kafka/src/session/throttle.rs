//! How long a client is throttled, as it is told: the longer of what the broker says and what its principal owes here.
//!
//! Where all principals share one credential, brokers throttle each for what the others use, and the exact time would be
//! a gauge of that (trap L28).
//! Must never: tell less than the broker did, and none least of all: of a Fetch that is throttled, clients know by the time
//! alone why it is empty (trap Q6).

use std::time::Duration;

use crate::shape::Kind;
use crate::table::Row;

/// The first step. The next ones are twice as long as the one before.
const FIRST_STEP_MS: u32 = 128;

/// Raises the throttle time of a broker's answer to the next step. A body that has none, or not yet, stays as it is.
pub(super) fn coarsen(row: &Row, version: i16, body: &mut [u8]) {
    raise(row, version, body, step);
}

/// Raises the throttle time of an answer to what is owed here. It is the last that is done to it: of a Fetch that the
/// broker throttles the time alone says so, and this one says nothing of the broker.
pub(super) fn tell(row: &Row, version: i16, body: &mut [u8], owed: Duration) {
    if !owed.is_zero() {
        let owed = i32::try_from(owed.as_micros().div_ceil(1_000)).unwrap_or(i32::MAX);
        raise(row, version, body, |told| told.max(owed));
    }
}

fn raise(row: &Row, version: i16, body: &mut [u8], to: impl Fn(i32) -> i32) {
    if let Some(time) = place(row, version).and_then(|at| body.get_mut(at..)?.first_chunk_mut::<4>()) {
        *time = to(i32::from_be_bytes(*time)).to_be_bytes();
    }
}

fn step(told: i32) -> i32 {
    match u32::try_from(told) {
        Ok(told @ 1..) => i32::try_from(told.max(FIRST_STEP_MS).next_power_of_two()).unwrap_or(i32::MAX),
        _ => told,
    }
}

/// Where it stands: first, or behind an error code.
fn place(row: &Row, version: i16) -> Option<usize> {
    let mut fields = row.response.fields.iter().filter(|field| field.versions.holds(version));
    let is_time = |name| name == "throttle_time_ms";
    let first = fields.next()?;
    if is_time(first.name) {
        return Some(0);
    }
    (matches!(first.kind, Kind::Int16) && is_time(fields.next()?.name)).then_some(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Disposition, TABLE};

    #[test]
    fn steps_are_few_and_never_shorter_than_what_was_told() {
        assert_eq!([0, 1, 127, 128, 129, 1_000, 1_025].map(step), [0, 128, 128, 128, 256, 1_024, 2_048]);
        assert_eq!(
            [1 << 30, (1 << 30) + 1, i32::MAX, -1, i32::MIN].map(step),
            [1 << 30, i32::MAX, i32::MAX, -1, i32::MIN]
        );
        let steps: std::collections::BTreeSet<_> = (1..=60_000).map(step).collect();
        assert_eq!(steps.len(), 10, "up to a minute: {steps:?}");
    }

    #[test]
    fn the_time_is_found_wherever_a_brokers_answer_has_one() {
        for row in TABLE.iter().filter(|row| row.disposition == Disposition::Forward) {
            for version in row.versions.min..=row.versions.max {
                let mut fields = row.response.fields.iter().filter(|field| field.versions.holds(version));
                let has_one = fields.any(|field| field.name == "throttle_time_ms");
                assert_eq!(place(row, version).is_some(), has_one, "{} v{version}", row.name);
            }
        }
    }
}
