//! Which topics the brokers of one cluster are known to compact: what the verdict on a topic that may leave only while
//! it is compacted depends on, beside the files.
//!
//! Must never: hold a topic that no broker confirmed.

use std::collections::BTreeSet;

/// Topics that are compacted, as far as somebody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compacted(Known);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    These(BTreeSet<Box<str>>),
    /// Nobody asks.
    Assumed,
}

impl Compacted {
    /// Those that a cluster's brokers confirmed, and no others.
    #[must_use]
    pub fn these<'a>(topics: impl IntoIterator<Item = &'a str>) -> Self {
        Self(Known::These(topics.into_iter().map(Box::from).collect()))
    }

    /// Nothing is confirmed: of topics that must be compacted, none may leave.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: Compacted = Compacted(Known::These(BTreeSet::new()));
        &NONE
    }

    /// What must be compacted counts as compacted: for questions that no record of the topic depends on, which are
    /// those of a principal's own groups, and of whoever looks at the files alone. Must never let a record out.
    #[must_use]
    pub fn assumed() -> &'static Self {
        static ASSUMED: Compacted = Compacted(Known::Assumed);
        &ASSUMED
    }

    /// Whether a topic is one of them.
    #[must_use]
    pub fn has(&self, topic: &str) -> bool {
        match &self.0 {
            Known::These(topics) => topics.contains(topic),
            Known::Assumed => true,
        }
    }
}

impl Default for Compacted {
    fn default() -> Self {
        Self::none().clone()
    }
}
