//! Which groups were made and deleted, until somebody asks.
//!
//! Must never: hold more than `MOST`, or forget how many it did not hold.

/// Changes that are held.
const MOST: usize = 1_000;

/// What became of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// It was not there, and may be made.
    Made,
    /// It was deleted.
    Deleted,
}

/// What became of groups, by the brokers' names of them, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupNews {
    /// What became of each.
    pub changes: Vec<(GroupChange, Box<str>)>,
    /// So many more were made.
    pub made: u64,
    /// So many more were deleted.
    pub deleted: u64,
}

impl GroupNews {
    pub(super) fn add(&mut self, change: GroupChange, group: &str) {
        if self.changes.len() < MOST {
            self.changes.push((change, group.into()));
            return;
        }
        let count = match change {
            GroupChange::Made => &mut self.made,
            GroupChange::Deleted => &mut self.deleted,
        };
        *count = count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_held_is_counted() {
        let mut news = GroupNews::default();
        (0..MOST + 7).for_each(|_| news.add(GroupChange::Made, "g"));
        news.add(GroupChange::Deleted, "g");
        assert_eq!((news.changes.len(), news.made, news.deleted), (MOST, 7, 1));
    }
}
