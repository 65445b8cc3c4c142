//! A consumer that reads a topic as fast as it comes, and what it reads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use weir_testkit::{Identity, Kafka};

const RECORD: usize = 1_000;
/// How often the time is noted at which so much has come.
const STEP: u64 = 1_000_000;
const SOON: Duration = Duration::from_secs(90);

/// Writes so many bytes to a topic, in batches that are small beside a Fetch: what of one does not fit is read in vain.
///
/// # Panics
/// Where the brokers do not take them.
pub fn fill(kafka: &Kafka, topic: &str, bytes: u64) {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", kafka.bootstrap().join(","))
        .set("linger.ms", "20")
        .set("batch.size", "16384")
        .set("log_level", "2");
    let producer: ThreadedProducer<DefaultProducerContext> = config.create().expect("a producer starts");
    let payload = vec![b'x'; RECORD];
    for _ in 0..bytes.div_ceil(RECORD as u64) {
        let mut record = BaseRecord::<(), [u8]>::to(topic).partition(0).payload(&payload);
        while let Err((error, back)) = producer.send(record) {
            let is_full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            assert!(is_full, "a record is not taken: {error}");
            record = back;
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    producer.flush(SOON).expect("every record is acknowledged in time");
}

/// A consumer without a group that reads a topic of one partition again and again.
#[derive(Debug)]
pub struct Hog {
    read: Arc<AtomicU64>,
    /// When each `STEP` was complete.
    steps: Arc<Mutex<Vec<Instant>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hog {
    /// Starts to read; after so many bytes it begins anew.
    ///
    /// # Panics
    /// Where librdkafka does not take the settings.
    #[must_use]
    pub fn start(bootstrap: &str, identity: &Identity, topic: &str, bulk: u64) -> Self {
        let mut config = ClientConfig::new();
        config.extend(identity.rdkafka_settings());
        config
            .set("bootstrap.servers", bootstrap)
            .set("group.id", "hog")
            .set("enable.auto.commit", "false")
            .set("log_level", "0");
        let consumer: BaseConsumer = config.create().expect("a consumer starts");
        let mut all = TopicPartitionList::new();
        all.add_partition_offset(topic, 0, Offset::Beginning).expect("a partition");
        consumer.assign(&all).expect("a partition is assigned");
        let (read, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let steps = Arc::new(Mutex::new(Vec::new()));
        let (own_read, own_steps, own_stop) = (Arc::clone(&read), Arc::clone(&steps), Arc::clone(&stop));
        let topic = topic.to_owned();
        let thread = std::thread::spawn(move || {
            while !own_stop.load(Ordering::Relaxed) {
                let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
                let more = message.payload_len() as u64;
                let had = own_read.fetch_add(more, Ordering::Relaxed);
                if had / STEP != (had + more) / STEP {
                    own_steps.lock().expect("nobody panics").push(Instant::now());
                }
                if had / bulk != (had + more) / bulk {
                    consumer.seek(&topic, 0, Offset::Beginning, SOON).expect("it begins anew");
                }
            }
        });
        Self { read, steps, stop, thread: Some(thread) }
    }

    /// Bytes of records that came.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes a second, from when it had read `first` bytes.
    ///
    /// # Panics
    /// Where the reading thread did.
    #[must_use]
    pub fn rate_after(&self, first: u64) -> u64 {
        let steps = self.steps.lock().expect("nobody panics");
        let counted = usize::try_from(first / STEP).ok().and_then(|first| steps.get(first..)).unwrap_or_default();
        let [began, .., last] = counted else { return 0 };
        let millis = u64::try_from(last.duration_since(*began).as_millis()).unwrap_or(u64::MAX).max(1);
        (counted.len() as u64 - 1) * STEP * 1000 / millis
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
