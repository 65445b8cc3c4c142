//! Every client library does the whole main job through Weir, before real Kafka with its own authorizer, at which Weir has
//! the rights that `weir render upstream` says and no other.
//!
//! The clients are the programs in `tests/clients/`; they know a bootstrap address and a certificate. All of one Kafka
//! version share its brokers and one Weir, and every kill of a broker, so that the matrix stays short: 1. each reads
//! all that is there; 2. a second member joins and leaves; 3. a leader's broker, then the coordinator's broker is killed
//! and comes back; 4. it stops and resumes where it committed; 5. it is refused a topic that it has no grant for.
//!
//! `WEIR_TESTS_EDGE=kafka` runs the same against the brokers' own mutual TLS: the control, which tells a fault of a
//! client from a fault of Weir. `WEIR_TESTS_CLIENTS=java,kcat` picks clients.

#[path = "clients/edge.rs"]
mod edge;
#[path = "clients/group.rs"]
mod group;
#[path = "clients/judge.rs"]
mod judge;
#[path = "clients/program.rs"]
mod program;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use weir_testkit::kafka::{Chain, TransactionEnd};
use weir_testkit::{Kafka, Version, clients, names, require, skip};

use edge::Edge;
use group::Group;

/// One client as it is tested.
#[derive(Debug)]
pub struct Client {
    /// Its directory in `tests/clients/`.
    name: &'static str,
    /// The group protocol.
    protocol: &'static str,
    /// Who commits, and what the program can say about it.
    commits: Commits,
    /// It prints bytes that are no UTF-8 as U+FFFD.
    lossy: bool,
    /// Which Kafka.
    versions: &'static [Version],
}

/// Who commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commits {
    /// The program; it prints `committed` when the broker has accepted.
    Told,
    /// The program; the library does not say whether the broker has accepted.
    Asked,
    /// The library, by a timer and at the end.
    Auto,
}

const BOTH: &[Version] = &Version::ALL;
const NEWEST: &[Version] = &[Version::V4];

/// The matrix. Brokers speak the consumer protocol, KIP-848, from 4.0 on.
const MATRIX: [Client; 14] = [
    Client { name: "java", protocol: "classic", commits: Commits::Told, lossy: false, versions: BOTH },
    Client { name: "java", protocol: "consumer", commits: Commits::Told, lossy: false, versions: NEWEST },
    Client { name: "java3", protocol: "classic", commits: Commits::Told, lossy: false, versions: BOTH },
    Client { name: "rdkafka", protocol: "classic", commits: Commits::Told, lossy: false, versions: BOTH },
    Client { name: "rdkafka", protocol: "consumer", commits: Commits::Told, lossy: false, versions: NEWEST },
    Client { name: "kcat", protocol: "classic", commits: Commits::Auto, lossy: true, versions: NEWEST },
    Client { name: "confluent-python", protocol: "classic", commits: Commits::Told, lossy: false, versions: NEWEST },
    Client { name: "confluent-python", protocol: "consumer", commits: Commits::Told, lossy: false, versions: NEWEST },
    Client { name: "confluent-go", protocol: "classic", commits: Commits::Told, lossy: false, versions: NEWEST },
    Client { name: "kafka-python", protocol: "classic", commits: Commits::Told, lossy: false, versions: NEWEST },
    Client { name: "aiokafka", protocol: "classic", commits: Commits::Told, lossy: false, versions: NEWEST },
    Client { name: "franz-go", protocol: "classic", commits: Commits::Told, lossy: false, versions: NEWEST },
    Client { name: "sarama", protocol: "classic", commits: Commits::Asked, lossy: false, versions: NEWEST },
    Client { name: "kafkajs", protocol: "classic", commits: Commits::Told, lossy: false, versions: NEWEST },
];

const TOPICS: [&str; 3] = ["clients.plain", "clients.gzip", "clients.transactions"];
const HIDDEN: &str = "clients.not-granted";
const PARTITIONS: usize = 2;
/// How many clients start at the same time; two cores do not carry more.
const BATCH: usize = 5;
const CALM_LIMIT: Duration = Duration::from_secs(60);
const STORM_LIMIT: Duration = Duration::from_secs(120);

#[test]
fn every_client_does_the_main_job_on_kafka_4() {
    main_job(Version::V4);
}

#[test]
fn every_client_does_the_main_job_on_kafka_3() {
    main_job(Version::V3);
}

fn main_job(version: Version) {
    // One cluster at a time.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if Edge::by_name(version) {
        require!(names::resolve());
    }
    let (ready, missing) = set_up(version);
    if ready.is_empty() {
        skip!("no client to run on Kafka {version}; {}", missing.join("; "));
    }
    let mut run = Run::start(version, ready);
    run.everyone_reads_and_shares();
    run.a_leader_then_the_coordinator_dies();
    run.everyone_stops_and_resumes();
    run.aborted_records_are_there_for_who_asks();
    let failures = run.judge();
    assert!(failures.is_empty(), "Kafka {version}: {} failed\n{}", failures.len(), failures.join("\n"));
    if !missing.is_empty() {
        skip!("these clients cannot run here: {}", missing.join("; "));
    }
}

/// The clients that can run here, and why the others cannot.
fn set_up(version: Version) -> (Vec<&'static Client>, Vec<String>) {
    let (mut ready, mut missing) = (Vec::new(), Vec::new());
    let picked = std::env::var("WEIR_TESTS_CLIENTS").ok();
    let is_picked = |name: &str| picked.as_ref().is_none_or(|names| names.split(',').any(|one| one == name));
    for client in MATRIX.iter().filter(|client| client.versions.contains(&version) && is_picked(client.name)) {
        if !Edge::serves(client.protocol) {
            println!("       {} {}: not yet, Weir does not serve this protocol", client.name, client.protocol);
            continue;
        }
        match clients::ready(client.name) {
            Ok(_) => ready.push(client),
            Err(reason) if missing.contains(&reason) => {}
            Err(reason) => missing.push(reason),
        }
    }
    (ready, missing)
}

/// One cluster, what stands before it, what was written, and who reads.
struct Run {
    began: Instant,
    kafka: Kafka,
    edge: Edge,
    chains: Vec<Chain>,
    groups: Vec<Group>,
    /// The broker that coordinates every group.
    coordinator: i32,
}

impl Run {
    fn start(version: Version, clients: Vec<&'static Client>) -> Self {
        let began = Instant::now();
        let plan = Edge::plan(version, &TOPICS, HIDDEN);
        let kafka = Kafka::start(plan.kafka_options());
        for topic in TOPICS.into_iter().chain([HIDDEN]) {
            kafka.create_topic(topic, 2, 3, &[]);
        }
        let chains = write_history(&kafka);
        let edge = plan.start(&kafka);
        let coordinator = kafka.coordinator_of(&edge.real_group("anything"));
        let groups = clients.into_iter().map(|client| Group::new(client, group_at(&kafka, &edge, client, coordinator)));
        let groups = groups.collect();
        let run = Self { began, kafka, edge, chains, groups, coordinator };
        run.say("brokers and topics are there");
        run
    }

    /// 1 and 2, in batches.
    fn everyone_reads_and_shares(&mut self) {
        for first in (0..self.groups.len()).step_by(BATCH) {
            let batch = first..(first + BATCH).min(self.groups.len());
            let Self { groups, chains, edge, kafka, .. } = self;
            let groups = &mut groups[batch];
            groups.iter_mut().for_each(|group| group.join(edge, &TOPICS));
            group::all(groups, "read all that is there", CALM_LIMIT, |group| group.caught_up(chains));

            groups.iter_mut().for_each(|group| group.join(edge, &TOPICS));
            group::all(groups, "share with a second member", CALM_LIMIT, |group| {
                group.shared(TOPICS.len() * PARTITIONS)
            });
            extend(chains, kafka, 20);
            group::all(groups, "read with two members", CALM_LIMIT, |group| group.caught_up(chains));

            group::each(groups, "stop the second member", Group::leave);
            group::all(groups, "take all partitions back", CALM_LIMIT, |group| group.alone(TOPICS.len() * PARTITIONS));
            extend(chains, kafka, 10);
            group::all(groups, "read alone again", CALM_LIMIT, |group| group.caught_up(chains));
            self.say("a batch has read, shared, and reads alone");
        }
    }

    /// 3, once for all.
    fn a_leader_then_the_coordinator_dies(&mut self) {
        self.groups.iter_mut().for_each(Group::storm_begins);
        let leaders = TOPICS.map(|topic| [self.kafka.leader_of(topic, 0), self.kafka.leader_of(topic, 1)]);
        let leader = leaders.into_iter().flatten().find(|id| *id != self.coordinator);
        self.kill_and_restart(leader.expect("three brokers lead"), "a leader's broker");
        self.kill_and_restart(self.coordinator, "the coordinator's broker");
    }

    fn kill_and_restart(&mut self, victim: i32, what: &str) {
        let Self { groups, chains, kafka, .. } = self;
        kafka.kill(victim);
        extend(chains, kafka, 10);
        group::all(groups, &format!("go on without {what}"), STORM_LIMIT, |group| group.caught_up(chains));
        kafka.restart(victim);
        TOPICS.iter().for_each(|topic| kafka.wait_in_sync(topic, 2));
        extend(chains, kafka, 10);
        group::all(groups, &format!("go on with {what} back"), STORM_LIMIT, |group| group.caught_up(chains));
        self.say(&format!("{what} was killed and is back"));
    }

    /// 4, and 5 on the way.
    fn everyone_stops_and_resumes(&mut self) {
        let Self { groups, chains, edge, kafka, .. } = self;
        group::each(groups, "stop", Group::leave);
        group::each(groups, "have committed all", |group| {
            group.has_committed(&kafka.committed(&edge.real_group(group.id())))
        });
        extend(chains, kafka, 10);
        for batch in groups.chunks_mut(BATCH) {
            batch.iter_mut().for_each(|group| group.join(edge, &TOPICS));
            group::all(batch, "resume", CALM_LIMIT, |group| group.caught_up(chains));
            group::each(batch, "stop again", Group::leave);
            group::each(batch, "be refused another topic", |group| group.probe(edge, HIDDEN));
        }
        self.say("all have resumed, and were refused another topic");
    }

    /// The control of reading committed records only: the aborted ones do come through.
    fn aborted_records_are_there_for_who_asks(&mut self) {
        let Some(group) = self.groups.iter_mut().find(|group| group.client().name == "rdkafka") else { return };
        let seen = group.aborted_records(&self.edge, TOPICS[2]);
        assert!(seen > 0, "no aborted record was seen with ISOLATION=read_uncommitted");
    }

    fn judge(mut self) -> Vec<String> {
        group::each(&mut self.groups, "be right in every record", |group| group.judge(&self.chains));
        let failures = self.groups.iter().filter_map(Group::failure).collect();
        self.say("judged");
        failures
    }

    fn say(&self, what: &str) {
        let failed = self.groups.iter().filter(|group| group.failure().is_some()).count();
        println!("{:>4} s  {what}; {} clients, {failed} failed", self.began.elapsed().as_secs(), self.groups.len());
    }
}

/// What is there before anyone reads: plain batches, compressed batches, and transactions of both ends.
fn write_history(kafka: &Kafka) -> Vec<Chain> {
    let mut chains: Vec<Chain> = TOPICS.iter().map(|topic| Chain::new(topic, PARTITIONS)).collect();
    chains[1].compress("gzip");
    extend(&mut chains, kafka, 150);
    for end in [TransactionEnd::Abort, TransactionEnd::Commit, TransactionEnd::Abort] {
        chains[2].transaction(kafka, 20, end);
    }
    extend(&mut chains, kafka, 50);
    chains
}

fn extend(chains: &mut [Chain], kafka: &Kafka, per_partition: usize) {
    chains.iter_mut().for_each(|chain| chain.append(kafka, per_partition));
}

/// A group id for this client that the wanted broker coordinates.
fn group_at(kafka: &Kafka, edge: &Edge, client: &Client, coordinator: i32) -> String {
    (0..200)
        .map(|n| format!("{}-{}-{n}", client.name, client.protocol))
        .find(|id| kafka.coordinator_of(&edge.real_group(id)) == coordinator)
        .expect("one of 200 group ids belongs to the broker")
}
