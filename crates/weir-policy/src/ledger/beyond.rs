//! What was beyond the limits of all principals, by limit and mode: with `observe`, what a limit would have done.
//!
//! Must never: have a label that a stranger could invent, or be written to where nothing is beyond.

use std::sync::atomic::{AtomicU64, Ordering};

use super::level::Meter;
use crate::limits::Mode;

/// A limit that something can be beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limited {
    /// A rate: units of its meter.
    Rate(Meter),
    /// Requests that would make a group too many.
    Groups,
    /// Partitions that would have an offset, one too many.
    CommittedPartitions,
    /// Partitions with longer metadata.
    CommitMetadata,
    /// Requests of members that would be too many.
    GroupMembers,
    /// Fetches that would wait.
    ParkedFetches,
    /// Fetches that would open a session.
    FetchSessions,
    /// Partitions that would be read far behind, at each Fetch.
    CatchUpPartitions,
    /// Bytes of records far behind, of all principals.
    AllCatchUp,
    /// Partitions that would be read far behind, at each Fetch, of all principals.
    AllCatchUpPartitions,
}

/// The limits that are no meter's.
const OTHERS: [Limited; 9] = [
    Limited::Groups,
    Limited::CommittedPartitions,
    Limited::CommitMetadata,
    Limited::GroupMembers,
    Limited::ParkedFetches,
    Limited::FetchSessions,
    Limited::CatchUpPartitions,
    Limited::AllCatchUp,
    Limited::AllCatchUpPartitions,
];
/// The modes, in the order of their places.
const MODES: [Mode; 3] = [Mode::Observe, Mode::Throttle, Mode::Deny];
const LIMITS: usize = Meter::ALL.len() + OTHERS.len();

impl Limited {
    /// Its key in the files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rate(meter) => meter.name(),
            Self::Groups => "groups",
            Self::CommittedPartitions => "committed_partitions",
            Self::CommitMetadata => "commit_metadata_bytes",
            Self::GroupMembers => "group_members",
            Self::ParkedFetches => "parked_fetches",
            Self::FetchSessions => "fetch_sessions",
            Self::CatchUpPartitions => "catch_up_partitions",
            Self::AllCatchUp => "limits.catch_up.per_second",
            Self::AllCatchUpPartitions => "limits.catch_up.partitions",
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        Meter::ALL.into_iter().map(Self::Rate).chain(OTHERS)
    }

    fn place(self) -> usize {
        match self {
            Self::Rate(meter) => meter as usize,
            other => OTHERS.iter().position(|one| *one == other).unwrap_or(0).saturating_add(Meter::ALL.len()),
        }
    }

    /// Whether it can have this mode: a count is never throttled, and nothing of all principals is refused to one.
    fn can_be(self, mode: Mode) -> bool {
        match self {
            Self::Rate(_) => true,
            Self::AllCatchUp => mode != Mode::Deny,
            _ => mode != Mode::Throttle,
        }
    }
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Beyond([[AtomicU64; MODES.len()]; LIMITS]);

impl Beyond {
    pub(super) fn add(&self, limit: Limited, mode: Mode, amount: u64) {
        if amount > 0
            && let Some(cell) = self.0.get(limit.place()).and_then(|modes| modes.get(mode as usize))
        {
            cell.fetch_add(amount, Ordering::Relaxed);
        }
    }

    /// All of them, in each mode that they can have.
    pub(super) fn all(&self) -> Vec<(Limited, Mode, u64)> {
        let cell = |limit: Limited, mode: Mode| {
            let cell = self.0.get(limit.place()).and_then(|modes| modes.get(mode as usize));
            (limit, mode, cell.map_or(0, |cell| cell.load(Ordering::Relaxed)))
        };
        let modes = |limit: Limited| {
            MODES.into_iter().filter(move |mode| limit.can_be(*mode)).map(move |mode| cell(limit, mode))
        };
        Limited::all().flat_map(modes).collect()
    }
}
