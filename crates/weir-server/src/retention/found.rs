//! What was found out about retention and groups, for metrics, the audit and who asks.
//!
//! Must never: keep a principal's number when it has no group in danger any more.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Records that were deleted before a group read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) principal: String,
    /// The group, as the principal names it.
    pub(crate) group: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// What the group had committed: the next offset that it wanted.
    pub(crate) committed: i64,
    /// The first offset that is there.
    pub(crate) first: i64,
    /// Offsets between the two.
    pub(crate) lost: u64,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found(Mutex<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    lost: BTreeMap<String, u64>,
    /// Of the last look that is over.
    ends_in: BTreeMap<String, Duration>,
    /// Of the look that is going on.
    coming: BTreeMap<String, Duration>,
}

/// How one principal's groups stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) principal: String,
    /// Offsets that were deleted before its groups read them, since the start.
    pub(crate) lost: u64,
    /// How soon retention reaches the first of its groups; nothing where none is in danger.
    pub(crate) ends_in: Option<Duration>,
}

impl Found {
    /// Retention reaches a group of this principal so soon.
    pub(crate) fn ends_in(&self, principal: &str, left: Duration) {
        let mut numbers = self.lock();
        let known = numbers.coming.entry(principal.to_owned()).or_insert(left);
        *known = (*known).min(left);
    }

    /// Records are lost.
    pub(super) fn lost(&self, loss: &Loss) {
        let mut numbers = self.lock();
        let lost = numbers.lost.entry(loss.principal.clone()).or_default();
        *lost = lost.saturating_add(loss.lost);
    }

    /// A look is over: what it found takes the place of the last one's.
    pub(crate) fn put_in_force(&self) {
        let mut numbers = self.lock();
        numbers.ends_in = std::mem::take(&mut numbers.coming);
    }

    /// Every principal of which there is something to say.
    pub(crate) fn all(&self) -> Vec<Numbered> {
        let numbers = self.lock();
        let mut names: Vec<&String> = numbers.lost.keys().chain(numbers.ends_in.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let of_one = |principal: &String| Numbered {
            principal: principal.clone(),
            lost: numbers.lost.get(principal).copied().unwrap_or(0),
            ends_in: numbers.ends_in.get(principal).copied(),
        };
        names.into_iter().map(of_one).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_group_counts_and_what_is_out_of_danger_is_forgotten() {
        let found = Found::default();
        found.ends_in("tool", Duration::from_secs(50));
        found.ends_in("tool", Duration::from_secs(20));
        assert_eq!(found.all(), [], "the look is not over");
        found.put_in_force();
        let ends_in = Some(Duration::from_secs(20));
        assert_eq!(found.all(), [Numbered { principal: "tool".to_owned(), lost: 0, ends_in }]);
        found.put_in_force();
        assert_eq!(found.all(), []);
    }
}
