//! What was found out about retention and groups, for metrics, the audit and who asks.
//!
//! Must never: keep a principal's number when it has no group in danger any more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use crate::lock::lock;

/// Records that were deleted before a group read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) principal: String,
    /// The brokers' name of the group.
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
    /// Of each cluster, what its last looks found, as many as it takes to see every group: one that does not answer is no
    /// reason to take a group for safe.
    ends: BTreeMap<String, VecDeque<Ends>>,
}

/// How soon retention reaches the first group of each principal that has one in danger, in one cluster.
#[derive(Debug, Default)]
pub(crate) struct Ends(BTreeMap<String, Duration>);

impl Ends {
    /// It reaches a group of this principal so soon.
    pub(crate) fn note(&mut self, principal: &str, left: Duration) {
        let known = self.0.entry(principal.to_owned()).or_insert(left);
        *known = (*known).min(left);
    }
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
    /// Records are lost.
    pub(super) fn lost(&self, loss: &Loss) {
        let mut numbers = lock(&self.0);
        let lost = numbers.lost.entry(loss.principal.clone()).or_default();
        *lost = lost.saturating_add(loss.lost);
    }

    /// A look at a cluster is over, one of so many that see every group: what it found takes the place of what as many
    /// looks before found there.
    pub(crate) fn looked(&self, cluster: &str, ends: Ends, looks: usize) {
        let mut numbers = lock(&self.0);
        let known = numbers.ends.entry(cluster.to_owned()).or_default();
        known.push_back(ends);
        let old = known.len().saturating_sub(looks.max(1));
        known.drain(..old);
    }

    /// Every principal of which there is something to say.
    pub(crate) fn all(&self) -> Vec<Numbered> {
        let numbers = lock(&self.0);
        let all_ends = || numbers.ends.values().flatten();
        let in_danger = all_ends().flat_map(|ends| ends.0.keys());
        let names: BTreeSet<&String> = numbers.lost.keys().chain(in_danger).collect();
        let of_one = |principal: &String| Numbered {
            principal: principal.clone(),
            lost: numbers.lost.get(principal).copied().unwrap_or(0),
            ends_in: all_ends().filter_map(|ends| ends.0.get(principal).copied()).min(),
        };
        names.into_iter().map(of_one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_group_of_all_clusters_counts_and_what_is_out_of_danger_is_forgotten() {
        let found = Found::default();
        let ends = |seconds: &[u64]| {
            let mut ends = Ends::default();
            seconds.iter().for_each(|left| ends.note("tool", Duration::from_secs(*left)));
            ends
        };
        let is =
            |seconds| [Numbered { principal: "tool".to_owned(), lost: 0, ends_in: Some(Duration::from_secs(seconds)) }];
        found.looked("one", ends(&[50, 20]), 1);
        assert_eq!(found.all(), is(20));
        found.looked("other", ends(&[30]), 1);
        found.looked("one", ends(&[]), 1);
        assert_eq!(found.all(), is(30), "nothing is heard of the other");
        found.looked("other", ends(&[]), 1);
        assert_eq!(found.all(), []);
    }

    #[test]
    fn what_each_of_several_looks_found_holds_until_its_groups_are_looked_at_again() {
        let found = Found::default();
        let look = |left: Option<u64>, looks| {
            let mut ends = Ends::default();
            left.into_iter().for_each(|left| ends.note("tool", Duration::from_secs(left)));
            found.looked("one", ends, looks);
            found.all().first().and_then(|one| one.ends_in).map(|left| left.as_secs())
        };
        assert_eq!(
            [(Some(50), 3), (Some(20), 3), (None, 3)].map(|(left, looks)| look(left, looks)),
            [Some(50), Some(20), Some(20)]
        );
        assert_eq!([(None, 3), (None, 3)].map(|(left, looks)| look(left, looks)), [Some(20), None]);
        assert_eq!([(Some(9), 3), (None, 1)].map(|(left, looks)| look(left, looks)), [Some(9), None], "fewer groups");
    }
}
