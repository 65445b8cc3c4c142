//! How many members a group has: as many as the brokers told last, and those that were let through since.
//!
//! Nobody keeps watch over members here, for one that dies says nothing: where the places are all taken by this count,
//! and somebody was let through since the brokers were asked or that was a while ago, they are asked again before
//! anybody is refused. Must never: hold a place for a member that the brokers do not have, or turn away one that they
//! have.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::limits::Count;

/// For how long the brokers' count is good enough to refuse somebody by it.
const FRESH: Duration = Duration::from_secs(5);
/// Names that are kept of one group where the limit is only observed.
const MOST_NAMES: usize = 10_000;

/// Who asks a group for a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joiner<'a> {
    /// Its id, where it has one.
    pub id: Option<&'a str>,
    /// A broker gave it the id: one that the broker does not know gets no place.
    pub id_is_given: bool,
    /// Its name as a static member.
    pub instance: Option<&'a str>,
    /// It is given an id now, and asks again with it: this takes no place.
    pub asks_again: bool,
}

/// What the count says to a joiner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is a member, or there is room.
    Free,
    /// There is none.
    Taken,
    /// The brokers must be asked first.
    NotCounted,
}

/// A static member.
#[derive(Debug)]
struct Static {
    /// When it was let through, or told of first.
    since: Instant,
    /// It had no id then, and the brokers have not told of it since: no id counts for it.
    is_alone: bool,
}

#[derive(Debug, Default)]
pub(super) struct Members {
    /// When each was let through, or told of first.
    ids: HashMap<Box<str>, Instant>,
    instances: HashMap<Box<str>, Static>,
    there: usize,
    /// Those of `there` to whom the brokers give an id that is not known here.
    nameless: usize,
    /// When the brokers were asked for them last.
    counted: Option<Instant>,
    /// When one was let through last.
    admitted: Option<Instant>,
}

impl Members {
    /// Those of a group that is being made.
    pub(super) fn none(now: Instant) -> Self {
        Self { counted: Some(now), ..Self::default() }
    }

    pub(super) fn there(&self) -> usize {
        self.there
    }

    /// Gives a place, where there is one. `is_known` says whether the joiner is a member.
    pub(super) fn admit(&mut self, joiner: Joiner<'_>, most: Count, now: Instant) -> Place {
        if self.knows(joiner) {
            return Place::Free;
        }
        if self.counted.is_none() && most.is_reached(usize::MAX) {
            return if joiner.id_is_given { Place::Free } else { Place::NotCounted };
        }
        let has_place = joiner.id_is_given && self.nameless > 0;
        if !has_place && most.is_reached(self.there) {
            return if self.is_fresh(now) { Place::Taken } else { Place::NotCounted };
        }
        if !joiner.asks_again {
            self.take(joiner, has_place, now);
        }
        Place::Free
    }

    /// Whether it is a member, as far as is known.
    pub(super) fn knows(&self, joiner: Joiner<'_>) -> bool {
        let is_instance = joiner.instance.is_some_and(|instance| self.instances.contains_key(instance));
        is_instance || joiner.id.is_some_and(|id| self.ids.contains_key(id))
    }

    fn take(&mut self, joiner: Joiner<'_>, has_place: bool, now: Instant) {
        self.admitted = Some(now);
        if has_place {
            self.nameless = self.nameless.saturating_sub(1);
        } else {
            self.there = self.there.saturating_add(1);
        }
        if joiner.id.is_none() && joiner.instance.is_none() {
            self.nameless = self.nameless.saturating_add(1);
        }
        if self.ids.len() < MOST_NAMES {
            self.ids.extend(joiner.id.map(|id| (Box::from(id), now)));
            let known = Static { since: now, is_alone: joiner.id.is_none() };
            self.instances.extend(joiner.instance.map(|instance| (Box::from(instance), known)));
        }
    }

    /// The brokers were asked at an instant: these are there, and those that were let through since, which may be on
    /// their way. With such the count is not fresh.
    pub(super) fn know<'a>(&mut self, members: impl Iterator<Item = (&'a str, Option<&'a str>)>, asked: Instant) {
        self.ids.retain(|_, since| *since >= asked);
        // Who came and went must not keep a name that is let through for ever.
        self.instances.retain(|_, known| known.since >= asked);
        if self.admitted.is_none_or(|admitted| admitted < asked) {
            self.nameless = 0;
        }
        for (id, instance) in members {
            self.ids.entry(id.into()).or_insert(asked);
            if let Some(instance) = instance {
                let told = Static { since: asked, is_alone: false };
                self.instances.entry(instance.into()).or_insert(told).is_alone = false;
            }
        }
        let alone = self.instances.values().filter(|known| known.is_alone).count();
        self.there = self.ids.len().saturating_add(self.nameless).saturating_add(alone);
        self.counted = Some(asked);
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.counted.is_some_and(|counted| {
            self.admitted.is_none_or(|admitted| admitted < counted) && now.saturating_duration_since(counted) < FRESH
        })
    }
}
