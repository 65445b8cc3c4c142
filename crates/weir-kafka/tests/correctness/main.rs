//! What could mislead a client although nothing leaks: the traps of correctness that bytes alone decide, by subject.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod answers;
mod brokers;
mod coordinators;
mod fetching;
mod lists;
mod places;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod versions;
