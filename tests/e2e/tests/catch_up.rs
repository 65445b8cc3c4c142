//! What Fetches hold at the brokers, before real Kafka: a backfill is held to its rate and disturbs nobody, and
//! sessions and waiting Fetches are as many as were agreed. Each has a run without the limit that holds more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::json;
use weir_testkit::kafka::wire;
use weir_testkit::{Acl, Advertise, Kafka, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions};

const LIMIT: Duration = Duration::from_secs(30);
const V: i16 = 12;
const BACKFILL: &str = "catch-up-backfill";
const TAIL: &str = "catch-up-tail";
/// Bytes of one record of the backlog, and how many of them there are.
const RECORD: usize = 2_000;
const RECORDS: usize = 20_000;
/// Bytes a second for a backfill.
const RATE: u64 = 1_000_000;
/// For so long both readers are watched.
const WATCHED: Duration = Duration::from_secs(10);
/// Within this the records at the end come, whoever reads far behind.
const IN_TIME: u64 = 1_000;

/// A Weir before a topic of two partitions, both led by one broker. Far behind are 1,000 records.
fn open(topic: &str, limits: &str) -> (Arc<Kafka>, Weir) {
    let kafka = Kafka::shared(Version::V4);
    kafka.create_placed(topic, &[vec![1], vec![1]], &[]);
    let of = |name| PrincipalSpec::new(name, &[topic]).within(limits);
    let acl = Acl::new(&[topic]).principal(of(BACKFILL)).principal(of(TAIL));
    let mut options = WeirOptions::new(&kafka, Advertise::Ports, acl).untapped();
    options.config["limits"] = json!({ "catch_up": { "behind": 1000 } });
    (kafka, Weir::start(options))
}

fn producer(kafka: &Kafka) -> BaseProducer {
    ClientConfig::new().set("bootstrap.servers", kafka.bootstrap().join(",")).set("linger.ms", "5").create().unwrap()
}

/// Partition 0 has a backlog, in batches of a few records.
fn fill(kafka: &Kafka, topic: &str) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap().join(",")).set("batch.size", "40000");
    let producer: BaseProducer = config.create().unwrap();
    let payload = vec![0x5a; RECORD];
    for _ in 0..RECORDS {
        while producer.send(BaseRecord::<(), [u8]>::to(topic).partition(0).payload(&payload)).is_err() {
            producer.poll(Duration::from_millis(10));
        }
    }
    producer.flush(LIMIT).unwrap();
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Writes the time into partition 1 fifty times a second until it is told to stop.
fn clock(kafka: &Arc<Kafka>, topic: &str, stop: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let (kafka, topic, stop) = (Arc::clone(kafka), topic.to_owned(), Arc::clone(stop));
    thread::spawn(move || {
        let producer = producer(&kafka);
        while !stop.load(Ordering::Relaxed) {
            let payload = now_ms().to_be_bytes();
            let sent = producer.send(BaseRecord::<(), [u8]>::to(&topic).partition(1).payload(&payload[..]));
            sent.map_err(|(error, _)| error).unwrap();
            producer.poll(Duration::from_millis(20));
        }
        producer.flush(LIMIT).unwrap();
    })
}

/// What one reader got: bytes of the backlog, and how late each record at the end came, in milliseconds.
#[derive(Debug, Default)]
struct Got {
    backlog: u64,
    delays: Vec<u64>,
}

impl Got {
    /// What 99 of 100 do not exceed.
    fn p99(&self) -> u64 {
        let mut sorted = self.delays.clone();
        sorted.sort_unstable();
        sorted[(sorted.len() * 99).div_ceil(100) - 1]
    }
}

/// Reads with these offsets for as long as it is watched.
fn read(weir: &Weir, topic: &str, name: &'static str, partitions: &[(i32, Offset)]) -> thread::JoinHandle<Got> {
    let mut config: ClientConfig = Pki::shared().client(name).rdkafka_settings().into_iter().collect();
    config.set("bootstrap.servers", weir.bootstrap()).set("group.id", name).set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut assigned = TopicPartitionList::new();
    for (partition, offset) in partitions {
        assigned.add_partition_offset(topic, *partition, *offset).unwrap();
    }
    consumer.assign(&assigned).unwrap();
    thread::spawn(move || {
        let (mut got, mut began) = (Got::default(), None);
        while began.is_none_or(|began: Instant| began.elapsed() < WATCHED) {
            let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
            let message = message.expect("a reader is never told an error");
            let payload = message.payload().unwrap();
            // The first record at the end starts the watch: what was there before is as old as it is.
            match (message.partition(), began) {
                (0, _) => got.backlog += u64::try_from(payload.len()).unwrap(),
                (_, None) => began = Some(Instant::now()),
                (_, Some(_)) => {
                    got.delays.push(now_ms().saturating_sub(u64::from_be_bytes(payload.try_into().unwrap())))
                }
            }
        }
        got
    })
}

/// A backfill that follows the end of another partition, and another principal that only does the latter.
fn beside_a_backfill(topic: &str, limits: &str) -> (Got, Got) {
    let (kafka, weir) = open(topic, limits);
    fill(&kafka, topic);
    let stop = Arc::new(AtomicBool::new(false));
    let clock = clock(&kafka, topic, &stop);
    let backfill = read(&weir, topic, BACKFILL, &[(0, Offset::Beginning), (1, Offset::End)]);
    let tail = read(&weir, topic, TAIL, &[(1, Offset::End)]);
    let got = (backfill.join().unwrap(), tail.join().unwrap());
    stop.store(true, Ordering::Relaxed);
    clock.join().unwrap();
    got
}

#[test]
fn a_backfill_is_held_to_its_rate_and_what_is_read_at_the_end_goes_on() {
    let limits = format!("catch_up: {{per_second: {RATE}, burst: {RATE}}}");
    let (backfill, tail) = beside_a_backfill("catch-up.limited", &limits);
    // The burst, what one Fetch may bring beyond it, and the time until the watch began and at its end.
    let most = RATE * (WATCHED.as_secs() + 4);
    let least = RATE * WATCHED.as_secs() * 8 / 10;
    println!("with the limit: {} bytes of the backlog, bar {most}", backfill.backlog);
    println!("at the end: {} and {} ms, bar {IN_TIME}", backfill.p99(), tail.p99());
    assert!((least..=most).contains(&backfill.backlog), "{}", backfill.backlog);
    assert!(backfill.p99() < IN_TIME && tail.p99() < IN_TIME, "{} {}", backfill.p99(), tail.p99());
    assert!(backfill.delays.len() > 300 && tail.delays.len() > 300);
    let (backfill, _) = beside_a_backfill("catch-up.unlimited", "");
    println!("without: {} bytes of the backlog, bar {most}", backfill.backlog);
    assert!(backfill.backlog > 2 * most, "{}", backfill.backlog);
}

/// A full Fetch of the end of a partition that waits for so long.
fn fetch(topic: &str, session: (i32, i32), max_wait: i32) -> FetchRequest {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let name = TopicName(StrBytes::from_string(topic.to_owned()));
    let topics = vec![FetchTopic::default().with_topic(name).with_partitions(vec![partition])];
    FetchRequest::default()
        .with_max_wait_ms(max_wait)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_id(session.0)
        .with_session_epoch(session.1)
        .with_topics(if session.1 > 0 { Vec::new() } else { topics })
}

/// How many fetch sessions a hundred connections leave at the broker when all of them are gone.
fn left_behind(topic: &str, limits: &str) -> usize {
    let (kafka, weir) = open(topic, limits);
    let target = weir.target(&weir.broker(1), &Pki::shared().client(TAIL));
    let open = |_| {
        let mut client = RawClient::connect(&target).unwrap();
        let answer = client.call(V, &fetch(topic, (0, 0), 0)).unwrap();
        assert_eq!((answer.error_code, answer.responses.len()), (0, 1), "everybody is answered");
        answer.session_id
    };
    let told: Vec<i32> = (0..100).map(open).filter(|session| *session != 0).collect();
    // Brokers look a session up by its number alone, whoever asks.
    let is_there =
        |session: &&i32| wire::call(&kafka.plaintext(1), V, &fetch(topic, (**session, 1), 0)).unwrap().error_code == 0;
    told.iter().filter(is_there).count()
}

#[test]
fn trap_a19_a_hundred_short_connections_leave_as_many_fetch_sessions_as_are_allowed() {
    assert_eq!(left_behind("catch-up.sessions", "fetch_sessions: {most: 7}"), 7);
    assert_eq!(left_behind("catch-up.sessions-wide", ""), 100, "without the limit there are more");
}

#[test]
fn trap_a9_more_fetches_than_may_wait_come_back_empty_and_are_told_to_wait() {
    let topic = "catch-up.parked";
    let (_kafka, weir) = open(topic, "parked_fetches: {most: 2}");
    let target = weir.target(&weir.broker(1), &Pki::shared().client(TAIL));
    let asked: Vec<_> = (0..5)
        .map(|_| {
            let mut client = RawClient::connect(&target).unwrap();
            let request = fetch(topic, (0, -1), 3_000);
            thread::sleep(Duration::from_millis(50));
            thread::spawn(move || {
                let began = Instant::now();
                let answer = client.call(V, &request).unwrap();
                let codes: Vec<i16> = answer.responses[0].partitions.iter().map(|one| one.error_code).collect();
                assert_eq!((answer.error_code, codes), (0, vec![0]));
                (began.elapsed() >= Duration::from_secs(3), answer.throttle_time_ms)
            })
        })
        .collect();
    let told: Vec<_> = asked.into_iter().map(|asked| asked.join().unwrap()).collect();
    assert_eq!(told.iter().filter(|(waited, throttled)| *waited && *throttled == 0).count(), 2);
    assert_eq!(
        told.iter().filter(|(waited, throttled)| !waited && (1..=500).contains(throttled)).count(),
        3,
        "{told:?}"
    );
}
