//! A cluster for each data centre: one Weir before both, and one Weir in each, with real Kafka and real clients.
//!
//! What is committed to one cluster never comes to the other, one that is down hurts nobody at the other, and consumers
//! go on in the other by time.

#[path = "doctor/bundle.rs"]
#[allow(dead_code, reason = "the doctor needs the rest of it")]
mod bundle;
#[path = "datacentres/door.rs"]
mod door;
#[path = "datacentres/fail_over.rs"]
mod fail_over;
#[path = "datacentres/offsets.rs"]
mod offsets;
#[path = "pages/mod.rs"]
mod page_shell;
#[path = "datacentres/pages.rs"]
mod pages;
#[path = "clients/program.rs"]
#[allow(dead_code, reason = "a fail-over needs a part of it")]
mod program;
#[path = "datacentres/stage.rs"]
mod stage;

use std::time::{Duration, Instant};

use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{FindCoordinatorRequest, GroupId, MetadataRequest, OffsetCommitRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use weir_testkit::{
    Acl, Advertise, Kafka, KafkaOptions, Pki, PrincipalSpec, RawClient, RawTarget, Version, Weir, WeirOptions, wait,
};

use door::Door;
use stage::{EVENTS, READER, Stage};

const LIMIT: Duration = Duration::from_secs(60);

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn text_of(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A commit by nobody, as a consumer makes it that was assigned its partitions by hand.
fn commit(topic: &str, group: &str, offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default().with_name(TopicName(text(topic))).with_partitions(vec![partition]);
    OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic])
}

/// A connection as the reader, to a listener's first address.
fn connect(at: &str) -> Result<RawClient, String> {
    RawClient::connect(&RawTarget::new(at, &Pki::shared().client(READER)))
}

/// Commits at the group's coordinator; what came of it.
fn try_commit(at: &str, topic: &str, group: &str, offset: i64) -> Result<i16, String> {
    let asked = FindCoordinatorRequest::default().with_key(text(group));
    let told = connect(at)?.call(2, &asked)?;
    if told.error_code != 0 {
        return Ok(told.error_code);
    }
    let mut client = connect(&format!("{}:{}", told.host, told.port))?;
    let answer = client.call(7, &commit(topic, group, offset))?;
    Ok(answer.topics[0].partitions[0].error_code)
}

/// Commits until it is taken.
fn commits(at: &str, topic: &str, group: &str, offset: i64) {
    wait::until("a commit", LIMIT, || match try_commit(at, topic, group, offset)? {
        0 => Ok(()),
        code => Err(format!("error {code}")),
    });
}

#[test]
fn each_cluster_has_its_own_records_and_offsets_behind_one_weir() {
    let stage = Stage::shared();
    let _turn = stage.turn();
    let (eqiad, codfw) = (stage.weir.bootstrap(), stage.codfw_bootstrap());
    let shown = [&eqiad, &codfw].map(|at| {
        let mut client = connect(at).unwrap();
        let answer = client.call(12, &MetadataRequest::default().with_topics(None)).unwrap();
        let topic = answer.topics.iter().find(|topic| topic.name.as_ref().unwrap().as_str() == EVENTS).unwrap();
        (topic.topic_id, answer.brokers[0].host.to_string(), answer.cluster_id)
    });
    assert_ne!(shown[0].0, shown[1].0, "topics of two clusters have two ids, also under one shown cluster id");
    assert_eq!((shown[0].1.as_str(), shown[1].1.as_str()), ("127.0.0.1", "127.0.0.2"), "each listener its own brokers");
    assert_eq!(shown[0].2, shown[1].2, "one id for both is shown");
    commits(&eqiad, EVENTS, "here", 7);
    let real = format!("weir.{READER}.here");
    assert_eq!(stage.eqiad.committed(&real), [((EVENTS.to_owned(), 0), 7)].into());
    assert!(stage.codfw.committed(&real).is_empty(), "what is committed here is not there");
}

#[test]
fn a_cluster_that_is_down_hurts_nobody_at_the_other() {
    let stage = Stage::shared();
    let _turn = stage.turn();
    let (eqiad, codfw) = (stage.weir.bootstrap(), stage.codfw_bootstrap());
    stage.codfw.kill(1);
    wait::until("readiness to say which", LIMIT, || match stage.weir.get("/readyz")? {
        (503, page) if page.contains("upstream codfw: ") && !page.contains("upstream eqiad") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(stage.weir.get("/readyz/eqiad").unwrap().0, 200, "for a load balancer that looks at one of them");
    assert_eq!(stage.weir.get("/readyz/codfw").unwrap().0, 503);
    assert_eq!(stage.weir.get("/readyz/nowhere").unwrap().0, 404);
    commits(&eqiad, EVENTS, "while-codfw-is-down", 1);
    assert!(try_commit(&codfw, EVENTS, "while-codfw-is-down", 1) != Ok(0));
    // A Weir that begins while one of them is down: groups of the other are served, new ones too.
    let second = Weir::start_unready(stage.options());
    commits(&second.bootstrap(), EVENTS, "begun-while-codfw-is-down", 2);
    stage.codfw.restart(1);
    second.wait_ready();
    stage.weir.wait_ready();
    commits(&second.bootstrap().replace("127.0.0.1", "127.0.0.2"), EVENTS, "back", 3);
}

/// The address of a cluster's broker is taken over by another cluster: by what connects anew first, as where a load
/// balancer keeps the connections that it has, and Weir's own look well for ever; then by all.
#[test]
fn hostile_u10_a_broker_address_that_changes_hands_takes_no_commit() {
    let other = Stage::shared();
    let _turn = other.turn();
    let door = Door::to("127.0.0.1:9");
    let advertised = format!("PLAINTEXT://{}", door.address);
    let properties = vec![("advertised.listeners".to_owned(), advertised)];
    let ours = Kafka::start(KafkaOptions { brokers: 1, properties, ..KafkaOptions::new(Version::V4) });
    door.lead_to(&ours.plaintext(1));
    ours.create_topic(EVENTS, 1, 1, &[]);
    let acl = Acl::new(&[EVENTS]).principal(PrincipalSpec::new(READER, &[EVENTS]));
    let weir = Weir::start(WeirOptions::before(&[door.address.to_string()], Advertise::Ports, acl).untapped());
    let at = weir.bootstrap();
    commits(&at, EVENTS, "pinned", 7);
    let mut open = connect(&weir.broker(1)).unwrap();
    open.call(7, &commit(EVENTS, "pinned", 8)).unwrap();

    let real = format!("weir.{READER}.pinned");
    let nothing_there = |when: &str| assert!(other.codfw.committed(&real).is_empty(), "{when}: committed elsewhere");
    door.lead_to(&other.codfw.plaintext(1));
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        assert!(try_commit(&at, EVENTS, "pinned", 1_000) != Ok(0), "a commit was taken by another cluster");
    }
    nothing_there("new connections");
    // Who was connected stays where it is: its answers are those of its own cluster.
    assert_eq!(open.call(7, &commit(EVENTS, "pinned", 9)).unwrap().topics[0].partitions[0].error_code, 0);
    assert_eq!(ours.committed(&real), [((EVENTS.to_owned(), 0), 9)].into());
    door.cut();
    wait::until("the other cluster to be seen", LIMIT, || {
        assert!(try_commit(&at, EVENTS, "pinned", 1_001) != Ok(0), "a commit was taken by another cluster");
        match weir.get("/readyz")? {
            (503, page) if page.contains("belong to cluster") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    nothing_there("all connections");
    door.lead_to(&ours.plaintext(1));
    door.cut();
    weir.wait_ready();
    commits(&at, EVENTS, "pinned", 10);
    nothing_there("at last");
}
