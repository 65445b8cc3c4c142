//! Two set-ups of real Kafka with the same content, and a comparer that sends both the same requests.
//!
//! *Control* is Kafka's own edge: a listener with mutual TLS and its own authorizer, with the ACLs of each principal.
//! *Edge* is an open cluster behind Weir, with the policy that means the same, group ids written out; for programs, a
//! second Weir whose namespaces are not seen, too. A second pair has three brokers on each side: leaders and
//! coordinators on different ones, the same on both sides. The comparer (`tests/parity/java`) encodes and decodes with
//! kafka-clients' own classes, never with Weir's.
//! Nothing is revoked or granted during a run: what Weir does then is not compared with Kafka here.
//! Must never pass a run that it did not see to its end.

mod comparer;
mod setups;

pub use comparer::{Part, Run, compare};
pub use setups::Setups;
