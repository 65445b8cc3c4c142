//! How often one broker may be dialled.
//!
//! Must never: let a burst of clients become a burst of dials.

use std::time::{Duration, Instant};

/// Spaces dials out. In any second at most `per_second` dials pass, a fifth of them at once.
#[derive(Debug)]
pub(super) struct Pacer {
    interval: Duration,
    tolerance: Duration,
    /// When the next dial is due if every dial kept to the interval.
    due: Option<Instant>,
}

impl Pacer {
    /// A pacer for `per_second` dials; 0 counts as 1.
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = per_second.max(1);
        let burst = per_second / 5;
        // Burst and rate together stay within `per_second` in the first second too.
        let rate = per_second.saturating_sub(burst).max(1);
        let interval = Duration::from_secs(1).checked_div(rate).unwrap_or(Duration::from_secs(1));
        Self { interval, tolerance: interval.saturating_mul(burst.saturating_sub(1)), due: None }
    }

    /// When a dial may start that so many others come before.
    pub(super) fn start_after(&self, others: usize, now: Instant) -> Instant {
        let others = self.interval.saturating_mul(u32::try_from(others).unwrap_or(u32::MAX));
        let due = self.due.map_or(now, |due| due.max(now)).checked_add(others);
        let start = due.and_then(|due| due.checked_sub(self.tolerance));
        start.map_or(now, |start| start.max(now))
    }

    /// A dial starts.
    pub(super) fn dial(&mut self, now: Instant) {
        self.due = self.due.map_or(now, |due| due.max(now)).checked_add(self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of each of `dials` dials that are all asked for at `now`.
    fn starts(pacer: &mut Pacer, now: Instant, dials: usize) -> Vec<Duration> {
        let start = |_| {
            let start = pacer.start_after(0, now);
            pacer.dial(now);
            start - now
        };
        (0..dials).map(start).collect()
    }

    #[test]
    fn no_second_sees_more_than_its_dials() {
        let now = Instant::now();
        for per_second in [1, 4, 5, 50, 1000] {
            let starts = starts(&mut Pacer::new(per_second), now, 3 * per_second as usize);
            for first in &starts {
                let within = starts.iter().filter(|at| *at >= first && **at < *first + Duration::from_secs(1)).count();
                assert!(within <= per_second as usize, "{within} dials in a second, {per_second} allowed");
            }
        }
    }

    #[test]
    fn a_few_dials_after_a_quiet_time_do_not_wait() {
        let mut pacer = Pacer::new(50);
        let now = Instant::now();
        assert_eq!(starts(&mut pacer, now, 10), vec![Duration::ZERO; 10]);
        assert!(pacer.start_after(0, now) > now);
        let later = now + Duration::from_secs(5);
        assert_eq!(starts(&mut pacer, later, 10), vec![Duration::ZERO; 10]);
    }

    #[test]
    fn those_before_one_have_an_interval_each() {
        let (mut pacer, now) = (Pacer::new(1), Instant::now());
        assert_eq!([0, 1, 5].map(|others| (pacer.start_after(others, now) - now).as_secs()), [0, 1, 5]);
        pacer.dial(now);
        assert_eq!([0, 1, 5].map(|others| (pacer.start_after(others, now) - now).as_secs()), [1, 2, 6]);
    }
}
