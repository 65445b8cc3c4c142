//! What the brokers should say of Weir's users, for who compares: the same figures as in the rendered commands.
//!
//! Must never: be reckoned in another way than they are.

use super::Wall;

/// A user of Weir's at the brokers, and what bounds it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserBounds {
    /// Without `User:`.
    pub(crate) name: String,
    /// Bytes in a second.
    bytes: Option<u64>,
    /// Percent of one thread.
    percent: Option<u64>,
}

impl UserBounds {
    /// Kafka's keys, with nothing where there is no bound.
    pub(crate) fn bounds(&self) -> [(&'static str, Option<u64>); 2] {
        [("consumer_byte_rate", self.bytes), ("request_percentage", self.percent)]
    }
}

impl Wall<'_> {
    /// Every user of Weir's in this cluster, with its bounds.
    pub(crate) fn bounds_of_users(&self) -> Vec<UserBounds> {
        let of = |user: &super::users::User| {
            let bounds = self.bounds(user);
            // Who serves no tier fetches nothing.
            let bytes = bounds.bytes.filter(|_| user.reads()).map(|bytes| bytes.max(1));
            UserBounds { name: user.name.clone(), bytes, percent: bounds.percent.map(|percent| percent.max(1)) }
        };
        self.users.iter().map(of).collect()
    }
}
