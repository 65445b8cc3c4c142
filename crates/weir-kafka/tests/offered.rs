//! What clients are offered, and by which address and code: each library takes some of it for granted. What is not
//! offered is not served.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, BrokerId, DescribeClusterRequest, DescribeClusterResponse,
    FetchRequest, FetchResponse, FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest, MetadataResponse,
    SaslHandshakeRequest, SaslHandshakeResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use support::*;
use uuid::Uuid;
use weir_kafka::advertise::{AdvertisedNodes, Target};
use weir_kafka::cluster::{RealAddress, RealBrokerId, VersionRange};
use weir_kafka::discovery::{self, BadAnswer};
use weir_kafka::fault::Fault;
use weir_kafka::table;

/// The lowest and the highest version of each API that is offered, before brokers that serve these.
fn offered(brokers: &[(i16, i16, i16)]) -> BTreeMap<i16, (i16, i16)> {
    let mut desk = Desk::new();
    desk.view.versions = brokers.iter().map(|(key, min, max)| (*key, VersionRange { min: *min, max: *max })).collect();
    // As clients ask that know no newer form.
    desk.ask(ApiKey::ApiVersions, 0, &ApiVersionsRequest::default());
    let (_, response) = read::<ApiVersionsResponse>(&desk.local_answer(), false, 0);
    assert_eq!(response.error_code, 0);
    response.api_keys.iter().map(|api| (api.api_key, (api.min_version, api.max_version))).collect()
}

/// Brokers that serve every version of all that there is.
fn any_brokers() -> Vec<(i16, i16, i16)> {
    (0..=100).map(|key| (key, 0, 30)).collect()
}

#[test]
fn trap_k3_a_group_needs_its_coordinator_and_no_telemetry_or_transactions() {
    let offered = offered(&any_brokers());
    // Without one of these, librdkafka waits for its group without a word.
    for key in [table::FIND_COORDINATOR, table::JOIN_GROUP, table::SYNC_GROUP, table::HEARTBEAT, table::LEAVE_GROUP] {
        assert!(offered.contains_key(&key), "key {key}");
    }
    for key in [table::METADATA, table::FETCH, table::LIST_OFFSETS, table::OFFSET_COMMIT, table::OFFSET_FETCH] {
        assert!(offered.contains_key(&key), "key {key}");
    }
    let needless = [22, 24, 25, 26, 27, 28, 71, 72];
    assert!(needless.iter().all(|key| !offered.contains_key(key)), "{offered:?}");
}

#[test]
fn trap_k4_heartbeats_of_the_consumer_protocol_are_offered_as_librdkafka_speaks_them() {
    const NEWEST: (i16, i16) = (0, 1);
    assert_eq!(offered(&any_brokers()).get(&table::CONSUMER_GROUP_HEARTBEAT), Some(&NEWEST));
    // Brokers before 4.0 have version 0 alone, or none of it: clients see that they cannot.
    assert_eq!(offered(&[(68, 0, 0)]).get(&table::CONSUMER_GROUP_HEARTBEAT), Some(&(0, 0)));
    assert_eq!(offered(&[(11, 0, 9)]).get(&table::CONSUMER_GROUP_HEARTBEAT), None);
}

#[test]
fn trap_k10_clients_that_speak_old_versions_alone_find_them() {
    // Key and version of what kafka-python, Sarama and KafkaJS send when they are set, or built, for old brokers.
    let spoken = [(1, 4), (2, 1), (3, 0), (8, 2), (9, 1), (10, 0), (11, 0), (12, 0), (13, 0), (14, 0), (18, 0)];
    let offered = offered(&any_brokers());
    for (key, version) in spoken {
        let range = offered[&key];
        assert!((range.0..=range.1).contains(&version), "key {key}: {range:?} has no {version}");
    }
}

fn modes() -> [AdvertisedNodes; 2] {
    let host = String::from("kafka.example.org");
    [
        AdvertisedNodes::Sni { host: host.clone(), port: 9093 },
        AdvertisedNodes::Ports { host, bootstrap_port: 9000, base_port: 9100, ids: 0..=50 },
    ]
}

/// Which broker a client means that dials this address.
fn meant(nodes: &AdvertisedNodes, host: &str, port: i32) -> Option<Target> {
    match nodes {
        AdvertisedNodes::Sni { port: own, .. } if i32::from(*own) == port => nodes.target_of_server_name(host),
        AdvertisedNodes::Sni { .. } => None,
        AdvertisedNodes::Ports { .. } => nodes.target_of_port(u16::try_from(port).unwrap()),
    }
}

#[test]
fn trap_k6_each_broker_has_an_address_that_leads_to_it_and_to_no_other() {
    for nodes in modes() {
        let mut desk = Desk::new();
        desk.view.brokers = [0, 1, 2, 7, 49].map(|id| (RealBrokerId(id), address())).into();
        desk.nodes = nodes.clone();
        for version in 0..=12 {
            desk.ask(ApiKey::Metadata, version, &MetadataRequest::default().with_topics(Some(vec![])));
            let (_, response) = read::<MetadataResponse>(&desk.local_answer(), version >= 9, version);
            let shown: BTreeSet<_> = response.brokers.iter().map(|broker| (broker.host.clone(), broker.port)).collect();
            assert_eq!((response.brokers.len(), shown.len()), (5, 5), "no two are the same to clients");
            for broker in &response.brokers {
                let target = Some(Target::Broker(RealBrokerId(broker.node_id.0)));
                assert_eq!(meant(&nodes, &broker.host, broker.port), target, "{broker:?}");
            }
        }
        let asked = FindCoordinatorRequest::default().with_coordinator_keys(vec![StrBytes::from_static_str("g")]);
        desk.ask(ApiKey::FindCoordinator, 4, &asked);
        let found = Coordinator::default()
            .with_key(StrBytes::from_static_str("weir.reader.g"))
            .with_node_id(BrokerId(7))
            .with_host(StrBytes::from_static_str(INTERNAL_HOST))
            .with_port(9092);
        let told = FindCoordinatorResponse::default().with_coordinators(vec![found]);
        let out = desk.broker_answers(&answer(0, true, 4, &told), 99).unwrap();
        let shown = &read::<FindCoordinatorResponse>(&out, true, 4).1.coordinators[0];
        assert_eq!(meant(&nodes, &shown.host, shown.port), Some(Target::Broker(RealBrokerId(7))));
    }
}

fn address() -> RealAddress {
    RealAddress { host: INTERNAL_HOST.into(), port: 9092 }
}

#[test]
fn trap_k7_a_list_of_brokers_is_never_empty_and_a_missing_leader_is_told() {
    // Clients that are told of no broker give up: what says so is no answer, and the last one holds.
    let nobody = MetadataResponse::default().with_cluster_id(Some(StrBytes::from_static_str("c")));
    for version in 8..=12 {
        let told = answer(0, version >= 9, version, &nobody).split_off(4).into();
        let read = discovery::read_metadata(version, &told, &|_| true);
        assert_eq!(read.map(|answer| answer.brokers), Err(BadAnswer::NoBrokers), "v{version}");
    }
    // Of three leaders one is up.
    let mut desk = Desk::new();
    desk.view.brokers.retain(|id, _| id.0 == 2);
    for version in 0..=12 {
        let topic = MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_static_str(GRANTED))));
        desk.ask(ApiKey::Metadata, version, &MetadataRequest::default().with_topics(Some(vec![topic])));
        let (_, response) = read::<MetadataResponse>(&desk.local_answer(), version >= 9, version);
        assert_eq!(response.brokers.iter().map(|broker| broker.node_id.0).collect::<Vec<_>>(), [2]);
        let leaders = response.topics[0].partitions.iter().map(|told| (told.error_code, told.leader_id.0));
        assert_eq!(leaders.collect::<Vec<_>>(), [(5, -1), (0, 2), (5, -1)], "v{version}");
    }
}

/// The codes of a partition that Java's consumer goes on from, or says clearly what is wrong; any other it takes for a
/// state that cannot be.
const JAVA_KNOWS: [i16; 13] = [29, 100, 103, 3, 6, 9, 56, 74, 75, 78, 1, 2, -1];

#[test]
fn trap_q8_a_fetched_partition_has_no_code_that_java_does_not_expect() {
    let mut told = BTreeSet::new();
    let names = [GRANTED, HIDDEN, ABSENT, "__consumer_offsets", "no topic!", ""];
    let ids = [GRANTED_ID, HIDDEN_ID, ABSENT_ID, Uuid::nil(), Uuid::from_u128(1), Uuid::max()];
    for version in 4..=17 {
        for (isolation, connected) in [(0, false), (1, true), (2, true), (-1, false)] {
            for topics in [&[0_usize][..], &[1, 2, 3, 4, 5], &[0, 1, 2, 3, 4, 5]] {
                let topic = |at: &usize| {
                    let topic = FetchTopic::default().with_partitions(vec![FetchPartition::default(); 2]);
                    match version {
                        13.. => topic.with_topic_id(ids[*at]),
                        _ => topic.with_topic(TopicName(StrBytes::from_static_str(names[*at]))),
                    }
                };
                let asked = FetchRequest::default()
                    .with_isolation_level(isolation)
                    .with_topics(topics.iter().map(topic).collect());
                let asked = if version >= 7 { asked.with_session_epoch(-1) } else { asked };
                let mut desk = Desk::new();
                desk.connected = connected;
                let out = match desk.ask(ApiKey::Fetch, version, &asked) {
                    Led::Local => desk.local_answer(),
                    Led::Upstream(_) if !connected => {
                        desk.session.broker_unreachable().unwrap();
                        desk.local_answer()
                    }
                    Led::Upstream(_) => {
                        let nothing = answer(0, version >= 12, version, &FetchResponse::default());
                        desk.broker_answers(&nothing, 99).unwrap()
                    }
                };
                let (_, response) = read::<FetchResponse>(&out, version >= 12, version);
                let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
                told.extend(partitions.map(|partition| partition.error_code));
            }
        }
    }
    assert!(told.iter().all(|code| JAVA_KNOWS.contains(code)), "{told:?}");
    assert!([29, 100, 6, -1].iter().all(|code| told.contains(code)), "each way to refuse was met: {told:?}");
}

#[test]
fn trap_c10_api_versions_is_always_answered() {
    let mut desk = Desk::new();
    for version in [5, 99] {
        let frame = frame(ApiKey::ApiVersions, 4, 3, &named("weir-test", "1.0"));
        let mut frame = frame;
        frame[2..4].copy_from_slice(&i16::to_be_bytes(version));
        assert!(matches!(desk.raw(frame).unwrap(), Led::Local));
        let (correlation, response) = read::<ApiVersionsResponse>(&desk.local_answer(), false, 0);
        assert_eq!((correlation, response.error_code), (3, 35));
        let own = &response.api_keys[..];
        assert_eq!((own.len(), own[0].api_key, own[0].min_version, own[0].max_version), (1, 18, 0, 4));
    }
    desk.ask(ApiKey::ApiVersions, 3, &named("bad name!", "1"));
    let (_, response) = read::<ApiVersionsResponse>(&desk.local_answer(), false, 3);
    assert_eq!(response.error_code, 42);
    desk.ask(ApiKey::ApiVersions, 3, &named("apache-kafka-java", "4.3.1"));
    let (_, response) = read::<ApiVersionsResponse>(&desk.local_answer(), false, 3);
    assert_eq!(response.error_code, 0, "the connection stays open");
    assert_eq!(response.finalized_features_epoch, -1, "trap L21");
    assert!(response.api_keys.iter().any(|key| key.api_key == 0), "trap K1: Produce is offered");
    assert!(response.api_keys.iter().all(|key| ![17, 36, 58, 71, 72].contains(&key.api_key)), "trap L29");
}

fn named(name: &'static str, version: &'static str) -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str(name))
        .with_client_software_version(StrBytes::from_static_str(version))
}

#[test]
fn trap_c44_what_is_offered_is_what_every_broker_serves() {
    let mut desk = Desk::new();
    let old = VersionRange { min: 4, max: 12 };
    desk.view.versions.insert(1, old);
    desk.view.versions.remove(&23);
    desk.ask(ApiKey::ApiVersions, 0, &ApiVersionsRequest::default());
    let (_, response) = read::<ApiVersionsResponse>(&desk.local_answer(), false, 0);
    let of = |key| response.api_keys.iter().find(|entry| entry.api_key == key);
    assert_eq!(of(1).map(|entry| (entry.min_version, entry.max_version)), Some((4, 12)));
    assert_eq!(of(23), None);
}

#[test]
fn trap_c40_what_is_not_served_is_closed_without_an_answer() {
    let known = [4, 5, 6, 7, 19, 30, 33, 38, 49, 58, 71, 72, 78, 88].map(|key| (key, Fault::ApiNotServed));
    let unknown = [-1, 999, 10_000, i16::MAX].map(|key| (key, Fault::UnknownApi));
    for (key, fault) in known.into_iter().chain(unknown) {
        let mut frame = frame(ApiKey::ApiVersions, 0, 1, &ApiVersionsRequest::default());
        frame[..2].copy_from_slice(&i16::to_be_bytes(key));
        assert_eq!(Desk::new().raw(frame).unwrap_err(), fault, "key {key}");
    }
    let mut frame = frame(ApiKey::ApiVersions, 0, 1, &ApiVersionsRequest::default());
    frame[..4].copy_from_slice(&[0, 1, 0, 3]);
    assert_eq!(Desk::new().raw(frame).unwrap_err(), Fault::UnsupportedVersion, "Fetch 3");
}

#[test]
fn trap_c39_sasl_is_answered_and_the_connection_kept() {
    let mut desk = Desk::new();
    let asked = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("PLAIN"));
    assert!(matches!(desk.ask(ApiKey::SaslHandshake, 1, &asked), Led::Local));
    let (_, response) = read::<SaslHandshakeResponse>(&desk.local_answer(), false, 1);
    assert_eq!((response.error_code, response.mechanisms.len()), (34, 0));
}

#[test]
fn trap_l20_controllers_are_nobodys_business() {
    let mut desk = Desk::new();
    desk.ask(ApiKey::DescribeCluster, 1, &DescribeClusterRequest::default().with_endpoint_type(2));
    assert_eq!(read::<DescribeClusterResponse>(&desk.local_answer(), true, 1).1.error_code, 114);
    desk.ask(ApiKey::DescribeCluster, 1, &DescribeClusterRequest::default().with_endpoint_type(3));
    assert_eq!(read::<DescribeClusterResponse>(&desk.local_answer(), true, 1).1.error_code, 115);
    desk.ask(ApiKey::DescribeCluster, 0, &DescribeClusterRequest::default());
    let (_, response) = read::<DescribeClusterResponse>(&desk.local_answer(), true, 0);
    assert_eq!((response.brokers.len(), &*response.cluster_id), (3, "shown-cluster"));
}
