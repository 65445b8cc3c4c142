//! Sockets that systemd holds: a restart refuses nobody and costs no rebalance, and where a successor accepts already the
//! end of connections is spread. Where none does the spread is cut short.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;
use weir_drills::cluster::{PARTITIONS, READER, real_group};
use weir_drills::crowd::Reader;
use weir_drills::offsets_log::OffsetsLog;
use weir_drills::writer::Writer;
use weir_testkit::{Acl, Advertise, Kafka, Pki, PrincipalSpec, Version, Weir, WeirOptions, names, require, wait};

const SETTLE: Duration = Duration::from_secs(90);
const READERS: usize = 4;
/// Of the test of it.
const SPREAD: Duration = Duration::from_secs(6);
/// What a drain takes at the most, and what it takes to see that a process has ended.
const STOP: Duration = Duration::from_secs(5);
const RESTARTS: u64 = 2;
/// Longer than a session, and than librdkafka's `reconnect.backoff.max.ms` and the few tries of one restart: of restarts that
/// come sooner it takes the next for a worse one, and waits twice as long before it comes back.
const BETWEEN: Duration = Duration::from_secs(15);
/// From a kill until everybody reads again: longer than a session and a rebalance.
const BACK: Duration = Duration::from_secs(30);
/// They measure time: one after the other.
static ALONE: Mutex<()> = Mutex::new(());

/// Readers of a topic that is written to, each in a group of its own, behind a Weir whose socket the test holds.
struct Scene {
    // They end before Weir does: without it each would wait for its last commit.
    readers: Vec<Reader>,
    weir: Weir,
    writer: Writer,
    log: OffsetsLog,
    groups: Vec<String>,
    _alone: MutexGuard<'static, ()>,
}

impl Scene {
    fn open(name: &str, spread: Option<&str>) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let kafka = Kafka::shared(Version::V4);
        let topic = format!("held.{name}");
        kafka.create_topic(&topic, i32::try_from(PARTITIONS).expect("few partitions"), 3, &[]);
        let acl = Acl::new(&[&topic]).principal(PrincipalSpec::new(READER, &[&topic]));
        let mut options = WeirOptions::new(&kafka, Advertise::Sni, acl).untapped().with_held_socket();
        if let Some(spread) = spread {
            options.config["drain"] = json!({ "spread": spread });
        }
        let weir = Weir::start(options);
        let writer = Writer::start(&kafka, &topic, PARTITIONS, 300);
        let groups: Vec<_> = (0..READERS).map(|number| format!("{name}-{number}")).collect();
        let identity = Pki::shared().client(READER);
        let start = |group: &String| Reader::start(&weir.bootstrap(), &identity, &topic, group);
        let readers: Vec<_> = groups.iter().map(start).collect();
        all_read_on(&readers);
        let log = OffsetsLog::open(&kafka);
        Self { readers, weir, writer, log, groups, _alone: alone }
    }

    fn address(&self) -> SocketAddr {
        let bootstrap = self.weir.bootstrap();
        let (_, port) = bootstrap.rsplit_once(':').expect("host:port");
        SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")))
    }

    /// Nothing was lost. Gives the rebalances of each group.
    fn ends(self) -> Vec<u64> {
        let written = self.writer.end();
        for (reader, group) in self.readers.iter().zip(&self.groups) {
            assert!(reader.catches_up(&written, SETTLE).is_some(), "{group} does not catch up");
            assert_eq!(reader.lost(&written), 0, "{group}");
        }
        // Until the last commits have come.
        let _ = self.log.records_under(&real_group(READER, ""));
        rebalances(&self.log, &self.groups)
    }
}

/// Of each group since the log was opened.
fn rebalances(log: &OffsetsLog, groups: &[String]) -> Vec<u64> {
    groups.iter().map(|group| log.now(&real_group(READER, group)).states).collect()
}

fn all_read_on(readers: &[Reader]) {
    let had: Vec<_> = readers.iter().map(Reader::records).collect();
    wait::until("everybody reads on", SETTLE, || {
        let slow = readers.iter().zip(&had).find(|(reader, had)| reader.records() < *had + 30);
        slow.map_or(Ok(()), |(reader, _)| Err(format!("{} records", reader.records())))
    });
}

/// Connects all the time, and counts who is refused.
struct Knocking {
    stop: Arc<AtomicBool>,
    refused: Arc<AtomicU64>,
    thread: JoinHandle<u64>,
}

impl Knocking {
    fn start(address: SocketAddr) -> Self {
        let (stop, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (own_stop, own_refused) = (Arc::clone(&stop), Arc::clone(&refused));
        let thread = std::thread::spawn(move || {
            let mut knocks = 0;
            while !own_stop.load(Ordering::Relaxed) {
                knocks += 1;
                if TcpStream::connect_timeout(&address, Duration::from_secs(10)).is_err() {
                    own_refused.fetch_add(1, Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            knocks
        });
        Self { stop, refused, thread }
    }

    /// How often it knocked, and how often it was refused.
    fn end(self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        (self.thread.join().expect("knocking ends"), self.refused.load(Ordering::Relaxed))
    }
}

/// The sockets that a process has.
fn sockets(pid: u32) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets = descriptors.filter_map(|descriptor| std::fs::read_link(descriptor.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

#[test]
fn hostile_o11_a_restart_with_held_sockets_refuses_nobody_and_costs_no_rebalance() {
    require!(names::resolve());
    let mut scene = Scene::open("restart", None);
    let knocking = Knocking::start(scene.address());
    for _ in 0..RESTARTS {
        assert_eq!(scene.weir.stop(), 0);
        scene.weir.restart();
        all_read_on(&scene.readers);
        std::thread::sleep(BETWEEN);
    }
    assert_eq!(rebalances(&scene.log, &scene.groups), [0; READERS]);

    // Of one that is killed the socket stays, but not its connections: who comes back late for its session is rebalanced.
    scene.weir.kill();
    let killed = Instant::now();
    scene.weir.restart();
    all_read_on(&scene.readers);
    let back = killed.elapsed();
    assert!(back < BACK, "{back:?}");
    let (knocks, refused) = knocking.end();
    assert!(knocks > 100, "{knocks} knocks");
    assert_eq!(refused, 0, "of {knocks}");
    println!("{RESTARTS} restarts, all read {back:?} after a kill, {knocks} connections, {refused} refused");
    println!("rebalances with the kill: {:?}", scene.ends());
}

#[test]
fn where_a_successor_accepts_connections_end_one_by_one_and_nobody_is_rebalanced() {
    require!(names::resolve());
    let mut scene = Scene::open("spread", Some("6s"));
    let mut before = scene.weir.succeed();
    let (began, knocking) = (Instant::now(), Knocking::start(scene.address()));
    before.signal("TERM");
    // How many sockets it has had since, each time they were fewer.
    let mut steps: Vec<usize> = Vec::new();
    let mut halfway = 0;
    while before.ended().is_none() {
        let open = sockets(before.pid());
        if open > 0 && steps.last().is_none_or(|last| open < *last) {
            steps.push(open);
        }
        if began.elapsed() < SPREAD / 2 {
            halfway = open;
        }
        assert!(began.elapsed() < SPREAD + STOP, "{}", before.tail(5));
        std::thread::sleep(Duration::from_millis(20));
    }
    let took = began.elapsed();
    assert!(took > SPREAD / 2, "{took:?}");
    assert!(steps.len() > READERS, "one by one: {steps:?}");
    assert!(halfway > *steps.last().expect("steps") && halfway < steps[0], "{halfway} after half of it: {steps:?}");
    all_read_on(&scene.readers);
    let (knocks, refused) = knocking.end();
    assert_eq!(refused, 0, "of {knocks}");
    println!(
        "a successor accepts: {took:?} for a spread of {SPREAD:?} in {} steps, {knocks} connections, {refused} refused",
        steps.len()
    );
    assert_eq!(scene.ends(), [0; READERS]);
}

#[test]
fn a_spread_without_a_successor_is_cut_short_and_so_is_one_at_the_second_signal() {
    require!(names::resolve());
    let mut scene = Scene::open("alone", Some("5m"));
    let (began, knocking) = (Instant::now(), Knocking::start(scene.address()));
    assert_eq!(scene.weir.stop(), 0);
    let took = began.elapsed();
    // The spread is five minutes.
    assert!(took < STOP + Duration::from_secs(10), "{took:?}");
    assert!(scene.weir.log().contains("no successor accepts"));
    scene.weir.restart();
    assert_eq!(knocking.end().1, 0);
    all_read_on(&scene.readers);

    // Nobody comes to wait in the queue before the first connection ends, which is not soon.
    scene.weir.signal("TERM");
    std::thread::sleep(Duration::from_millis(200));
    scene.weir.signal("TERM");
    wait::until("the end", STOP, || scene.weir.ended().ok_or_else(|| "it runs".to_owned()));
    scene.weir.restart();
    all_read_on(&scene.readers);
    assert_eq!(scene.ends(), [0; READERS]);
}
