//! One client commits as fast as it can: the brokers see its tier's rate, and its neighbours see nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{GroupId, OffsetCommitRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use weir_testkit::kafka::wire;
use weir_testkit::{RawClient, wait};

use crate::Form;
use crate::cluster::{PARTITIONS, Stage, TOOL, real_group};
use crate::crowd::{Reader, all_read};
use crate::figure::{Figure, Report};
use crate::offsets_log::OffsetsLog;
use crate::writer::Writer;

const STORM: &str = "drill-storm";
const GROUP: &str = "storm";
const VERSION: i16 = 8;
const BYSTANDERS: usize = 20;
/// What the client tries, in commits of one partition a second over all its connections: of one connection brokers take
/// a commit after the other, and each waits for the replicas.
const TRIED: u32 = 1_000;
const CONNECTIONS: u32 = 5;
/// Requests that are under way at once on each.
const UNDER_WAY: usize = 10;
/// What `TOOL` gives a second, and at once beyond that.
const RATE: u64 = 20;
const BURST: u64 = 200;
const SETTLE: Duration = Duration::from_secs(90);
const ANSWER: Duration = Duration::from_secs(30);

/// The drill.
#[must_use]
pub fn run(form: Form) -> Vec<Report> {
    vec![Report {
        name: "1,000 commits a second from one client",
        figures: storm("commits", TOOL, form.pick(60, 10)),
        control: form.control(|| storm("commits-unlimited", "", 10)),
    }]
}

fn storm(name: &str, limits: &str, seconds: u64) -> Vec<Figure> {
    let people: Vec<String> = (0..BYSTANDERS).map(|number| format!("drill-bystander-{number}")).collect();
    let bystanders = people.iter().map(|person| (person.as_str(), TOOL));
    let stage = Stage::open_for(name, bystanders.chain([(STORM, limits)]));
    let writer = Writer::start(&stage.kafka, &stage.topic, PARTITIONS, 100);
    let (bootstrap, every) = (stage.weir.bootstrap(), [("auto.commit.interval.ms", "5000")]);
    let start = |person: &String| Reader::start_with(&bootstrap, &stage.identity(person), &stage.topic, name, &every);
    let readers: Vec<_> = people.iter().map(start).collect();
    all_read(&readers);
    let log = OffsetsLog::open(&stage.kafka);
    let before: Vec<_> = readers.iter().map(|reader| (reader.breaks(), reader.rebalances())).collect();
    let client = Committer::start(&stage);
    let (reached, took) = steadily(&log, &real_group(STORM, GROUP), Duration::from_secs(seconds));
    let refused = client.end();
    let broke = readers.iter().zip(&before).map(|(reader, before)| reader.breaks() - before.0).sum();
    let written = writer.end();
    let caught_up = readers.iter().all(|reader| reader.catches_up(&written, SETTLE).is_some());
    let rebalances = readers.iter().zip(&before).map(|(reader, before)| reader.rebalances() - before.1).sum();
    let theirs: Vec<_> = people.iter().map(|person| log.of(&real_group(person, name))).collect();
    let wanted = u64::try_from(took.as_millis()).unwrap_or(u64::MAX) * RATE / 1000;
    vec![
        Figure::near(format!("committed at the brokers in {} s", took.as_secs()), reached, wanted),
        Figure::at_most("commits answered with an error", refused, 0),
        Figure::at_least(
            "bystanders whose commits are at the brokers",
            theirs.iter().filter(|written| written.commits > 0).count() as u64,
            BYSTANDERS as u64,
        ),
        Figure::at_most("their rebalances at the brokers", theirs.iter().map(|written| written.states).sum(), 0),
        Figure::at_most("at the clients", rebalances, 0),
        Figure::at_most("their connections that broke", broke, 0),
        Figure::at_most("their records lost", readers.iter().map(|reader| reader.lost(&written)).sum(), 0),
        Figure::at_least("caught up", u64::from(caught_up), 1),
    ]
}

/// What the brokers take of a group in a time that begins when what it may use at once is used, and was answered.
fn steadily(log: &OffsetsLog, group: &str, time: Duration) -> (u64, Duration) {
    wait::until("the burst to be used", SETTLE, || match log.now(group).commits {
        commits if commits > BURST + 2 * RATE => Ok(()),
        commits => Err(format!("{commits} commits")),
    });
    let began = SystemTime::now();
    std::thread::sleep(time);
    let end = SystemTime::now();
    (log.commits_in(group, began..end), end.duration_since(began).unwrap_or_default())
}

/// A client that commits one partition again and again, a thousand times a second where it is let.
struct Committer {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u64>>,
}

impl Committer {
    fn start(stage: &Stage) -> Self {
        let coordinator = stage.kafka.coordinator_of(&real_group(STORM, GROUP));
        let target = stage.weir.target(&stage.weir.broker(coordinator), &stage.identity(STORM));
        let request = wire::frame(1, VERSION, &commit(&stage.topic)).expect("a frame");
        let stop = Arc::new(AtomicBool::new(false));
        let start = |_| {
            let client = RawClient::connect(&target).expect("a connection");
            let (request, stop) = (request.clone(), Arc::clone(&stop));
            std::thread::spawn(move || commit_on(client, &request, &stop))
        };
        let threads = (0..CONNECTIONS).map(start).collect();
        Self { stop, threads }
    }

    /// Ends, and says how many commits were answered with an error.
    fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().expect("the client commits")).sum()
    }
}

/// One connection of the client. Says how many commits were answered with an error.
fn commit_on(mut client: RawClient, request: &[u8], stop: &AtomicBool) -> u64 {
    let (mut due, mut under_way, mut refused) = (Instant::now(), 0, 0);
    loop {
        let goes_on = !stop.load(Ordering::Relaxed);
        if goes_on && under_way < UNDER_WAY {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            due += Duration::from_secs(1) * CONNECTIONS / TRIED;
            client.send(request).expect("a commit is sent");
            under_way += 1;
        } else if under_way > 0 {
            let answer = client.read_frame(ANSWER).expect("an answer");
            let (_, told) = wire::open::<OffsetCommitRequest>(VERSION, &answer).expect("an answer");
            refused += u64::from(told.topics[0].partitions[0].error_code != 0);
            under_way -= 1;
        } else {
            return refused;
        }
    }
}

fn commit(topic: &str) -> OffsetCommitRequest {
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(1);
    let topic = OffsetCommitRequestTopic::default().with_name(TopicName(text(topic))).with_partitions(vec![partition]);
    OffsetCommitRequest::default()
        .with_group_id(GroupId(text(GROUP)))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic])
}
