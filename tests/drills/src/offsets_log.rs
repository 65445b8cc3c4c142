//! What the brokers wrote of groups: the records of `__consumer_offsets`, read straight from them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use weir_testkit::{Kafka, wait};

const TOPIC: &str = "__consumer_offsets";
const SOON: Duration = Duration::from_secs(30);
/// How long nothing must come until all that there was has come.
const QUIET: Duration = Duration::from_secs(2);

/// What was written of one group since the log was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Committed partitions.
    pub commits: u64,
    /// States of the group itself: one with every rebalance.
    pub states: u64,
    /// Records of every kind, with those that say that something ended.
    pub records: u64,
}

/// By the brokers' name of a group: what was written of it, and when each commit was, in milliseconds since 1970.
type Groups = BTreeMap<String, (Written, Vec<i64>)>;

/// Reads what the brokers write of groups from now on.
#[derive(Debug)]
pub struct OffsetsLog {
    groups: Arc<Mutex<Groups>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl OffsetsLog {
    /// Starts at the end.
    ///
    /// # Panics
    /// Where the brokers do not have the topic: a group must have been used before.
    #[must_use]
    pub fn open(kafka: &Kafka) -> Self {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", kafka.bootstrap().join(","))
            .set("group.id", "drills-look-on")
            .set("log_level", "2");
        let consumer: BaseConsumer = config.create().expect("a consumer starts");
        let known = wait::until("the offsets' topic", SOON, || {
            let metadata = consumer.fetch_metadata(Some(TOPIC), Duration::from_secs(5)).map_err(|e| e.to_string())?;
            let topic = metadata.topics().first().ok_or("no topic")?;
            if topic.partitions().is_empty() { Err("no partitions".to_owned()) } else { Ok(topic.partitions().len()) }
        });
        let mut ends = TopicPartitionList::new();
        for partition in 0..i32::try_from(known).expect("few partitions") {
            let end = wait::until("the log's end", SOON, || {
                consumer.fetch_watermarks(TOPIC, partition, Duration::from_secs(5)).map_err(|e| e.to_string())
            });
            ends.add_partition_offset(TOPIC, partition, Offset::Offset(end.1)).expect("an offset");
        }
        consumer.assign(&ends).expect("partitions are assigned");
        let (groups, stop) = (Arc::<Mutex<Groups>>::default(), Arc::new(AtomicBool::new(false)));
        let (own_groups, own_stop) = (Arc::clone(&groups), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !own_stop.load(Ordering::Relaxed) {
                let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
                let Some((kind, group)) = message.key().and_then(read_key) else { continue };
                let mut groups = own_groups.lock().unwrap_or_else(PoisonError::into_inner);
                let (written, times) = groups.entry(group).or_default();
                written.records += 1;
                // A tombstone says that something ended.
                match kind {
                    0 | 1 if message.payload().is_some() => {
                        written.commits += 1;
                        times.extend(message.timestamp().to_millis());
                    }
                    2 if message.payload().is_some() => written.states += 1,
                    _ => {}
                }
            }
        });
        Self { groups, stop, thread: Some(thread) }
    }

    /// What was written of a group, by the brokers' name of it, once nothing more comes of it.
    #[must_use]
    pub fn of(&self, group: &str) -> Written {
        settled(|| self.now(group))
    }

    /// What was written of a group up to now.
    #[must_use]
    pub fn now(&self, group: &str) -> Written {
        self.lock().get(group).map(|(written, _)| *written).unwrap_or_default()
    }

    /// How many commits of a group the brokers took in a time, by their own clock. Waits until nothing older can come.
    #[must_use]
    pub fn commits_in(&self, group: &str, time: Range<SystemTime>) -> u64 {
        std::thread::sleep(QUIET);
        let millis = |at: SystemTime| at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let time = millis(time.start)..millis(time.end);
        let is_in = |at: &&i64| u128::try_from(**at).is_ok_and(|at| time.contains(&at));
        self.lock().get(group).map_or(0, |(_, times)| times.iter().filter(is_in).count() as u64)
    }

    /// How many records were written of all groups with this beginning, once nothing more comes of them.
    #[must_use]
    pub fn records_under(&self, prefix: &str) -> u64 {
        let now = || {
            let groups = self.lock();
            groups.iter().filter(|(group, _)| group.starts_with(prefix)).map(|(_, (written, _))| written.records).sum()
        };
        settled(now)
    }

    fn lock(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it is when it has not changed for a while.
fn settled<T: PartialEq>(now: impl Fn() -> T) -> T {
    let mut before = now();
    loop {
        std::thread::sleep(QUIET);
        let now = now();
        if now == before {
            return now;
        }
        before = now;
    }
}

impl Drop for OffsetsLog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The kind of a record and its group: a version, and the group as the first field.
fn read_key(key: &[u8]) -> Option<(i16, String)> {
    let (kind, rest) = key.split_first_chunk::<2>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let group = rest.get(..usize::try_from(i16::from_be_bytes(*length)).ok()?)?;
    Some((i16::from_be_bytes(*kind), String::from_utf8_lossy(group).into_owned()))
}
