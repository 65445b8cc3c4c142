//! What a view holds, and how it is asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use uuid::Uuid;
use weir_kafka::cluster::{RealBrokerId, VersionRange};

use super::fake::{Asked, FakeBroker, Mood, Script};
use super::{fresh, settings, start, topic, until_view, wanted};
use crate::upstream::{Upstream, UpstreamReadiness, WantedTopics};

#[tokio::test]
async fn catalogue_topics_are_asked_for_by_name_and_never_created() {
    let broker = FakeBroker::alone(Script::new().topic("events", 7, 1, 3).topic("secret-pii", 8, 1, 0)).await;
    let upstream = start(&[&broker], &["events", "not-there", "events"]);
    let view = fresh(&upstream).await.unwrap();

    assert_eq!(view.cluster_id.0, "cluster-a");
    assert_eq!(view.topics.keys().collect::<Vec<_>>(), [&topic("events")]);
    let events = &view.topics[&topic("events")];
    assert_eq!((events.id, events.partitions[0].leader_epoch), (Uuid::from_u128(7), 3));
    assert_eq!(view.topics_by_id, BTreeMap::from([(Uuid::from_u128(7), topic("events"))]));
    assert_eq!(view.brokers[&RealBrokerId(1)].port, broker.address.port());
    assert_eq!(upstream.readiness(), UpstreamReadiness::Ready);
    let names = Some(vec!["events".to_owned(), "not-there".to_owned()]);
    assert_eq!(broker.asked()[0], Asked { version: 12, topics: names, may_create: false });
}

#[tokio::test]
async fn a_pattern_keeps_what_the_catalogue_allows_and_drops_the_rest() {
    let script = Script::new().topic("public.a", 1, 1, 0).topic("hidden.b", 2, 1, 0).topic("__internal", 3, 1, 0);
    let broker = FakeBroker::alone(script.topic("named", 4, 1, 0)).await;
    let keep = Box::new(|name: &str| name.starts_with("public.") || name.starts_with("__"));
    let topics = WantedTopics { literals: vec!["named".to_owned()], keep, pattern: true };
    let (_keep, wanted) = watch::channel(Arc::new(topics));
    let upstream = Upstream::start(settings(&[&broker]), wanted);
    let view = fresh(&upstream).await.unwrap();

    let mut names: Vec<_> = view.topics.keys().map(|name| name.0.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["named", "public.a"]);
    assert!(!format!("{upstream:?}").contains("hidden.b"));
    assert_eq!(broker.asked()[0].topics, None);
}

#[tokio::test]
async fn other_wanted_topics_are_fetched_at_once() {
    let broker = FakeBroker::alone(Script::new().topic("a", 1, 1, 0).topic("b", 2, 1, 0)).await;
    let literal = |name: &str| {
        Arc::new(WantedTopics { literals: vec![name.to_owned()], keep: Box::new(|_| false), pattern: false })
    };
    let (want, wanted) = watch::channel(literal("a"));
    let upstream = Upstream::start(settings(&[&broker]), wanted);
    let first = until_view(&upstream, |view| view.topics.contains_key(&topic("a"))).await;
    // The questions of a start are over.
    tokio::time::sleep(Duration::from_millis(500)).await;
    want.send_replace(literal("b"));
    let second = until_view(&upstream, |view| view.topics.contains_key(&topic("b"))).await;
    assert!(!second.topics.contains_key(&topic("a")));
    assert_eq!(second.topics_generation, first.topics_generation + 1);
}

#[tokio::test]
async fn an_old_broker_that_would_create_topics_is_asked_for_all_of_them() {
    let broker = FakeBroker::alone(Script::new().topic("events", 7, 1, 3).topic("other", 8, 1, 0)).await;
    broker.change(|script| script.versions = vec![(3, 0, 3), (18, 0, 0)]);
    let upstream = start(&[&broker], &["events", "not-there"]);
    let view = fresh(&upstream).await.unwrap();
    assert_eq!(view.topics.keys().collect::<Vec<_>>(), [&topic("events")]);
    assert!(view.topics_by_id.is_empty());
    assert!(broker.asked().iter().all(|asked| asked.version == 3 && asked.topics.is_none()));
}

#[tokio::test]
async fn trap_c44_versions_are_what_every_broker_serves_and_follow_an_upgrade() {
    let mut old = FakeBroker::start(Script::new()).await;
    let new = FakeBroker::start(Script::new()).await;
    let brokers: Vec<_> = [(1, &old), (2, &new)]
        .map(|(id, broker)| (id, "127.0.0.1".to_owned(), i32::from(broker.address.port())))
        .to_vec();
    for broker in [&old, &new] {
        broker.change(|script| script.brokers = brokers.clone());
    }
    old.change(|script| script.versions = vec![(1, 0, 12), (3, 0, 9), (18, 0, 2)]);
    let mut settings = settings(&[&new]);
    settings.max_versions = HashMap::from([(3, 8)]);
    let upstream = Upstream::start(settings, wanted(&[]));

    let first = until_view(&upstream, |_| true).await;
    let range = |min, max| VersionRange { min, max };
    assert_eq!(first.versions, HashMap::from([(1, range(4, 12)), (3, range(0, 8)), (18, range(0, 2))]));

    // The broker comes back upgraded: it is asked again without waiting for the next regular question.
    old.change(|script| script.versions = vec![(1, 4, 16), (3, 0, 13), (18, 0, 4)]);
    old.restart().await;
    until_view(&upstream, |view| view.versions.get(&1) == Some(&range(4, 16))).await;
}

#[tokio::test]
async fn trap_c11_a_broker_that_knows_no_newer_api_versions_is_understood() {
    let broker = FakeBroker::alone(Script::new().topic("events", 7, 1, 3)).await;
    broker.change(|script| script.versions = vec![(1, 4, 16), (3, 0, 12), (18, 0, 2)]);
    let view = fresh(&start(&[&broker], &["events"])).await.unwrap();
    assert_eq!(view.versions[&1], VersionRange { min: 4, max: 16 });
}

#[tokio::test]
async fn trap_c11_an_error_is_no_empty_list_of_versions() {
    let broker = FakeBroker::alone(Script::new().topic("events", 7, 1, 3)).await;
    broker.mood(Mood::Unsupported);
    let upstream = start(&[&broker], &["events"]);
    assert!(fresh(&upstream).await.is_none());
    broker.mood(Mood::Well);
    assert!(!until_view(&upstream, |_| true).await.versions.is_empty());
}

#[tokio::test]
async fn trap_c45_a_byte_after_the_body_does_no_harm() {
    let broker = FakeBroker::alone(Script::new().topic("events", 7, 1, 3)).await;
    broker.mood(Mood::TrailingByte);
    let view = fresh(&start(&[&broker], &["events"])).await.unwrap();
    assert!(view.topics.contains_key(&topic("events")));
}

#[tokio::test]
async fn trap_c33_a_broker_that_lags_behind_is_not_believed() {
    let broker = FakeBroker::alone(Script::new().topic("events", 7, 2, 5)).await;
    let upstream = start(&[&broker], &["events"]);
    fresh(&upstream).await.unwrap();
    broker.change(|script| script.topics[0].2[0] = super::fake::Partition { leader: 1, epoch: 4, error: 0 });
    let view = fresh(&upstream).await.unwrap();
    let partition = &view.topics[&topic("events")].partitions[0];
    assert_eq!((partition.leader, partition.leader_epoch), (RealBrokerId(2), 5));
}

#[tokio::test]
async fn hostile_u12_a_partition_without_a_leader_stays_and_a_new_leader_is_seen_when_asked() {
    let broker = FakeBroker::alone(Script::new().topic("events", 7, -1, 5)).await;
    broker.change(|script| script.topics[0].2[0].error = 5);
    let upstream = start(&[&broker], &["events"]);
    let view = fresh(&upstream).await.unwrap();
    let partition = &view.topics[&topic("events")].partitions[0];
    assert_eq!((partition.error_code, partition.leader), (5, RealBrokerId(-1)));

    broker.change(|script| script.topics[0].2[0] = super::fake::Partition { leader: 1, epoch: 6, error: 0 });
    let suspected = Instant::now();
    upstream.mark_suspect();
    until_view(&upstream, |view| view.topics[&topic("events")].partitions[0].leader_epoch == 6).await;
    // 250 ms at the most, and a busy machine.
    assert!(suspected.elapsed() < Duration::from_millis(600), "{:?}", suspected.elapsed());
}

#[tokio::test]
async fn many_suspicions_are_few_questions() {
    let broker = FakeBroker::alone(Script::new().topic("events", 7, 1, 5)).await;
    let upstream = start(&[&broker], &["events"]);
    fresh(&upstream).await.unwrap();
    let before = broker.asked().len();
    for _ in 0..100 {
        upstream.mark_suspect();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let asked = broker.asked().len() - before;
    assert!((2..=12).contains(&asked), "{asked} questions");
}

#[tokio::test]
async fn a_fresh_view_is_not_older_than_it_was_asked_to_be() {
    let broker = FakeBroker::alone(Script::new().topic("events", 7, 1, 5)).await;
    let upstream = start(&[&broker], &["events"]);
    let first = fresh(&upstream).await.unwrap();
    let now = Instant::now();
    let second = upstream.fresh_view(now, now + Duration::from_secs(5)).await.unwrap();
    assert!(first.fetched_at < now && second.fetched_at >= now);
    let asked = broker.asked().len();
    let third = upstream.fresh_view(now, now + Duration::from_secs(5)).await.unwrap();
    assert_eq!((third.fetched_at, broker.asked().len()), (second.fetched_at, asked));
}

#[tokio::test]
async fn brokers_that_cannot_be_dialled_are_left_out() {
    let broker = FakeBroker::alone(Script::new()).await;
    broker.change(|script| {
        script.brokers.extend([(2, String::new(), 9092), (3, "b3".to_owned(), 0), (4, "b4".to_owned(), -1)]);
        script.brokers.extend([(5, "b5".to_owned(), 65536), (-1, "b6".to_owned(), 9092)]);
    });
    let view = fresh(&start(&[&broker], &[])).await.unwrap();
    assert_eq!(view.brokers.keys().collect::<Vec<_>>(), [&RealBrokerId(1)]);
}
