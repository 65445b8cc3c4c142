//! Each drill in a file of its own.

pub mod brokers;
pub mod crash;
pub mod effect;
pub mod reload;
pub mod restart;

use crate::Form;
use crate::figure::Report;

/// A drill, and its number in the list that was promised.
pub type Drill = (&'static str, fn(Form) -> Report);

/// All drills, in their order.
pub const ALL: [Drill; 5] = [
    ("reload", reload::run),
    ("effect", effect::run),
    ("restart", restart::run),
    ("brokers", brokers::run),
    ("crash", crash::run),
];
