//! Reading from a replica nearby (KIP-392): racks by their public labels, preferred replicas by the ids that clients see.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use std::collections::BTreeMap;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint, PartitionData};
use kafka_protocol::messages::{
    ApiKey, BrokerId, DescribeClusterRequest, DescribeClusterResponse, FetchRequest, FetchResponse, MetadataRequest,
    MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use support::*;
use weir_kafka::advertise::AdvertisedNodes;
use weir_kafka::cluster::RealBrokerId;
use weir_kafka::racks::{Racks, RealRack, ShownRack};

/// What the brokers call the rack of broker 2. Never to be seen outside.
const REAL: &str = "dc7-internal-row3";
/// What clients call it.
const LABEL: &str = "zone-b";

/// Brokers 1 to 3 in racks of their own; those of 2 and 3 have labels.
fn desk() -> Desk {
    let mut desk = Desk::new();
    let labels = [(REAL, LABEL), ("dc7-internal-row4", "zone-c")];
    let labels = labels.map(|(real, label)| (RealRack(real.into()), ShownRack(label.into())));
    let of_brokers = [(1, "dc7-internal-row1"), (2, REAL), (3, "dc7-internal-row4")];
    let of_brokers = of_brokers.map(|(id, rack)| (RealBrokerId(id), RealRack(rack.into())));
    desk.view.racks = Racks::new(&BTreeMap::from(labels), &BTreeMap::from(of_brokers));
    desk
}

fn reader(version: i16, rack: &'static str) -> FetchRequest {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_partitions(vec![partition]);
    let topic = match version {
        13.. => topic.with_topic_id(GRANTED_ID),
        _ => topic.with_topic(TopicName(StrBytes::from_static_str(GRANTED))),
    };
    let request = FetchRequest::default().with_max_wait_ms(100).with_max_bytes(1 << 20).with_session_epoch(-1);
    request.with_rack_id(StrBytes::from_static_str(rack)).with_topics(vec![topic])
}

/// The rack that the broker is told, and whether it is told in the client's own bytes.
fn told(desk: &mut Desk, version: i16, rack: &'static str) -> (String, bool) {
    let asked = reader(version, rack);
    let own = frame(ApiKey::Fetch, version, 77, &asked);
    let Led::Upstream(sent) = desk.ask(ApiKey::Fetch, version, &asked) else { panic!("answered locally") };
    let as_sent = sent.ends_with(&own[own.len() - 20..]);
    (upstream::<FetchRequest>(Led::Upstream(sent), version).1.rack_id.to_string(), as_sent)
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn trap_l19_a_label_goes_to_the_brokers_as_their_rack_and_nothing_else_does() {
    for version in 11..=17 {
        assert_eq!(told(&mut desk(), version, LABEL), (REAL.to_owned(), false), "version {version}");
        // Neither a rack as the brokers call it, nor one without a label, nor one of nobody.
        for rack in [REAL, "dc7-internal-row1", "zone-d", "ZONE-B"] {
            assert_eq!(told(&mut desk(), version, rack), (String::new(), false), "version {version}: {rack}");
        }
        assert_eq!(told(&mut desk(), version, ""), (String::new(), true), "version {version}");
        // Without labels no rack is known.
        assert_eq!(told(&mut Desk::new(), version, LABEL).0, "");
    }
}

#[test]
fn trap_l19_metadata_and_describe_cluster_tell_labels_alone() {
    for version in 1..=12 {
        let mut desk = desk();
        assert!(matches!(desk.ask(ApiKey::Metadata, version, &MetadataRequest::default()), Led::Local));
        let answer = desk.local_answer();
        let (_, response) = read::<MetadataResponse>(&answer, version >= 9, version);
        let racks: Vec<_> = response.brokers.iter().map(|broker| broker.rack.as_deref()).collect();
        assert_eq!(racks, [None, Some(LABEL), Some("zone-c")], "version {version}");
        assert!(!contains(&answer, "dc7-internal"));
    }
    let mut desk = desk();
    assert!(matches!(
        desk.ask(ApiKey::DescribeCluster, 1, &DescribeClusterRequest::default().with_endpoint_type(1)),
        Led::Local
    ));
    let answer = desk.local_answer();
    let (_, response) = read::<DescribeClusterResponse>(&answer, true, 1);
    let racks: Vec<_> = response.brokers.iter().map(|broker| broker.rack.as_deref()).collect();
    assert_eq!(racks, [None, Some(LABEL), Some("zone-c")]);
    assert!(!contains(&answer, "dc7-internal"));
}

#[test]
fn trap_c27_a_rack_whose_replica_a_client_could_not_reach_is_not_asked_for() {
    let ports = |ids| AdvertisedNodes::Ports { host: "h".into(), bootstrap_port: 9000, base_port: 9100, ids };
    let mut desk = desk();
    desk.nodes = ports(1..=2);
    assert_eq!(told(&mut desk, 12, LABEL).0, REAL);
    // The broker would answer "read from 3", without records, again and again.
    assert_eq!(told(&mut desk, 12, "zone-c").0, "");
}

/// A follower is preferred for one partition, and the other has a new leader.
fn redirected(version: i16, records: usize) -> FetchResponse {
    let leader = LeaderIdAndEpoch::default().with_leader_id(BrokerId(3)).with_leader_epoch(9);
    let preferred = PartitionData::default()
        .with_preferred_read_replica(BrokerId(2))
        .with_records(Some(bytes::Bytes::from(vec![7; records])));
    let moved = PartitionData::default().with_partition_index(1).with_error_code(6);
    let moved = if version >= 16 { moved.with_current_leader(leader) } else { moved };
    let topic = FetchableTopicResponse::default().with_topic_id(GRANTED_ID).with_partitions(vec![preferred, moved]);
    let endpoint = |(id, rack)| {
        let host = StrBytes::from_string(format!("{INTERNAL_HOST}.{id}"));
        let endpoint = NodeEndpoint::default().with_node_id(BrokerId(id)).with_host(host).with_port(9092);
        endpoint.with_rack(Some(StrBytes::from_static_str(rack)))
    };
    let endpoints = [(1, "dc7-internal-row1"), (3, "dc7-internal-row4")].map(endpoint).to_vec();
    let response = FetchResponse::default().with_responses(vec![topic]);
    if version >= 16 { response.with_node_endpoints(endpoints) } else { response }
}

fn answered(version: i16, records: usize) -> (Vec<u8>, FetchResponse) {
    let mut desk = desk();
    let mut asked = reader(version, LABEL);
    asked.topics[0].partitions.push(FetchPartition::default().with_partition(1));
    let (header, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &asked), version);
    let broker = answer(header.correlation_id, true, version, &redirected(version, records));
    let given = desk.broker_answers(&broker, 50_000).unwrap();
    assert!(desk.session.take_view_is_stale(), "trap C28: a leader that moved has the view refetched");
    let response = read::<FetchResponse>(&given, true, version).1;
    (given, response)
}

#[test]
fn trap_c27_l19_the_preferred_replica_is_shown_and_endpoints_bear_labels() {
    let (given, response) = answered(16, 100);
    let partitions = &response.responses[0].partitions;
    assert_eq!(partitions[0].preferred_read_replica, BrokerId(2));
    assert_eq!((partitions[1].error_code, partitions[1].current_leader.leader_id), (6, BrokerId(3)));
    let endpoints: Vec<_> =
        response.node_endpoints.iter().map(|node| (node.node_id.0, &*node.host, node.rack.as_deref())).collect();
    assert_eq!(endpoints, [(1, "b1.kafka.example.org", None), (3, "b3.kafka.example.org", Some("zone-c"))]);
    assert!(!contains(&given, "dc7-internal") && !contains(&given, INTERNAL_HOST));
}

#[test]
fn trap_c26_c27_an_answer_that_streams_keeps_the_preferred_replica_and_withholds_endpoints() {
    let (given, response) = answered(17, 100_000);
    let partitions = &response.responses[0].partitions;
    assert_eq!(partitions[0].preferred_read_replica, BrokerId(2));
    assert_eq!((partitions[1].error_code, partitions[1].current_leader.leader_id), (6, BrokerId(-1)));
    assert!(response.node_endpoints.is_empty());
    assert!(!contains(&given, "dc7-internal") && !contains(&given, INTERNAL_HOST));
}
