//! Tests of the policy crate from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may stop at the first surprise"
)]

mod addresses;
mod bad_files;
mod compacted;
mod diff;
mod diff_verdicts;
mod dn;
mod explain;
mod groups;
mod held;
mod identity;
mod judge;
mod ledger;
mod ledger_counts;
mod limits;
mod recompile;
mod shipped_acl;
mod small;
mod suspended;
