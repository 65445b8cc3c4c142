//! Real Kafka brokers, Weir and client programs, started and stopped by tests.
//!
//! Tests may stop at the first surprise, so the kit panics with a sentence instead of returning errors. Every wait is
//! bounded. Every process that the kit starts is on a leash (`process`): it dies with the test, however the test ends.
//! The kit must never reach beyond loopback, and must never end a process that it did not start.

pub mod acl;
pub mod clients;
pub mod kafka;
pub mod names;
pub mod paths;
pub mod pki;
pub mod ports;
pub mod process;
pub mod raw;
pub mod skip;
pub mod transcript;
pub mod wait;
pub mod weir;
pub mod wiretap;

pub use acl::{Acl, PrincipalSpec};
pub use kafka::{Kafka, KafkaOptions, Version};
pub use pki::{Identity, Pki};
pub use raw::{Ended, RawClient, RawTarget};
pub use weir::{Advertise, Weir, WeirOptions};
pub use wiretap::Wiretap;
