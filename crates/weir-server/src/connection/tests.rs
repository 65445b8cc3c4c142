//! One connection without TLS and without a broker: what it does with a client that is slow, quiet or never at rest.

mod draining;
mod login;
mod lost;
mod muted;
mod tier;

use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{ApiKey, FetchRequest, HeartbeatRequest, JoinGroupRequest, RequestHeader, TopicName};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use weir_kafka::cleared::{Cleared, OwnRequest};

use super::*;
use crate::accounts::{Accounts, CountedGroups};
use crate::audit::{Desk, Visit};
use crate::listen::{Gatekeeper, PrincipalPlaces};
use crate::live::Generation;
use crate::observe::WorkerCounters;
use crate::snapshot::fixture::Fixture;
use crate::upstream::{Upstream, WantedTopics};

/// A connection of `tool`, whose certificate ends after `valid_for`, and the client's end of it.
async fn connected(valid_for: Duration) -> (Connection, TcpStream) {
    connected_by(fixture().snapshot(), valid_for).await
}

fn fixture() -> Fixture {
    let fixture = Fixture::new();
    // Nobody listens there.
    fixture.configure("127.0.0.1:9092", "127.0.0.1:1");
    fixture.grant("tool", "public.granted");
    let tier = "tiers: [{tier: tool, connections: 20, rebalance_timeout_max: {seconds: 1800}}]\n";
    fixture.write("acl/tiers.yaml", tier);
    fixture
}

async fn connected_by(snapshot: Snapshot, valid_for: Duration) -> (Connection, TcpStream) {
    let snapshot = Arc::new(snapshot);
    let wanted = WantedTopics { literals: Vec::new(), keep: Box::new(|_| false), pattern: false };
    let upstream = Upstream::start(snapshot.upstreams["main"].clone(), watch::channel(Arc::new(wanted)).1);
    let principals = Arc::new(PrincipalPlaces::default());
    let upstreams = [("main".to_owned(), upstream)].into();
    let accounts = Arc::new(Accounts::default());
    accounts.count(CountedGroups::new([], Instant::now()), &snapshot.policy);
    let generation = Arc::new(Generation::new(Arc::clone(&snapshot), &upstreams, &principals, &accounts));
    let listener = Arc::clone(generation.listener("public").unwrap());
    let principal = snapshot.policy.principal("tool").unwrap();
    let places = Places {
        principal: principals.admit(&principal).unwrap(),
        process: Gatekeeper::new(&snapshot.config.limits).admit(None).unwrap().authenticated(),
    };
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(door.local_addr().unwrap()).await.unwrap();
    let link = Link::plain(door.accept().await.unwrap().0);
    let peer = Peer { principal, issued: 0, expires: SystemTime::now() + valid_for };
    let worker = Rc::new(Worker::new(Arc::new(WorkerCounters::default()), Desk::default(), generation));
    let account = accounts.of(&peer.principal);
    let (address, visit) = (client.local_addr().unwrap().ip(), Visit::default());
    let own = Own { generation: worker.generation(), snapshot, listener, peer, account, address, visit };
    (Connection::new(worker, own, places, Target::Bootstrap, link), client)
}

/// A request frame, without its length prefix.
fn frame<M: Encodable + HeaderVersion>(key: ApiKey, version: i16, message: &M) -> Bytes {
    let header = RequestHeader::default().with_request_api_key(key as i16).with_request_api_version(version);
    let mut out = bytes::BytesMut::new();
    header.encode(&mut out, M::header_version(version)).unwrap();
    message.encode(&mut out, version).unwrap();
    out.freeze()
}

fn join(rebalance: Duration) -> Bytes {
    let request = JoinGroupRequest::default()
        .with_group_id(StrBytes::from_static_str("g").into())
        .with_protocol_type(StrBytes::from_static_str("consumer"))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(rebalance.as_millis().try_into().unwrap());
    frame(ApiKey::JoinGroup, 4, &request)
}

/// A broker's connection, and the broker's end of it.
async fn dialled() -> (Link, TcpStream) {
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = Link::plain(TcpStream::connect(door.local_addr().unwrap()).await.unwrap());
    (link, door.accept().await.unwrap().0)
}

/// SaslHandshake, which is answered at once and needs no broker.
const HANDSHAKE: [u8; 17] = [0, 0, 0, 13, 0, 17, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0, 1, b'P'];

#[tokio::test]
async fn a_certificate_ends_for_a_client_that_never_lets_weir_rest() {
    let (mut connection, mut client) = connected(Duration::ZERO).await;
    client.write_all(&HANDSHAKE.repeat(STEPS_PER_TURN * 4)).await.unwrap();
    connection.client.link.readable().await.unwrap();
    assert_eq!(connection.advance(), Err(CloseReason::CertExpired));
    let (mut connection, mut client) = connected(Duration::from_secs(60)).await;
    client.write_all(&HANDSHAKE.repeat(STEPS_PER_TURN * 4)).await.unwrap();
    connection.client.link.readable().await.unwrap();
    assert_eq!(connection.advance(), Ok(true), "the turn was full");
}

#[tokio::test]
async fn an_answer_that_is_due_does_not_keep_a_worker_busy_while_the_client_does_not_read() {
    let (mut connection, _client) = connected(Duration::from_secs(60)).await;
    connection.client.link.put(&vec![0; 32 << 20]);
    let topic = FetchTopic::default()
        .with_topic(TopicName(StrBytes::from_static_str("hidden")))
        .with_partitions(vec![FetchPartition::default()]);
    let now = Instant::now();
    connection.take_frame(&frame(ApiKey::Fetch, 4, &FetchRequest::default().with_topics(vec![topic])), now).unwrap();
    assert!(matches!(connection.session.head(), Head::Local { not_before: Some(due), .. } if due <= now));
    assert_eq!(connection.advance(), Ok(false));
    assert!(connection.client.link.has_pending(), "the socket has no room for so much");
    assert!(connection.wake_at() > Instant::now() + Duration::from_secs(1));
}

#[tokio::test]
async fn trap_c3_a_rebalance_may_take_longer_than_a_connection_may_be_quiet() {
    let later = Instant::now() + Duration::from_secs(11 * 60);
    for (rebalance, ends) in
        [(Duration::from_secs(20 * 60), Ok(())), (Duration::ZERO, Err(CloseReason::UpstreamTimeout))]
    {
        let (mut connection, _client) = connected(Duration::from_secs(3600)).await;
        let now = Instant::now();
        connection.deadlines.frame_taken(now, false);
        let limits = connection.snapshot.config.limits.clone();
        let quiet = connection.deadlines.check(later, &limits, &connection.client, &connection.session);
        assert_eq!(quiet, Err(CloseReason::Idle));
        connection.take_frame(&join(rebalance), now).unwrap();
        assert_eq!(connection.deadlines.check(later, &limits, &connection.client, &connection.session), ends);
        connection.client.at_end = true;
        assert!(connection.deadlines.check(later, &limits, &connection.client, &connection.session).is_err());
    }
}

#[tokio::test]
async fn half_a_frame_is_not_late_while_weir_does_not_read() {
    let (mut connection, mut client) = connected(Duration::from_secs(3600)).await;
    let now = Instant::now();
    connection.deadlines.frame_taken(now, false);
    client.write_all(&HANDSHAKE[..8]).await.unwrap();
    connection.client.link.readable().await.unwrap();
    assert_eq!(connection.advance(), Ok(false));
    let limits = connection.snapshot.config.limits.clone();
    let later = now + limits.frame + Duration::from_secs(1);
    let stalled = connection.deadlines.check(later, &limits, &connection.client, &connection.session);
    assert_eq!(stalled, Err(CloseReason::FrameStalled));
    // The broker is being dialled: no other request is taken.
    connection.take_frame(&join(Duration::from_secs(60)), now).unwrap();
    assert_eq!(connection.advance(), Ok(false));
    let held = connection.deadlines.check(later, &limits, &connection.client, &connection.session);
    assert_eq!(held, Ok(()));
}

#[tokio::test]
async fn hostile_o10_a_stop_waits_for_answers_but_not_for_members_of_a_group() {
    let heartbeat = HeartbeatRequest::default().with_group_id(StrBytes::from_static_str("g").into());
    for (asked, waits) in [
        (None, false),
        (Some(frame(ApiKey::Heartbeat, 3, &heartbeat)), true),
        (Some(join(Duration::from_secs(60))), false),
    ] {
        let (mut connection, _client) = connected(Duration::from_secs(60)).await;
        if let Some(frame) = &asked {
            connection.take_frame(frame, Instant::now()).unwrap();
        }
        connection.look_at_stop(Instant::now());
        assert!(!connection.is_drained());
        connection.worker.stop(Stopping::Now);
        connection.look_at_stop(Instant::now());
        assert_eq!(connection.is_drained(), !waits);
        assert!(!connection.has_room(), "no request is taken any more");
    }
}

#[tokio::test]
async fn a_connection_with_a_successor_to_go_to_is_served_until_its_own_instant_comes() {
    let (now, spread) = (Instant::now(), Duration::from_secs(30));
    let mut ends = Vec::new();
    for _ in 0..16 {
        let (mut connection, mut client) = connected(Duration::from_secs(60)).await;
        connection.worker.stop(Stopping::Spread { by: now + spread });
        connection.look_at_stop(now);
        let end = connection.ends_at.unwrap();
        assert!(end >= now && end < now + spread);
        assert!(connection.wake_at() <= end, "nobody has to wake it");
        connection.look_at_stop(now);
        assert_eq!(connection.ends_at, Some(end), "it is drawn once");
        if end > Instant::now() + Duration::from_secs(1) {
            client.write_all(&HANDSHAKE).await.unwrap();
            connection.client.link.readable().await.unwrap();
            assert_eq!(connection.advance(), Ok(false));
            let mut answer = [0; 4];
            tokio::time::timeout(spread, client.read_exact(&mut answer)).await.unwrap().unwrap();
        }
        connection.look_at_stop(end);
        assert!(connection.is_drained() && !connection.has_room());
        ends.push(end);
        connection.look_at_stop(now);
        connection.worker.stop(Stopping::Now);
        connection.look_at_stop(now);
        assert!(connection.is_drained(), "a spread that is cut short");
    }
    let (first, last) = (ends.iter().min().unwrap(), ends.iter().max().unwrap());
    assert!(*last - *first > spread / 4, "all at once: {ends:?}");
}

#[tokio::test]
async fn a_broker_that_closed_while_nothing_was_asked_of_it_gets_no_request() {
    let (mut connection, mut client) = connected(Duration::from_secs(60)).await;
    let (link, mut broker) = dialled().await;
    let own = || Cleared::own(&OwnRequest::ApiVersions { version: 0 }, 0, "weir").unwrap();
    connection.broker = Broker::open(link.into(), own());
    assert_eq!(connection.advance(), Ok(false));
    // Both tell at once: the client of a request, the broker of its end.
    let request = frame(ApiKey::Heartbeat, 3, &HeartbeatRequest::default());
    client.write_all(&[&i32::try_from(request.len()).unwrap().to_be_bytes()[..], &request].concat()).await.unwrap();
    broker.shutdown().await.unwrap();
    let Broker::Open(open) = &connection.broker else { panic!("the broker's connection is open") };
    open.link.readable().await.unwrap();
    connection.client.link.readable().await.unwrap();
    assert_eq!(connection.advance(), Err(CloseReason::UpstreamLost));
    drop(connection);
    let mut sent = Vec::new();
    broker.read_to_end(&mut sent).await.unwrap();
    assert_eq!(sent, own().into_frame());
}

#[tokio::test]
async fn requests_that_come_in_one_piece_are_taken_one_by_one() {
    let (mut connection, mut client) = connected(Duration::from_secs(60)).await;
    // Two and a half, and the rest later: what follows a frame is kept.
    let three = HANDSHAKE.repeat(3);
    let (now, later) = three.split_at(HANDSHAKE.len() * 5 / 2);
    client.write_all(now).await.unwrap();
    connection.client.link.readable().await.unwrap();
    assert_eq!(connection.advance(), Ok(false));
    assert!(connection.client.amid_frame());
    client.write_all(later).await.unwrap();
    connection.wait().await.unwrap();
    assert_eq!(connection.advance(), Ok(false));
    assert!(!connection.client.amid_frame());
    assert_eq!(connection.session.in_flight(), 0);
    drop(connection);
    let mut answers = Vec::new();
    client.read_to_end(&mut answers).await.unwrap();
    let (one, rest) = answers.split_at(answers.len() / 3);
    assert!(!one.is_empty() && rest == one.repeat(2), "three times the same answer: {answers:?}");
}

/// A few bytes of the broker's become a long answer where much was refused, and sixteen of them may come at once.
#[tokio::test]
async fn hostile_q6_long_answers_to_a_client_that_does_not_read_are_made_one_at_a_time() {
    let (mut connection, mut client) = connected(Duration::from_secs(60)).await;
    let (link, mut broker) = dialled().await;
    let own = Cleared::own(&OwnRequest::ApiVersions { version: 0 }, 0, "weir").unwrap();
    connection.broker = Broker::open(link.into(), own);
    let topic = |name, partitions| {
        let partition = |index| FetchPartition::default().with_partition(index);
        FetchTopic::default()
            .with_topic(TopicName(StrBytes::from_static_str(name)))
            .with_partitions((0..partitions).map(partition).collect())
    };
    let request = FetchRequest::default().with_topics(vec![topic("public.granted", 1), topic("hidden", 10_000)]);
    for _ in 0..16 {
        connection.take_frame(&frame(ApiKey::Fetch, 4, &request), Instant::now()).unwrap();
        connection.broker.flush().unwrap();
    }
    // No throttle time, and no topics.
    let answers = (0..16_u8).flat_map(|id| [[0, 0, 0, 12], [0, 0, 0, id], [0; 4], [0; 4]]).flatten();
    broker.write_all(&answers.collect::<Vec<u8>>()).await.unwrap();
    let Broker::Open(open) = &connection.broker else { panic!("the broker's connection is open") };
    open.link.readable().await.unwrap();
    assert_eq!(connection.relay(Instant::now()), Ok(true));
    assert_eq!(connection.session.in_flight(), 15, "one answer is long enough for now");
    let reader = tokio::spawn(async move {
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.unwrap();
        read
    });
    while connection.session.in_flight() > 0 || connection.client.link.has_pending() {
        connection.advance().unwrap();
        tokio::task::yield_now().await;
    }
    drop(connection);
    let read = reader.await.unwrap();
    assert!(read.len() > 16 * 300_000 && read.len() % 16 == 0, "all of them are there: {}", read.len());
}
