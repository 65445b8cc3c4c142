//! Connections for clients.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use weir_kafka::advertise::Target;
use weir_kafka::cluster::RealBrokerId;

use super::fake::{FakeBroker, Script};
use super::{fresh, settings, start, until_view, wanted};
use crate::upstream::{DialError, ExchangeError, Upstream};

/// Three brokers of one cluster.
async fn three() -> [FakeBroker; 3] {
    let brokers = [
        FakeBroker::start(Script::new()).await,
        FakeBroker::start(Script::new()).await,
        FakeBroker::start(Script::new()).await,
    ];
    let listed: Vec<_> = (1..)
        .zip(&brokers)
        .map(|(id, broker)| (id, "127.0.0.1".to_owned(), i32::from(broker.address.port())))
        .collect();
    for broker in &brokers {
        broker.change(|script| script.brokers = listed.clone());
    }
    brokers
}

#[tokio::test]
async fn a_broker_is_dialled_at_its_address_and_the_bootstrap_spreads() {
    let brokers = three().await;
    let upstream = start(&[&brokers[0]], &[]);
    fresh(&upstream).await.unwrap();
    let dialed = upstream.dial(Target::Broker(RealBrokerId(3))).await.unwrap();
    assert_eq!(dialed.stream.peer_addr().unwrap(), brokers[2].address);
    assert!(dialed.stream.nodelay().unwrap() && dialed.tls.is_none());

    let mut reached = BTreeSet::new();
    for _ in 0..6 {
        reached.insert(upstream.dial(Target::Bootstrap).await.unwrap().broker);
    }
    assert_eq!(reached, BTreeSet::from([RealBrokerId(1), RealBrokerId(2), RealBrokerId(3)]));
}

#[tokio::test]
async fn trap_c30_a_broker_is_dialled_only_while_it_is_listed() {
    let brokers = three().await;
    let upstream = start(&[&brokers[0]], &[]);
    fresh(&upstream).await.unwrap();
    assert!(matches!(upstream.dial(Target::Broker(RealBrokerId(4))).await, Err(DialError::NoSuchBroker)));
    for broker in &brokers {
        broker.change(|script| script.brokers.retain(|(id, ..)| *id != 2));
    }
    fresh(&upstream).await.unwrap();
    assert!(matches!(upstream.dial(Target::Broker(RealBrokerId(2))).await, Err(DialError::NoSuchBroker)));
    assert!(upstream.dial(Target::Broker(RealBrokerId(3))).await.is_ok());
}

#[tokio::test]
async fn hostile_u1_a_dead_broker_is_an_error_for_its_own_target_and_none_for_the_bootstrap() {
    let mut brokers = three().await;
    let upstream = start(&[&brokers[0]], &[]);
    fresh(&upstream).await.unwrap();
    brokers[1].stop().await;
    let asked = Instant::now();
    let refused = upstream.dial(Target::Broker(RealBrokerId(2))).await;
    assert!(matches!(refused, Err(DialError::Unreachable(_))), "{refused:?}");
    assert!(asked.elapsed() < Duration::from_secs(2));
    for _ in 0..6 {
        assert_ne!(upstream.dial(Target::Bootstrap).await.unwrap().broker, RealBrokerId(2));
    }
    brokers[1].restart().await;
    assert!(upstream.dial(Target::Broker(RealBrokerId(2))).await.is_ok());
}

#[tokio::test]
async fn a_client_that_comes_before_the_first_view_waits_for_it() {
    let broker = FakeBroker::alone(Script::new()).await;
    let upstream = start(&[&broker], &[]);
    assert!(upstream.dial(Target::Bootstrap).await.is_ok());
}

#[tokio::test]
async fn a_broker_that_never_answered_is_not_dialled() {
    let broker = FakeBroker::alone(Script::new()).await;
    // It takes connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = i32::from(silent.local_addr().unwrap().port());
    broker.change(|script| script.brokers.push((2, "127.0.0.1".to_owned(), port)));
    let upstream = start(&[&broker], &[]);
    fresh(&upstream).await.unwrap();
    assert!(matches!(upstream.dial(Target::Broker(RealBrokerId(2))).await, Err(DialError::NotAnswered)));
}

#[tokio::test]
async fn without_a_view_nothing_is_dialled() {
    let mut broker = FakeBroker::alone(Script::new()).await;
    broker.stop().await;
    let upstream = start(&[&broker], &[]);
    assert!(matches!(upstream.dial(Target::Bootstrap).await, Err(DialError::NeverReached)));
}

#[tokio::test]
async fn dials_are_spaced_and_the_wait_is_bounded() {
    let broker = FakeBroker::alone(Script::new()).await;
    let mut settings = settings(&[&broker]);
    settings.dials_per_second = 10;
    settings.timeouts.connect = Duration::from_millis(300);
    settings.timeouts.dial = Duration::from_millis(800);
    let upstream = Upstream::start(settings, wanted(&[]));
    until_view(&upstream, |_| true).await;
    let before = broker.accepted();
    let mut dials = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let upstream = upstream.clone();
        dials.spawn(async move { upstream.dial(Target::Broker(RealBrokerId(1))).await });
    }
    let began = Instant::now();
    let dials = dials.join_all().await;
    assert!(began.elapsed() < Duration::from_secs(2));
    let (made, refused): (Vec<_>, Vec<_>) = dials.into_iter().partition(Result::is_ok);
    assert!((3..=10).contains(&made.len()), "{} dials", made.len());
    assert!(refused.iter().all(|dial| matches!(dial, Err(DialError::TooManyDials))));
    assert!(broker.accepted() - before <= 10);
}

#[tokio::test]
async fn workers_of_other_threads_dial_and_wait() {
    let broker = FakeBroker::alone(Script::new()).await;
    let upstream = start(&[&broker], &[]);
    fresh(&upstream).await.unwrap();
    let worker = {
        let upstream = upstream.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let now = Instant::now();
                let view = upstream.fresh_view(now, now + Duration::from_secs(5)).await.unwrap();
                assert!(view.fetched_at >= now);
                upstream.dial(Target::Bootstrap).await.unwrap();
            });
        })
    };
    tokio::task::spawn_blocking(move || worker.join().unwrap()).await.unwrap();
}

/// It is asked on each connection for a client, and many are opened at once.
#[tokio::test]
async fn hostile_u6_the_answer_to_which_cluster_it_is_may_not_be_long() {
    let broker = FakeBroker::alone(Script::new()).await;
    let upstream = start(&[&broker], &[]);
    fresh(&upstream).await.unwrap();
    let open = async || upstream.open(Target::Broker(RealBrokerId(1)), "somebody", "tool").await.map(drop);
    assert!(open().await.is_ok());
    broker.change(|script| script.brokers.extend((2..6_000).map(|id| (id, "k".repeat(200), 9092))));
    let refused = open().await;
    assert!(matches!(refused, Err(DialError::Unverified(ExchangeError::FrameLength(1_000_000..)))), "{refused:?}");
}

#[tokio::test]
async fn dropping_the_handle_ends_every_connection() {
    let mut broker = FakeBroker::alone(Script::new()).await;
    let upstream = start(&[&broker], &[]);
    fresh(&upstream).await.unwrap();
    drop(upstream);
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Whoever still held a connection would come again at once.
    broker.restart().await;
    let before = broker.accepted();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(broker.accepted(), before);
}
