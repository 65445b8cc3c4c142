//! How long to wait after a failure before trying again.
//!
//! Must never: let many replicas of Weir come back to a broker in step.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// A wait, doubled after each failure up to the longest, each up to half shorter by chance.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// 50 ms to 1 s.
    pub(super) fn new() -> Self {
        Self::between(FIRST, LONGEST)
    }

    pub(super) fn between(first: Duration, longest: Duration) -> Self {
        Self { failures: 0, first, longest }
    }

    /// What was tried has worked.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait now.
    pub(super) fn next(&mut self) -> Duration {
        let whole = self.first.saturating_mul(2_u32.saturating_pow(self.failures)).min(self.longest);
        self.failures = self.failures.saturating_add(1).min(16);
        let part = u32::try_from(random() % 512).unwrap_or(0);
        whole.saturating_sub(whole.saturating_mul(part) / 1024)
    }
}

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// An instant between these two, by chance.
pub(crate) fn random_instant(from: Instant, to: Instant) -> Instant {
    let part = u32::try_from(random() % 1024).unwrap_or(0);
    let wait = to.saturating_duration_since(from).saturating_mul(part) / 1024;
    from.checked_add(wait).unwrap_or(from)
}

/// A number that differs between calls and processes. Not for secrets.
pub(super) fn random() -> u64 {
    // The standard library seeds each `RandomState` anew: enough to spread waits and choices.
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_u1_waits_grow_from_50_ms_to_1_s_and_are_spread() {
        let mut backoff = Backoff::new();
        for whole in [50, 100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.next();
            assert!(wait <= Duration::from_millis(whole), "{wait:?}");
            assert!(wait * 2 >= Duration::from_millis(whole), "{wait:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST);
        let waits: std::collections::HashSet<_> = (0..50).map(|_| Backoff::new().next()).collect();
        assert!(waits.len() > 5);
    }
}
