//! What one principal owes and has, over all its connections.
//!
//! Must never: refuse what exists because something new was too much.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::beyond::Limited;
use super::groups::{Groups, Wishes};
use super::held::Held;
use super::level::{Level, Meter};
use super::members::Joiner;
use super::news::GroupNews;
use super::{LONGEST_DEBT, Shared, lock};
use crate::Reason;
use crate::limits::{Limits, Mode};

/// The account of one principal.
#[derive(Debug, Default)]
pub struct Account {
    levels: Mutex<[Level; Meter::ALL.len()]>,
    groups: Mutex<Groups>,
    has_news: AtomicBool,
    held: Arc<Held>,
    shared: Arc<Shared>,
}

/// How long it takes until what is owed is paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Debts {
    /// Of bytes of answers.
    pub bytes_out: Duration,
    /// Of the meter that takes longest, among the others.
    pub others: Duration,
}

/// What became of a charge that may be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is within its limit, or the limit is only observed.
    Fine,
    /// It is charged, and beyond its limit by so long.
    Owed(Duration),
    /// It is not charged, and must not be done.
    Refused,
}

impl Account {
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), ..Self::default() }
    }

    /// Charges what was done.
    pub fn charge(&self, meter: Meter, amount: u64, limits: &Limits, now: Instant) {
        let rate = meter.rate(limits);
        let beyond = self.with(meter, |level| {
            level.run_off(rate, now);
            level.add(amount);
            level.beyond(rate, amount)
        });
        self.shared.beyond.add(Limited::Rate(meter), rate.mode, beyond);
    }

    /// Charges what is to be done, unless its limit refuses it.
    #[must_use]
    pub fn take(&self, meter: Meter, amount: u64, limits: &Limits, now: Instant) -> Taken {
        let rate = meter.rate(limits);
        let (taken, beyond) = self.with(meter, |level| {
            level.run_off(rate, now);
            let debt = level.debt(rate, amount);
            let taken = match rate.mode {
                Mode::Observe => Taken::Fine,
                _ if debt.is_zero() => Taken::Fine,
                Mode::Throttle if debt <= LONGEST_DEBT => Taken::Owed(debt),
                Mode::Throttle | Mode::Deny => Taken::Refused,
            };
            if taken == Taken::Refused {
                return (taken, amount);
            }
            level.add(amount);
            (taken, level.beyond(rate, amount))
        });
        self.shared.beyond.add(Limited::Rate(meter), rate.mode, beyond);
        taken
    }

    /// How long it takes until what is owed is paid: for so long the principal is to be made to wait.
    #[must_use]
    pub fn debt(&self, meter: Meter, limits: &Limits, now: Instant) -> Duration {
        let rate = meter.rate(limits);
        if rate.mode != Mode::Throttle {
            return Duration::ZERO;
        }
        self.with(meter, |level| {
            level.run_off(rate, now);
            level.debt(rate, 0)
        })
    }

    /// Charges what was done, of several meters at once, and tells what is owed of all by then: but of what only the
    /// next connection waits for, or the partitions that are far behind.
    #[must_use]
    pub fn settle(&self, done: &[(Meter, u64)], limits: &Limits, now: Instant) -> Debts {
        let mut debts = Debts::default();
        let mut levels = lock(&self.levels);
        for (meter, level) in Meter::ALL.into_iter().zip(levels.iter_mut()) {
            let rate = meter.rate(limits);
            level.run_off(rate, now);
            let amounts = done.iter().filter(|(of, _)| *of == meter).map(|(_, amount)| *amount);
            let amount = amounts.fold(0, u64::saturating_add);
            level.add(amount);
            if amount > 0 {
                self.shared.beyond.add(Limited::Rate(meter), rate.mode, level.beyond(rate, amount));
            }
            if rate.mode != Mode::Throttle || !meter.mutes() {
                continue;
            }
            let kind = if meter == Meter::BytesOut { &mut debts.bytes_out } else { &mut debts.others };
            *kind = level.debt(rate, 0).max(*kind);
        }
        debts
    }

    /// What is owed of a meter, in its unit, whatever its mode.
    #[must_use]
    pub fn owed(&self, meter: Meter, limits: &Limits, now: Instant) -> u64 {
        self.with(meter, |level| {
            level.run_off(meter.rate(limits), now);
            level.owed()
        })
    }

    /// How much was charged of a meter since the account was opened, in its unit: what was refused was not.
    #[must_use]
    pub fn charged(&self, meter: Meter) -> u64 {
        self.with(meter, |level| level.charged())
    }

    /// Whether a request may make this group, by the brokers' name of it. One that is there may always.
    ///
    /// # Errors
    /// There are as many groups already, or nobody knows yet how many there are.
    pub fn admit_group(&self, group: &str, limits: &Limits, now: Instant) -> Result<(), Reason> {
        self.with_groups(|groups| groups.admit(group, limits, &self.shared.beyond, now))
    }

    /// Whether a member may have a place in a group: one that has it may always, and the group is made where it is not.
    ///
    /// # Errors
    /// There are as many groups or members already, or nobody knows yet how many there are.
    pub fn admit_member(&self, group: &str, joiner: Joiner<'_>, limits: &Limits, now: Instant) -> Result<(), Reason> {
        self.with_groups(|groups| {
            let beyond = &self.shared.beyond;
            groups.admit(group, limits, beyond, now)?;
            groups.admit_member(group, joiner, limits.group_members, beyond, now)
        })
    }

    /// Which partitions a commit may write: `refused` is told the place of each that it may not.
    ///
    /// # Errors
    /// The group itself may not be made.
    pub fn admit_commit<'a>(
        &self,
        group: &str,
        partitions: impl Iterator<Item = (&'a str, i32)>,
        limits: &Limits,
        now: Instant,
        refused: impl FnMut(usize, Reason),
    ) -> Result<(), Reason> {
        self.with_groups(|groups| {
            let beyond = &self.shared.beyond;
            groups.admit(group, limits, beyond, now)?;
            groups.admit_partitions(group, partitions, limits, beyond, now, refused);
            Ok(())
        })
    }

    /// Which partitions the commit of a group's member may write: `refused` is told the place of each that it may not.
    /// A member makes no group, and of a group that is not known nothing is counted.
    pub fn admit_commit_of_member<'a>(
        &self,
        group: &str,
        partitions: impl Iterator<Item = (&'a str, i32)>,
        limits: &Limits,
        now: Instant,
        refused: impl FnMut(usize, Reason),
    ) {
        self.with_groups(|groups| {
            groups.admit_partitions(group, partitions, limits, &self.shared.beyond, now, refused);
        });
    }

    /// Something that is judged elsewhere was beyond its limit.
    pub fn was_beyond(&self, limit: Limited, mode: Mode, amount: u64) {
        self.shared.beyond.add(limit, mode, amount);
    }

    /// Whether the brokers have been asked which groups there are.
    #[must_use]
    pub fn groups_are_known(&self) -> bool {
        lock(&self.groups).are_counted
    }

    /// The brokers were asked at an instant which groups there are: these. Those that were admitted since stay.
    pub fn know_groups<'a>(&self, groups: impl Iterator<Item = &'a str>, asked: Instant) {
        self.with_groups(|known| known.know(groups, asked));
    }

    /// The brokers were asked at an instant for which partitions a group holds an offset: for these. Those that were
    /// let through since stay.
    pub fn know_offsets<'a>(&self, group: &str, partitions: impl Iterator<Item = (&'a str, i32)>, asked: Instant) {
        lock(&self.groups).know_offsets(group, partitions, asked);
    }

    /// The brokers were asked at an instant for a group's members: these, each with its id and its name as a static
    /// member.
    pub fn know_members<'a>(
        &self,
        group: &str,
        members: impl Iterator<Item = (&'a str, Option<&'a str>)>,
        asked: Instant,
    ) {
        lock(&self.groups).know_members(group, members, asked);
    }

    /// What the brokers are to be asked about the groups now; about members no oftener than once a second.
    #[must_use]
    pub fn take_wishes(&self, now: Instant) -> Wishes {
        lock(&self.groups).take_wishes(now)
    }

    /// A group was deleted.
    pub fn group_is_gone(&self, group: &str) {
        self.with_groups(|groups| groups.forget(group));
    }

    /// Which groups were made and deleted since this was asked last.
    #[must_use]
    pub fn take_group_news(&self) -> GroupNews {
        match self.has_news.swap(false, Ordering::Relaxed) {
            true => std::mem::take(&mut lock(&self.groups).news),
            false => GroupNews::default(),
        }
    }

    /// A member asks a group for a place at an instant.
    pub fn group_was_used(&self, group: &str, now: Instant) {
        lock(&self.groups).used(group, now);
    }

    /// How many groups there are, and how many partitions have a committed offset.
    #[must_use]
    pub fn holds(&self) -> (usize, usize) {
        lock(&self.groups).count()
    }

    /// What is held at once: the principal's, and what all share.
    pub(super) fn held(&self) -> (&Arc<Held>, &Shared) {
        (&self.held, &self.shared)
    }

    pub(super) fn cloned_held(&self) -> (Arc<Held>, Arc<Shared>) {
        (Arc::clone(&self.held), Arc::clone(&self.shared))
    }

    fn with_groups<T>(&self, step: impl FnOnce(&mut Groups) -> T) -> T {
        let mut groups = lock(&self.groups);
        let result = step(&mut groups);
        if groups.has_wishes() {
            self.shared.has_wishes.store(true, Ordering::Relaxed);
        }
        if !groups.news.changes.is_empty() {
            self.has_news.store(true, Ordering::Relaxed);
        }
        result
    }

    fn with<T>(&self, meter: Meter, step: impl FnOnce(&mut Level) -> T) -> T {
        let mut levels = lock(&self.levels);
        match levels.get_mut(meter as usize) {
            Some(level) => step(level),
            // There is one for each meter.
            None => step(&mut Level::default()),
        }
    }
}
