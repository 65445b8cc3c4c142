//! Reading far behind the end of a partition: what one principal owes for it, and what all of them do.
//!
//! Brokers have the end of each partition in memory, and must fetch the rest from disk into the place of what others
//! are about to read. Must never: be asked by who reads at the end.

use std::time::{Duration, Instant};

use super::account::Account;
use super::beyond::Limited;
use super::level::Meter;
use super::lock;
use crate::limits::{Count, Limits, Mode, Rate};

/// What is far behind, and how much of it all principals may read together, through one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatchUp {
    /// Records between what is read and the high watermark: more is far behind.
    pub behind: u64,
    /// Bytes of records that are read far behind.
    pub rate: Rate,
    /// Partitions that are read far behind at once.
    pub partitions: Count,
}

impl Default for CatchUp {
    fn default() -> Self {
        Self { behind: 100_000, rate: Rate::per_second(64 << 20, 512 << 20), partitions: Count::of(200) }
    }
}

impl CatchUp {
    /// The bytes that one Fetch far behind may ask for: those of a second.
    #[must_use]
    pub fn bytes_of_a_second(&self, own: &Limits) -> u64 {
        let of = |rate: Rate| if rate.mode == Mode::Throttle { rate.per_minute / 60 } else { u64::MAX };
        of(own.catch_up).min(of(self.rate))
    }
}

impl Account {
    /// Charges bytes that were read far behind, to the principal and to all.
    pub fn charge_catch_up(&self, bytes: u64, limits: &Limits, all: &CatchUp, now: Instant) {
        self.charge(Meter::CatchUp, bytes, limits, now);
        let (_, shared) = self.held();
        let mut level = lock(&shared.catch_up);
        level.run_off(all.rate, now);
        level.add(bytes);
        shared.beyond.add(Limited::AllCatchUp, all.rate.mode, level.beyond(all.rate, bytes));
    }

    /// How long it takes until what the principal owes, and what all do, is paid: for so long nothing is read far
    /// behind.
    #[must_use]
    pub fn catch_up_debt(&self, limits: &Limits, all: &CatchUp, now: Instant) -> Duration {
        let own = self.debt(Meter::CatchUp, limits, now);
        if all.rate.mode != Mode::Throttle {
            return own;
        }
        let (_, shared) = self.held();
        let mut level = lock(&shared.catch_up);
        level.run_off(all.rate, now);
        own.max(level.debt(all.rate, 0))
    }
}
