//! Consumers that read through Weir while a drill goes on, and what they saw.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use weir_testkit::{Identity, wait};

const POLL: Duration = Duration::from_millis(100);
const SETTLE: Duration = Duration::from_secs(90);

/// What one consumer saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// The numbers of the records of each partition, and how often each came more than once.
    records: Mutex<BTreeMap<i32, BTreeSet<usize>>>,
    /// Of each partition the time of the last record that came, in milliseconds since 1970.
    last: Mutex<BTreeMap<i32, u64>>,
    /// How many milliseconds after its writing each record came.
    delays: Mutex<Vec<u64>>,
    duplicates: AtomicU64,
    /// Assignments and revocations.
    rebalances: AtomicU64,
    /// Connections that broke under it, as the client tells it.
    breaks: AtomicU64,
}

impl ClientContext for Seen {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, _: KafkaError, _: &str) {
        self.breaks.fetch_add(1, Ordering::Relaxed);
    }
}

impl ConsumerContext for Seen {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        self.rebalances.fetch_add(1, Ordering::Relaxed);
    }
}

/// One consumer with a group of its own, on a thread of its own.
#[derive(Debug)]
pub struct Reader {
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Starts to read a topic in a group, by a session time-out of 10 s, and commits every second.
    ///
    /// # Panics
    /// Where librdkafka does not take the settings.
    #[must_use]
    pub fn start(bootstrap: &str, identity: &Identity, topic: &str, group: &str) -> Self {
        Self::start_with(bootstrap, identity, topic, group, &[("auto.commit.interval.ms", "1000")])
    }

    /// The same with more settings of librdkafka's.
    ///
    /// # Panics
    /// Where librdkafka does not take them.
    #[must_use]
    pub fn start_with(
        bootstrap: &str,
        identity: &Identity,
        topic: &str,
        group: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let mut config = ClientConfig::new();
        config.extend(identity.rdkafka_settings());
        config
            .set("bootstrap.servers", bootstrap)
            .set("group.id", group)
            .set("session.timeout.ms", "10000")
            .set("heartbeat.interval.ms", "3000")
            .set("auto.offset.reset", "earliest")
            .set("log_level", "0");
        config.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let stop = Arc::new(AtomicBool::new(false));
        let own_stop = Arc::clone(&stop);
        let consumer: BaseConsumer<Seen> = config.create_with_context(Seen::default()).expect("a consumer starts");
        consumer.subscribe(&[topic]).expect("a topic is subscribed");
        let seen = Arc::new(Seen::default());
        let own_seen = Arc::clone(&seen);
        let thread = std::thread::spawn(move || {
            while !own_stop.load(Ordering::Relaxed) {
                if let Some(Ok(message)) = consumer.poll(POLL) {
                    own_seen.add(&message);
                }
                own_seen.follow(consumer.context());
            }
            own_seen.follow(consumer.context());
        });
        Self { seen, stop, thread: Some(thread) }
    }

    /// Records that came, without those that came again.
    #[must_use]
    pub fn records(&self) -> usize {
        self.seen.lock().values().map(BTreeSet::len).sum()
    }

    /// The time of the last record that came of each partition, the oldest of those, in milliseconds since 1970: what is
    /// older has come.
    #[must_use]
    pub fn read_until(&self) -> Option<u64> {
        self.seen.last.lock().unwrap_or_else(PoisonError::into_inner).values().min().copied()
    }

    /// The numbers of the records of each partition that came.
    #[must_use]
    pub fn numbers(&self) -> BTreeMap<i32, BTreeSet<usize>> {
        self.seen.lock().clone()
    }

    /// How many milliseconds after its writing each record came since this was asked last.
    #[must_use]
    pub fn take_delays(&self) -> Vec<u64> {
        std::mem::take(&mut *self.seen.delays.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until all of these have come, and says how long that took; nothing where it took longer than `limit`.
    #[must_use]
    pub fn catches_up(&self, written: &[usize], limit: Duration) -> Option<Duration> {
        let (began, all) = (Instant::now(), written.iter().sum::<usize>());
        let came = wait::try_until(limit, || match self.records() {
            records if records >= all => Ok(()),
            records => Err(format!("{records} of {all}")),
        });
        came.ok().map(|()| began.elapsed())
    }

    /// How many of the records that were written did not come.
    #[must_use]
    pub fn lost(&self, written: &[usize]) -> u64 {
        let records = self.seen.lock();
        let missing = |(partition, count): (usize, &usize)| {
            let seen = i32::try_from(partition).ok().and_then(|partition| records.get(&partition));
            (0..*count).filter(|number| !seen.is_some_and(|seen| seen.contains(number))).count()
        };
        written.iter().enumerate().map(missing).sum::<usize>() as u64
    }

    /// Records that came again.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.seen.duplicates.load(Ordering::Relaxed)
    }

    /// Assignments and revocations so far: the first is one.
    #[must_use]
    pub fn rebalances(&self) -> u64 {
        self.seen.rebalances.load(Ordering::Relaxed)
    }

    /// Connections that broke under it.
    #[must_use]
    pub fn breaks(&self) -> u64 {
        self.seen.breaks.load(Ordering::Relaxed)
    }
}

impl Seen {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<i32, BTreeSet<usize>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, message: &BorrowedMessage<'_>) {
        let written = message.timestamp().to_millis().and_then(|at| u64::try_from(at).ok()).expect("a time of writing");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
        self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(message.partition(), written);
        let delay = u64::try_from(now).unwrap_or(u64::MAX).saturating_sub(written);
        self.delays.lock().unwrap_or_else(PoisonError::into_inner).push(delay);
        let number = message.payload().and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        let number = number.expect("only the writer writes");
        if !self.lock().entry(message.partition()).or_default().insert(number) {
            self.duplicates.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes over what librdkafka told the consumer's own context.
    fn follow(&self, told: &Self) {
        self.rebalances.store(told.rebalances.load(Ordering::Relaxed), Ordering::Relaxed);
        self.breaks.store(told.breaks.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits until each has read some records.
pub fn all_read(readers: &[Reader]) {
    wait::until("everybody reads", SETTLE, || {
        let slow = readers.iter().find(|reader| reader.records() < 30);
        slow.map_or(Ok(()), |reader| Err(format!("{} records", reader.records())))
    });
}

/// What 99 of 100 do not exceed.
#[must_use]
pub fn p99(mut delays: Vec<u64>) -> Duration {
    delays.sort_unstable();
    let place = (delays.len() * 99).div_ceil(100).saturating_sub(1);
    delays.get(place).map_or(Duration::MAX, |millis| Duration::from_millis(*millis))
}
