//! Names that clients send, and the pages that operators read.

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{GroupId, HeartbeatRequest, ListOffsetsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use weir_testkit::kafka::wire;

use crate::bodies::{metadata, strings};
use crate::edge::broker::{self, Broker};
use crate::edge::client::{Tls, request};
use crate::edge::{SOON, Watch};
use crate::{connect, correlation};

/// Part of every name that is asked for here.
const MARK: &str = "INJECTED";

/// Names that topics can have, that none can have, that would be lines of their own, and that are long.
fn names() -> Vec<String> {
    let odd = ["", "\r\n2026-01-01 ERROR ", "\x1b[31m", "\"}, {\"level\":\"ERROR\"}", "\0", "{}", "\u{202e}"];
    let odd = odd.map(|before| format!("{before}{MARK}"));
    let many = (0..200).map(|number| format!("{MARK}.{number}"));
    odd.into_iter().chain(many).chain([MARK.repeat(3_000)]).collect()
}

fn ask(client: &mut Tls, id: i32, frame: &[u8]) {
    client.send(frame).unwrap();
    assert_eq!(correlation(&client.read_frame(SOON).unwrap()), id);
}

#[test]
fn trap_l30_names_that_are_asked_for_are_in_no_log_and_no_metric() {
    let watch = Watch::before(Broker::start(), |options| options.config["log"] = json!({ "level": "trace" }));
    let turn = watch.turn();
    turn.broker().play(broker::idle);
    let metrics = || turn.weir.get("/metrics").expect("the metrics can be read").1;
    // Who is here has series of its own, by the policy's name for it.
    let of_nobody = |page: &str| page.lines().filter(|line| !line.contains("weir_principal_")).count();
    let series = of_nobody(&metrics());
    let mut client = connect(&turn);
    let names = names();
    let all: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    assert!(metadata(&mut client, &all).iter().all(|(_, code)| *code != 0), "none of them is to be read");
    for name in &names {
        let text = StrBytes::from_string(name.clone());
        let partition = ListOffsetsPartition::default().with_timestamp(-1);
        let topic = ListOffsetsTopic::default().with_name(TopicName(text.clone())).with_partitions(vec![partition]);
        ask(&mut client, 5, &wire::frame(5, 1, &ListOffsetsRequest::default().with_topics(vec![topic])).unwrap());
        let group = HeartbeatRequest::default().with_group_id(GroupId(text.clone())).with_member_id(text);
        ask(&mut client, 6, &wire::frame(6, 3, &group).unwrap());
    }
    drop(client);
    // Requests that end the connection: bytes behind the end, a key that is not served.
    for (key, behind) in [(3, &[0; 9][..]), (20, &[])] {
        let mut client = connect(&turn);
        client.send(&request(key, 1, 7, Some(MARK.as_bytes()), &[&strings(&all), behind].concat())).unwrap();
        client.ended(SOON);
    }
    assert!(!turn.weir.log().contains(MARK));
    let after = metrics();
    assert!(!after.contains(MARK));
    assert_eq!(of_nobody(&after), series, "no name makes a series of its own");
}
