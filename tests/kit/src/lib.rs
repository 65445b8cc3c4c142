//! Real Kafka brokers, Weir and client programs, started and stopped by tests.
//!
//! Tests may stop at the first surprise, so the kit panics with a sentence instead of returning errors. Every wait is
//! bounded. Every process that the kit starts is on a leash (`process`): it dies with the test, however the test ends.
//! The kit must never reach beyond loopback, and must never end a process that it did not start.
//!
//! ```no_run
//! use weir_testkit::kafka::Chain;
//! use weir_testkit::{Acl, Advertise, Kafka, Pki, PrincipalSpec, Version, Weir, WeirOptions};
//!
//! let kafka = Kafka::shared(Version::V4); // one cluster for all tests of the process
//! let _calm = kafka.calm(); // `storm()` for a test that kills brokers
//! kafka.create_topic("a.topic", 3, 3, &[]);
//! let mut chain = Chain::new("a.topic", 3);
//! chain.append(&kafka, 100);
//!
//! let acl = Acl::new(&["a.topic"]).principal(PrincipalSpec::new("reader", &["a.topic"]));
//! let weir = Weir::start(WeirOptions::new(&kafka, Advertise::Ports, acl));
//! let client = Pki::shared().client("reader"); // files for a client program, bytes for a RawClient
//! println!("{} {}", weir.bootstrap(), client.certificate.display());
//! ```

pub mod acl;
pub mod bundle;
pub mod channel;
pub mod clients;
pub mod delay;
pub mod kafka;
pub mod mirror_maker;
pub mod names;
pub mod paths;
pub mod pki;
pub mod ports;
pub mod process;
pub mod raw;
pub mod skip;
pub mod transcript;
pub mod wait;
pub mod walls;
pub mod weir;
pub mod wiretap;

pub use acl::{Acl, PrincipalSpec};
pub use channel::{Channel, Ended};
pub use delay::{Delay, Far};
pub use kafka::{Kafka, KafkaOptions, Version};
pub use mirror_maker::MirrorMaker;
pub use pki::{Identity, Pki};
pub use raw::{RawClient, RawTarget};
pub use weir::{Advertise, Weir, WeirOptions, binary as weir_binary};
pub use wiretap::Wiretap;
