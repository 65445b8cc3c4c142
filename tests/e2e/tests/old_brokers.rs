//! Weir before brokers of the days of ZooKeeper: 2.8.2, 2.4.1 and 1.1.1, side by side.
//!
//! They lack what later releases brought: topic ids, rights in Metadata, DescribeCluster, fetch sessions with epochs,
//! states of groups. They create topics that are asked for by name, and give out records in the formats of years before.
//! Clients that still speak to such brokers do the main job, and nothing of it is Weir's to excuse.

mod main_job;
#[path = "operator/command.rs"]
mod operator_command;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{ApiVersionsRequest, MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::json;
use weir_testkit::kafka::{Chain, OldKafka, OldVersion, ZooKeeper};
use weir_testkit::{Acl, Advertise, Pki, PrincipalSpec, RawClient, Weir, WeirOptions, clients, require};

use main_job::edge::Edge;
use main_job::{Client, Commits, PARTITIONS, edge, group, judge, program};

const TOPICS: [&str; 2] = ["old.plain", "old.gzip"];
const HIDDEN: &str = "old.not-granted";
const UNLISTED: &str = "old.in-no-catalogue";
const NEVER_MADE: &str = "old.never-made";
/// Topics whose records are kept in the formats before record batches, and what the broker calls those.
const FORMATS: [(&str, &str); 2] = [("old.format-1", "0.10.2"), ("old.format-0", "0.9.0")];
const RECORDS: usize = 60;
const READER: &str = "old-reader";
const LIMIT: Duration = Duration::from_secs(30);
const FETCH: i16 = 1;

/// Java's client of 4.x wants brokers of 2.1 or newer.
const OF_2_8: [Client; 3] = [Client::classic("java"), Client::classic("rdkafka"), Client::classic("franz-go")];
const OF_2_4: [Client; 3] = [Client::classic("java"), Client::classic("rdkafka"), Client::classic("kafkajs")];
const OF_1_1: [Client; 4] =
    [Client::classic("java3"), Client::classic("rdkafka"), Client::classic("franz-go"), Client::classic("kafkajs")];

/// What is expected of a release.
struct Expected {
    version: OldVersion,
    clients: &'static [Client],
    /// The newest version of Fetch that the broker speaks.
    fetch: i16,
}

const EXPECTED: [Expected; 3] = [
    Expected { version: OldVersion::V2_8, clients: &OF_2_8, fetch: 12 },
    Expected { version: OldVersion::V2_4, clients: &OF_2_4, fetch: 11 },
    Expected { version: OldVersion::V1_1, clients: &OF_1_1, fetch: 7 },
];

#[test]
fn brokers_of_the_days_of_zookeeper_are_served() {
    for client in EXPECTED.iter().flat_map(|expected| expected.clients) {
        require!(clients::ready(client.name));
    }
    let began = Instant::now();
    let zookeeper = ZooKeeper::start();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let sides = EXPECTED.map(|expected| {
            let zookeeper = Arc::clone(&zookeeper);
            scope.spawn(move || Side::open(expected, &zookeeper, began).run())
        });
        sides.into_iter().flat_map(|side| side.join().unwrap_or_else(|_| vec!["a side panicked".to_owned()])).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// One old broker, and Weir before it.
struct Side {
    began: Instant,
    expected: Expected,
    kafka: OldKafka,
    weir: Weir,
}

impl Side {
    fn open(expected: Expected, zookeeper: &Arc<ZooKeeper>, began: Instant) -> Self {
        let kafka = OldKafka::start(expected.version, zookeeper);
        TOPICS.iter().for_each(|topic| kafka.create_topic(topic, 2, &[]));
        [HIDDEN, UNLISTED].iter().for_each(|topic| kafka.create_topic(topic, 1, &[]));
        for (topic, format) in FORMATS {
            kafka.create_topic(topic, 1, &[("message.format.version", format)]);
        }
        let weir = Weir::start(WeirOptions::before(&[kafka.bootstrap()], Advertise::Ports, acl()));
        let side = Self { began, expected, kafka, weir };
        side.say("ready");
        side
    }

    fn run(&self) -> Vec<String> {
        let mut chains: Vec<Chain> = TOPICS.iter().map(|topic| Chain::new(topic, PARTITIONS)).collect();
        chains[1].compress("gzip");
        chains.iter_mut().for_each(|chain| chain.append_at(&self.kafka.bootstrap(), 150));
        self.versions_are_the_brokers();
        self.nothing_hidden_is_told_and_nothing_is_made();
        self.old_formats_are_read();
        self.offsets_are_found_by_time(&chains[0]);
        self.say("asked");
        let failures = self.clients_do_the_main_job(&mut chains);
        self.say("the main job is done");
        self.an_operator_is_told();
        failures.into_iter().map(|failure| format!("Kafka {}: {failure}", self.number())).collect()
    }

    fn clients_do_the_main_job(&self, chains: &mut [Chain]) -> Vec<String> {
        let edge = Edge { bootstrap: self.weir.bootstrap(), identity: Pki::shared().client(READER) };
        let committed = |group: &str| self.kafka.committed(&format!("weir.{READER}.{group}"));
        let brokers = self.kafka.bootstrap();
        let place = main_job::Place { edge: &edge, brokers, committed: &committed, hidden: HIDDEN };
        main_job::run(&place, self.expected.clients, chains, &format!("on-{}", self.number()))
    }

    /// ApiVersions is what both the broker and Weir speak.
    fn versions_are_the_brokers(&self) {
        let answer = self.client().call(2, &ApiVersionsRequest::default()).expect("versions");
        let range = |key| answer.api_keys.iter().find(|api| api.api_key == key).map(|api| api.max_version);
        assert_eq!(range(FETCH), Some(self.expected.fetch), "Kafka {}", self.number());
    }

    /// Neither the names of all topics nor a question by name tells of one that is hidden; what is asked for and is not
    /// there is not made, whatever version asks.
    fn nothing_hidden_is_told_and_nothing_is_made(&self) {
        let before = self.kafka.topics();
        let mut client = self.client();
        let named =
            |name: &str| MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(name.into()))));
        for version in 1..=9 {
            let all = client.call(version, &MetadataRequest::default().with_topics(None)).expect("all topics");
            let told: BTreeSet<String> =
                all.topics.iter().filter_map(|topic| Some(topic.name.as_ref()?.to_string())).collect();
            let wanted: BTreeSet<String> =
                TOPICS.into_iter().chain(FORMATS.map(|(topic, _)| topic)).map(str::to_owned).collect();
            assert_eq!(told, wanted, "Kafka {}, version {version}", self.number());
            let asked = [NEVER_MADE, UNLISTED, HIDDEN].map(named).into();
            let asked = MetadataRequest::default().with_topics(Some(asked)).with_allow_auto_topic_creation(true);
            let answer = client.call(version, &asked).expect("topics by name");
            for topic in &answer.topics {
                assert_ne!(topic.error_code, 0, "Kafka {}, version {version}: {topic:?}", self.number());
                assert!(topic.partitions.is_empty(), "Kafka {}, version {version}: {topic:?}", self.number());
            }
        }
        assert_eq!(self.kafka.topics(), before, "Kafka {}", self.number());
    }

    fn client(&self) -> RawClient {
        let target = self.weir.target(&self.weir.broker(1), &Pki::shared().client(READER));
        RawClient::connect(&target).expect("a connection")
    }

    /// Messages of the formats before batches, alone and compressed, come through as they are. Where Fetch has tagged
    /// fields, from 12 on, librdkafka does not read them from brokers either: issue 5549 of librdkafka.
    fn old_formats_are_read(&self) {
        let mut options = WeirOptions::before(&[self.kafka.bootstrap()], Advertise::Ports, acl());
        options.config["upstreams"]["main"]["max_versions"] = json!({ "Fetch": 11 });
        let capped = Weir::start(options);
        for (topic, format) in FORMATS {
            let wanted: Vec<Vec<u8>> = (0..RECORDS).map(|number| format!("{topic} {number}").into_bytes()).collect();
            for (codec, half) in [("none", &wanted[..RECORDS / 2]), ("gzip", &wanted[RECORDS / 2..])] {
                write(&self.kafka.bootstrap(), topic, codec, half);
            }
            let consumer = consumer(&capped);
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
            consumer.assign(&list).unwrap();
            let (mut came, end) = (Vec::new(), Instant::now() + LIMIT);
            while came.len() < wanted.len() {
                assert!(Instant::now() < end, "Kafka {}: {} records in format {format}", self.number(), came.len());
                let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
                came.push(message.expect("a record").payload().expect("a value").to_vec());
            }
            assert_eq!(came, wanted, "Kafka {}, format {format}", self.number());
        }
    }

    fn offsets_are_found_by_time(&self, chain: &Chain) {
        let consumer = consumer(&self.weir);
        let wanted = &chain.partition(0)[100];
        let mut times = TopicPartitionList::new();
        times.add_partition_offset(chain.topic(), 0, Offset::Offset(wanted.timestamp_ms)).unwrap();
        let found = consumer.offsets_for_times(times, LIMIT).expect("offsets by time");
        assert_eq!(found.elements()[0].offset(), Offset::Offset(100), "Kafka {}", self.number());
    }

    /// The commands of an operator, as they are.
    fn an_operator_is_told(&self) {
        let said = operator_command::run(&self.weir, &["groups", "list", "--principal", READER, "--json"]);
        assert_eq!(said.status, 0, "Kafka {}: {said:?}", self.number());
        for client in self.expected.clients {
            let group = format!("{}-on-{}", client.name, self.number());
            assert!(said.out.contains(&group), "Kafka {}: no {group}: {said:?}", self.number());
        }
        let said = operator_command::run(&self.weir, &["check", "--live"]);
        // These brokers have no authorizer, and a topic that is in no catalogue: there is nothing else to find.
        assert!(said.out.contains("1 topic that the catalogue does not name"), "Kafka {}: {said:?}", self.number());
        let errors = said.out.lines().filter(|line| line.starts_with("error: "));
        let others: Vec<&str> = errors.filter(|line| !line.contains("that the catalogue does not name")).collect();
        assert_eq!(others, Vec::<&str>::new(), "Kafka {}: {}", self.number(), said.err);
        let log = self.weir.log();
        let warnings = log.lines().filter(|line| line.contains(" WARN ") || line.contains(" ERROR "));
        let warned: Vec<&str> = warnings.filter(|line| !line.contains(NEVER_MADE)).collect();
        assert_eq!(warned, Vec::<&str>::new(), "Kafka {}", self.number());
    }

    fn number(&self) -> &'static str {
        self.kafka.version().number()
    }

    fn say(&self, what: &str) {
        println!("{:>4} s  Kafka {}: {what}", self.began.elapsed().as_secs(), self.number());
    }
}

fn acl() -> Acl {
    let mut granted: Vec<&str> = TOPICS.into_iter().chain(FORMATS.map(|(topic, _)| topic)).collect();
    granted.push(NEVER_MADE);
    let catalogue: Vec<&str> = granted.iter().copied().chain([HIDDEN]).collect();
    Acl::new(&catalogue).principal(PrincipalSpec::new(READER, &granted))
}

fn consumer(weir: &Weir) -> BaseConsumer {
    let mut config: ClientConfig = Pki::shared().client(READER).rdkafka_settings().into_iter().collect();
    config.set("bootstrap.servers", weir.bootstrap()).set("group.id", "old-assigned");
    config.set("enable.auto.commit", "false").create().unwrap()
}

/// Without headers, which the old formats do not have.
fn write(brokers: &str, topic: &str, codec: &str, values: &[Vec<u8>]) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("compression.type", codec).set("linger.ms", "20");
    let producer: BaseProducer = config.create().unwrap();
    for value in values {
        let record = BaseRecord::<(), [u8]>::to(topic).partition(0).payload(value);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(LIMIT).unwrap();
    let (_, end) = producer.client().fetch_watermarks(topic, 0, LIMIT).unwrap();
    assert!(usize::try_from(end).unwrap() >= values.len(), "{topic} has {end} records");
}
