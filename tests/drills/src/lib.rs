//! Drills: what Weir promises under load and change, on real Kafka with three brokers, each with a figure and its bar.
//!
//! Figures are read at the brokers (`__consumer_offsets`) and at the clients, not in Weir's own counters. In its long
//! form each drill has a control: the same without what it tries, which must miss the bar, so that a drill that sees
//! nothing is noticed. Must never: pass because nothing happened.

pub mod cluster;
pub mod crowd;
pub mod drills;
pub mod figure;
pub mod hog;
pub mod mirrored;
pub mod offsets_log;
pub mod writer;

use figure::Figure;

/// How long a drill takes: `make drills` takes the long form, `make test` the short one with the same bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the drill is described.
    Long,
    /// As short as its bars allow.
    Short,
}

impl Form {
    /// One of two.
    #[must_use]
    pub fn pick<T>(self, long: T, short: T) -> T {
        match self {
            Self::Long => long,
            Self::Short => short,
        }
    }

    /// The control run, which the short form does without.
    #[must_use]
    pub fn control(self, run: impl FnOnce() -> Vec<Figure>) -> Option<Vec<Figure>> {
        (self == Self::Long).then(run)
    }
}
