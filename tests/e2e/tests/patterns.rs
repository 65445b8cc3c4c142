//! A pattern in the consumer protocol (KIP-848), through Weir before real Kafka: Java and librdkafka read exactly the topics
//! that match and that they may see, take up one that comes later and one that is granted later, and do so after Weir was
//! started anew.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use weir_testkit::kafka::Chain;
use weir_testkit::{
    Acl, Advertise, Identity, Kafka, Pki, PrincipalSpec, Version, Weir, WeirOptions, paths, transcript, wait,
};

const READER: &str = "patterns-reader";
const OTHER: &str = "patterns-other";
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn trap_l14_java_reads_by_pattern_what_it_may_see_and_what_comes_later() {
    let mut desk = Desk::open("java");
    let pattern = format!("(?:{}|{})(-beside)?\\.(one|two|later.*)", desk.shown.replace('.', "\\."), desk.hidden);
    let reader = desk.java("java", &pattern);
    desk.reads(&|| reader.seen());
    let refused = desk.java("refused", "(");
    wait::until("the end of who sends no pattern", LIMIT, || match refused.seen().refused {
        true => Ok(()),
        false => Err("it still runs".into()),
    });
}

#[test]
fn trap_l14_librdkafka_reads_by_pattern_what_it_may_see_and_what_comes_later() {
    let mut desk = Desk::open("rdkafka");
    let (open, hidden) = (desk.shown.replace('.', "\\."), desk.hidden.clone());
    // It makes one pattern of several; a name beside them goes as a name.
    let patterns =
        [format!("^{open}\\.two"), format!("^({open}|{hidden})(-beside)?\\.(one|later.*)"), desk.topic("one")];
    let consumer: BaseConsumer = desk.rdkafka("rdkafka").create().unwrap();
    consumer.subscribe(&patterns.each_ref().map(String::as_str)).unwrap();
    let records = Mutex::new(BTreeMap::<String, usize>::new());
    desk.reads(&|| {
        let mut records = lock(&records);
        while let Some(polled) = consumer.poll(Duration::from_millis(50)) {
            if let Ok(message) = polled {
                *records.entry(message.topic().to_string()).or_default() += 1;
            }
        }
        let mut seen = Seen { records: records.clone(), ..Seen::default() };
        for element in consumer.assignment().unwrap().elements() {
            *seen.partitions.entry(element.topic().to_string()).or_default() += 1;
        }
        seen
    });
}

/// What a reader holds and has read, by topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    partitions: BTreeMap<String, usize>,
    records: BTreeMap<String, usize>,
    refused: bool,
}

/// A principal that was granted a prefix, before a cluster that others use too.
struct Desk {
    kafka: Arc<Kafka>,
    weir: Weir,
    identity: Identity,
    /// The beginning of what it may see.
    shown: String,
    /// The beginning of what it may not.
    hidden: String,
}

impl Desk {
    fn open(client: &str) -> Self {
        let kafka = Kafka::shared(Version::V4);
        let nonce = Chain::new("nonce", 0).nonce().to_string();
        let (shown, hidden) = (format!("patterns.{client}-{nonce}"), format!("planted-patterns-{client}-{nonce}"));
        let weir = Weir::start(WeirOptions::new(&kafka, Advertise::Ports, acl(&shown, &hidden, false)));
        let desk = Self { kafka, weir, identity: Pki::shared().client(READER), shown, hidden };
        for name in ["one", "two", "other", "later-never"] {
            desk.create(&desk.topic(name));
        }
        desk.create(&desk.beside());
        for name in ["one", "later"] {
            // In the catalogue but granted to somebody else, and not in the catalogue.
            let hidden = format!("{}.{name}", desk.hidden);
            desk.create(&hidden);
            transcript::plant(&hidden);
        }
        desk
    }

    fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.shown)
    }

    /// In the catalogue, and granted later.
    fn beside(&self) -> String {
        format!("{}-beside.one", self.shown)
    }

    /// Two partitions, with a record in each.
    fn create(&self, topic: &str) {
        self.kafka.create_topic(topic, 2, 3, &[]);
        (0..2).for_each(|partition| self.kafka.produce(topic, partition, b"a record"));
    }

    /// The reader sees two topics, a third when it comes, one that it is granted, and another after Weir was started anew.
    fn reads(&mut self, seen: &dyn Fn() -> Seen) {
        let mut expected = vec![self.topic("one"), self.topic("two")];
        all_of(&expected, seen);
        expected.push(self.topic("later"));
        self.create(&self.topic("later"));
        all_of(&expected, seen);
        expected.push(self.beside());
        self.weir.write_acl(&acl(&self.shown, &self.hidden, true));
        all_of(&expected, seen);
        self.weir.stop();
        self.weir.restart();
        expected.push(self.topic("later-too"));
        self.create(&self.topic("later-too"));
        all_of(&expected, seen);
        assert!(!self.weir.log().contains("panic"));
    }

    fn rdkafka(&self, group: &str) -> ClientConfig {
        let mut config: ClientConfig = self.identity.rdkafka_settings().into_iter().collect();
        config
            .set("bootstrap.servers", self.weir.bootstrap())
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("reconnect.backoff.max.ms", "500")
            .set("group.protocol", "consumer")
            .set("group.id", group);
        config
    }

    fn java(&self, group: &str, pattern: &str) -> Reader {
        let program = paths::root().join("tests/e2e/java/PatternReader.java");
        let mut java = Command::new("java");
        java.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx192m", "-cp"])
            .arg(Version::V4.jars().join("*"))
            .arg(program)
            .arg(self.weir.bootstrap())
            .args([&self.identity.ca, &self.identity.certificate, &self.identity.key])
            .args([group, pattern]);
        Reader::start(java)
    }
}

/// The reader may see what is under a prefix, and what is beside it where `more` is set.
fn acl(shown: &str, hidden: &str, more: bool) -> Acl {
    let (beside, hidden) = (format!("{shown}-beside.one"), format!("{hidden}.one"));
    let reader = PrincipalSpec::new(READER, &[beside.as_str()][..usize::from(more)]);
    Acl::new(&[&hidden, &beside])
        .auto_prefix(&format!("{shown}."))
        .never_contains("never")
        .principal(PrincipalSpec { prefixes: vec![format!("{shown}.")], ..reader })
        .principal(PrincipalSpec::new(OTHER, &[&hidden]))
}

/// Waits until a reader holds both partitions of these topics, and no others, and has read both records of each.
fn all_of(topics: &[String], seen: &dyn Fn() -> Seen) {
    let both: BTreeMap<String, usize> = topics.iter().map(|topic| (topic.clone(), 2)).collect();
    wait::until("all topics that match, and no others", LIMIT, || {
        let seen = seen();
        let read_all = both.keys().all(|topic| seen.records.get(topic).is_some_and(|records| *records >= 2));
        let strange = seen.records.keys().chain(seen.partitions.keys()).find(|topic| !both.contains_key(*topic));
        assert_eq!(strange, None, "it may not see this, or did not ask for it");
        if seen.partitions == both && read_all { Ok(()) } else { Err(format!("{seen:?}")) }
    });
}

/// A running `PatternReader.java`. Its input ends with this process, and so does it.
struct Reader {
    child: Child,
    seen: Arc<Mutex<Seen>>,
}

impl Reader {
    fn start(mut java: Command) -> Self {
        let log = std::fs::File::create(paths::run_dir("pattern-reader").join("log")).unwrap();
        let mut child = java.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let (lines, told) = (BufReader::new(child.stdout.take().unwrap()).lines(), Arc::clone(&seen));
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| lock(&told).hear(&line)));
        Self { child, seen }
    }

    fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Seen {
    fn hear(&mut self, line: &str) {
        let (what, topic) = line.split_at(line.len().min(1));
        let count = |map: &mut BTreeMap<String, usize>| *map.entry(topic.to_string()).or_default() += 1;
        match what {
            "+" => count(&mut self.partitions),
            "=" => count(&mut self.records),
            "!" => self.refused = true,
            "-" => {
                if let Some(held) = self.partitions.get_mut(topic) {
                    *held -= 1;
                }
                self.partitions.retain(|_, held| *held > 0);
            }
            _ => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
