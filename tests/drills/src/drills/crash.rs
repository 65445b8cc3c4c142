//! kill -9 of Weir under many clients: all are back within seconds, and the brokers are not run over.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kafka_protocol::messages::{ApiVersionsRequest, FindCoordinatorRequest};
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use weir_testkit::{RawClient, RawTarget};

use crate::Form;
use crate::cluster::{OTHER, READER, Stage};
use crate::figure::{Figure, Report};

/// `dials_per_second`: fewer than by default, so that a machine with two cores comes up against it.
const DIALS: u64 = 20;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The drill.
#[must_use]
pub fn run(form: Form) -> Vec<Report> {
    let clients = form.pick(1_000, 150);
    vec![Report {
        name: "kill -9 under connected clients",
        figures: crash("crash", clients, DIALS),
        control: form.control(|| crash("crash-without-a-rate", clients, 100_000)),
    }]
}

fn crash(name: &str, clients: usize, dials: u64) -> Vec<Figure> {
    let mut stage = Stage::open_with(name, |options| {
        options.config["upstreams"]["main"]["dials_per_second"] = json!(dials);
        options.config["limits"] = json!({ "unauthenticated": 4096, "unauthenticated_per_address": 4096 });
    });
    // Two principals: a tier has 500 connections.
    let targets = [READER, OTHER].map(|who| stage.weir.target(&stage.weir.broker(1), &stage.identity(who)));
    let (stop, back) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let threads: Vec<_> = (0..clients)
        .map(|number| client(targets[number % 2].clone(), number, Arc::clone(&stop), Arc::clone(&back)))
        .collect();
    let all_back = |limit: Duration| {
        let began = Instant::now();
        while back.load(Ordering::Relaxed) < clients && began.elapsed() < limit {
            std::thread::sleep(Duration::from_millis(20));
        }
        (back.load(Ordering::Relaxed) >= clients).then(|| began.elapsed())
    };
    all_back(Duration::from_secs(300)).expect("all clients are served");
    let port: u16 = stage.kafka.plaintext(1).rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port");
    stage.weir.kill();
    while back.load(Ordering::Relaxed) > 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let dialled = watch_dials(port);
    stage.weir.restart();
    // A fifth of the rate is for bursts. Then the time that they take to come back at all.
    let limit = Duration::from_secs(clients as u64 / (DIALS - DIALS / 5) + 15);
    let took = all_back(limit * 3).unwrap_or(Duration::MAX);
    stop.store(true, Ordering::Relaxed);
    let most = dialled();
    threads.into_iter().for_each(|thread| thread.join().expect("a client"));
    vec![
        Figure::within("all clients served again", took.min(limit * 10), limit),
        Figure::at_most("connections to the broker in the fullest second", most, DIALS + DIALS / 2),
    ]
}

/// A client that is served, and comes back when its connection ends, with the pauses of Java's client
/// (`reconnect.backoff.ms`, `reconnect.backoff.max.ms`). `back` counts those that are served now.
fn client(
    target: RawTarget,
    number: usize,
    stop: Arc<AtomicBool>,
    back: Arc<AtomicUsize>,
) -> std::thread::JoinHandle<()> {
    let spawn = std::thread::Builder::new().stack_size(256 * 1024);
    let run = move || {
        let config = target.config();
        let group = StrBytes::from_string(format!("crash-{number}"));
        // The question goes to the broker: so its connection has a broker's connection.
        let served = || {
            let mut client = RawClient::connect_with(&target, Arc::clone(&config)).ok()?;
            client.call(0, &ApiVersionsRequest::default()).ok()?;
            client.call(2, &FindCoordinatorRequest::default().with_key(group.clone())).ok()?;
            Some(client)
        };
        let mut pause = FIRST_PAUSE;
        while !stop.load(Ordering::Relaxed) {
            let Some(mut client) = served() else {
                // Not all together: up to a fifth more, as there.
                std::thread::sleep(pause + pause * u32::try_from(number % 20).unwrap_or(0) / 100);
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            };
            pause = FIRST_PAUSE;
            back.fetch_add(1, Ordering::Relaxed);
            while !stop.load(Ordering::Relaxed) {
                if client.ended(Duration::from_millis(200)) != weir_testkit::Ended::Silent {
                    break;
                }
            }
            back.fetch_sub(1, Ordering::Relaxed);
        }
    };
    spawn.spawn(run).expect("a thread")
}

/// Counts new connections to a port of this machine by the second, from outside of both ends. Gives the most of a
/// second.
fn watch_dials(port: u16) -> impl FnOnce() -> u64 {
    let stop = Arc::new(AtomicBool::new(false));
    let own_stop = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        let (mut known, began) = (established(port), Instant::now());
        let mut seconds: BTreeMap<u64, u64> = BTreeMap::new();
        while !own_stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
            let now = established(port);
            let new = now.iter().filter(|socket| !known.contains(*socket)).count();
            *seconds.entry(began.elapsed().as_secs()).or_default() += new as u64;
            known = now;
        }
        seconds.values().copied().max().unwrap_or(0)
    });
    move || {
        stop.store(true, Ordering::Relaxed);
        thread.join().expect("the counting")
    }
}

/// The ends of connections at a port, as the kernel lists them.
fn established(port: u16) -> std::collections::BTreeSet<String> {
    let local = format!(":{port:04X}");
    let mut found = std::collections::BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let mut fields = line.split_whitespace().skip(1);
            let (own, peer, state) = (fields.next(), fields.next(), fields.next());
            if state == Some("01") && own.is_some_and(|own| own.ends_with(&local)) {
                found.extend(peer.map(str::to_owned));
            }
        }
    }
    found
}
