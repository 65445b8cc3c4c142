//! Which groups of a principal are at the brokers, their members, and for which partitions they hold an offset.
//!
//! It is rebuilt from the brokers after a start and now and then. Until then nothing new is made; what exists goes on.
//! Must never: hold more than the limits allow, or than `MOST` where they are only observed.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use super::beyond::{Beyond, Limited};
use super::keys::Keys;
use super::members::{Joiner, Members, Place};
use super::news::{GroupChange, GroupNews};
use crate::Reason;
use crate::limits::{Count, Limits, Mode};

/// What is counted where a limit is only observed.
const MOST: usize = 100_000;
/// How old the count of offsets may be for somebody to be refused by it without the brokers being asked again: they
/// delete offsets that were not written for long, and say nothing.
const FRESH: Duration = Duration::from_secs(60);
/// How soon the brokers are asked again for members of one principal's groups: who joins a full group in a loop asks
/// them no oftener.
const MEMBERS_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: HashMap<Box<str>, Group>,
    committed: usize,
    /// The brokers have been asked since the start which groups there are.
    pub(super) are_counted: bool,
    /// Groups whose offsets the brokers have not been asked for.
    not_counted: usize,
    wishes: Wishes,
    /// When members were wished for last.
    asked_members: Option<Instant>,
    pub(super) news: GroupNews,
}

/// What the brokers are to be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Groups whose offsets are to be counted.
    pub offsets: Vec<String>,
    /// Groups whose members are to be counted.
    pub members: BTreeSet<String>,
    /// There are more, and it is too soon for them.
    pub are_more_later: bool,
}

#[derive(Debug, Default)]
struct Group {
    keys: Keys,
    members: Members,
    /// When it was used last through here; nothing where only the brokers tell of it.
    used: Option<Instant>,
}

impl Groups {
    /// Lets a group be made, or go on.
    pub(super) fn admit(&mut self, group: &str, limits: &Limits, beyond: &Beyond, now: Instant) -> Result<(), Reason> {
        if self.groups.contains_key(group) {
            return Ok(());
        }
        let most = limits.groups;
        if !self.are_counted && most.mode == Mode::Deny {
            return Err(Reason::QuotaNotCounted);
        }
        if most.is_exceeded(self.groups.len()) {
            beyond.add(Limited::Groups, most.mode, 1);
        }
        if most.is_reached(self.groups.len()) {
            return Err(Reason::QuotaGroups);
        }
        if self.groups.len() < MOST {
            // Before all are counted it may have been there for long.
            let made = Group { keys: Keys::none(now), members: Members::none(now), used: None };
            let made = if self.are_counted { made } else { Group::default() };
            self.not_counted = self.not_counted.saturating_add(usize::from(!self.are_counted));
            self.groups.insert(group.into(), made);
            if self.are_counted {
                self.news.add(GroupChange::Made, group);
            }
        }
        Ok(())
    }

    /// Lets a member have a place in a group that was let through.
    pub(super) fn admit_member(
        &mut self,
        name: &str,
        joiner: Joiner<'_>,
        most: Count,
        beyond: &Beyond,
        now: Instant,
    ) -> Result<(), Reason> {
        let Some(group) = self.groups.get_mut(name) else { return Ok(()) };
        let is_beyond = most.is_exceeded(group.members.there()) && !group.members.knows(joiner);
        let place = group.members.admit(joiner, most, now);
        if is_beyond && place != Place::NotCounted {
            beyond.add(Limited::GroupMembers, most.mode, 1);
        }
        match place {
            Place::Free => Ok(()),
            Place::Taken => Err(Reason::QuotaMembers),
            Place::NotCounted => {
                self.wishes.members.insert(name.to_owned());
                Err(Reason::QuotaBeingCounted)
            }
        }
    }

    pub(super) fn admit_partitions<'a>(
        &mut self,
        group: &str,
        partitions: impl Iterator<Item = (&'a str, i32)>,
        limits: &Limits,
        beyond: &Beyond,
        now: Instant,
        mut refused: impl FnMut(usize, Reason),
    ) {
        let most = limits.committed_partitions;
        let waits = self.not_counted > 0 && most.mode == Mode::Deny;
        let Some(group) = self.groups.get_mut(group) else { return };
        let mut too_many = 0;
        for (place, (topic, partition)) in partitions.enumerate() {
            if group.keys.holds(topic, partition) {
                continue;
            }
            if waits {
                refused(place, Reason::QuotaBeingCounted);
                continue;
            }
            too_many += u64::from(most.is_exceeded(self.committed));
            if most.is_reached(self.committed) {
                refused(place, Reason::QuotaCommitted);
            } else if self.committed < MOST {
                group.keys.add(topic, partition, now);
                self.committed = self.committed.saturating_add(1);
            }
        }
        beyond.add(Limited::CommittedPartitions, most.mode, too_many);
        if too_many > 0 && most.mode == Mode::Deny {
            self.wish_for_old_offsets(now);
        }
    }

    pub(super) fn know<'a>(&mut self, groups: impl Iterator<Item = &'a str>, asked: Instant) {
        let there: HashSet<&str> = groups.take(MOST).collect();
        self.groups.retain(|name, group| there.contains(&**name) || group.used.is_some_and(|used| used >= asked));
        for name in there {
            if !self.groups.contains_key(name) {
                self.groups.insert(name.into(), Group::default());
            }
        }
        self.are_counted = true;
        self.recount();
    }

    /// The brokers were asked at an instant for which partitions a group holds an offset.
    pub(super) fn know_offsets<'a>(&mut self, group: &str, keys: impl Iterator<Item = (&'a str, i32)>, asked: Instant) {
        let Some(group) = self.groups.get_mut(group) else { return };
        let (before, was_counted) = (group.keys.count(), group.keys.counted.is_some());
        group.keys.know(keys.take(MOST), asked);
        self.committed = self.committed.saturating_sub(before).saturating_add(group.keys.count());
        self.not_counted = self.not_counted.saturating_sub(usize::from(!was_counted));
    }

    /// The brokers were asked at an instant for a group's members: their ids, and their names as static members.
    pub(super) fn know_members<'a>(
        &mut self,
        group: &str,
        members: impl Iterator<Item = (&'a str, Option<&'a str>)>,
        asked: Instant,
    ) {
        if let Some(group) = self.groups.get_mut(group) {
            group.members.know(members.take(MOST), asked);
        }
    }

    pub(super) fn forget(&mut self, group: &str) {
        if self.groups.remove(group).is_some() {
            self.news.add(GroupChange::Deleted, group);
        }
        self.recount();
    }

    pub(super) fn used(&mut self, group: &str, now: Instant) {
        if let Some(group) = self.groups.get_mut(group) {
            group.used = Some(group.used.map_or(now, |used| used.max(now)));
        }
    }

    pub(super) fn count(&self) -> (usize, usize) {
        (self.groups.len(), self.committed)
    }

    pub(super) fn has_wishes(&self) -> bool {
        self.not_counted > 0 || self.wishes != Wishes::default()
    }

    /// What the brokers are to be asked; each wish is told once, but for offsets that nobody has asked for yet.
    pub(super) fn take_wishes(&mut self, now: Instant) -> Wishes {
        let mut wishes = std::mem::take(&mut self.wishes);
        let is_soon = |asked: Instant| now.saturating_duration_since(asked) < MEMBERS_AGAIN;
        if !wishes.members.is_empty() && self.asked_members.is_some_and(is_soon) {
            self.wishes.members = std::mem::take(&mut wishes.members);
            wishes.are_more_later = true;
        } else if !wishes.members.is_empty() {
            self.asked_members = Some(now);
        }
        let not_counted = self.groups.iter().filter(|(_, group)| group.keys.counted.is_none());
        wishes.offsets.extend(not_counted.map(|(name, _)| name.to_string()));
        wishes
    }

    /// Has those offsets counted again whose count is old.
    fn wish_for_old_offsets(&mut self, now: Instant) {
        if !self.wishes.offsets.is_empty() {
            return;
        }
        let is_old =
            |group: &Group| group.keys.counted.is_some_and(|counted| now.saturating_duration_since(counted) >= FRESH);
        let old = self.groups.iter().filter(|(_, group)| is_old(group)).map(|(name, _)| name.to_string());
        self.wishes.offsets = old.collect();
    }

    fn recount(&mut self) {
        self.committed = self.groups.values().map(|group| group.keys.count()).sum();
        self.not_counted = self.groups.values().filter(|group| group.keys.counted.is_none()).count();
    }
}
