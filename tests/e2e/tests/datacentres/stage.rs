//! Two clusters of one broker each, and one Weir before both: a listener for each, at 127.0.0.1 and at 127.0.0.2.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::json;
use weir_testkit::{Acl, Advertise, Kafka, KafkaOptions, Pki, PrincipalSpec, Version, Weir, WeirOptions};

use super::bundle::Bundle;

/// In both clusters.
pub const EVENTS: &str = "centres.events";
/// In both, and nothing is ever written to it.
pub const EMPTY: &str = "centres.empty";
pub const READER: &str = "centres-reader";
/// May look up few offsets by time.
pub const SLOW: &str = "centres-slow";
/// Keeps no offsets here.
pub const KEEPER: &str = "centres-keeper";
pub const PARTITIONS: i32 = 2;

pub struct Stage {
    pub eqiad: Kafka,
    pub codfw: Kafka,
    pub weir: Weir,
    turn: Mutex<()>,
}

/// A cluster of one broker.
pub fn single() -> Kafka {
    Kafka::start(KafkaOptions { brokers: 1, ..KafkaOptions::new(Version::V4) })
}

impl Stage {
    pub fn shared() -> &'static Self {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(Self::set)
    }

    /// One test at a time: some stop a broker.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.codfw.running().is_empty() {
            // What stopped it broke before it started it again.
            self.codfw.heal();
        }
        turn
    }

    fn set() -> Self {
        let codfw = std::thread::spawn(single);
        let (eqiad, codfw) = (single(), codfw.join().expect("the second cluster starts"));
        for kafka in [&eqiad, &codfw] {
            kafka.create_topic(EVENTS, PARTITIONS, 1, &[]);
            kafka.create_topic(EMPTY, 1, 1, &[("message.timestamp.type", "LogAppendTime")]);
        }
        let weir = Weir::start(options(&eqiad, &codfw));
        Self { eqiad, codfw, weir, turn: Mutex::default() }
    }

    /// Another Weir before both.
    pub fn options(&self) -> WeirOptions {
        options(&self.eqiad, &self.codfw)
    }

    pub fn codfw_bootstrap(&self) -> String {
        self.weir.bootstrap().replace("127.0.0.1", "127.0.0.2")
    }

    /// A bundle that names the listener of the first.
    pub fn bundle(&self, principal: &str) -> Bundle {
        Bundle::new(&Pki::shared().client(principal), principal, &self.weir.bootstrap(), &[EVENTS, EMPTY])
    }
}

pub fn acl() -> Acl {
    let all = [EVENTS, EMPTY];
    Acl::new(&all)
        .principal(PrincipalSpec::new(READER, &all))
        .principal(PrincipalSpec::new(SLOW, &all).within("timestamp_lookups: {per_second: 1, burst: 1, mode: deny}"))
        .principal(PrincipalSpec::new(KEEPER, &all).within("offsets: deny"))
}

fn options(eqiad: &Kafka, codfw: &Kafka) -> WeirOptions {
    let mut options = WeirOptions::new(eqiad, Advertise::Ports, acl()).untapped();
    let clusters = json!({ "eqiad": { "bootstrap": eqiad.bootstrap() }, "codfw": { "bootstrap": codfw.bootstrap() } });
    options.config["upstreams"] = clusters;
    options.config["listeners"][0]["name"] = json!("eqiad");
    options.config["listeners"][0]["upstream"] = json!("eqiad");
    // The same ports at another address.
    let mut second = options.config["listeners"][0].clone();
    second["name"] = json!("codfw");
    second["upstream"] = json!("codfw");
    second["bind"] = json!("127.0.0.2");
    second["advertise"]["ports"]["host"] = json!("127.0.0.2");
    options.config["listeners"].as_array_mut().expect("a list").push(second);
    options
}
