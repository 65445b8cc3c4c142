//! One meter of one account: what was charged and has not run off yet.
//!
//! Must never: lose a charge, or let a clock that jumps pay a debt.

use std::time::{Duration, Instant};

use crate::limits::{Limits, Rate};

/// What is charged by the piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meter {
    /// Requests.
    Requests,
    /// Refused items.
    Denied,
    /// Bytes of answers.
    BytesOut,
    /// Partitions committed.
    CommitPartitions,
    /// Requests to join a group.
    Joins,
    /// Look-ups of offsets by time.
    TimestampLookups,
    /// Connections that were opened.
    Connects,
    /// Bytes of records far behind the high watermark.
    CatchUp,
}

impl Meter {
    /// Every meter, once.
    pub const ALL: [Self; 8] = [
        Self::Requests,
        Self::Denied,
        Self::BytesOut,
        Self::CommitPartitions,
        Self::Joins,
        Self::TimestampLookups,
        Self::Connects,
        Self::CatchUp,
    ];

    /// The limit that it is held against.
    #[must_use]
    pub fn rate(self, limits: &Limits) -> Rate {
        match self {
            Self::Requests => limits.requests,
            Self::Denied => limits.denied,
            Self::BytesOut => limits.bytes_out,
            Self::CommitPartitions => limits.commit_partitions,
            Self::Joins => limits.joins,
            Self::TimestampLookups => limits.timestamp_lookups,
            Self::Connects => limits.connects,
            Self::CatchUp => limits.catch_up,
        }
    }

    /// The name in metrics, logs and `weir explain`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Denied => "denied",
            Self::BytesOut => "bytes_out",
            Self::CommitPartitions => "commit_partitions",
            Self::Joins => "joins",
            Self::TimestampLookups => "timestamp_lookups",
            Self::Connects => "connects",
            Self::CatchUp => "catch_up",
        }
    }

    /// Whether who owes of it is not listened to for a while.
    pub(super) fn mutes(self) -> bool {
        !matches!(self, Self::Connects | Self::CatchUp)
    }
}

/// The microseconds of a minute: rates are by the minute, and what runs off in a microsecond must be a whole number.
const MINUTE: u128 = 60_000_000;

/// What was charged and has not run off yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    /// In minute-microseconds: one unit is `MINUTE` of them.
    owed: u128,
    /// Until when it has run off.
    since: Option<Instant>,
    /// All that was ever charged.
    charged: u64,
}

impl Level {
    /// Lets run off what the rate gives up to now. A clock that went back gives nothing, and takes nothing.
    pub(super) fn run_off(&mut self, rate: Rate, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let micros = now.saturating_duration_since(since).as_micros();
        self.owed = self.owed.saturating_sub(micros.saturating_mul(u128::from(rate.per_minute)));
        // What is less than a microsecond waits for the next time.
        let counted = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        self.since = since.checked_add(counted);
    }

    pub(super) fn add(&mut self, amount: u64) {
        self.charged = self.charged.saturating_add(amount);
        self.owed = self.owed.saturating_add(u128::from(amount).saturating_mul(MINUTE));
    }

    /// How long it takes until what is owed, and `more`, is within the burst again.
    pub(super) fn debt(&self, rate: Rate, more: u64) -> Duration {
        let owed = self.owed.saturating_add(u128::from(more).saturating_mul(MINUTE));
        let over = owed.saturating_sub(u128::from(rate.burst).saturating_mul(MINUTE));
        if over == 0 {
            return Duration::ZERO;
        }
        let micros = over.div_ceil(u128::from(rate.per_minute.max(1)));
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// How much was ever charged.
    pub(super) fn charged(&self) -> u64 {
        self.charged
    }

    /// How much of what was charged last is beyond the burst, in whole units, rounded up.
    pub(super) fn beyond(&self, rate: Rate, last: u64) -> u64 {
        self.owed().saturating_sub(rate.burst).min(last)
    }

    /// How much is owed, in whole units, rounded up.
    pub(super) fn owed(&self) -> u64 {
        u64::try_from(self.owed.div_ceil(MINUTE)).unwrap_or(u64::MAX)
    }
}
