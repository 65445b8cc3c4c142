//! Brokers of the days of ZooKeeper: one broker of each release, and one ZooKeeper for all of them.
//!
//! What is asked of them here is asked in versions that the oldest of them knows. They are plaintext alone, and create
//! what is asked for carelessly, as they are shipped. Must never say that a broker is ready because of a log line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    CreateTopicsRequest, FindCoordinatorRequest, GroupId, MetadataRequest, MetadataResponse, OffsetFetchRequest,
    TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::node::{LOG4J, java_with, path_text};
use super::place::Place;
use super::{START_LIMIT, fetched, wire};
use crate::process::Leashed;
use crate::{paths, transcript, wait};

const SETTLE: Duration = Duration::from_secs(60);
/// The one broker's id.
const ID: i32 = 1;
/// The newest versions that Kafka 1.1 knows.
const METADATA: i16 = 5;
const CREATE_TOPICS: i16 = 2;
const OFFSET_FETCH: i16 = 3;
const FIND_COORDINATOR: i16 = 1;

/// Releases that need ZooKeeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldVersion {
    /// 2.8.2, the last line before 3.
    V2_8,
    /// 2.4.1.
    V2_4,
    /// 1.1.1, the last line before 2.
    V1_1,
}

impl OldVersion {
    /// All, the newest first.
    pub const ALL: [Self; 3] = [Self::V2_8, Self::V2_4, Self::V1_1];

    /// As Maven names it.
    pub fn number(self) -> &'static str {
        match self {
            Self::V2_8 => "2.8.2",
            Self::V2_4 => "2.4.1",
            Self::V1_1 => "1.1.1",
        }
    }
}

/// A running ZooKeeper. It ends when this is dropped, or when the test process ends.
#[derive(Debug)]
pub struct ZooKeeper {
    place: Place,
    _process: Leashed,
}

impl ZooKeeper {
    /// Starts the one that comes with Kafka 2.8.2. It is there when a broker is.
    pub fn start() -> Arc<Self> {
        let (place, dir) = (Place::claim(), paths::run_dir("zookeeper"));
        let config = dir.join("zookeeper.properties");
        let (host, port) = (place.ip(ID), place.plaintext(ID));
        let port = port.rsplit(':').next().expect("host:port");
        let text = format!(
            "dataDir={}\nclientPort={port}\nclientPortAddress={host}\nadmin.enableServer=false\nmaxClientCnxns=0\n",
            dir.join("data").display()
        );
        fs::write(&config, text).expect("the properties can be written");
        let process = java(OldVersion::V2_8, &dir, "org.apache.zookeeper.server.quorum.QuorumPeerMain", &config);
        Arc::new(Self { place, _process: process })
    }
}

/// A running broker. It ends when this is dropped, or when the test process ends.
#[derive(Debug)]
pub struct OldKafka {
    version: OldVersion,
    place: Place,
    dir: PathBuf,
    cluster_id: String,
    process: Leashed,
    // Behind the process, so that the broker ends first.
    _zookeeper: Arc<ZooKeeper>,
}

impl OldKafka {
    /// Starts one broker, and waits until it names itself.
    ///
    /// # Panics
    /// When it does not come up; the message ends with what it logged last.
    pub fn start(version: OldVersion, zookeeper: &Arc<ZooKeeper>) -> Self {
        let (place, dir) = (Place::claim(), paths::run_dir("old-kafka"));
        let config = dir.join("server.properties");
        fs::write(&config, properties(version, &place, zookeeper, &dir)).expect("the properties can be written");
        let process = java(version, &dir, "kafka.Kafka", &config);
        let mut kafka =
            Self { version, place, dir, cluster_id: String::new(), process, _zookeeper: Arc::clone(zookeeper) };
        kafka.cluster_id = kafka.wait_ready();
        [kafka.place.prefix(), kafka.place.rack(ID), kafka.cluster_id.clone()].iter().for_each(|name| {
            transcript::plant(name);
        });
        kafka
    }

    /// The release that runs.
    pub fn version(&self) -> OldVersion {
        self.version
    }

    /// `host:port`.
    pub fn bootstrap(&self) -> String {
        self.place.plaintext(ID)
    }

    /// The id of the cluster; a planted name.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// Creates a topic and waits until its partitions have leaders.
    ///
    /// # Panics
    /// When it cannot be created.
    pub fn create_topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let config = |(key, value): &(&str, &str)| {
            CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value)))
        };
        let topic = CreatableTopic::default()
            .with_name(TopicName(text(name)))
            .with_num_partitions(partitions)
            .with_replication_factor(1)
            .with_configs(configs.iter().map(config).collect());
        let request = CreateTopicsRequest::default().with_timeout_ms(10_000).with_topics(vec![topic]);
        let answer = wire::call(&self.bootstrap(), CREATE_TOPICS, &request).expect("the broker answers");
        assert!(answer.topics.iter().all(|topic| topic.error_code == 0), "creating {name}: {answer:?}");
        wait::until("a topic to have leaders", SETTLE, || {
            let wanted = MetadataRequestTopic::default().with_name(Some(TopicName(text(name))));
            let answer = self.metadata(Some(vec![wanted]))?;
            let topic = answer.topics.first().ok_or("no topic in the answer")?;
            let led = topic.partitions.iter().filter(|partition| partition.leader_id.0 == ID).count();
            if i32::try_from(led) == Ok(partitions) { Ok(()) } else { Err(format!("{topic:?}")) }
        });
    }

    /// The names of all topics.
    pub fn topics(&self) -> Vec<String> {
        let answer = self.metadata(None).expect("the broker answers");
        let mut names: Vec<String> =
            answer.topics.into_iter().filter_map(|topic| Some(topic.name?.to_string())).collect();
        names.sort();
        names
    }

    /// The offsets that a group has committed, by topic and partition. The name is the one that the *broker* knows.
    pub fn committed(&self, group: &str) -> BTreeMap<(String, i32), i64> {
        let find = FindCoordinatorRequest::default().with_key(text(group));
        let fetch = OffsetFetchRequest::default().with_group_id(GroupId(text(group))).with_topics(None);
        wait::until("committed offsets", SETTLE, || {
            let found = wire::call(&self.bootstrap(), FIND_COORDINATOR, &find)?;
            if found.error_code != 0 {
                return Err(format!("no coordinator: error {}", found.error_code));
            }
            let answer = wire::call(&self.bootstrap(), OFFSET_FETCH, &fetch)?;
            if answer.error_code != 0 {
                return Err(format!("error {}", answer.error_code));
            }
            let offsets = answer.topics.iter().flat_map(|topic| {
                topic.partitions.iter().map(|p| ((topic.name.0.to_string(), p.partition_index), p.committed_offset))
            });
            Ok(offsets.filter(|(_, offset)| *offset >= 0).collect())
        })
    }

    fn metadata(&self, topics: Option<Vec<MetadataRequestTopic>>) -> Result<MetadataResponse, String> {
        let request = MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(false);
        wire::call(&self.bootstrap(), METADATA, &request)
    }

    /// Gives the cluster's id.
    fn wait_ready(&self) -> String {
        let ready = wait::try_until(START_LIMIT, || {
            let answer = self.metadata(Some(Vec::new()))?;
            let named = answer.brokers.iter().any(|broker| broker.node_id.0 == ID);
            answer.cluster_id.filter(|_| named).map(|id| id.to_string()).ok_or_else(|| "it does not name itself".into())
        });
        ready.unwrap_or_else(|last| {
            let log = self.process.tail(25);
            panic!("Kafka {} in {} is not ready: {last}\n{log}", self.version.number(), self.dir.display())
        })
    }
}

impl Drop for OldKafka {
    fn drop(&mut self) {
        self.process.kill();
        let _ = fs::remove_dir_all(self.dir.join("data"));
    }
}

fn java(version: OldVersion, dir: &Path, class: &str, config: &Path) -> Leashed {
    let log4j = dir.join("log4j.properties");
    fs::write(&log4j, LOG4J).expect("the properties can be written");
    let log4j = format!("-Dlog4j.configuration=file:{}", log4j.display());
    let mut command = java_with(&fetched(version.number()), &["-Xms64m", "-Xmx256m", &log4j]);
    command.arg(class).arg(config).current_dir(dir);
    Leashed::start(class, &command, &dir.join("java.log"))
}

fn properties(version: OldVersion, place: &Place, zookeeper: &ZooKeeper, dir: &Path) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: &str| writeln!(text, "{key}={value}").expect("a string takes text");
    line("broker.id", &ID.to_string());
    line("broker.rack", &place.rack(ID));
    // Each release has a part of ZooKeeper for itself.
    line("zookeeper.connect", &format!("{}/{}", zookeeper.place.plaintext(ID), version.number()));
    line("listeners", &format!("PLAINTEXT://{}", place.plaintext(ID)));
    line("log.dirs", path_text(&dir.join("data")));
    FIXED.iter().for_each(|(key, value)| line(key, value));
    text
}

/// Nothing is deleted by age: a chain's records are of the past.
const FIXED: [(&str, &str); 12] = [
    ("auto.create.topics.enable", "true"),
    ("controlled.shutdown.enable", "false"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("log.cleaner.dedupe.buffer.size", "8388608"),
    ("log.retention.ms", "-1"),
    ("num.io.threads", "3"),
    ("num.network.threads", "2"),
    ("offsets.topic.num.partitions", "2"),
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.num.partitions", "2"),
    ("transaction.state.log.replication.factor", "1"),
    // A busy machine may take its time.
    ("zookeeper.connection.timeout.ms", "60000"),
];

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.into())
}
