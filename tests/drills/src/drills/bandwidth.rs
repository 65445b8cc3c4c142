//! One client reads all that it can get: it gets its tier's rate, and those beside it get their records in time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use weir_testkit::{Kafka, wait};

use crate::Form;
use crate::cluster::{PARTITIONS, Stage, TOOL};
use crate::crowd::Reader;
use crate::figure::{Figure, Report};
use crate::writer::Writer;

const HOG: &str = "drill-hog";
const QUIET: usize = 20;
/// Of the hog, in bytes a second; it may use as much at once.
const RATE: u64 = 2_000_000;
/// What it reads first does not count: it may use some of that at once.
const FIRST: u64 = 3 * RATE;
const RECORD: usize = 1_000;
/// How often the time is noted at which so much has come.
const STEP: u64 = RATE / 2;
/// Records a second for the quiet ones.
const WRITTEN: u32 = 100;
/// Within this 99 of 100 of the quiet ones' records come.
const IN_TIME: Duration = Duration::from_millis(500);
/// The quiet ones are looked at for so long at the least, where the hog is done sooner.
const SHORTEST: Duration = Duration::from_secs(2);
const SETTLE: Duration = Duration::from_secs(90);

/// The drill.
#[must_use]
pub fn run(form: Form) -> Vec<Report> {
    let seconds = form.pick(30, 10);
    let limits = format!("bytes_out: {{per_second: {RATE}, burst: {RATE}}}");
    vec![Report {
        name: "a bandwidth hog beside 20 quiet consumers",
        figures: beside_a_hog("bandwidth", &limits, seconds),
        control: form.control(|| beside_a_hog("bandwidth-unlimited", "", seconds)),
    }]
}

fn beside_a_hog(name: &str, limits: &str, seconds: u64) -> Vec<Figure> {
    let people: Vec<String> = (0..QUIET).map(|number| format!("drill-quiet-{number}")).collect();
    let quiet = people.iter().map(|person| (person.as_str(), TOOL));
    let stage = Stage::open_for(name, quiet.chain([(HOG, limits)]));
    let bulk = FIRST + RATE * (seconds + 5);
    fill(&stage.kafka, &stage.quiet, bulk);
    let writer = Writer::start(&stage.kafka, &stage.topic, PARTITIONS, WRITTEN);
    let start = |person: &String| Reader::start(&stage.weir.bootstrap(), &stage.identity(person), &stage.topic, name);
    let readers: Vec<_> = people.iter().map(start).collect();
    wait::until("everybody reads", SETTLE, || {
        let slow = readers.iter().find(|reader| reader.records() < 30);
        slow.map_or(Ok(()), |reader| Err(format!("{} records", reader.records())))
    });
    let hog = Hog::start(&stage, bulk);
    wait::until("the hog to be at its rate", SETTLE, || match hog.read() {
        read if read > FIRST => Ok(()),
        read => Err(format!("{read} bytes")),
    });
    let began = Instant::now();
    let before: Vec<_> = readers.iter().map(Reader::records).collect();
    readers.iter().for_each(|reader| drop(reader.take_delays()));
    while began.elapsed() < SHORTEST || (began.elapsed() < Duration::from_secs(seconds) && hog.read() < bulk) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (took, rate) = (began.elapsed(), hog.rate());
    let came: Vec<_> = readers.iter().zip(before).map(|(reader, before)| (reader.records() - before) as u64).collect();
    let delays = readers.iter().flat_map(Reader::take_delays).collect();
    drop(hog);
    let written = writer.end();
    let caught_up = readers.iter().all(|reader| reader.catches_up(&written, SETTLE).is_some());
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    let wanted = u64::from(WRITTEN) * millis / 1000;
    vec![
        Figure::near("the hog's kB/s at the client", rate / 1000, RATE / 1000),
        Figure::near("records of the quiet one that got fewest", came.iter().copied().min().unwrap_or(0), wanted),
        Figure::near("that got most", came.iter().copied().max().unwrap_or(0), wanted),
        Figure::within("99 of 100 of their records came within", p99(delays), IN_TIME),
        Figure::at_most("their records lost", readers.iter().map(|reader| reader.lost(&written)).sum(), 0),
        Figure::at_least("caught up", u64::from(caught_up), 1),
    ]
}

/// What 99 of 100 do not exceed.
fn p99(mut delays: Vec<u64>) -> Duration {
    delays.sort_unstable();
    let place = (delays.len() * 99).div_ceil(100).saturating_sub(1);
    delays.get(place).map_or(Duration::MAX, |millis| Duration::from_millis(*millis))
}

/// Writes so many bytes to a topic, in batches that are small beside a Fetch: what of one does not fit is read in vain.
fn fill(kafka: &Kafka, topic: &str, bytes: u64) {
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
    producer.flush(SETTLE).expect("every record is acknowledged in time");
}

/// A consumer that reads a topic as fast as it comes, without a group.
struct Hog {
    read: Arc<AtomicU64>,
    /// When each `STEP` was complete.
    steps: Arc<Mutex<Vec<Instant>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hog {
    fn start(stage: &Stage, bulk: u64) -> Self {
        let mut config = ClientConfig::new();
        config.extend(stage.identity(HOG).rdkafka_settings());
        config
            .set("bootstrap.servers", stage.weir.bootstrap())
            .set("group.id", "hog")
            .set("enable.auto.commit", "false")
            .set("log_level", "0");
        let consumer: BaseConsumer = config.create().expect("a consumer starts");
        let mut all = TopicPartitionList::new();
        all.add_partition_offset(&stage.quiet, 0, Offset::Beginning).expect("a partition");
        consumer.assign(&all).expect("a partition is assigned");
        let (read, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let steps = Arc::new(Mutex::new(Vec::new()));
        let (own_read, own_steps, own_stop) = (Arc::clone(&read), Arc::clone(&steps), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !own_stop.load(Ordering::Relaxed) && own_read.load(Ordering::Relaxed) < bulk {
                if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                    let more = message.payload_len() as u64;
                    let had = own_read.fetch_add(more, Ordering::Relaxed);
                    if had / STEP != (had + more) / STEP {
                        own_steps.lock().expect("nobody panics").push(Instant::now());
                    }
                }
            }
        });
        Self { read, steps, stop, thread: Some(thread) }
    }

    /// Bytes of records that came.
    fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes a second, from when what it could use at once was used.
    fn rate(&self) -> u64 {
        let steps = self.steps.lock().expect("nobody panics");
        let counted = steps.get(usize::try_from(FIRST / STEP).expect("few steps")..).unwrap_or_default();
        let [first, .., last] = counted else { return 0 };
        let millis = u64::try_from(last.duration_since(*first).as_millis()).unwrap_or(u64::MAX).max(1);
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
