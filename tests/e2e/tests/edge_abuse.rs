//! Clients that take too much, read too little, never end, or leave at the wrong moment; and the process around them.

mod edge;
#[path = "edge/places.rs"]
mod places;
#[path = "edge/process.rs"]
mod process;
#[path = "edge/reading.rs"]
mod reading;
#[path = "edge/sessions.rs"]
mod sessions;
#[path = "edge/strangers.rs"]
mod strangers;

use std::net::Ipv4Addr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use edge::broker::{self, Broker, Reply};
use edge::client::{Dial, Tls};
use edge::{Turn, Watch};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, FetchResponse, GroupId, HeartbeatRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use weir_testkit::kafka::wire;

/// One worker, so that a client that holds it up holds everybody up.
static WEIR: LazyLock<Watch> = LazyLock::new(|| {
    Watch::before(Broker::start(), |options| {
        options.config["workers"] = json!(1);
        edge::limits(options, &json!({ "slow_reader": "1s", "unauthenticated_per_address": 100 }));
    })
});

/// A small house.
static SMALL: LazyLock<Watch> = LazyLock::new(|| {
    Watch::before(Broker::start(), |options| {
        let few = json!({
            "unauthenticated_per_address": 4, "unauthenticated": 10, "connections": 20, "tls_handshake": "3s",
        });
        edge::limits(options, &few);
    })
});

fn connect(turn: &Turn<'_>) -> Tls {
    Tls::connect(&turn.reader()).unwrap()
}

fn from(last: u8) -> Dial {
    Dial { from: Ipv4Addr::new(127, 0, 0, last), ..Dial::default() }
}

fn heartbeat(correlation: i32) -> Vec<u8> {
    let group = GroupId(StrBytes::from_static_str("g"));
    wire::frame(correlation, 4, &HeartbeatRequest::default().with_group_id(group)).unwrap()
}

fn named(topic: &str, partitions: impl Iterator<Item = i32>) -> FetchTopic {
    let partitions =
        partitions.map(|at| FetchPartition::default().with_partition(at).with_partition_max_bytes(50 << 20));
    FetchTopic::default()
        .with_topic(TopicName(StrBytes::from_string(topic.into())))
        .with_partitions(partitions.collect())
}

/// A Fetch in version 11.
fn fetch(correlation: i32, session: (i32, i32), topics: Vec<FetchTopic>) -> Vec<u8> {
    let request = FetchRequest::default().with_max_wait_ms(10_000).with_max_bytes(50 << 20).with_topics(topics);
    wire::frame(correlation, 11, &request.with_session_id(session.0).with_session_epoch(session.1)).unwrap()
}

fn fetched(client: &mut Tls, correlation: i32) -> FetchResponse {
    let answer = client.read_frame(Duration::from_secs(20)).unwrap();
    let (id, body) = wire::open::<FetchRequest>(11, &answer).unwrap();
    assert_eq!(id, correlation);
    body
}

fn correlation(answer: &[u8]) -> i32 {
    i32::from_be_bytes(answer[..4].try_into().unwrap())
}

/// Gives out fetch sessions, numbered from 1, and nothing in them.
fn session_script() -> impl Fn(&broker::Asked) -> Reply + Send + Sync {
    let next = AtomicI32::new(1);
    move |asked| match asked.key {
        1 => {
            let request: FetchRequest = broker::decoded(asked);
            let id = match request.session_epoch {
                0 => next.fetch_add(1, Ordering::Relaxed),
                -1 => 0,
                _ => request.session_id,
            };
            Reply::Body(broker::encoded(&FetchResponse::default().with_session_id(id), asked.version))
        }
        _ => broker::idle(asked),
    }
}
