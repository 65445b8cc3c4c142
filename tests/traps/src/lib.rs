//! The table of traps: mistakes that a proxy of Kafka's protocol can make, and what keeps Weir from each.
//!
//! `rows/` says of each trap what holds and which test holds it; [`page`] makes `docs/traps.md` of that; `broken/` has
//! patches that break a guard, and [`prove`] demands that the test of each then fails.
//! Must never: change a file of the repository other than `docs/traps.md`, and that only when it is asked to.

pub mod copy;
pub mod draw;
pub mod page;
pub mod patch;
pub mod prove;
pub mod rows;
pub mod tests;

use std::path::{Path, PathBuf};

/// The root of the repository.
///
/// # Panics
/// Where the crate does not lie in `tests/traps`.
pub fn root() -> PathBuf {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_root.ancestors().nth(2).expect("the crate lies in tests/traps").to_owned()
}
