//! Brokers that are gone, lie, or belong to another cluster.

use std::time::{Duration, Instant};

use weir_kafka::advertise::Target;
use weir_kafka::cluster::{RealBrokerId, RealClusterId};

use super::fake::{FakeBroker, Mood, Script};
use super::{fresh, settings, start, topic, until_readiness, until_view, wanted};
use crate::upstream::{DialError, NotReady, Upstream, UpstreamReadiness};

fn events() -> Script {
    Script::new().topic("events", 7, 1, 3)
}

#[tokio::test]
async fn hostile_u1_the_next_bootstrap_address_is_asked_when_the_first_is_dead() {
    let mut dead = FakeBroker::alone(events()).await;
    dead.stop().await;
    let alive = FakeBroker::alone(events()).await;
    let view = fresh(&start(&[&dead, &alive], &["events"])).await.unwrap();
    assert!(view.topics.contains_key(&topic("events")));
}

/// Each fault: the other broker is asked; and a cluster whose only broker has it comes back when the fault ends.
async fn survives(mood: Mood) {
    let bad = FakeBroker::alone(events()).await;
    bad.mood(mood);
    let good = FakeBroker::alone(events()).await;
    let upstream = start(&[&bad, &good], &["events"]);
    assert!(fresh(&upstream).await.is_some(), "{mood:?}: the good broker was not asked");

    let upstream = start(&[&bad], &["events"]);
    assert!(fresh(&upstream).await.is_none(), "{mood:?}: believed");
    assert_eq!(upstream.readiness(), UpstreamReadiness::NotReady(NotReady::NeverReached));
    bad.mood(Mood::Well);
    until_readiness(&upstream, |readiness| *readiness == UpstreamReadiness::Ready).await;

    // And in the middle of a life: the last good view stays.
    bad.mood(mood);
    let last = upstream.view().unwrap();
    assert_eq!(fresh(&upstream).await.unwrap().fetched_at, last.fetched_at, "{mood:?}: believed");
    until_readiness(&upstream, |now| *now == UpstreamReadiness::NotReady(NotReady::NoBrokerReachable)).await;
    bad.mood(Mood::Well);
    until_view(&upstream, |view| view.fetched_at > last.fetched_at).await;
    until_readiness(&upstream, |readiness| *readiness == UpstreamReadiness::Ready).await;
}

#[tokio::test]
async fn hostile_u2_a_broker_that_says_nothing() {
    survives(Mood::Silent).await;
}

#[tokio::test]
async fn hostile_u4_a_broker_that_closes() {
    survives(Mood::Closes).await;
}

#[tokio::test]
async fn hostile_u4_a_broker_that_dies_in_the_middle_of_its_answer() {
    survives(Mood::DiesInAnswer).await;
}

#[tokio::test]
async fn hostile_u6_garbage() {
    survives(Mood::Garbage).await;
}

#[tokio::test]
async fn hostile_u6_an_array_bomb() {
    survives(Mood::ArrayBomb).await;
}

#[tokio::test]
async fn hostile_u6_lengths_that_no_answer_has() {
    survives(Mood::NegativeLength).await;
    survives(Mood::HugeLength).await;
}

#[tokio::test]
async fn hostile_u7_a_wrong_correlation_id() {
    survives(Mood::WrongCorrelationId).await;
}

#[tokio::test]
async fn hostile_u7_an_answer_that_nobody_asked_for() {
    survives(Mood::Twice).await;
}

#[tokio::test]
async fn hostile_u10_another_cluster_than_the_configured_one() {
    let broker = FakeBroker::alone(events()).await;
    let mut settings = settings(&[&broker]);
    settings.cluster_id = Some("cluster-b".to_owned());
    let upstream = Upstream::start(settings, wanted(&["events"]));
    assert!(fresh(&upstream).await.is_none());
    let id = |id: &str| RealClusterId(id.to_owned());
    let wrong = NotReady::WrongCluster { pinned: id("cluster-b"), answered: id("cluster-a") };
    assert_eq!(upstream.readiness(), UpstreamReadiness::NotReady(wrong));
    assert!(upstream.dial(Target::Bootstrap).await.is_err());
}

#[tokio::test]
async fn hostile_u10_a_cluster_that_changes_under_the_same_address() {
    let mut broker = FakeBroker::alone(events()).await;
    let upstream = start(&[&broker], &["events"]);
    let view = fresh(&upstream).await.unwrap();
    assert!(upstream.dial(Target::Bootstrap).await.is_ok());

    broker.change(|script| script.cluster_id = Some("cluster-z"));
    broker.restart().await;
    until_readiness(&upstream, |now| matches!(now, UpstreamReadiness::NotReady(NotReady::WrongCluster { .. }))).await;
    assert_eq!(fresh(&upstream).await.unwrap().fetched_at, view.fetched_at);
    for target in [Target::Bootstrap, Target::Broker(RealBrokerId(1))] {
        assert!(matches!(upstream.dial(target).await, Err(DialError::WrongCluster)));
    }

    broker.change(|script| script.cluster_id = Some("cluster-a"));
    until_readiness(&upstream, |now| *now == UpstreamReadiness::Ready).await;
}

#[tokio::test]
async fn hostile_u10_one_broker_address_that_leads_to_another_cluster() {
    let ours = FakeBroker::start(events()).await;
    let other = FakeBroker::start(events()).await;
    let listed = |broker: &FakeBroker| ("127.0.0.1".to_owned(), i32::from(broker.address.port()));
    let (one, two) = (listed(&ours), listed(&other));
    ours.change(|script| script.brokers = vec![(1, one.0, one.1), (2, two.0.clone(), two.1)]);
    other.change(|script| {
        script.brokers = vec![(2, two.0, two.1)];
        script.cluster_id = Some("cluster-z");
        // What the other cluster serves says nothing of ours.
        script.versions = vec![(3, 0, 12), (18, 0, 4)];
    });
    let upstream = start(&[&ours], &["events"]);
    let view = until_view(&upstream, |_| true).await;
    assert!(view.versions.contains_key(&1));
    assert!(matches!(upstream.dial(Target::Broker(RealBrokerId(2))).await, Err(DialError::WrongCluster)));
    assert_eq!(upstream.dial(Target::Bootstrap).await.unwrap().broker, RealBrokerId(1));
    assert_eq!(upstream.readiness(), UpstreamReadiness::Ready);
}

#[tokio::test]
async fn hostile_u10_an_address_that_changes_hands_between_two_looks_takes_no_client() {
    let broker = FakeBroker::alone(events()).await;
    let upstream = start(&[&broker], &["events"]);
    fresh(&upstream).await.unwrap();
    let open = async |target| upstream.open(target, "somebody", "tool").await.map(drop);
    assert!(open(Target::Bootstrap).await.is_ok());
    // Weir's own connections are open, and nobody has asked on them since.
    broker.change(|script| script.cluster_id = Some("cluster-z"));
    for target in [Target::Broker(RealBrokerId(1)), Target::Bootstrap] {
        assert!(matches!(open(target).await, Err(DialError::WrongCluster)));
    }
    broker.change(|script| script.cluster_id = Some("cluster-a"));
    until_readiness(&upstream, |now| *now == UpstreamReadiness::Ready).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while open(Target::Bootstrap).await.is_err() {
        assert!(Instant::now() < deadline, "it is ours again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn hostile_u10_what_another_cluster_says_of_a_topic_of_ours_is_not_believed() {
    let broker = FakeBroker::alone(events()).await;
    broker.change(|script| script.versions.push((32, 1, 3)));
    let upstream = start(&[&broker], &["events"]);
    fresh(&upstream).await.unwrap();
    let by = Instant::now() + Duration::from_secs(10);
    let told = async || upstream.cleanup_policies(&[topic("events")], by).await;
    assert_eq!(told().await.unwrap()["events"], Ok(vec!["compact".to_owned()]));
    // Weir's own connections are open, and nobody has asked on them since.
    broker.change(|script| script.cluster_id = Some("cluster-z"));
    assert_eq!(told().await, None);
}

#[tokio::test]
async fn hostile_u3_a_broker_that_takes_its_time_keeps_nobody_from_hearing_how_others_keep_a_topic() {
    let brokers = [FakeBroker::start(events()).await, FakeBroker::start(events()).await];
    let listed = |(id, broker): (i32, &FakeBroker)| (id, "127.0.0.1".to_owned(), broker.address.port().into());
    for broker in &brokers {
        broker.change(|script| {
            script.brokers = (1..).zip(&brokers).map(listed).collect();
            script.versions.push((32, 1, 3));
        });
    }
    let mut settings = settings(&[&brokers[0]]);
    settings.timeouts.silence = Duration::from_secs(60);
    settings.timeouts.exchange = Duration::from_secs(60);
    let upstream = Upstream::start(settings, wanted(&["events"]));
    fresh(&upstream).await.unwrap();
    brokers[1].mood(Mood::Silent);
    let told = upstream.cleanup_policies(&[topic("events")], Instant::now() + Duration::from_secs(3)).await;
    assert_eq!(told.unwrap()["events"], Ok(vec!["compact".to_owned()]));
}

#[tokio::test]
async fn hostile_u14_ready_again_without_a_restart() {
    let mut broker = FakeBroker::alone(events()).await;
    let upstream = start(&[&broker], &["events"]);
    fresh(&upstream).await.unwrap();
    broker.stop().await;
    until_readiness(&upstream, |now| *now == UpstreamReadiness::NotReady(NotReady::NoBrokerReachable)).await;
    // Longer than the waits between attempts have grown to.
    tokio::time::sleep(Duration::from_secs(2)).await;
    broker.restart().await;
    let back = Instant::now();
    until_readiness(&upstream, |now| *now == UpstreamReadiness::Ready).await;
    assert!(back.elapsed() < Duration::from_millis(2500), "{:?}", back.elapsed());
}

#[tokio::test]
async fn a_fresh_view_is_not_waited_for_beyond_its_deadline() {
    let broker = FakeBroker::alone(events()).await;
    let mut settings = settings(&[&broker]);
    settings.timeouts.silence = Duration::from_secs(30);
    let upstream = Upstream::start(settings, wanted(&["events"]));
    let first = fresh(&upstream).await.unwrap();
    broker.mood(Mood::Silent);
    let now = Instant::now();
    let view = upstream.fresh_view(now, now + Duration::from_millis(50)).await.unwrap();
    assert!(now.elapsed() < Duration::from_secs(5), "{:?}", now.elapsed());
    assert_eq!(view.fetched_at, first.fetched_at);
}
