//! Weir far from its brokers: 40 and 100 ms for every way there and back, with mutual TLS on it. Nothing is taken for
//! dead that is only far, and what is promised within a second is there within a second.

mod main_job;
#[path = "operator/command.rs"]
mod operator_command;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{FetchRequest, FindCoordinatorRequest, GroupId, OffsetCommitRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use weir_testkit::kafka::{Chain, wire};
use weir_testkit::{
    Acl, Advertise, Delay, Ended, Kafka, KafkaOptions, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions,
    clients, require, wait,
};

use main_job::edge::Edge;
use main_job::{Client, Commits, PARTITIONS, edge, group, judge, program};

const ROUND_TRIPS: [Duration; 2] = [Duration::from_millis(40), Duration::from_millis(100)];
const CLIENTS: [Client; 3] = [Client::classic("java"), Client::classic("rdkafka"), Client::classic("franz-go")];
const TOPICS: [&str; 2] = ["distant.a", "distant.b"];
const HIDDEN: &str = "distant.not-granted";
/// Led by broker 1.
const PARKED: &str = "distant.parked";
const READER: &str = "distant-reader";
const LOSER: &str = "distant-loser";
/// Who may have two groups for each Weir.
const QUOTA: &str = "distant-quota";
const FETCH: i16 = 12;
/// How long a Fetch waits at the broker, longer than the silence that Weir's own connections allow a broker.
const LONG_POLL: Duration = Duration::from_secs(4);
const BAR: Duration = Duration::from_secs(1);
const PATIENT: Duration = Duration::from_secs(15);

#[test]
fn what_is_far_is_not_taken_for_dead() {
    for client in &CLIENTS {
        require!(clients::ready(client.name));
    }
    let kafka = Kafka::start(KafkaOptions { far: true, ..KafkaOptions::new(Version::V4) });
    let delay = Delay::start(&kafka.far_ways(), ROUND_TRIPS[0]).expect("the relay's addresses are free");
    TOPICS.iter().for_each(|topic| kafka.create_topic(topic, 2, 3, &[]));
    kafka.create_topic(HIDDEN, 1, 1, &[]);
    kafka.create_placed(PARKED, &[vec![1]], &[]);
    let mut chains: Vec<Chain> = TOPICS.iter().map(|topic| Chain::new(topic, PARTITIONS)).collect();
    chains.iter_mut().for_each(|chain| chain.append(&kafka, 300));
    for (round_trip, groups) in ROUND_TRIPS.into_iter().zip([2, 4]) {
        delay.set(round_trip);
        Site::open(&kafka, round_trip, groups).is_only_far(&mut chains);
    }
}

/// Says so, however the test ends.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One Weir at this distance.
struct Site<'a> {
    kafka: &'a Kafka,
    weir: Weir,
    round_trip: Duration,
    /// How many groups the principal with a quota may have: those that it has, and two.
    groups: usize,
}

impl<'a> Site<'a> {
    fn open(kafka: &'a Kafka, round_trip: Duration, groups: usize) -> Self {
        let bootstrap: Vec<String> = kafka.far_ways().iter().map(|far| far.here.to_string()).collect();
        let mut options = WeirOptions::before(&bootstrap, Advertise::Ports, acl(groups, true));
        let identity = Pki::shared().client("weir");
        options.config["upstreams"]["main"]["tls"] =
            json!({ "ca": identity.ca, "certificate": identity.certificate, "key": identity.key });
        let began = Instant::now();
        let weir = Weir::start(options);
        println!("{round_trip:?}: ready after {:?}", began.elapsed());
        // The first Metadata asks over a new connection: four ways there and back, and no second attempt.
        assert!(began.elapsed() >= 4 * round_trip, "nothing is far here");
        Self { kafka, weir, round_trip, groups }
    }

    fn is_only_far(&self, chains: &mut [Chain]) {
        let done = AtomicBool::new(false);
        let (failures, unready) = std::thread::scope(|scope| {
            let watch = scope.spawn(|| self.unready_until(&done));
            let watched = Done(&done);
            let others = scope.spawn(|| {
                self.a_check_passes();
                self.a_long_poll_is_waited_for();
                self.a_quota_holds();
            });
            let failures = self.clients_do_the_main_job(chains);
            others.join().expect("what was waited for came");
            wait::in_time(|| self.who_is_taken_out_is_out());
            drop(watched);
            (failures, watch.join().expect("the watch ends well"))
        });
        assert!(failures.is_empty(), "{:?}: {}", self.round_trip, failures.join("\n"));
        assert_eq!(unready, Vec::<String>::new(), "at {:?}", self.round_trip);
        self.nothing_was_taken_for_dead();
    }

    /// What `/readyz` said that was not that all is well.
    fn unready_until(&self, done: &AtomicBool) -> Vec<String> {
        let mut unready = Vec::new();
        while !done.load(Ordering::Relaxed) {
            match self.weir.get("/readyz") {
                Ok((200, _)) => {}
                other => unready.push(format!("{other:?}")),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        unready
    }

    fn clients_do_the_main_job(&self, chains: &mut [Chain]) -> Vec<String> {
        let edge = Edge { bootstrap: self.weir.bootstrap(), identity: Pki::shared().client(READER) };
        let committed = |group: &str| self.kafka.committed(&format!("weir.{READER}.{group}"));
        let brokers = self.kafka.bootstrap().join(",");
        let place = main_job::Place { edge: &edge, brokers, committed: &committed, hidden: HIDDEN };
        main_job::run(&place, &CLIENTS, chains, &format!("{}-ms", self.round_trip.as_millis()))
    }

    fn a_check_passes(&self) {
        let began = Instant::now();
        let said = operator_command::run(&self.weir, &["check", "--live"]);
        assert!(said.out.contains("3 of 3 brokers answered"), "at {:?}: {said:?}", self.round_trip);
        // These brokers have no authorizer, which is a warning, and no matter of distance.
        assert_eq!(said.status, 0, "at {:?}: {said:?}", self.round_trip);
        println!("{:?}: weir check --live took {:?}\n{}", self.round_trip, began.elapsed(), said.err);
    }

    fn acl(&self, with_loser: bool) -> Acl {
        acl(self.groups, with_loser)
    }

    fn client(&self, broker: i32, who: &str) -> RawClient {
        let target = self.weir.target(&self.weir.broker(broker), &Pki::shared().client(who));
        RawClient::connect(&target).expect("a connection")
    }

    fn a_long_poll_is_waited_for(&self) {
        let mut client = self.client(1, READER);
        let began = Instant::now();
        park(&mut client, LONG_POLL);
        let answer = client.read_frame(PATIENT).expect("an answer");
        let (_, answer) = wire::open::<FetchRequest>(FETCH, &answer).unwrap();
        assert_eq!(answer.responses[0].partitions[0].error_code, 0);
        assert!(began.elapsed() >= LONG_POLL, "{:?}", began.elapsed());
    }

    /// What is counted at the brokers is counted in time: two groups are let in, and a third is not.
    fn a_quota_holds(&self) {
        let mut codes = Vec::new();
        for number in 0..3 {
            codes.push(self.commit(&format!("{}-{number}", self.round_trip.as_millis())));
        }
        assert_eq!(codes[..2], [0, 0], "at {:?}", self.round_trip);
        assert_ne!(codes[2], 0, "at {:?}: one group too many", self.round_trip);
    }

    /// Commits as nobody's member, and gives the code.
    fn commit(&self, group: &str) -> i16 {
        let text = |text: &str| StrBytes::from_string(text.to_owned());
        let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(group)]);
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(1);
        let topic = OffsetCommitRequestTopic::default().with_name(TopicName(text(TOPICS[0])));
        let commit = OffsetCommitRequest::default()
            .with_group_id(GroupId(text(group)))
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic.with_partitions(vec![partition])]);
        wait::until("a coordinator that is ready", PATIENT, || {
            let found = self.client(1, QUOTA).call(4, &find)?.coordinators.remove(0);
            if found.error_code != 0 {
                return Err(format!("no coordinator: {}", found.error_code));
            }
            let answer = self.client(found.node_id.0, QUOTA).call(8, &commit)?;
            match answer.topics[0].partitions[0].error_code {
                code @ 14..=16 => Err(format!("error {code}")),
                code => Ok(code),
            }
        })
    }

    fn who_is_taken_out_is_out(&self) {
        let mut client = self.client(1, LOSER);
        park(&mut client, Duration::from_secs(20));
        // It is at the broker, or on its way there.
        let began = Instant::now();
        self.weir.write_acl(&self.acl(false));
        assert_eq!(client.ended(PATIENT), Ended::Closed);
        let took = began.elapsed();
        self.weir.write_acl(&self.acl(true));
        wait::until("the principal is back", PATIENT, || {
            let target = self.weir.target(&self.weir.broker(1), &Pki::shared().client(LOSER));
            match RawClient::connect(&target)?.ended(Duration::from_millis(300)) {
                Ended::Silent => Ok(()),
                ended => Err(format!("{ended:?}")),
            }
        });
        wait::held("closing who is taken out", BAR, took);
    }

    /// Neither Weir's own connections nor those of clients to brokers have ended, or were opened in vain.
    fn nothing_was_taken_for_dead(&self) {
        let log = self.weir.log();
        let warnings = log.lines().filter(|line| line.contains(" WARN ") || line.contains(" ERROR "));
        // The certificates of tests live for two days.
        let warned: Vec<&str> = warnings.filter(|line| !line.contains("expires in")).collect();
        assert_eq!(warned, Vec::<&str>::new(), "at {:?}", self.round_trip);
        let metrics = self.weir.get("/metrics").expect("metrics").1;
        let closed = |line: &&str| line.starts_with("weir_connections_closed_total{reason=\"upstream-");
        let lost: Vec<&str> = metrics.lines().filter(closed).filter(|line| !line.ends_with(" 0")).collect();
        assert_eq!(lost, Vec::<&str>::new(), "at {:?}", self.round_trip);
    }
}

/// `groups` is how many the principal with a quota may have.
fn acl(groups: usize, with_loser: bool) -> Acl {
    let granted = [TOPICS[0], TOPICS[1], PARKED];
    let acl = Acl::new(&[TOPICS[0], TOPICS[1], PARKED, HIDDEN])
        .principal(PrincipalSpec::new(READER, &granted))
        .principal(PrincipalSpec::new(QUOTA, &granted).within(&format!("groups: {{most: {groups}}}")));
    if with_loser { acl.principal(PrincipalSpec::new(LOSER, &granted)) } else { acl }
}

/// A Fetch at the end of a topic into which nobody writes.
fn park(client: &mut RawClient, wait: Duration) {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic(TopicName(StrBytes::from_static_str(PARKED)));
    let fetch = FetchRequest::default()
        .with_max_wait_ms(i32::try_from(wait.as_millis()).expect("it is short"))
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic.with_partitions(vec![partition])]);
    client.send(&wire::frame(5, FETCH, &fetch).unwrap()).unwrap();
}
