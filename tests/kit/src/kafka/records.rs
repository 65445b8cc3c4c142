//! Records whose order and completeness anyone can check: each names its partition, its place there, and the hash of
//! the one before it.
//!
//! Everything in a record follows from the chain's nonce, the partition and the sequence, and every kind of record that
//! a client may mangle is among them: null values, empty values, null and empty headers, repeated header names,
//! bytes that are not UTF-8, timestamps of the past.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::Kafka;
use crate::wait;

const FLUSH: Duration = Duration::from_secs(60);
/// 2026-01-01T00:00:00Z in milliseconds: far from any clock of a test run.
const EPOCH_MS: i64 = 1_767_225_600_000;

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionEnd {
    /// Its records continue the chain.
    Commit,
    /// Its records are no part of the chain; a reader of committed records never sees them.
    Abort,
}

/// One record, as it was written or as a client saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Partition.
    pub partition: i32,
    /// `NONCE/PARTITION/SEQUENCE/HASH`, the hash of the record before it in 16 hexadecimal digits.
    pub key: Vec<u8>,
    /// Nothing for a tombstone.
    pub value: Option<Vec<u8>>,
    /// Names may repeat; their order counts.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
}

impl Record {
    /// What rdkafka received.
    pub fn received(message: &impl Message) -> Self {
        let headers = message
            .headers()
            .map(|headers| headers.iter().map(|h| (h.key.to_string(), h.value.map(<[u8]>::to_vec))).collect());
        Self {
            partition: message.partition(),
            key: message.key().unwrap_or_default().to_vec(),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
            timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
        }
    }

    /// Its place in its partition's chain, from its key. Nothing for a record of an aborted transaction.
    pub fn sequence(&self) -> Option<usize> {
        let key = std::str::from_utf8(&self.key).ok()?;
        key.split('/').nth(2)?.parse().ok()
    }

    /// FNV-1a over all of it.
    fn hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut eat = |bytes: &[u8]| {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes();
            for byte in length.iter().chain(bytes) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        };
        eat(&self.partition.to_be_bytes());
        eat(&self.key);
        eat(self.value.as_deref().unwrap_or(b"null"));
        for (name, value) in &self.headers {
            eat(name.as_bytes());
            eat(value.as_deref().unwrap_or(b"null"));
        }
        eat(&self.timestamp_ms.to_be_bytes());
        hash
    }
}

impl Kafka {
    /// Writes one record with this value, acknowledged by all replicas.
    pub fn produce(&self, topic: &str, partition: i32, value: &[u8]) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap().join(",")).set("message.timeout.ms", "60000");
        let deliveries = Deliveries::default();
        let producer: ThreadedProducer<_> = config.create_with_context(deliveries.clone()).expect("a producer starts");
        let record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(value);
        producer.send(record).map_err(|(error, _)| error).expect("a record is taken");
        finish(&producer, &deliveries, 1);
    }

    /// Commits offset 0 of partition 0 of a topic for a group that has no members, so that the group exists.
    pub fn commit_as(&self, group: &str, topic: &str) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap().join(",")).set("group.id", group);
        let consumer: BaseConsumer = config.create().expect("a consumer starts");
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, 0, Offset::Offset(0)).expect("an offset");
        wait::until("a commit", FLUSH, || consumer.commit(&offsets, CommitMode::Sync).map_err(|e| e.to_string()));
    }
}

/// What was written to one topic, in the order of each partition.
#[derive(Debug, Clone)]
pub struct Chain {
    topic: String,
    nonce: String,
    compression: &'static str,
    aborted: usize,
    written: Vec<Vec<Record>>,
}

impl Chain {
    /// Nothing written yet. The nonce is new.
    pub fn new(topic: &str, partitions: usize) -> Self {
        let nonce = uuid::Uuid::new_v4().simple().to_string()[..12].to_string();
        Self { topic: topic.into(), nonce, compression: "none", aborted: 0, written: vec![Vec::new(); partitions] }
    }

    /// Batches are compressed from here on: `gzip`, `snappy`, `lz4` or `none`.
    pub fn compress(&mut self, codec: &'static str) {
        self.compression = codec;
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// In every key of this chain and of no other.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// What a reader of committed records must see of a partition, in order.
    pub fn partition(&self, partition: usize) -> &[Record] {
        &self.written[partition]
    }

    /// How many records a reader of committed records must see.
    pub fn len(&self) -> usize {
        self.written.iter().map(Vec::len).sum()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes this many more records to each partition, acknowledged by all replicas.
    pub fn append(&mut self, kafka: &Kafka, per_partition: usize) {
        self.append_at(&kafka.bootstrap().join(","), per_partition);
    }

    /// The same at brokers with these addresses, `host:port` with commas.
    pub fn append_at(&mut self, brokers: &str, per_partition: usize) {
        let (producer, deliveries) = self.producer(brokers, None);
        let records = self.extend(per_partition);
        self.send(&producer, &records);
        finish(&producer, &deliveries, records.len());
    }

    /// The same in one transaction.
    pub fn transaction(&mut self, kafka: &Kafka, per_partition: usize, end: TransactionEnd) {
        let id = format!("tx-{}-{}", self.nonce, self.len() + self.aborted);
        let (producer, deliveries) = self.producer(&kafka.bootstrap().join(","), Some(&id));
        producer.init_transactions(FLUSH).expect("transactions start");
        producer.begin_transaction().expect("a transaction begins");
        let records = match end {
            TransactionEnd::Commit => self.extend(per_partition),
            TransactionEnd::Abort => self.doomed(per_partition),
        };
        self.send(&producer, &records);
        finish(&producer, &deliveries, records.len());
        match end {
            TransactionEnd::Commit => producer.commit_transaction(FLUSH).expect("a transaction commits"),
            TransactionEnd::Abort => producer.abort_transaction(FLUSH).expect("a transaction aborts"),
        }
    }

    /// Judges what one reader saw of one partition without a new assignment in between: it must be the chain from
    /// sequence `first` on, without a gap, a duplicate or a change in any field.
    pub fn check_run(&self, partition: usize, first: usize, seen: &[Record]) -> Result<(), String> {
        for (place, record) in seen.iter().enumerate() {
            let sequence = first + place;
            let place = format!("{}-{partition}, sequence {sequence}", self.topic);
            let wanted =
                self.written[partition].get(sequence).ok_or_else(|| format!("{place}: never written: {record:?}"))?;
            if wanted != record {
                return Err(format!("{place}: wanted {wanted:?}, and saw {record:?}"));
            }
        }
        Ok(())
    }

    fn extend(&mut self, per_partition: usize) -> Vec<Record> {
        let mut added = Vec::new();
        for _ in 0..per_partition {
            for partition in 0..self.written.len() {
                let sequence = self.written[partition].len();
                let record = self.record(partition, sequence, &sequence.to_string());
                self.written[partition].push(record.clone());
                added.push(record);
            }
        }
        added
    }

    fn doomed(&mut self, per_partition: usize) -> Vec<Record> {
        let mut added = Vec::new();
        for _ in 0..per_partition {
            self.aborted += 1;
            let name = format!("aborted-{}", self.aborted);
            added.extend((0..self.written.len()).map(|p| self.record(p, self.written[p].len(), &name)));
        }
        added
    }

    fn record(&self, partition: usize, sequence: usize, name: &str) -> Record {
        let before = self.written[partition].last().map_or(0, Record::hash);
        let value = match sequence % 7 {
            3 => None,
            5 => Some(Vec::new()),
            _ => Some(format!("{{\"seq\":{name},\"text\":\"Überlauf am Wehr\"}}").into_bytes()),
        };
        let headers = match sequence % 5 {
            1 => vec![("trace".to_string(), Some(vec![0xff, 0x00, 0xfe]))],
            2 => vec![("a".into(), Some(b"1".to_vec())), ("a".into(), Some(b"2".to_vec()))],
            3 => vec![("none".into(), None), ("empty".into(), Some(Vec::new()))],
            _ => Vec::new(),
        };
        Record {
            partition: i32::try_from(partition).expect("few partitions"),
            key: format!("{}/{partition}/{name}/{before:016x}", self.nonce).into_bytes(),
            value,
            headers,
            timestamp_ms: EPOCH_MS + i64::try_from(sequence).expect("few records") * 1000,
        }
    }

    fn producer(&self, brokers: &str, transaction: Option<&str>) -> (ThreadedProducer<Deliveries>, Deliveries) {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            .set("enable.idempotence", "true")
            .set("compression.type", self.compression)
            .set("message.timeout.ms", "60000")
            .set("linger.ms", "5")
            .set("log_level", "3");
        if let Some(id) = transaction {
            config.set("transactional.id", id).set("transaction.timeout.ms", "60000");
        }
        let deliveries = Deliveries::default();
        (config.create_with_context(deliveries.clone()).expect("a producer starts"), deliveries)
    }

    fn send(&self, producer: &ThreadedProducer<Deliveries>, records: &[Record]) {
        for record in records {
            let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
            for (key, value) in &record.headers {
                headers = headers.insert(Header { key, value: value.as_ref() });
            }
            let mut next = BaseRecord::to(&self.topic)
                .partition(record.partition)
                .key(&record.key)
                .timestamp(record.timestamp_ms)
                .headers(headers);
            if let Some(value) = &record.value {
                next = next.payload(value);
            }
            while let Err((error, again)) = producer.send(next) {
                let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
                assert!(error == full, "producing to {}: {error}", self.topic);
                std::thread::sleep(Duration::from_millis(20));
                next = again;
            }
        }
    }
}

/// What became of the records of one producer.
#[derive(Debug, Default, Clone)]
struct Deliveries {
    done: Arc<AtomicUsize>,
    failed: Arc<Mutex<Option<String>>>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.done.fetch_add(1, Ordering::Relaxed);
            }
            Err((error, message)) => {
                let text = format!("{}-{}: {error}", message.topic(), message.partition());
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
            }
        }
    }
}

fn finish(producer: &ThreadedProducer<Deliveries>, deliveries: &Deliveries, count: usize) {
    producer.flush(FLUSH).expect("every record is acknowledged in time");
    if let Some(error) = deliveries.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
        panic!("a record was not accepted: {error}");
    }
    assert_eq!(deliveries.done.load(Ordering::Relaxed), count, "records acknowledged");
}
