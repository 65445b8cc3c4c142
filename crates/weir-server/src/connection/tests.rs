//! One connection without TLS and without a broker: what it does with a client that is slow, quiet or never at rest.

use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{ApiKey, FetchRequest, HeartbeatRequest, JoinGroupRequest, RequestHeader, TopicName};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::listen::{Gatekeeper, PrincipalPlaces};
use crate::observe::WorkerCounters;
use crate::snapshot::fixture::Fixture;
use crate::upstream::{Upstream, WantedTopics};

/// A connection of `tool`, whose certificate ends after `valid_for`, and the client's end of it.
async fn connected(valid_for: Duration) -> (Connection, TcpStream) {
    let fixture = Fixture::new();
    // Nobody listens there.
    fixture.configure("127.0.0.1:9092", "127.0.0.1:1");
    let snapshot = Arc::new(fixture.snapshot());
    let wanted = WantedTopics { literals: Vec::new(), keep: Box::new(|_| false), pattern: false };
    let upstream = Upstream::start(snapshot.upstreams["main"].clone(), watch::channel(Arc::new(wanted)).1);
    let principals = Arc::new(PrincipalPlaces::default());
    let listener = ListenerState::new(&snapshot, &snapshot.config.listeners[0], &upstream, &principals);
    let principal = snapshot.policy.principal("tool").unwrap();
    let places = Places {
        principal: principals.admit(&principal).unwrap(),
        process: Gatekeeper::new(&snapshot.config.limits).admit(None).unwrap().authenticated(),
    };
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(door.local_addr().unwrap()).await.unwrap();
    let link = Link::plain(door.accept().await.unwrap().0);
    let peer = Peer { principal, expires: SystemTime::now() + valid_for, fingerprint: [0; 32] };
    let worker = Rc::new(Worker::new(Arc::new(WorkerCounters::default()), watch::channel(false).1));
    (Connection::new(worker, snapshot, Arc::new(listener), peer, places, Target::Bootstrap, link), client)
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
        let (stop, stopping) = watch::channel(false);
        connection.drain = stopping;
        if let Some(frame) = &asked {
            connection.take_frame(frame, Instant::now()).unwrap();
        }
        assert!(!connection.is_drained());
        stop.send_replace(true);
        assert_eq!(connection.is_drained(), !waits);
        assert!(!connection.has_room(), "no request is taken any more");
    }
}
