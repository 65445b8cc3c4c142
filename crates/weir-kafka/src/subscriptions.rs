//! What members of the consumer protocol (KIP-848) subscribe to, kept between their heartbeats.
//!
//! A heartbeat tells what changed. A pattern is resolved here and never goes up, so Weir must remember it: for each
//! principal, group and member, across connections and workers. What is kept is bounded, for each principal and in all;
//! who was heard least recently is forgotten first, and so is who left, or was silent for longer than brokers wait.
//! A forgotten member keeps at the brokers what it was allowed last, and is made to say all again, once
//! (`apis/consumer_group_heartbeat/subscribed.rs`).
//! Must never: keep a name that was not judged, be asked on the way of a Fetch, or be locked while a pattern is compiled.

mod dialect;
mod members;
mod pattern;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::env::Generations;
use members::Members;
pub(crate) use pattern::TopicPattern;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionLimits {
    /// Bytes for the members of one principal.
    pub per_principal: usize,
    /// Bytes for all members.
    pub in_all: usize,
    /// A member that is silent for so long is forgotten. Brokers drop one much earlier (45 s unless configured).
    pub silence: Duration,
}

impl Default for SubscriptionLimits {
    fn default() -> Self {
        Self { per_principal: 4 * 1024 * 1024, in_all: 64 * 1024 * 1024, silence: Duration::from_secs(600) }
    }
}

/// The subscriptions of one cluster's members, for every thread.
#[derive(Debug, Default)]
pub struct Subscriptions {
    members: Mutex<Members>,
}

/// Who subscribes: a principal's member of a group, as the brokers name the group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MemberKey {
    pub principal: String,
    pub group: String,
    pub member: String,
}

/// What is known of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// That the brokers have it, but not what it said when it joined; it was told to say all again.
    Asked,
    /// What it subscribes to.
    Subscription(Arc<Subscription>),
}

/// What a member subscribes to, and what the brokers were told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// Topics by name, each judged when the member listed it.
    pub names: Arc<[Box<str>]>,
    /// The pattern, which adds topics to them.
    pub pattern: Option<Arc<str>>,
    /// What the pattern was resolved against.
    pub resolved_at: Generations,
    /// The mark of the list that the brokers have accepted.
    pub accepted: Option<ListMark>,
}

/// Stands for a list of names: equal lists have equal marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListMark(u64);

impl ListMark {
    pub(crate) fn of(names: &BTreeSet<Box<str>>) -> Self {
        let mut hasher = DefaultHasher::new();
        names.hash(&mut hasher);
        Self(hasher.finish())
    }
}

impl Subscriptions {
    /// An empty one.
    #[must_use]
    pub fn new(limits: SubscriptionLimits) -> Self {
        Self { members: Mutex::new(Members::new(limits)) }
    }

    /// What is known of a member, which was heard now.
    pub(crate) fn recall(&self, key: &MemberKey, now: Instant) -> Option<Known> {
        self.lock().recall(key, now)
    }

    /// What a member subscribes to, for who describes it: that is no sign of life.
    pub(crate) fn look_up(&self, key: &MemberKey) -> Option<Arc<Subscription>> {
        self.lock().look_up(key)
    }

    /// Keeps what the brokers have accepted of a member.
    pub(crate) fn keep(&self, key: MemberKey, known: Known, now: Instant) {
        self.lock().keep(key, known, now);
    }

    /// A member has left.
    pub(crate) fn forget(&self, key: &MemberKey) {
        self.lock().forget(key);
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
