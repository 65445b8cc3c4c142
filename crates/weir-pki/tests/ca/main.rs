//! A CA directory, as operators, crashes, strangers' requests and other programs meet it.

// Helpers stop at the first surprise, as the tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod crash;
mod create;
mod external;
mod issue;
mod keys;
mod odd_keys;
mod operators;
mod pem_files;
mod requests;
mod revoke;
mod support;
mod tools;
