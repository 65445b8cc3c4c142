//! The source, the mirror, the public cluster and Weir before it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::json;
use weir_testkit::kafka::{Chain, Record};
use weir_testkit::{
    Acl, Advertise, Kafka, KafkaOptions, MirrorMaker, Pki, PrincipalSpec, Version, Weir, WeirOptions, wait, weir_binary,
};

const READER: &str = "mirror-reader";
/// What MirrorMaker and the brokers keep at the public cluster for themselves.
const OWN: [&str; 5] = [
    "__consumer_offsets",
    "heartbeats",
    "mm2-configs.inside.internal",
    "mm2-offsets.inside.internal",
    "mm2-status.inside.internal",
];

/// All that the test has.
pub struct Site {
    /// Where everything is.
    pub source: Kafka,
    public: Kafka,
    weir: Weir,
    mirror: Option<MirrorMaker>,
    properties: PathBuf,
}

fn one_broker() -> Kafka {
    Kafka::start(KafkaOptions { brokers: 1, ..KafkaOptions::new(Version::V4) })
}

/// The reader may read all that begins so: what the catalogue names decides.
fn acl(topics: &[&str]) -> Acl {
    let reader = PrincipalSpec::new(READER, &[]);
    Acl::new(topics)
        .auto_prefix("mirror.auto.")
        .never_contains("secret")
        .principal(PrincipalSpec { prefixes: vec!["mirror.".into()], ..reader })
}

impl Site {
    /// Both clusters, empty, and a Weir whose catalogue names these topics.
    pub fn open(topics: &[&str]) -> Self {
        let other = std::thread::spawn(one_broker);
        let source = one_broker();
        let public = other.join().expect("the public cluster starts");
        let mut options = WeirOptions::new(&public, Advertise::Ports, acl(topics));
        // By mutual TLS, with the key out of a file of its own.
        let identity = Pki::shared().client("the-mirror");
        let directory = identity.key.parent().expect("a key lies in a directory").display();
        let file = |path: &std::path::Path| {
            let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            format!("${{directory:{directory}:{name}}}")
        };
        options.config["upstreams"]["main"]["mirror"] = json!({
            "replication_factor": 1,
            "from": { "inside": {
                "bootstrap": source.bootstrap_ssl(),
                "prefixes": ["mirror."],
                "client": {
                    "security.protocol": "SSL",
                    "ssl.keystore.type": "PEM",
                    "ssl.keystore.certificate.chain": file(&identity.certificate),
                    "ssl.keystore.key": file(&identity.key),
                    "ssl.truststore.type": "PEM",
                    "ssl.truststore.location": identity.ca,
                },
            } },
        });
        let properties = options.dir().join("mirror.properties");
        let weir = Weir::start(options);
        Self { source, public, weir, mirror: None, properties }
    }

    /// The catalogue names these topics from now on; Weir reloads it on its own.
    pub fn list(&self, topics: &[&str]) {
        self.weir.write_acl(&acl(topics));
    }

    /// `weir render mirror`, as the file that the mirror runs with.
    pub fn render(&self) {
        let (status, text, told) = self.weir(&[]);
        assert_eq!(status, 0, "{told}");
        assert!(told.contains("topics of the catalogue's entry `prefix: mirror.auto.` are not copied"), "{told}");
        assert_eq!(self.weir(&[]).1, text, "the same files give the same bytes");
        fs::write(&self.properties, text).expect("the properties can be written");
    }

    /// `weir render mirror --check` of what the mirror runs with.
    pub fn check(&self) -> (i32, String) {
        let (status, text, _) = self.weir(&["--check", self.properties.to_str().expect("a path is text")]);
        (status, text)
    }

    fn weir(&self, more: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(weir_binary());
        command.args(["render", "mirror", "-c"]).arg(self.weir.config_file()).args(more);
        let done = command.output().expect("weir runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("weir writes text");
        (done.status.code().unwrap_or(-1), text(done.stdout), text(done.stderr))
    }

    /// The mirror runs with the file.
    pub fn start_mirror(&mut self) {
        self.mirror = Some(MirrorMaker::start(&self.properties));
    }

    /// As systemd stops it.
    pub fn stop_mirror(&mut self) {
        let mut mirror = self.mirror.take().expect("a mirror runs");
        let status = mirror.stop();
        // Java ends with 128 and the signal's number.
        assert_eq!(status, 128 + 15, "{}", mirror.tail(20));
    }

    /// A client reads the whole topic through Weir, from the beginning: every record of the chain, as it was written,
    /// none twice and no other, although it asks for aborted ones too.
    pub fn reads(&self, chain: &Chain, limit: Duration) {
        let consumer: BaseConsumer = self.client().create().expect("a consumer");
        let partitions = (0..).take_while(|at| *at < partitions(chain));
        let mut from = TopicPartitionList::new();
        for partition in partitions.clone() {
            let at = i32::try_from(partition).expect("few partitions");
            from.add_partition_offset(chain.topic(), at, Offset::Beginning).expect("an offset");
        }
        consumer.assign(&from).expect("an assignment");
        let mut seen: Vec<Vec<Record>> = partitions.map(|_| Vec::new()).collect();
        let what = format!("all records of {}", chain.topic());
        let came = wait::try_until(limit, || {
            while let Some(polled) = consumer.poll(Duration::from_millis(100)) {
                // Until the mirror has made the topic, it is not there.
                let Ok(message) = polled else { continue };
                let record = Record::received(&message);
                seen[usize::try_from(record.partition).expect("a partition")].push(record);
            }
            let count: usize = seen.iter().map(Vec::len).sum();
            if count >= chain.len() { Ok(()) } else { Err(format!("{count} of {}", chain.len())) }
        });
        if let Err(last) = came {
            panic!("{what}: {last} came\n{}", self.mirror.as_ref().map(|mirror| mirror.tail(30)).unwrap_or_default());
        }
        for (partition, records) in seen.iter().enumerate() {
            assert_eq!(records.len(), chain.partition(partition).len(), "{what}, partition {partition}");
            chain.check_run(partition, 0, records).expect("a copy is what was written");
        }
    }

    fn client(&self) -> ClientConfig {
        let mut config: ClientConfig = Pki::shared().client(READER).rdkafka_settings().into_iter().collect();
        config
            .set("bootstrap.servers", self.weir.bootstrap())
            .set("group.id", "reader")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_uncommitted")
            .set("topic.metadata.refresh.interval.ms", "1000")
            .set("reconnect.backoff.max.ms", "500");
        config
    }

    /// What a client is shown that asks for everything, sorted.
    pub fn shown_topics(&self) -> Vec<String> {
        let consumer: BaseConsumer = self.client().create().expect("a consumer");
        let metadata = consumer.fetch_metadata(None, Duration::from_secs(30)).expect("metadata");
        let mut topics: Vec<String> = metadata.topics().iter().map(|topic| topic.name().to_owned()).collect();
        topics.sort();
        topics
    }

    /// `weir check --live` of a public cluster without an authorizer: what the mirror keeps there is no finding.
    pub fn is_no_hole(&self) {
        let mut command = Command::new("timeout");
        command.arg("60").arg(weir_binary()).args(["check", "--live", "-c"]).arg(self.weir.config_file());
        let done = command.output().expect("weir runs");
        let told = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        assert!(told.contains("warning: upstream main: the brokers have no authorizer"), "{told}");
        assert!(!told.contains("the brokers show") && !told.contains("more than"), "{told}");
    }

    /// The public cluster has these topics and what MirrorMaker keeps there; nothing was made at the source.
    pub fn holds_nothing_else(&self, topics: &[&str]) {
        let wanted: BTreeSet<String> = topics.iter().chain(&OWN).map(ToString::to_string).collect();
        assert_eq!(listed(&self.public).difference(&wanted).collect::<Vec<_>>(), Vec::<&String>::new());
        // Made by MirrorMaker whatever it is told; its namesake at the source is not copied into it.
        assert_eq!(self.public.show_directly("heartbeats", 1), 0);
        let at_source = listed(&self.source);
        let strange: Vec<&String> =
            at_source.iter().filter(|name| name.contains("mm2") || name.contains("checkpoints")).collect();
        assert!(strange.is_empty(), "{strange:?}");
    }

    /// What the public cluster says of a topic.
    pub fn described(&self, topic: &str) -> String {
        let at = self.public.any();
        self.public.tool(TOPICS, &["--bootstrap-server", &at, "--describe", "--topic", topic])
    }
}

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";

fn listed(kafka: &Kafka) -> BTreeSet<String> {
    let at = kafka.any();
    kafka.tool(TOPICS, &["--bootstrap-server", &at, "--list"]).lines().map(str::to_owned).collect()
}

fn partitions(chain: &Chain) -> usize {
    match chain.topic() {
        crate::PLAIN => crate::PARTITIONS,
        _ => 1,
    }
}
