//! Each drill in a file of its own.

pub mod backfill;
pub mod bandwidth;
pub mod brokers;
pub mod commits;
pub mod crash;
pub mod effect;
pub mod groups;
pub mod mirror;
pub mod reload;
pub mod restart;

use crate::Form;
use crate::figure::Report;

/// A drill by its name: it finds one thing or several, each with a line of its own.
pub type Drill = (&'static str, fn(Form) -> Vec<Report>);

/// All drills, in their order.
pub const ALL: [Drill; 10] = [
    ("commits", commits::run),
    ("groups", groups::run),
    ("bandwidth", bandwidth::run),
    ("backfill", backfill::run),
    ("reload", reload::run),
    ("effect", effect::run),
    ("restart", restart::run),
    ("brokers", brokers::run),
    ("crash", crash::run),
    ("mirror", mirror::run),
];
