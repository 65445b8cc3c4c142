//! Two data centres: a source, a public cluster in each, a mirror for each as `weir render mirror` writes it, and a Weir
//! before each.
//!
//! Must never: tell a mirror anything that was not rendered.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use weir_testkit::MirrorMaker;
use weir_testkit::kafka::wire;
use weir_testkit::{Acl, Advertise, Kafka, KafkaOptions, PrincipalSpec, Version, Weir, WeirOptions, wait, weir_binary};

use crate::cluster::{PARTITIONS, READER};

/// Two mirrors and six brokers begin at the same time.
const BEGIN: Duration = Duration::from_secs(180);
/// The topic that is written at the source.
pub const TOPIC: &str = "drill.mirrored";

/// Where the public reads.
#[derive(Debug)]
pub struct Site {
    /// The public cluster.
    pub kafka: Kafka,
    /// Before it.
    pub weir: Weir,
    /// What fills it.
    pub mirror: MirrorMaker,
}

/// All of it.
#[derive(Debug)]
pub struct Sites {
    /// Where it is written: broker 1, which is the controller, and broker 2.
    pub source: Kafka,
    /// Three brokers.
    pub first: Site,
    /// One broker.
    pub second: Site,
}

impl Sites {
    /// Begins, and waits until a record that was written at the source is in both.
    #[must_use]
    pub fn open() -> Self {
        let start =
            |brokers| thread::spawn(move || Kafka::start(KafkaOptions { brokers, ..KafkaOptions::new(Version::V4) }));
        let (source, first, second) = (start(1), start(3), start(1));
        let [source, first, second] = [source, first, second].map(|started| started.join().expect("a cluster starts"));
        // Not a controller: the source goes on without it.
        let added = source.add_broker();
        let placed: Vec<_> =
            (0..PARTITIONS).map(|at| if at % 2 == 0 { vec![added, 1] } else { vec![1, added] }).collect();
        source.create_placed(TOPIC, &placed, &[]);
        let (first, second) = (Site::begin(first, &source, 3), Site::begin(second, &source, 1));
        for site in [&first, &second] {
            wait::until("the mirrored topic", BEGIN, || {
                let known = partitions(&site.kafka)?;
                if known == PARTITIONS { Ok(()) } else { Err(format!("{known} partitions\n{}", site.mirror.tail(5))) }
            });
            site.weir.wait_ready();
        }
        Self { source, first, second }
    }
}

impl Site {
    fn begin(kafka: Kafka, source: &Kafka, replicas: u16) -> Self {
        let acl = Acl::new(&[TOPIC]).principal(PrincipalSpec::new(READER, &[TOPIC]));
        let mut options = WeirOptions::new(&kafka, Advertise::Ports, acl).untapped();
        options.config["upstreams"]["main"]["mirror"] =
            json!({ "from": { "internal": { "bootstrap": source.bootstrap() } }, "replication_factor": replicas });
        let weir = Weir::start_unready(options);
        let properties = render(&weir);
        Self { mirror: MirrorMaker::start(&properties), kafka, weir }
    }
}

/// How many partitions of the topic a cluster has.
fn partitions(kafka: &Kafka) -> Result<usize, String> {
    let name = TopicName(StrBytes::from_static_str(TOPIC));
    let asked =
        MetadataRequest::default().with_topics(Some(vec![MetadataRequestTopic::default().with_name(Some(name))]));
    let answer = wire::call(&kafka.any(), 12, &asked)?;
    Ok(answer.topics.iter().map(|topic| topic.partitions.len()).sum())
}

/// What `weir render mirror` writes for a Weir's cluster.
fn render(weir: &Weir) -> PathBuf {
    let config = weir.config_file();
    let output = Command::new(weir_binary()).args(["render", "mirror", "-c"]).arg(&config).output().expect("weir runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let properties = config.with_file_name("mirror.properties");
    fs::write(&properties, output.stdout).expect("a file can be written");
    properties
}
