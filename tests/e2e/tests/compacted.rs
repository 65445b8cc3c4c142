//! Topics that may leave only while they are compacted, before real Kafka: closed on open connections when the brokers
//! keep them in another way, open again by themselves, and never open where brokers do not say; and what compaction leaves
//! behind reaches readers as it is.

#[path = "clients/program.rs"]
#[allow(dead_code, reason = "readers need a part of it")]
mod program;
#[path = "movement/reader.rs"]
#[allow(dead_code, reason = "one kind of reader is enough here")]
mod reader;

use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{FetchRequest, FetchResponse, MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::json;
use weir_testkit::kafka::{Chain, TopicSpec, wire};
use weir_testkit::{
    Acl, Advertise, Kafka, Pki, PrincipalSpec, RawClient, RawTarget, Version, Weir, WeirOptions, clients, require, wait,
};

use reader::Reader;

const READER: &str = "compacted-reader";
const STATE: &str = "compacted.state";
const FREE: &str = "compacted.free";
const LATEST: &str = "compacted.latest";
const POLICY: &str = "cleanup.policy";
const LIMIT: Duration = Duration::from_secs(60);
/// Brokers are asked every second here.
const CHECK: &str = "1s";
/// Within so long a change at the brokers takes effect: the time between two questions, and a second.
const BAR: Duration = Duration::from_secs(2);

/// A Weir whose second listener has a cluster that does not tell how it keeps topics: it serves no version that does.
fn before(kafka: &Kafka) -> Weir {
    let topics = [STATE, FREE, LATEST];
    let acl = Acl::new(&topics).only_while_compacted(STATE).only_while_compacted(LATEST);
    let mut options = WeirOptions::new(kafka, Advertise::Ports, acl.principal(PrincipalSpec::new(READER, &topics)));
    options.config["upstreams"]["main"]["compaction_check"] = json!(CHECK);
    let mut silent = options.config["upstreams"]["main"].clone();
    silent["max_versions"] = json!({ "DescribeConfigs": 0 });
    options.config["upstreams"]["silent"] = silent;
    let mut listener = options.config["listeners"][0].clone();
    let spare = options.spare_ports();
    listener["name"] = json!("beside");
    listener["upstream"] = json!("silent");
    listener["bind"] = json!("127.0.0.1");
    let ids = [1, 3];
    listener["advertise"] = json!({ "ports": { "host": "127.0.0.1", "bootstrap_port": spare.start, "base_port": spare.start, "ids": ids } });
    options.config["listeners"].as_array_mut().unwrap().push(listener);
    options.config["audit"] = json!({ "directory": options.dir().join("audit") });
    Weir::start(options)
}

/// The listener before the cluster that says nothing.
fn beside(weir: &Weir) -> RawTarget {
    let config: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(weir.config_file()).unwrap()).expect("the kit writes JSON");
    let ports = &config["listeners"][1]["advertise"]["ports"];
    RawTarget::new(&format!("127.0.0.1:{}", ports["bootstrap_port"]), &Pki::shared().client(READER))
}

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.into()))
}

fn at(weir: &Weir, address: &str) -> RawTarget {
    weir.target(address, &Pki::shared().client(READER))
}

/// The codes of the topics in Metadata, and how many topics there are when all are asked for.
fn described(target: &RawTarget) -> ([i16; 2], usize) {
    let topic = |topic| MetadataRequestTopic::default().with_name(Some(name(topic)));
    let mut client = RawClient::connect(target).expect("a connection");
    let named = MetadataRequest::default().with_topics(Some(vec![topic(STATE), topic(FREE)]));
    let named = client.call(12, &named).expect("Metadata is answered");
    let all = client.call(12, &MetadataRequest::default().with_topics(None)).expect("Metadata is answered");
    let code = |topic: &str| {
        let found = named.topics.iter().find(|known| known.name.as_ref().is_some_and(|name| *name.0 == *topic));
        found.expect("it was asked for").error_code
    };
    ([code(STATE), code(FREE)], all.topics.len())
}

/// The brokers do not compact the topic any more while a Fetch waits at its end: how long until that was answered, with
/// nothing.
fn closes(kafka: &Kafka, weir: &Weir, end: i64) -> Duration {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20).with_fetch_offset(end);
    let topic = FetchTopic::default().with_topic(name(STATE)).with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_max_wait_ms(25_000)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    let leader = at(weir, &weir.broker(kafka.leader_of(STATE, 0)));
    let mut waiting = RawClient::connect(&leader).expect("a connection");
    waiting.send(&wire::frame(5, 12, &request).unwrap()).unwrap();
    // It is at the broker, or on its way there: both are closed.
    std::thread::sleep(Duration::from_millis(300));
    kafka.configure_topic(STATE, POLICY, "delete");
    let began = Instant::now();
    let answer = waiting.read_frame(LIMIT).expect("it is answered before its time");
    let (_, answer): (_, FetchResponse) = wire::open::<FetchRequest>(12, &answer).expect("an answer to Fetch");
    let partition = &answer.responses[0].partitions[0];
    assert_eq!((partition.error_code, partition.records.as_ref().map_or(0, bytes::Bytes::len)), (3, 0));
    began.elapsed()
}

fn consumer(weir: &Weir, group: &str, topics: &[&str]) -> BaseConsumer {
    let mut config: ClientConfig = Pki::shared().client(READER).rdkafka_settings().into_iter().collect();
    config
        .set("bootstrap.servers", weir.bootstrap())
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("topic.metadata.refresh.interval.ms", "1000");
    let consumer: BaseConsumer = config.create().expect("a consumer starts");
    consumer.subscribe(topics).expect("it subscribes");
    consumer
}

/// Polls until a record of this topic with this value comes; the topics of all that came until then.
fn until_value(consumer: &BaseConsumer, topic: &str, value: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut came = Vec::new();
    wait::until("a record", LIMIT, || {
        let Some(Ok(record)) = consumer.poll(Duration::from_millis(100)) else { return Err(format!("{came:?}")) };
        let one = (record.topic().to_owned(), record.payload().unwrap_or_default().to_vec());
        let is_it = one == (topic.to_owned(), value.to_vec());
        came.push(one);
        if is_it { Ok(()) } else { Err(format!("{came:?}")) }
    });
    came
}

fn closed(weir: &Weir, upstream: &str) -> Option<i64> {
    let (_, page) = weir.get("/metrics").ok()?;
    let name = format!("weir_topics_not_compacted{{upstream=\"{upstream}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok())
}

fn until_closed(weir: &Weir, upstream: &str, count: i64) {
    wait::until("the count of closed topics", LIMIT, || match closed(weir, upstream) {
        Some(now) if now == count => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

fn audited(weir: &Weir) -> String {
    let directory = weir.config_file().parent().unwrap().join("audit");
    let files = std::fs::read_dir(directory).unwrap().flatten();
    files.map(|file| std::fs::read_to_string(file.path()).unwrap_or_default()).collect()
}

/// The brokers, and the topics on them.
fn kafka() -> Arc<Kafka> {
    static TOPICS: Once = Once::new();
    let kafka = Kafka::shared(Version::V4);
    TOPICS.call_once(|| {
        let compacted: &[_] = &[(POLICY, "compact")];
        let spec = |name, configs| TopicSpec { name, partitions: 1, replication: 3, configs };
        kafka.create_topics(&[spec(STATE, compacted), spec(LATEST, compacted), spec(FREE, &[])]);
    });
    kafka
}

#[test]
fn hostile_a_topic_that_is_not_compacted_any_more_gives_nothing_and_comes_back_by_itself() {
    require!(clients::ready("java"));
    let kafka = kafka();
    let weir = before(&kafka);
    until_closed(&weir, "main", 0);
    let mut chain = Chain::new(STATE, 1);
    chain.append(&kafka, 20);
    kafka.produce(FREE, 0, b"first");
    let both = consumer(&weir, "both", &[STATE, FREE]);
    until_value(&both, FREE, b"first");
    let identity = Pki::shared().client(READER);
    let readers = ["classic", "consumer"].map(|protocol| {
        Reader::start(&weir.bootstrap(), &identity, STATE, &[("GROUP", protocol), ("PROTOCOL", protocol)])
    });
    readers.iter().for_each(|reader| reader.catches_up(&chain, LIMIT));
    assert_eq!(described(&at(&weir, &weir.bootstrap())), ([0, 0], 3));
    // A cluster whose brokers do not say how they keep it has it closed from the start, and nothing else.
    assert_eq!(described(&beside(&weir)), ([3, 0], 1));
    until_closed(&weir, "silent", 2);

    let mut closings = 1;
    let took = closes(&kafka, &weir, 20);
    if took >= BAR {
        // A machine that is busy for a moment misses a time once.
        println!("a second try: closing took {took:?}");
        kafka.configure_topic(STATE, POLICY, "compact");
        until_closed(&weir, "main", 0);
        closings += 1;
        wait::held("closing", BAR, closes(&kafka, &weir, 20));
    }
    assert_eq!(described(&at(&weir, &weir.bootstrap())), ([3, 0], 2));
    until_closed(&weir, "main", 1);
    let (status, ready) = weir.get("/readyz").unwrap();
    assert_eq!(status, 200, "the rest is served");
    let line = format!("closed: upstream main, topic {STATE}: its cleanup.policy is `delete`");
    assert!(ready.contains(&line), "{ready}");

    // What is written meanwhile is not read: the record of the other topic is later, and there.
    chain.append(&kafka, 5);
    kafka.produce(FREE, 0, b"second");
    let came = until_value(&both, FREE, b"second");
    assert!(came.iter().all(|(topic, _)| topic != STATE), "{came:?}");
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(STATE, 0, Offset::Offset(20)).unwrap();
    both.commit(&offsets, CommitMode::Sync).expect("a group's offsets are its own");

    kafka.configure_topic(STATE, POLICY, "compact,delete");
    until_closed(&weir, "main", 0);
    readers.iter().for_each(|reader| reader.catches_up(&chain, LIMIT));
    readers.into_iter().for_each(|reader| reader.has_read(&chain, 1));
    wait::until("the consumer to go on", LIMIT, || match both.poll(Duration::from_millis(100)) {
        Some(Ok(record)) if record.topic() == STATE && record.offset() >= 20 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let audited = audited(&weir);
    for (event, more) in [("topic.closed", "cleanup.policy is `delete`"), ("topic.opened", "\"upstream\":\"main\"")] {
        let told = |line: &&str| line.contains(event) && line.contains(STATE) && line.contains(more);
        assert_eq!(audited.lines().filter(told).count(), closings, "{event}: {audited}");
    }
}

/// What brokers keep of a record: key, value, time, headers.
type Kept = (Option<Vec<u8>>, Option<Vec<u8>>, Option<i64>, Vec<(String, Option<Vec<u8>>)>);

fn kept(message: &impl Message) -> Kept {
    let headers = message.headers().map(|headers| {
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect::<Vec<_>>()
    });
    let (key, value) = (message.key().map(<[u8]>::to_vec), message.payload().map(<[u8]>::to_vec));
    (key, value, message.timestamp().to_millis(), headers.unwrap_or_default())
}

#[test]
fn tombstones_of_a_compacted_topic_reach_readers_as_they_are() {
    let kafka = kafka();
    let weir = before(&kafka);
    let config: ClientConfig = [("bootstrap.servers".to_owned(), kafka.bootstrap().join(","))].into_iter().collect();
    let producer: BaseProducer = config.create().unwrap();
    let record = |key, at| BaseRecord::<str, [u8]>::to(LATEST).partition(0).key(key).timestamp(at);
    let header = rdkafka::message::Header { key: "why", value: Some("asked for") };
    let headers = rdkafka::message::OwnedHeaders::new().insert(header);
    producer.send(record("a", 1_000).payload(b"1")).unwrap();
    producer.send(record("b", 2_000).payload(b"")).unwrap();
    producer.send(record("a", 3_000).headers(headers)).unwrap();
    producer.send(record("c", 4_000).payload(b"end")).unwrap();
    producer.flush(LIMIT).unwrap();
    let read = |consumer: BaseConsumer| {
        let mut came: Vec<Kept> = Vec::new();
        wait::until("the records", LIMIT, || {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                came.push(kept(&message));
            }
            if came.len() >= 4 { Ok(()) } else { Err(format!("{came:?}")) }
        });
        came
    };
    let mut direct = config;
    direct.set("group.id", "compacted-direct").set("auto.offset.reset", "earliest");
    let direct: BaseConsumer = direct.create().unwrap();
    direct.subscribe(&[LATEST]).unwrap();
    let (through, directly) = (read(consumer(&weir, "latest", &[LATEST])), read(direct));
    assert_eq!(through, directly);
    let values: Vec<_> = through.iter().map(|(_, value, ..)| value.as_deref()).collect();
    assert_eq!(values, [Some(&b"1"[..]), Some(b""), None, Some(b"end")], "a null is no empty value");
    assert_eq!(through[2].3, [("why".to_owned(), Some(b"asked for".to_vec()))]);
}
