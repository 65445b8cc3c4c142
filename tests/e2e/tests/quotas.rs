//! Quotas before real Kafka: what one client may leave behind is counted at the brokers, and a run without the limit
//! leaves more.

#[path = "quotas/counted.rs"]
mod counted;
#[path = "quotas/members.rs"]
mod members;

use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, FindCoordinatorRequest, GroupId, OffsetCommitRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use weir_testkit::kafka::wire;
use weir_testkit::{Acl, Advertise, Kafka, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions, wait};

const TOPIC: &str = "quotas.records";
const COMMIT: i16 = 8;
const LIMIT: Duration = Duration::from_secs(30);
/// What the brokers write is counted: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A Weir with one principal.
struct Desk {
    kafka: Arc<Kafka>,
    weir: Weir,
    reader: &'static str,
    _alone: MutexGuard<'static, ()>,
}

impl Desk {
    fn open(reader: &'static str, limits: &str) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let kafka = Kafka::shared(Version::V4);
        static MADE: Once = Once::new();
        MADE.call_once(|| kafka.create_topic(TOPIC, 3, 3, &[]));
        let acl = Acl::new(&[TOPIC]).principal(PrincipalSpec::new(reader, &[TOPIC]).within(limits));
        let weir = Weir::start(WeirOptions::new(&kafka, Advertise::Ports, acl).untapped());
        Self { kafka, weir, reader, _alone: alone }
    }

    fn connect(&self, broker: i32) -> RawClient {
        let target = self.weir.target(&self.weir.broker(broker), &Pki::shared().client(self.reader));
        RawClient::connect(&target).expect("a connection")
    }

    /// Which broker coordinates each group, as the client is told.
    fn coordinators(&self, groups: &[String]) -> Vec<i32> {
        let mut client = self.connect(1);
        let keys = |groups: &[String]| groups.iter().map(|group| text(group)).collect();
        let ask = |groups: &[String]| FindCoordinatorRequest::default().with_coordinator_keys(keys(groups));
        let found = groups.chunks(250).flat_map(|groups| {
            let answer = wait::until("coordinators", LIMIT, || {
                let answer = client.call(4, &ask(groups))?;
                let failed = answer.coordinators.iter().find(|found| found.error_code != 0);
                failed.map_or(Ok(answer.clone()), |found| Err(format!("error {}", found.error_code)))
            });
            answer.coordinators.into_iter().map(|found| found.node_id.0)
        });
        found.collect()
    }

    /// The groups of the principal that the brokers have.
    fn groups(&self) -> usize {
        let own = format!("weir.{}.", self.reader);
        self.kafka.groups().iter().filter(|group| group.id.starts_with(&own)).count()
    }

    /// Records in the brokers' log of offsets: one for each partition that was ever committed.
    fn written(&self) -> i64 {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", self.kafka.bootstrap().join(",")).create().unwrap();
        let end = |partition| {
            wait::until("the log of offsets", LIMIT, || {
                consumer.fetch_watermarks("__consumer_offsets", partition, LIMIT).map_err(|error| error.to_string())
            })
        };
        let metadata = consumer.fetch_metadata(Some("__consumer_offsets"), LIMIT).unwrap();
        metadata.topics()[0].partitions().iter().map(|partition| end(partition.id()).1).sum()
    }

    fn consumer(&self, group: &str) -> BaseConsumer {
        let mut config: ClientConfig = Pki::shared().client(self.reader).rdkafka_settings().into_iter().collect();
        config
            .set("bootstrap.servers", self.weir.bootstrap())
            .set("group.id", group)
            .set("auto.commit.interval.ms", "100")
            .create()
            .unwrap()
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A commit of one partition by nobody's member.
fn commit(group: &str) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(1);
    let topic = OffsetCommitRequestTopic::default().with_name(TopicName(text(TOPIC))).with_partitions(vec![partition]);
    OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic])
}

fn committed(client: &mut RawClient, group: &str) -> i16 {
    client.call(COMMIT, &commit(group)).unwrap().topics[0].partitions[0].error_code
}

/// A first commit: the brokers' log of offsets may have been made a moment ago.
fn settled(client: &mut RawClient, group: &str) {
    wait::until("a commit", LIMIT, || match committed(client, group) {
        0 => Ok(()),
        code => Err(format!("error {code}")),
    });
}

/// Commits as fast as the answers come, ten at once, and says for how long and how many records the brokers wrote.
fn storm(desk: &Desk) -> (Duration, i64) {
    let group = "storm".to_owned();
    let mut client = desk.connect(desk.coordinators(std::slice::from_ref(&group))[0]);
    settled(&mut client, &group);
    let before = desk.written();
    let (began, request) = (Instant::now(), wire::frame(1, COMMIT, &commit(&group)).unwrap());
    let mut told = Vec::new();
    (0..10).for_each(|_| client.send(&request).unwrap());
    let mut under_way = 10;
    while under_way > 0 {
        let answer = client.read_frame(LIMIT).unwrap();
        told.push(wire::open::<OffsetCommitRequest>(COMMIT, &answer).unwrap().1);
        under_way -= 1;
        if began.elapsed() < Duration::from_secs(5) {
            client.send(&request).unwrap();
            under_way += 1;
        }
    }
    let took = began.elapsed();
    assert!(told.iter().all(|answer| answer.topics[0].partitions[0].error_code == 0), "nobody is told an error");
    (took, desk.written() - before)
}

#[test]
fn trap_a15_commits_reach_the_brokers_at_the_limit_and_the_client_is_only_slowed() {
    let bar = |took: Duration| 40 + i64::try_from(took.as_millis() * 40 / 1000).unwrap();
    let held = || {
        let (took, written) = storm(&Desk::open("quotas-commits", "commit_partitions: {per_second: 40, burst: 40}"));
        println!("with the limit: {written} records in {took:?}, bar {}", bar(took));
        // No more, and no fewer than were agreed.
        (bar(took) * 8 / 10..=bar(took) + 2).contains(&written)
    };
    // A machine that stands still for a moment moves records across the ends of the span, once.
    assert!(held() || held(), "the brokers got more or fewer than were agreed");
    let (took, written) = storm(&Desk::open("quotas-commits-wide", ""));
    println!("without: {written} records in {took:?}, bar {}", bar(took));
    assert!(written > 2 * bar(took), "{written} in {took:?}");
}

/// Asks for so many groups, in the two ways that make one without more ado; says how often each code was told.
fn make(desk: &Desk, groups: usize) -> Vec<(i16, usize)> {
    let names: Vec<String> = (0..groups).map(|index| format!("g{index:04}-{}", index * 7919)).collect();
    let mut clients: Vec<_> = (1..=3).map(|broker| desk.connect(broker)).collect();
    let mut codes = std::collections::BTreeMap::<i16, usize>::new();
    for (name, broker) in names.iter().zip(desk.coordinators(&names)) {
        let client = &mut clients[usize::try_from(broker - 1).unwrap()];
        let is_member = name.ends_with('1');
        let code = wait::until("a coordinator that is ready", LIMIT, || {
            match if is_member { beat(client, name) } else { committed(client, name) } {
                code @ 14..=16 => Err(format!("error {code}")),
                code => Ok(code),
            }
        });
        *codes.entry(code).or_default() += 1;
    }
    codes.into_iter().collect()
}

fn beat(client: &mut RawClient, group: &str) -> i16 {
    let asked = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_rebalance_timeout_ms(60_000)
        .with_topic_partitions(Some(Vec::new()))
        .with_subscribed_topic_names(Some(vec![TopicName(text(TOPIC))]));
    client.call(0, &asked).unwrap().error_code
}

#[test]
fn trap_a10_a_thousand_groups_are_asked_for_and_those_that_are_allowed_are_made() {
    let desk = Desk::open("quotas-groups", "groups: {most: 20}");
    assert_eq!(make(&desk, 1_000), [(0, 20), (30, 980)]);
    assert_eq!(desk.groups(), 20);
    drop(desk);
    let desk = Desk::open("quotas-groups-wide", "");
    assert_eq!(make(&desk, 60), [(0, 60)]);
    assert_eq!(desk.groups(), 60, "without the limit there are more");
}

#[test]
fn trap_q10_a_restart_forgets_no_group() {
    let mut desk = Desk::open("quotas-restart", "groups: {most: 2}");
    let names = ["one", "two", "three"].map(str::to_owned);
    let coordinators = desk.coordinators(&names);
    let told = |desk: &Desk| {
        // While the offsets are being counted clients are told to try again.
        let told = |(name, broker): (&String, &i32)| {
            wait::until("an answer that is not to be tried again", LIMIT, || {
                match committed(&mut desk.connect(*broker), name) {
                    14 => Err("error 14".to_owned()),
                    code => Ok(code),
                }
            })
        };
        names.iter().zip(&coordinators).map(told).collect::<Vec<_>>()
    };
    (0..2).for_each(|index| settled(&mut desk.connect(coordinators[index]), &names[index]));
    assert_eq!(told(&desk), [0, 0, 30]);
    desk.weir.stop();
    desk.weir.restart();
    assert_eq!(told(&desk), [0, 0, 30]);
    assert_eq!(desk.groups(), 2);
    // Whoever asks first after a restart: it is the brokers that say which groups there are.
    desk.weir.stop();
    desk.weir.restart();
    assert_eq!(committed(&mut desk.connect(coordinators[2]), &names[2]), 30);
}

#[test]
fn w12_what_was_used_is_held_against_limits_that_come_later() {
    let desk = Desk::open("quotas-reload", "groups: {most: 1}");
    let names = ["one", "two", "three"].map(str::to_owned);
    let coordinators = desk.coordinators(&names);
    let told = |index: usize| committed(&mut desk.connect(coordinators[index]), &names[index]);
    settled(&mut desk.connect(coordinators[0]), &names[0]);
    assert_eq!((told(1), told(2)), (30, 30));
    let within = |limits: &str| {
        let reader = PrincipalSpec::new(desk.reader, &[TOPIC]).within(limits);
        desk.weir.write_acl(&Acl::new(&[TOPIC]).principal(reader));
    };
    within("groups: {most: 2}");
    settled(&mut desk.connect(coordinators[1]), &names[1]);
    assert_eq!((told(0), told(2)), (0, 30), "the first one counts");
    within("groups: {most: 1}, commit_metadata_bytes: {most: 0}");
    let mut long = commit(&names[0]);
    long.topics[0].partitions[0].committed_metadata = Some(text("x"));
    wait::until("the new limits", LIMIT, || {
        let answer = desk.connect(coordinators[0]).call(COMMIT, &long)?;
        let code = answer.topics[0].partitions[0].error_code;
        (code == 12).then_some(()).ok_or_else(|| format!("error {code}"))
    });
    assert_eq!((told(0), told(1), told(2)), (0, 0, 30), "what is there goes on");
}

#[test]
fn who_may_leave_no_offsets_reads_all_the_same() {
    let desk = Desk::open("quotas-no-offsets", "offsets: deny");
    (0..3).for_each(|partition| (0..5).for_each(|_| desk.kafka.produce(TOPIC, partition, b"a record")));
    let consumer = desk.consumer("mine");
    let mut all = TopicPartitionList::new();
    (0..3).for_each(|partition| all.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap());
    consumer.assign(&all).unwrap();
    let read = |wanted: usize| {
        let end = Instant::now() + LIMIT;
        let mut seen = 0;
        while seen < wanted {
            assert!(Instant::now() < end, "{seen} of {wanted} records came");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) if message.payload().is_some() => seen += 1,
                _ => {}
            }
        }
    };
    read(15);
    // Commits go on by themselves meanwhile; one by hand is told no.
    assert!(consumer.commit_consumer_state(CommitMode::Sync).is_err());
    consumer.seek(TOPIC, 1, Offset::Offset(2), LIMIT).unwrap();
    read(3);
    assert_eq!(desk.groups(), 0, "nothing is left behind");
    assert!(desk.kafka.committed("weir.quotas-no-offsets.mine").is_empty());
}
