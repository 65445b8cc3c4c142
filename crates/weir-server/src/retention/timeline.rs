//! How old the records of one partition are, from a few look-ups by time, and so when retention reaches an offset.
//!
//! Brokers tell the first offset that is not older than an age. Between two of those, offsets are taken to have come
//! evenly. Must never: foresee a loss in a log that has lost nothing yet, or need a record.

use std::time::Duration;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// The ages that are looked up, youngest first. Who is not further behind than the first is in no danger.
pub(crate) const AGES: [Duration; 14] = [
    Duration::from_secs(HOUR),
    Duration::from_secs(2 * HOUR),
    Duration::from_secs(4 * HOUR),
    Duration::from_secs(8 * HOUR),
    Duration::from_secs(16 * HOUR),
    Duration::from_secs(DAY),
    Duration::from_secs(2 * DAY),
    Duration::from_secs(3 * DAY),
    Duration::from_secs(5 * DAY),
    Duration::from_secs(7 * DAY),
    Duration::from_secs(10 * DAY),
    Duration::from_secs(14 * DAY),
    Duration::from_secs(30 * DAY),
    Duration::from_secs(90 * DAY),
];

/// What is known of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timeline {
    /// The first offset that is there.
    pub(crate) earliest: i64,
    /// Of an age, the first offset that is not older; nothing where no record is that young.
    points: Vec<(Duration, Option<i64>)>,
}

/// How a committed offset stands to retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing is lost, and no loss is foreseen.
    Safe,
    /// Retention reaches it in this time, if it goes on as it has.
    EndsIn(Duration),
    /// So many offsets were deleted before they were read.
    Lost(u64),
}

impl Timeline {
    pub(crate) fn new(earliest: i64) -> Self {
        Self { earliest, points: Vec::new() }
    }

    /// Of an age, the first offset that is not older. Ages come youngest first.
    pub(crate) fn know(&mut self, age: Duration, offset: Option<i64>) {
        self.points.push((age, offset));
    }

    /// Whether the ages of the log can say anything of who wants this offset next: it is not near the end of a log that
    /// loses records.
    pub(crate) fn may_end(&self, committed: i64) -> bool {
        let is_young = self.points.first().is_some_and(|(_, first)| first.is_none_or(|first| committed >= first));
        self.earliest > 0 && committed >= self.earliest && !is_young
    }

    /// How a group's committed offset stands.
    pub(crate) fn standing(&self, committed: i64) -> Standing {
        if committed < self.earliest {
            return Standing::Lost(self.earliest.saturating_sub(committed).unsigned_abs());
        }
        // Where nothing was ever deleted it cannot be seen when that will begin, nor where ages are not known.
        if !self.may_end(committed) || self.points.len() < AGES.len() {
            return Standing::Safe;
        }
        match (self.kept(), self.age(committed)) {
            (Some(kept), Some(committed)) => Standing::EndsIn(kept.saturating_sub(committed)),
            _ => Standing::Safe,
        }
    }

    /// The greatest age that was looked up of which a younger record than the first is known: so long records are kept
    /// at least.
    fn kept(&self) -> Option<Duration> {
        let older = self.points.iter().filter(|(_, first)| first.is_some_and(|first| first > self.earliest));
        older.map(|(age, _)| *age).max()
    }

    /// About how old the record at an offset is; nothing where it is younger than every age that was looked up.
    fn age(&self, offset: i64) -> Option<Duration> {
        let mut younger: Option<(Duration, i64)> = None;
        for (age, first) in &self.points {
            let Some(first) = *first else { continue };
            if first <= offset {
                return younger.map(|younger| between((*age, first), younger, offset));
            }
            younger = Some((*age, first));
        }
        // Older than every age that was looked up.
        younger.map(|(age, _)| age)
    }
}

/// The age of an offset between an older point and a younger one.
fn between(older: (Duration, i64), younger: (Duration, i64), offset: i64) -> Duration {
    let span = younger.1.saturating_sub(older.1).max(1).unsigned_abs();
    let into = offset.saturating_sub(older.1).max(0).unsigned_abs().min(span);
    let step = older.0.saturating_sub(younger.0).as_secs();
    let gone = u128::from(step).saturating_mul(u128::from(into)).checked_div(u128::from(span)).unwrap_or(0);
    older.0.saturating_sub(Duration::from_secs(u64::try_from(gone).unwrap_or(step)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record a second, the oldest of a little over 3 days at offset 1,000,000, looked up at all ages.
    fn one_a_second() -> Timeline {
        let (earliest, end) = (1_000_000, 1_000_000 + 3 * i64::try_from(DAY).unwrap() + 60);
        let mut timeline = Timeline::new(earliest);
        for age in AGES {
            timeline.know(age, Some((end - i64::try_from(age.as_secs()).unwrap()).max(earliest)));
        }
        timeline
    }

    #[test]
    fn what_retention_has_passed_is_lost_and_counted() {
        assert_eq!(one_a_second().standing(999_990), Standing::Lost(10));
        assert_eq!(
            Timeline::new(5).standing(i64::MIN),
            Standing::Lost(i64::MAX.unsigned_abs()),
            "no arithmetic on it fails"
        );
    }

    #[test]
    fn the_time_that_is_left_is_how_much_younger_it_is_than_what_is_deleted() {
        let timeline = one_a_second();
        for (behind_earliest, hours) in [(0, 0), (3_600, 1), (24 * 3_600, 24), (70 * 3_600, 70)] {
            let Standing::EndsIn(left) = timeline.standing(1_000_000 + behind_earliest) else { panic!() };
            let off = left.as_secs().abs_diff(hours * HOUR);
            assert!(off <= HOUR, "{behind_earliest}: {left:?}");
        }
    }

    #[test]
    fn who_reads_the_tail_is_safe() {
        assert_eq!(one_a_second().standing(1_000_000 + 3 * 24 * 3_600 - 60), Standing::Safe);
    }

    #[test]
    fn a_log_that_has_lost_nothing_foretells_nothing() {
        let mut timeline = Timeline::new(0);
        timeline.know(AGES[0], Some(500));
        timeline.know(AGES[1], Some(0));
        assert_eq!(timeline.standing(0), Standing::Safe);
        let mut idle = Timeline::new(7);
        idle.know(AGES[0], None);
        assert_eq!(idle.standing(7), Standing::Safe, "no record, no age");
    }
}
