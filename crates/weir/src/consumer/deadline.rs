//! The end of a step.
//!
//! Must never: be moved. What is waited for takes what is left of it.

use std::time::{Duration, Instant};

/// By when something must be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    pub(crate) fn after(limit: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(limit).unwrap_or(now))
    }

    /// What is left; nothing where it is over.
    pub(crate) fn left(self) -> Option<Duration> {
        Some(self.0.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// This one, or so long from now if that is earlier.
    pub(crate) fn or_after(self, limit: Duration) -> Self {
        Self(self.0.min(Self::after(limit).0))
    }

    /// Waits a moment, if it is not over before; says whether it is not.
    pub(crate) fn pause(self) -> bool {
        let Some(left) = self.left().filter(|left| *left > PAUSE) else { return false };
        std::thread::sleep(PAUSE.min(left));
        true
    }
}

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(300);
