//! Leaders that move, brokers that come and go, and what a client is told of it.

use kafka_protocol::messages::fetch_response::{LeaderIdAndEpoch, NodeEndpoint};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::{
    ApiKey, BrokerId, FetchResponse, ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use weir_kafka::advertise::{AdvertisedNodes, Target};
use weir_kafka::cluster::RealBrokerId;

use crate::fetching::*;
use crate::support::*;

/// Brokers 1 and 2 have an address, broker 3 has none.
fn ports() -> AdvertisedNodes {
    AdvertisedNodes::Ports { host: "edge.example.org".into(), bootstrap_port: 9000, base_port: 9100, ids: 1..=2 }
}

/// Two partitions have moved to `leader`; in between are records.
fn moved(version: i16, code: i16, leader: i32, bytes: usize) -> FetchResponse {
    let current = LeaderIdAndEpoch::default().with_leader_id(BrokerId(leader)).with_leader_epoch(9);
    let moved = |index| data(index, 0).with_error_code(code).with_current_leader(current.clone());
    let endpoint = NodeEndpoint::default()
        .with_node_id(BrokerId(leader))
        .with_host(StrBytes::from_static_str(INTERNAL_HOST))
        .with_port(9092);
    let partitions = vec![moved(0), data(1, bytes), moved(2)];
    broker_says(version, 0, vec![answered(version, GRANTED, partitions)]).with_node_endpoints(vec![endpoint])
}

#[test]
fn trap_c26_a_new_leader_and_its_address_are_shown_together_or_not_at_all() {
    for (leader, bytes, is_shown) in [(2, 10, true), (3, 10, false), (2, 100_000, false), (3, 100_000, false)] {
        for (version, code) in [(16, 6), (16, 74), (17, 6), (17, 74)] {
            let mut desk = Desk::new();
            desk.nodes = ports();
            let all = vec![topic(version, GRANTED, &[0, 1, 2])];
            let (id, _) = sent(&mut desk, version, &asked(version, (0, -1), all));
            let shown = got(&mut desk, version, id, &moved(version, code, leader, bytes)).unwrap();
            let leaders: Vec<_> =
                shown.responses[0].partitions.iter().map(|partition| partition.current_leader.leader_id.0).collect();
            let addresses: Vec<_> = shown.node_endpoints.iter().map(|node| (node.node_id.0, &*node.host)).collect();
            if is_shown {
                assert_eq!((leaders, addresses), (vec![2, -1, 2], vec![(2, "edge.example.org")]));
            } else {
                assert_eq!((leaders, addresses), (vec![-1; 3], vec![]), "version {version}: {leader}, {bytes} bytes");
            }
            let codes: Vec<_> = shown.responses[0].partitions.iter().map(|partition| partition.error_code).collect();
            assert_eq!(codes, [code, 0, code]);
        }
    }
}

/// Codes that say that what is known of the cluster is old, and codes that do not.
const CODES: [(i16, bool); 13] = [
    (0, false),
    (1, false),
    (3, true),
    (5, true),
    (6, true),
    (9, false),
    (29, false),
    (56, false),
    (74, true),
    (75, false),
    (78, false),
    (100, true),
    (103, true),
];

#[test]
fn trap_c28_what_a_fetch_says_of_a_leader_passes_and_has_the_view_fetched_again() {
    for version in ALL {
        for (code, is_stale) in CODES {
            for bytes in [0, 100_000] {
                let mut desk = Desk::new();
                let both = vec![topic(version, GRANTED, &[0, 1])];
                let (id, _) = sent(&mut desk, version, &asked(version, (0, -1), both));
                let partitions = vec![data(0, bytes), data(1, 0).with_error_code(code)];
                let broker = broker_says(version, 0, vec![answered(version, GRANTED, partitions)]);
                let shown = got(&mut desk, version, id, &broker).unwrap();
                assert_eq!(told(&shown), [(GRANTED, 0, 0, bytes), (GRANTED, 1, code, 0)], "version {version}");
                assert_eq!(desk.session.take_view_is_stale(), is_stale, "version {version}: {code}");
                assert!(!desk.session.take_view_is_stale(), "once");
            }
        }
    }
}

#[test]
fn trap_c28_so_do_offsets_and_epochs() {
    let name = || TopicName(StrBytes::from_static_str(GRANTED));
    for (code, is_stale) in CODES {
        for version in 1..=10 {
            let partition = ListOffsetsPartition::default().with_timestamp(-1);
            let topic = ListOffsetsTopic::default().with_name(name()).with_partitions(vec![partition]);
            let mut desk = Desk::new();
            desk.ask(ApiKey::ListOffsets, version, &ListOffsetsRequest::default().with_topics(vec![topic]));
            let partition = ListOffsetsPartitionResponse::default().with_error_code(code);
            let topic = ListOffsetsTopicResponse::default().with_name(name()).with_partitions(vec![partition]);
            let broker = ListOffsetsResponse::default().with_topics(vec![topic]);
            let out = desk.broker_answers(&answer(0, version >= 6, version, &broker), 99).unwrap();
            assert_eq!(read::<ListOffsetsResponse>(&out, version >= 6, version).1, broker);
            assert_eq!(desk.session.take_view_is_stale(), is_stale, "ListOffsets v{version}: {code}");
        }
        for version in 2..=4 {
            let partition = OffsetForLeaderPartition::default();
            let topic = OffsetForLeaderTopic::default().with_topic(name()).with_partitions(vec![partition]);
            let mut desk = Desk::new();
            let asked = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
            desk.ask(ApiKey::OffsetForLeaderEpoch, version, &asked);
            let partition = EpochEndOffset::default().with_error_code(code);
            let topic = OffsetForLeaderTopicResult::default().with_topic(name()).with_partitions(vec![partition]);
            let broker = OffsetForLeaderEpochResponse::default().with_topics(vec![topic]);
            let out = desk.broker_answers(&answer(0, version >= 4, version, &broker), 99).unwrap();
            assert_eq!(read::<OffsetForLeaderEpochResponse>(&out, version >= 4, version).1, broker);
            assert_eq!(desk.session.take_view_is_stale(), is_stale, "OffsetForLeaderEpoch v{version}: {code}");
        }
    }
}

#[test]
fn trap_c30_a_brokers_address_follows_from_its_id_alone_and_leads_back_to_it() {
    let sni = AdvertisedNodes::Sni { host: "kafka.example.org".into(), port: 9093 };
    let wide = AdvertisedNodes::Ports { host: "h".into(), bootstrap_port: 9000, base_port: 9100, ids: 0..=1_000 };
    for id in [0, 1, 2, 9, 10, 101, 1_000] {
        let (broker, target) = (RealBrokerId(id), Some(Target::Broker(RealBrokerId(id))));
        let by_name = sni.shown(broker).unwrap();
        assert_eq!((by_name.host.as_str(), by_name.port), (format!("b{id}.kafka.example.org").as_str(), 9093));
        assert_eq!(sni.target_of_server_name(&by_name.host), target);
        let by_port = wide.shown(broker).unwrap();
        assert_eq!((by_port.host.as_str(), i32::from(by_port.port)), ("h", 9100 + id));
        assert_eq!(wide.target_of_port(by_port.port), target);
    }
}

#[test]
fn trap_c30_a_broker_that_has_left_still_answers_that_it_does_not_lead() {
    for version in ALL {
        let mut desk = Desk::new();
        desk.view.brokers.remove(&RealBrokerId(2));
        desk.connected = false;
        let topics = vec![topic(version, GRANTED, &[0, 1]), topic(version, HIDDEN, &[0])];
        sent(&mut desk, version, &asked(version, (0, 0), topics));
        // The dial finds nobody.
        desk.session.broker_unreachable().unwrap();
        let (_, shown) = read::<FetchResponse>(&desk.local_answer(), is_flexible(version), version);
        assert_eq!((shown.error_code, shown.session_id), (0, 0));
        assert_eq!(told(&shown), [(GRANTED, 0, 6, 0), (GRANTED, 1, 6, 0), (HIDDEN, 0, refused(version), 0)]);
    }
}

#[test]
fn trap_c31_partitions_of_other_leaders_are_asked_of_the_broker_that_the_client_chose() {
    for version in ALL {
        // By the view, partition 0 is led by broker 1, partition 1 by broker 2 and partition 2 by broker 3.
        let mut desk = Desk::new();
        assert_eq!(desk.view.topic(GRANTED).unwrap().partitions[1].leader, RealBrokerId(2));
        let all = vec![topic(version, GRANTED, &[0, 1, 2])];
        let (id, asked_for) = sent(&mut desk, version, &asked(version, (0, -1), all.clone()));
        assert_eq!(asked_for.topics, all, "version {version}: none is left out");
        let elsewhere = |index| data(index, 0).with_error_code(6);
        let partitions = vec![data(0, 9), elsewhere(1), elsewhere(2)];
        let broker = broker_says(version, 0, vec![answered(version, GRANTED, partitions)]);
        let shown = got(&mut desk, version, id, &broker).unwrap();
        assert_eq!(told(&shown), [(GRANTED, 0, 0, 9), (GRANTED, 1, 6, 0), (GRANTED, 2, 6, 0)]);
    }
}
