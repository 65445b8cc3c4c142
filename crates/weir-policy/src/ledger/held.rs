//! What the connections of one principal hold at the brokers at once: fetch sessions, Fetches that wait, and partitions
//! that are read far behind.
//!
//! Who took something gives it back when it is dropped, whatever ended it. Must never: refuse what is held already, or
//! be locked for a Fetch in a session.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::account::Account;
use super::beyond::Limited;
use super::catch_up::CatchUp;
use super::{Shared, lock};
use crate::limits::{Count, Limits, Mode};

/// A broker gives the slot of a session that nobody asks in to another client after so long.
const LEFT: Duration = Duration::from_secs(120);
/// Sessions that are remembered as left behind, where their limit is only observed.
const MOST_LEFT: usize = 10_000;

/// The counts of one account.
#[derive(Debug, Default)]
pub(super) struct Held {
    parked: AtomicUsize,
    far: AtomicUsize,
    sessions: Mutex<Sessions>,
}

#[derive(Debug, Default)]
struct Sessions {
    open: usize,
    /// Until when those count that nobody ended.
    left: VecDeque<Instant>,
}

/// The place of one fetch session, or of a Fetch that asks for one, among those of its principal.
#[derive(Debug)]
pub struct SessionPlace {
    held: Arc<Held>,
}

impl Account {
    /// A place for one more fetch session; nothing where there are as many as there may be.
    #[must_use]
    pub fn take_session(&self, limits: &Limits, now: Instant) -> Option<SessionPlace> {
        let (held, shared) = self.held();
        let most = limits.fetch_sessions;
        let mut sessions = lock(&held.sessions);
        while sessions.left.front().is_some_and(|until| *until <= now) {
            sessions.left.pop_front();
        }
        let there = sessions.open.saturating_add(sessions.left.len());
        if most.is_exceeded(there) {
            shared.beyond.add(Limited::FetchSessions, most.mode, 1);
        }
        if most.is_reached(there) {
            return None;
        }
        sessions.open = sessions.open.saturating_add(1);
        Some(SessionPlace { held: Arc::clone(held) })
    }

    /// What is held: fetch sessions with those that were left behind, Fetches that wait, partitions far behind.
    #[must_use]
    pub fn holds_at_once(&self, now: Instant) -> (usize, usize, usize) {
        let (held, _) = self.held();
        let sessions = lock(&held.sessions);
        let left = sessions.left.iter().filter(|until| **until > now).count();
        let now = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (sessions.open.saturating_add(left), now(&held.parked), now(&held.far))
    }
}

impl SessionPlace {
    /// The connection ended and the broker keeps the session: it counts until the broker would give its slot away.
    pub fn leave_behind(self, now: Instant) {
        let mut sessions = lock(&self.held.sessions);
        if sessions.left.len() < MOST_LEFT {
            sessions.left.extend(now.checked_add(LEFT));
        }
    }
}

impl Drop for SessionPlace {
    fn drop(&mut self) {
        let mut sessions = lock(&self.held.sessions);
        sessions.open = sessions.open.saturating_sub(1);
    }
}

/// What one connection holds of what its principal may hold at once.
#[derive(Debug, Default)]
pub struct Holding {
    of: Option<(Arc<Held>, Arc<Shared>)>,
    parked: usize,
    far: usize,
}

impl Holding {
    /// Takes a place for a Fetch that waits; false where there are as many as there may be.
    pub fn park(&mut self, account: &Account, limits: &Limits) -> bool {
        let (held, shared) = self.of.get_or_insert_with(|| account.cloned_held());
        let most = limits.parked_fetches;
        let (got, beyond) = take(&held.parked, 1, most);
        self.parked = self.parked.saturating_add(got);
        if beyond > 0 {
            shared.beyond.add(Limited::ParkedFetches, most.mode, 1);
        }
        got > 0
    }

    /// A Fetch waits no more.
    pub fn unpark(&mut self) {
        let Some((held, _)) = &self.of else { return };
        if let Some(left) = self.parked.checked_sub(1) {
            self.parked = left;
            held.parked.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Takes places for so many partitions that are read far behind, or for as many as there are places; says for how
    /// many.
    pub fn read_far(&mut self, wanted: usize, account: &Account, limits: &Limits, all: &CatchUp) -> usize {
        let (held, shared) = self.of.get_or_insert_with(|| account.cloned_held());
        let most = limits.catch_up_partitions;
        let (own, beyond) = take(&held.far, wanted, most);
        let (got, beyond_all) = take(&shared.far, own, all.partitions);
        held.far.fetch_sub(own.saturating_sub(got), Ordering::Relaxed);
        self.far = self.far.saturating_add(got);
        let count = |limit, mode, many| shared.beyond.add(limit, mode, u64::try_from(many).unwrap_or(u64::MAX));
        count(Limited::CatchUpPartitions, most.mode, beyond);
        count(Limited::AllCatchUpPartitions, all.partitions.mode, beyond_all);
        got
    }

    /// So many partitions are not read any more.
    pub fn have_read_far(&mut self, many: usize) {
        let Some((held, shared)) = &self.of else { return };
        let many = many.min(self.far);
        self.far = self.far.saturating_sub(many);
        held.far.fetch_sub(many, Ordering::Relaxed);
        shared.far.fetch_sub(many, Ordering::Relaxed);
    }

    /// Nothing of it is at a broker any more.
    pub fn give_all_back(&mut self) {
        self.have_read_far(self.far);
        (0..self.parked).for_each(|_| self.unpark());
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.give_all_back();
    }
}

/// Takes what is left of a count, and no more than is wanted: how much that was, and how much of the wish was beyond.
fn take(count: &AtomicUsize, wanted: usize, most: Count) -> (usize, usize) {
    let all = usize::try_from(most.most).unwrap_or(usize::MAX);
    let within = |now: usize| all.saturating_sub(now).min(wanted);
    let taken = |now: usize| if most.mode == Mode::Observe { wanted } else { within(now) };
    let before = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| now.checked_add(taken(now)));
    before.map_or((0, wanted), |now| (taken(now), wanted.saturating_sub(within(now))))
}
