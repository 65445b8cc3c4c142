//! A producer that writes numbered records straight to the brokers, for as long as a drill takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use weir_testkit::Kafka;

const FLUSH: Duration = Duration::from_secs(90);

/// Writes to every partition in turn: the value of the record is its number in its partition.
#[derive(Debug)]
pub struct Writer {
    stop: Arc<AtomicBool>,
    written: Arc<Vec<AtomicUsize>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts to write so many records a second, over all partitions.
    ///
    /// # Panics
    /// Where the brokers do not take a record.
    #[must_use]
    pub fn start(kafka: &Kafka, topic: &str, partitions: usize, per_second: u32) -> Self {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", kafka.bootstrap().join(","))
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "150000")
            .set("linger.ms", "5")
            .set("log_level", "2");
        let producer: ThreadedProducer<DefaultProducerContext> = config.create().expect("a producer starts");
        let stop = Arc::new(AtomicBool::new(false));
        let written: Arc<Vec<_>> = Arc::new((0..partitions).map(|_| AtomicUsize::new(0)).collect());
        let (topic, own_stop, own_written) = (topic.to_owned(), Arc::clone(&stop), Arc::clone(&written));
        let gap = Duration::from_secs(1) / per_second;
        let thread = std::thread::spawn(move || {
            let mut due = Instant::now();
            'writing: loop {
                for (partition, count) in own_written.iter().enumerate() {
                    if own_stop.load(Ordering::Relaxed) {
                        break 'writing;
                    }
                    let value = count.load(Ordering::Relaxed).to_string();
                    let partition = i32::try_from(partition).expect("few partitions");
                    let record = BaseRecord::<(), str>::to(&topic).partition(partition).payload(&value);
                    producer.send(record).map_err(|(error, _)| error).expect("a record is taken");
                    count.fetch_add(1, Ordering::Relaxed);
                    due += gap;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
            }
            producer.flush(FLUSH).expect("every record is acknowledged in time");
        });
        Self { stop, written, thread: Some(thread) }
    }

    /// Ends, and says how many records each partition has by now.
    ///
    /// # Panics
    /// Where a record was not taken.
    pub fn end(mut self) -> Vec<usize> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the writer wrote");
        }
        self.written.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
