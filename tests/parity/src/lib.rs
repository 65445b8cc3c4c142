//! Two set-ups of real Kafka with the same content, and a comparer that sends both the same requests.
//!
//! *Control* is Kafka's own edge: a listener with mutual TLS and its own authorizer, with the ACLs of each principal.
//! *Edge* is an open cluster behind Weir, with the policy that means the same, group ids written out. The comparer
//! (`tests/parity/java`) encodes and decodes with kafka-clients' own classes, never with Weir's.
//! Must never pass a run that it did not see to its end.

mod comparer;
mod setups;

pub use comparer::{Run, compare};
pub use setups::Setups;
