//! What a client with a good certificate can send instead of requests, and what becomes of requests that are odd.

#[path = "edge/announced.rs"]
mod announced;
#[path = "edge/bodies.rs"]
mod bodies;
mod edge;
#[path = "edge/headers.rs"]
mod headers;
#[path = "edge/lengths.rs"]
mod lengths;
#[path = "edge/names.rs"]
mod names;

use std::sync::LazyLock;

use edge::broker::Broker;
use edge::client::Tls;
use edge::{SOON, Turn, Watch};
use kafka_protocol::messages::{GroupId, HeartbeatRequest};
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use weir_testkit::Ended;
use weir_testkit::kafka::wire;

/// With the limits that it has anyway.
static WEIR: LazyLock<Watch> = LazyLock::new(|| Watch::before(Broker::start(), |_| {}));

/// With little patience.
static HASTY: LazyLock<Watch> = LazyLock::new(|| {
    Watch::before(Broker::start(), |options| {
        let patience = json!({ "first_frame": "1s", "frame": "1s", "idle": "2s", "slow_reader": "1s" });
        edge::limits(options, &patience);
    })
});

/// Sends this as the reader and holds that the connection ends without an answer, for this reason.
fn is_refused(turn: &Turn<'_>, reason: &str, bytes: &[u8]) {
    turn.ends(&[(reason, 1)], || {
        let mut client = connect(turn);
        client.send(bytes).unwrap();
        let ended = client.ended(SOON);
        assert_eq!(ended, (Ended::Closed, 0), "{reason}: {}", bytes.escape_ascii());
    });
}

fn connect(turn: &Turn<'_>) -> Tls {
    Tls::connect(&turn.reader()).unwrap()
}

/// A heartbeat of some group.
fn heartbeat(correlation: i32, version: i16, group: &str) -> Vec<u8> {
    let group = GroupId(StrBytes::from_string(group.into()));
    let request = HeartbeatRequest::default().with_group_id(group).with_member_id(StrBytes::from_static_str("m"));
    wire::frame(correlation, version, &request).unwrap()
}

fn correlation(answer: &[u8]) -> i32 {
    i32::from_be_bytes(answer[..4].try_into().unwrap())
}
