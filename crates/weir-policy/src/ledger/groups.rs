//! Which groups of a principal are at the brokers, and for which partitions they hold an offset.
//!
//! It is rebuilt from the brokers after a start and now and then. Until then nothing new is made; what exists goes on.
//! Must never: hold more than the limits allow, or than `MOST` where they are only observed.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use crate::Reason;
use crate::limits::{Count, Limits, Mode};

/// What is counted where a limit is only observed.
const MOST: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: HashMap<Box<str>, Group>,
    committed: usize,
    /// The brokers have been asked since the start.
    pub(super) are_counted: bool,
}

#[derive(Debug, Default)]
struct Group {
    committed: HashMap<Box<str>, HashSet<i32>>,
    /// When it was used last through here; nothing where only the brokers tell of it.
    used: Option<Instant>,
}

impl Groups {
    /// Lets a group be made, or go on.
    pub(super) fn admit(&mut self, group: &str, limits: &Limits) -> Result<(), Reason> {
        if self.groups.contains_key(group) {
            return Ok(());
        }
        if !self.are_counted && limits.groups.mode == Mode::Deny {
            return Err(Reason::QuotaNotCounted);
        }
        if limits.groups.is_reached(self.groups.len()) {
            return Err(Reason::QuotaGroups);
        }
        if self.groups.len() < MOST {
            self.groups.insert(group.into(), Group::default());
        }
        Ok(())
    }

    pub(super) fn admit_partitions<'a>(
        &mut self,
        group: &str,
        partitions: impl Iterator<Item = (&'a str, i32)>,
        limits: &Limits,
        mut refused: impl FnMut(usize),
    ) {
        let Some(group) = self.groups.get_mut(group) else { return };
        for (place, (topic, partition)) in partitions.enumerate() {
            if !commit(group, &mut self.committed, topic, partition, limits.committed_partitions) {
                refused(place);
            }
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
        self.count_committed();
    }

    pub(super) fn forget(&mut self, group: &str) {
        self.groups.remove(group);
        self.count_committed();
    }

    pub(super) fn used(&mut self, group: &str, now: Instant) {
        if let Some(group) = self.groups.get_mut(group) {
            group.used = Some(group.used.map_or(now, |used| used.max(now)));
        }
    }

    pub(super) fn count(&self) -> (usize, usize) {
        (self.groups.len(), self.committed)
    }

    fn count_committed(&mut self) {
        let of_one = |group: &Group| group.committed.values().map(HashSet::len).sum::<usize>();
        self.committed = self.groups.values().map(of_one).sum();
    }
}

/// Whether a partition may have a committed offset: it has one, or there is room for one more.
fn commit(group: &mut Group, committed: &mut usize, topic: &str, partition: i32, most: Count) -> bool {
    if group.committed.get(topic).is_some_and(|partitions| partitions.contains(&partition)) {
        return true;
    }
    if most.is_reached(*committed) {
        return false;
    }
    if *committed < MOST {
        if !group.committed.contains_key(topic) {
            group.committed.insert(topic.into(), HashSet::new());
        }
        if let Some(partitions) = group.committed.get_mut(topic) {
            partitions.insert(partition);
        }
        *committed = committed.saturating_add(1);
    }
    true
}
