//! The kit itself, without Weir: what the other tests stand on.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kafka_protocol::messages::MetadataRequest;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use weir_testkit::kafka::{Chain, Record, TransactionEnd};
use weir_testkit::ports::Block;
use weir_testkit::transcript::{self, Side};
use weir_testkit::wiretap::{Tapped, Wiretap};
use weir_testkit::{Ended, Kafka, KafkaOptions, Pki, RawClient, RawTarget, Version};

const PARTITIONS: usize = 3;

#[test]
fn kafka_4_serves_survives_a_kill_and_grows() {
    serves_survives_a_kill_and_grows(Version::V4);
}

#[test]
fn kafka_3_serves_survives_a_kill_and_grows() {
    serves_survives_a_kill_and_grows(Version::V3);
}

fn serves_survives_a_kill_and_grows(version: Version) {
    let kafka = Kafka::start(KafkaOptions::new(version));
    kafka.create_topic("kit.chain", 3, 3, &[]);
    let mut chain = Chain::new("kit.chain", PARTITIONS);
    chain.append(&kafka, 20);
    chain.transaction(&kafka, 5, TransactionEnd::Abort);
    chain.transaction(&kafka, 5, TransactionEnd::Commit);

    assert_reads_all(&chain, &plaintext(&kafka));
    assert_reads_all(&chain, &mutual_tls(&kafka));

    let victim = kafka.leader_of("kit.chain", 0);
    kafka.kill(victim);
    assert_ne!(kafka.leader_of("kit.chain", 0), victim, "another broker leads");
    chain.append(&kafka, 5);
    kafka.restart(victim);
    kafka.wait_in_sync("kit.chain", 3);
    assert_eq!(kafka.add_broker(), 4);
    let mut again = plaintext(&kafka);
    again.set("group.id", "kit-readers-again");
    assert_reads_all(&chain, &again);

    let group = kafka.groups();
    assert!(group.iter().any(|g| g.id == "kit-readers-again" && g.protocol == "consumer"), "{group:?}");
    let committed: i64 = kafka.committed("kit-readers-again").values().sum();
    assert!(committed >= i64::try_from(chain.len()).unwrap(), "{committed} committed of {}", chain.len());
}

#[test]
fn a_client_without_a_certificate_is_refused_by_the_brokers_own_tls() {
    let kafka = Kafka::shared(Version::V4);
    let mut config = mutual_tls(&kafka);
    config.remove("ssl.certificate.location");
    config.remove("ssl.key.location");
    let consumer: BaseConsumer = config.create().unwrap();
    assert!(consumer.fetch_metadata(None, Duration::from_secs(3)).is_err());
}

#[test]
fn the_tap_records_what_a_client_is_sent() {
    let kafka = Kafka::shared(Version::V4);
    let inside = kafka.bootstrap_ssl()[0].parse().unwrap();
    let block = Block::claim();
    let outside = SocketAddr::from(([127, 0, 0, 1], block.first));
    let server = Pki::shared().server(&["127.0.0.1"]);
    // The brokers stand in the place of Weir, so this is no edge.
    let _tap = Wiretap::start(&server, &[Tapped { outside, inside }], Side::Direct);

    let target =
        RawTarget { side: Side::Direct, ..RawTarget::new(&outside.to_string(), &Pki::shared().client("tapped")) };
    let mut client = RawClient::connect(&target).unwrap();
    let answer = client.call(9, &MetadataRequest::default()).unwrap();
    assert_eq!(answer.cluster_id.as_deref(), Some(kafka.cluster_id()));
    drop(client);

    let stranger = RawTarget { identity: None, ..target };
    let refused = RawClient::connect(&stranger).map(|mut client| client.ended(Duration::from_secs(5)));
    assert!(matches!(refused, Err(_) | Ok(Ended::Alert(_))), "{refused:?}");

    // All that the kit planted is seen on the direct side, so the search means something.
    let found = transcript::search().unwrap();
    for name in kafka.planted() {
        assert!(!found.unseen.contains(&name), "{name}");
    }
}

#[test]
fn a_broken_chain_is_noticed() {
    let kafka = Kafka::shared(Version::V4);
    kafka.create_topic("kit.broken", 1, 1, &[]);
    let mut chain = Chain::new("kit.broken", 1);
    chain.append(&kafka, 8);
    let good = chain.partition(0).to_vec();
    assert_eq!(chain.check_run(0, 0, &good), Ok(()));
    assert_eq!(chain.check_run(0, 3, &good[3..]), Ok(()));

    let gap: Vec<Record> = [&good[..2], &good[3..]].concat();
    assert!(chain.check_run(0, 0, &gap).is_err());
    let twice: Vec<Record> = [&good[..2], &good[1..]].concat();
    assert!(chain.check_run(0, 0, &twice).is_err());
    let mut changed = good.clone();
    changed[3].value = Some(Vec::new());
    assert!(chain.check_run(0, 0, &changed).is_err(), "an empty value is no null");
    let mut late = good;
    late[7].timestamp_ms += 1;
    assert!(chain.check_run(0, 0, &late).is_err());
}

fn assert_reads_all(chain: &Chain, config: &ClientConfig) {
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&[chain.topic()]).unwrap();
    let end = Instant::now() + Duration::from_secs(120);
    let mut seen = vec![Vec::new(); PARTITIONS];
    while seen.iter().map(Vec::len).sum::<usize>() < chain.len() {
        assert!(Instant::now() < end, "only {} of {} records", seen.iter().map(Vec::len).sum::<usize>(), chain.len());
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        let record = Record::received(&message.unwrap());
        let partition = usize::try_from(record.partition).unwrap();
        seen[partition].push(record);
    }
    for (partition, records) in seen.iter().enumerate() {
        chain.check_run(partition, 0, records).unwrap();
    }
    consumer.commit_consumer_state(rdkafka::consumer::CommitMode::Sync).unwrap();
}

fn plaintext(kafka: &Kafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", kafka.bootstrap().join(","))
        .set("group.id", "kit-readers")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .set("log_level", "2");
    config
}

fn mutual_tls(kafka: &Kafka) -> ClientConfig {
    let mut config = plaintext(kafka);
    config.set("bootstrap.servers", kafka.bootstrap_ssl().join(",")).set("group.id", "kit-readers-tls");
    config.extend(Pki::shared().client("kit").rdkafka_settings());
    config
}
