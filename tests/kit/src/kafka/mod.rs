//! A cluster of real Apache Kafka brokers on loopback: combined mode, KRaft, small heaps.
//!
//! Every broker has an address of its own in 127.66.0.0/16. Those addresses, the cluster id and the racks are *planted
//! names*: text that must never reach a client of Weir, and that a search of the bytes finds (`planted`).
//! Must never say that a cluster is ready because of a log line: only when every broker names every other.

mod admin;
mod moving;
mod node;
mod old;
mod place;
mod records;
pub mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use crate::delay::Far;
use crate::pki::Pki;
use crate::{paths, transcript, wait};
use node::{Node, NodePlan};
use place::Place;

pub use admin::{GroupListing, TopicSpec};
pub(crate) use node::java;
pub use old::{OldKafka, OldVersion, ZooKeeper};
pub use records::{Chain, Record, TransactionEnd};

/// How long a cluster may take to start, or a broker to come back, on two busy cores.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How long what a cluster was told may take to be known everywhere.
const SETTLE: Duration = Duration::from_secs(60);

/// The versions of Apache Kafka that the tests run against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 4.3.1, the newest whose artefacts are complete.
    V4,
    /// 3.9.2, the last line before 4.
    V3,
}

impl Version {
    /// Both, the newest first.
    pub const ALL: [Self; 2] = [Self::V4, Self::V3];

    /// As Maven names it.
    pub fn number(self) -> &'static str {
        match self {
            Self::V4 => "4.3.1",
            Self::V3 => "3.9.2",
        }
    }

    /// The directory with its jars; fetched with Maven when it is not there.
    ///
    /// # Panics
    /// When it cannot be fetched.
    pub fn jars(self) -> PathBuf {
        fetched(self.number())
    }
}

fn fetched(version: &str) -> PathBuf {
    let status = Command::new(paths::root().join("tests/kafka/fetch.sh"))
        .env("CARGO_TARGET_DIR", paths::target())
        .arg(version)
        .status()
        .expect("tests/kafka/fetch.sh runs");
    assert!(status.success(), "tests/kafka/fetch.sh {version} failed; its output says why");
    paths::target().join("kafka").join(version)
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number())
    }
}

/// What kind of cluster.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// The release.
    pub version: Version,
    /// How many brokers to start with; their ids are 1, 2, 3...
    pub brokers: i32,
    /// Lines added to every broker's properties; the last of two equal keys wins.
    pub properties: Vec<(String, String)>,
    /// Whether every broker has one more listener with mutual TLS, to which `far_ways` lead.
    pub far: bool,
}

impl KafkaOptions {
    /// Three brokers of `version`, nothing else.
    pub fn new(version: Version) -> Self {
        Self { version, brokers: 3, properties: Vec::new(), far: false }
    }
}

/// A running cluster. It ends when this is dropped, or when the test process ends.
#[derive(Debug)]
pub struct Kafka {
    options: KafkaOptions,
    place: Place,
    dir: PathBuf,
    cluster_id: String,
    nodes: Mutex<BTreeMap<i32, Node>>,
    turn: RwLock<()>,
}

impl Kafka {
    /// Starts a cluster and waits until every broker names every broker.
    ///
    /// # Panics
    /// When it does not come up; the message ends with what the first broker logged last.
    pub fn start(options: KafkaOptions) -> Self {
        let place = Place::claim();
        let dir = paths::run_dir("kafka");
        let cluster_id = planted_cluster_id();
        let kafka = Self { options, place, dir, cluster_id, nodes: Mutex::default(), turn: RwLock::default() };
        let ids: Vec<i32> = (1..=kafka.options.brokers).collect();
        node::format_all(ids.iter().map(|id| kafka.plan(*id)).collect());
        for id in &ids {
            let node = Node::start(kafka.plan(*id));
            kafka.nodes().insert(*id, node);
        }
        kafka.wait_ready();
        kafka.planted().iter().for_each(|name| transcript::plant(name));
        kafka
    }

    /// The cluster of three brokers of this version that all tests of this process share.
    pub fn shared(version: Version) -> Arc<Self> {
        static V4: OnceLock<Arc<Kafka>> = OnceLock::new();
        static V3: OnceLock<Arc<Kafka>> = OnceLock::new();
        let cell = match version {
            Version::V4 => &V4,
            Version::V3 => &V3,
        };
        cell.get_or_init(|| Arc::new(Self::start(KafkaOptions::new(version)))).clone()
    }

    /// Held by a test that needs all brokers to stay up.
    pub fn calm(&self) -> RwLockReadGuard<'_, ()> {
        self.turn.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held by a test that kills brokers, so that no other test of this process uses the cluster meanwhile.
    pub fn storm(&self) -> RwLockWriteGuard<'_, ()> {
        self.turn.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The release that runs.
    pub fn version(&self) -> Version {
        self.options.version
    }

    /// The id of the cluster; a planted name.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// `host:port` of the plaintext listener of every broker that was started and not removed, dead ones included.
    pub fn bootstrap(&self) -> Vec<String> {
        self.nodes().keys().map(|id| self.place.plaintext(*id)).collect()
    }

    /// `host:port` of the listener with mutual TLS of every such broker.
    pub fn bootstrap_ssl(&self) -> Vec<String> {
        self.nodes().keys().map(|id| self.place.ssl(*id)).collect()
    }

    /// The way to the far listener of every such broker. The listener tells clients the beginning of its way, where a
    /// relay has to stand, such as `Delay`.
    pub fn far_ways(&self) -> Vec<Far> {
        let far = |id: &i32| Far { here: self.place.way_to_far(*id), there: self.place.far(*id) };
        self.nodes().keys().map(far).collect()
    }

    /// What a broker calls its rack; a planted name.
    pub fn rack(&self, id: i32) -> String {
        self.place.rack(id)
    }

    /// Text that must never reach a client of Weir: the brokers' addresses, their racks, the cluster id.
    pub fn planted(&self) -> Vec<String> {
        let mut names = vec![self.place.prefix(), self.cluster_id.clone()];
        names.extend(self.nodes().keys().map(|id| self.place.rack(*id)));
        names
    }

    /// Ids of the brokers that run now.
    pub fn running(&self) -> Vec<i32> {
        self.nodes().iter_mut().filter_map(|(id, node)| node.runs().then_some(*id)).collect()
    }

    /// Process ids of the brokers that run now, for measuring.
    pub fn pids(&self) -> Vec<u32> {
        self.nodes().values_mut().filter_map(|node| node.runs().then(|| node.pid())).collect()
    }

    /// SIGKILL to one broker. Returns when its process is gone; the others notice some seconds later.
    pub fn kill(&self, id: i32) {
        self.node(id, Node::kill);
    }

    /// Starts a broker again that was killed, with its data and its addresses, and waits until all name it.
    pub fn restart(&self, id: i32) {
        self.node(id, Node::restart);
        self.wait_ready();
    }

    /// Starts every broker that is dead, and waits.
    pub fn heal(&self) {
        for node in self.nodes().values_mut() {
            if !node.runs() {
                node.restart();
            }
        }
        self.wait_ready();
    }

    /// Adds a broker (no controller) and waits until all name it. Gives its id.
    pub fn add_broker(&self) -> i32 {
        let id = self.nodes().keys().next_back().map_or(1, |last| last + 1);
        node::format_all(vec![self.plan(id)]);
        let node = Node::start(self.plan(id));
        self.nodes().insert(id, node);
        self.wait_ready();
        id
    }

    /// The plaintext address of a broker.
    pub fn plaintext(&self, id: i32) -> String {
        self.place.plaintext(id)
    }

    /// The plaintext address of a broker that runs.
    pub fn any(&self) -> String {
        let first = self.running().first().copied().expect("a broker runs");
        self.place.plaintext(first)
    }

    /// Where this cluster keeps its data and logs.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Runs one of Kafka's own tools, such as `org.apache.kafka.tools.TopicCommand`. About a second; for what the wire
    /// does not offer. Gives its standard output.
    ///
    /// # Panics
    /// When it fails, with its output.
    pub fn tool(&self, class: &str, args: &[&str]) -> String {
        node::tool(self.options.version, class, args)
    }

    /// The same for a tool that may fail: whether it ended well, and all that it wrote.
    pub fn try_tool(&self, class: &str, args: &[&str]) -> (bool, String) {
        let (succeeded, out, err) = node::run_tool(self.options.version, class, args);
        (succeeded, out + &err)
    }

    /// Waits until every running broker names all running brokers, and none that is dead.
    pub fn wait_ready(&self) {
        let ready = wait::try_until(START_LIMIT, || {
            let running = self.running();
            let known = self.nodes().len();
            if running.is_empty() {
                return Err(format!("none of {known} brokers runs"));
            }
            for id in &running {
                let seen = self.brokers_seen_by(*id)?;
                if seen != running {
                    return Err(format!("broker {id} names {seen:?}, and {running:?} run"));
                }
            }
            Ok(())
        });
        if let Err(last) = ready {
            let log = self.nodes().values().next().map(Node::tail).unwrap_or_default();
            panic!("Kafka {} in {} is not ready: {last}\n{log}", self.options.version, self.dir.display());
        }
    }

    fn plan(&self, id: i32) -> NodePlan {
        NodePlan {
            id,
            version: self.options.version,
            controller: id <= self.options.brokers,
            controllers: self.options.brokers,
            place: self.place.view(),
            far: self.options.far,
            identity: Pki::shared().broker(&[self.place.ip(id).into(), self.place.way_to_far(id).ip()]),
            dir: self.dir.join(format!("node-{id}")),
            data: self.dir.join("data").join(format!("node-{id}")),
            cluster_id: self.cluster_id.clone(),
            properties: self.options.properties.clone(),
        }
    }

    fn nodes(&self) -> MutexGuard<'_, BTreeMap<i32, Node>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node<T>(&self, id: i32, act: impl FnOnce(&mut Node) -> T) -> T {
        let mut nodes = self.nodes();
        act(nodes.get_mut(&id).unwrap_or_else(|| panic!("there is no broker {id}")))
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        // All at once, then each is waited for.
        self.nodes().values_mut().for_each(Node::let_go);
        self.nodes().clear();
        let _ = std::fs::remove_dir_all(self.dir.join("data"));
    }
}

/// 22 characters of URL-safe base64, the last without spare bits, as Kafka wants it.
fn planted_cluster_id() -> String {
    let unique = uuid::Uuid::new_v4().simple().to_string();
    format!("planted-cluster-{}A", &unique[..5])
}
