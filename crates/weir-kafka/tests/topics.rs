//! Topics through a session: hidden and absent are the same, and nothing of the brokers shows.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, BrokerId, DescribeClusterRequest, DescribeClusterResponse,
    ListOffsetsRequest, ListOffsetsResponse, MetadataRequest, MetadataResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse, ProduceRequest, ProduceResponse, SaslHandshakeRequest, SaslHandshakeResponse,
    TopicName,
};
use kafka_protocol::protocol::StrBytes;
use support::*;
use uuid::Uuid;
use weir_kafka::cluster::{PartitionView, RealBrokerId, RealTopic, TopicView};
use weir_kafka::fault::Fault;
use weir_kafka::wire::Malformed;

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

fn metadata(version: i16, request: &MetadataRequest) -> (Vec<u8>, MetadataResponse) {
    let mut desk = Desk::new();
    assert!(matches!(desk.ask(ApiKey::Metadata, version, request), Led::Local));
    let out = desk.local_answer();
    let (_, response) = read::<MetadataResponse>(&out, version >= 9, version);
    (out, response)
}

fn by_name(topics: &[&str], version: i16) -> MetadataRequest {
    let topic = |topic: &&str| MetadataRequestTopic::default().with_name(Some(name(topic)));
    let request = MetadataRequest::default().with_topics(Some(topics.iter().map(topic).collect()));
    if version < 4 { request.with_allow_auto_topic_creation(true) } else { request }
}

#[test]
fn trap_l1_hidden_and_absent_names_have_the_same_bytes_in_every_version() {
    assert_eq!(HIDDEN.len(), ABSENT.len(), "the names are as long as each other");
    for version in 0..=12 {
        let (hidden, response) = metadata(version, &by_name(&[HIDDEN], version));
        let (absent, _) = metadata(version, &by_name(&[ABSENT], version));
        let swapped = String::from_utf8_lossy(&hidden).replace(HIDDEN, ABSENT);
        assert_eq!(swapped, String::from_utf8_lossy(&absent), "version {version}");
        let topic = &response.topics[0];
        assert_eq!((topic.error_code, topic.topic_id, topic.is_internal), (29, Uuid::nil(), false));
        assert!(topic.partitions.is_empty());
    }
}

#[test]
fn trap_c45_the_surplus_of_librdkafka_behind_a_request_for_all_topics_is_tolerated_and_nothing_more() {
    // Header (key 3, version 12, correlation id, client id, no tags), then the null list in four bytes where one is
    // meant, automatic creation, authorized operations, no tags.
    let frame = |body: &[u8]| [&[0, 3, 0, 12, 0, 0, 0, 1, 0, 7][..], b"rdkafka", &[0], body].concat();
    for all_topics in [&[0, 0, 0, 0, 0, 0, 0][..], &[0, 0, 0, 0, 1, 0, 0]] {
        let mut desk = Desk::new();
        assert!(matches!(desk.raw(frame(all_topics)), Ok(Led::Local)), "{all_topics:?}");
        let (_, response) = read::<MetadataResponse>(&desk.local_answer(), true, 12);
        assert!(!response.topics.is_empty());
    }
    for refused in [&[0, 0, 0, 0, 0, 0, 0, 0][..], &[1, 0, 0, 0, 0]] {
        let fault = Desk::new().raw(frame(refused)).err();
        assert_eq!(fault, Some(Fault::Malformed(Malformed::TrailingBytes)), "{refused:?}");
    }
}

#[test]
fn trap_l6_all_topics_are_the_granted_ones() {
    let names = |response: &MetadataResponse| {
        let mut names: Vec<String> =
            response.topics.iter().map(|topic| topic.name.as_ref().unwrap().to_string()).collect();
        names.sort();
        names
    };
    let (_, all) =
        metadata(0, &MetadataRequest::default().with_topics(Some(vec![])).with_allow_auto_topic_creation(true));
    assert_eq!(names(&all), [ALSO_GRANTED, GRANTED]);
    for version in 1..=12 {
        let asked = by_name(&[], version).with_topics(None);
        assert_eq!(names(&metadata(version, &asked).1), [ALSO_GRANTED, GRANTED], "version {version}");
        assert!(metadata(version, &by_name(&[], version)).1.topics.is_empty(), "none is none");
    }
}

#[test]
fn trap_l18_metadata_shows_advertised_addresses_and_nothing_else() {
    for version in 0..=12 {
        let (out, response) = metadata(version, &by_name(&[GRANTED], version));
        let hosts: Vec<String> = response.brokers.iter().map(|broker| broker.host.to_string()).collect();
        assert_eq!(hosts, ["b1.kafka.example.org", "b2.kafka.example.org", "b3.kafka.example.org"]);
        assert!(response.brokers.iter().all(|broker| broker.port == 9093 && broker.rack.is_none()));
        assert_eq!(response.topics[0].partitions.len(), 3);
        let text = String::from_utf8_lossy(&out);
        assert!(!text.contains(INTERNAL_HOST) && !text.contains("internal-cluster"));
        if version >= 2 {
            assert_eq!(response.cluster_id.as_deref(), Some("shown-cluster"), "trap L22");
        }
    }
}

#[test]
fn partitions_are_told_as_they_are_however_many_brokers_hold_them() {
    let partition = |index: i32| PartitionView {
        index,
        error_code: 0,
        leader: RealBrokerId(index % 5 - 1),
        leader_epoch: index - 1,
        replicas: (1..=index % 9).map(RealBrokerId).collect(),
        isr: (1..=index % 4).map(RealBrokerId).collect(),
        offline: (-1..index % 3).map(RealBrokerId).collect(),
    };
    for version in 0..=12 {
        let mut desk = Desk::new();
        let partitions: Vec<_> = (0..200).map(partition).collect();
        desk.view
            .topics
            .insert(RealTopic(GRANTED.into()), TopicView { id: GRANTED_ID, partitions: partitions.clone() });
        desk.ask(ApiKey::Metadata, version, &by_name(&[GRANTED], version));
        let (_, response) = read::<MetadataResponse>(&desk.local_answer(), version >= 9, version);
        assert_eq!(response.topics[0].partitions.len(), 200);
        for (told, known) in response.topics[0].partitions.iter().zip(partitions) {
            let leads = (1..=3).contains(&known.leader.0);
            let expected = if leads { (0, known.leader.0) } else { (5, -1) };
            assert_eq!((told.error_code, told.leader_id.0), expected, "version {version}");
            assert_eq!(
                (told.partition_index, version < 7 || told.leader_epoch == known.leader_epoch),
                (known.index, true)
            );
            // A broker without an address is none.
            let ids =
                |brokers: &[RealBrokerId]| brokers.iter().map(|id| id.0).filter(|id| *id >= 0).collect::<Vec<_>>();
            let shown = |brokers: &[BrokerId]| brokers.iter().map(|id| id.0).collect::<Vec<_>>();
            assert_eq!(shown(&told.replica_nodes), ids(&known.replicas));
            assert_eq!(shown(&told.isr_nodes), ids(&known.isr));
            assert!(version < 5 || shown(&told.offline_replicas) == ids(&known.offline));
        }
    }
}

#[test]
fn trap_l3_metadata_by_id_tells_nothing_of_hidden_ids() {
    let ask = |id| {
        let topic = MetadataRequestTopic::default().with_topic_id(id).with_name(None);
        metadata(12, &MetadataRequest::default().with_topics(Some(vec![topic]))).1.topics.remove(0)
    };
    let (mut hidden, mut absent) = (ask(HIDDEN_ID), ask(ABSENT_ID));
    assert_eq!((hidden.error_code, hidden.name.clone()), (100, None));
    hidden.topic_id = Uuid::nil();
    absent.topic_id = Uuid::nil();
    assert_eq!(hidden, absent);
    assert_eq!(ask(GRANTED_ID).name, Some(name(GRANTED)));
}

/// What is asked for: an id, or zero, and a name, or null.
fn mentioned(topics: &[(Uuid, Option<&str>)]) -> MetadataRequest {
    let topic = |(id, topic): &(Uuid, Option<&str>)| {
        MetadataRequestTopic::default().with_topic_id(*id).with_name(topic.map(name))
    };
    MetadataRequest::default()
        .with_topics(Some(topics.iter().map(topic).collect()))
        .with_include_topic_authorized_operations(true)
}

#[test]
fn trap_l3_ids_before_their_version_and_what_has_neither_id_nor_name_fail_the_whole_request() {
    let nil = Uuid::nil();
    let cases = [
        (10..=11, 42, vec![(nil, Some(GRANTED)), (GRANTED_ID, None)]),
        (10..=11, 42, vec![(HIDDEN_ID, Some(GRANTED)), (nil, Some(HIDDEN)), (HIDDEN_ID, Some(GRANTED))]),
        (10..=11, 42, vec![(nil, None)]),
        (12..=12, -1, vec![(nil, Some(GRANTED)), (nil, None), (nil, Some(GRANTED)), (nil, None)]),
    ];
    for (versions, error_code, topics) in cases {
        for version in versions {
            let cluster = version <= 10;
            let (_, response) =
                metadata(version, &mentioned(&topics).with_include_cluster_authorized_operations(cluster));
            assert_eq!((response.brokers.len(), response.cluster_id), (0, None));
            assert_eq!((response.controller_id.0, response.cluster_authorized_operations), (-1, i32::MIN));
            let told = response.topics.iter().map(|topic| {
                assert_eq!((topic.partitions.len(), topic.topic_authorized_operations), (0, i32::MIN));
                (topic.error_code, topic.topic_id, topic.name.clone())
            });
            let expected = topics.iter().map(|(id, topic)| (error_code, *id, Some(name(topic.unwrap_or("")))));
            assert_eq!(told.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "version {version}");
        }
    }
}

#[test]
fn trap_l3_beside_an_id_no_name_is_looked_at() {
    let nil = Uuid::nil();
    let ask = |topics: &[(Uuid, Option<&str>)]| metadata(12, &mentioned(topics)).1.topics;
    let by_id = ask(&[(GRANTED_ID, None)]);
    assert_eq!((by_id.len(), by_id[0].error_code, &by_id[0].name), (1, 0, &Some(name(GRANTED))));
    for other in [ALSO_GRANTED, HIDDEN, ABSENT] {
        assert_eq!(ask(&[(GRANTED_ID, Some(other))]), by_id);
        assert_eq!(ask(&[(nil, Some(other)), (GRANTED_ID, Some(other)), (nil, None), (GRANTED_ID, None)]), by_id);
    }
    // A name that may be read opens no id: hidden and absent ones stay the same.
    for id in [HIDDEN_ID, ABSENT_ID] {
        for beside in [GRANTED, HIDDEN, ABSENT] {
            let topics = ask(&[(id, Some(beside)), (nil, Some(GRANTED))]);
            assert_eq!((topics.len(), topics[0].error_code, topics[0].topic_id), (1, 100, id));
            assert_eq!((&topics[0].name, topics[0].topic_authorized_operations), (&None, i32::MIN));
        }
    }
}

#[test]
fn trap_l27_authorized_operations_are_those_of_the_grant() {
    let asked = by_name(&[GRANTED, HIDDEN], 8)
        .with_include_topic_authorized_operations(true)
        .with_include_cluster_authorized_operations(true);
    let (_, response) = metadata(8, &asked);
    assert_eq!(response.topics[0].topic_authorized_operations, (1 << 3) | (1 << 8) | (1 << 10));
    assert_eq!(response.cluster_authorized_operations, 0);
    let (_, not_asked) = metadata(8, &by_name(&[GRANTED], 8));
    assert_eq!(not_asked.topics[0].topic_authorized_operations, i32::MIN, "trap K8");
    assert_eq!(not_asked.cluster_authorized_operations, i32::MIN);
}

#[test]
fn trap_l27_a_granted_topic_that_does_not_exist_has_the_operations_of_the_grant_too() {
    for version in 8..=12 {
        let mut desk = Desk::new();
        desk.view.topics.remove(GRANTED);
        for (asks, expected) in [(true, (1 << 3) | (1 << 8) | (1 << 10)), (false, i32::MIN)] {
            let asked = by_name(&[GRANTED, ABSENT], version).with_include_topic_authorized_operations(asks);
            desk.ask(ApiKey::Metadata, version, &asked);
            let (_, response) = read::<MetadataResponse>(&desk.local_answer(), version >= 9, version);
            let told = response.topics.iter().map(|topic| (topic.error_code, topic.topic_authorized_operations));
            assert_eq!(told.collect::<Vec<_>>(), [(3, expected), (29, i32::MIN)], "version {version}");
        }
    }
}

#[test]
fn trap_c30_a_broker_without_an_address_leads_nothing() {
    let mut desk = Desk::new();
    desk.nodes = weir_kafka::advertise::AdvertisedNodes::Ports {
        host: "h".into(),
        bootstrap_port: 9000,
        base_port: 9100,
        ids: 1..=2,
    };
    desk.ask(ApiKey::Metadata, 9, &by_name(&[GRANTED], 9));
    let (_, response) = read::<MetadataResponse>(&desk.local_answer(), true, 9);
    assert_eq!(response.brokers.len(), 2);
    let third = &response.topics[0].partitions[2];
    assert_eq!((third.error_code, third.leader_id), (5, BrokerId(-1)));
    assert!(third.replica_nodes.iter().all(|id| id.0 <= 2));
}

#[test]
fn trap_l2_list_offsets_refuses_by_name_before_it_asks() {
    for version in 1..=10 {
        let topic = |topic: &str| {
            let partition = ListOffsetsPartition::default().with_partition_index(4).with_timestamp(-1);
            ListOffsetsTopic::default().with_name(name(topic)).with_partitions(vec![partition])
        };
        let asked = |topics| ListOffsetsRequest::default().with_replica_id(BrokerId(-2)).with_topics(topics);
        let mut desk = Desk::new();
        let led = desk.ask(ApiKey::ListOffsets, version, &asked(vec![topic(HIDDEN), topic(GRANTED)]));
        let (header, sent) = upstream::<ListOffsetsRequest>(led, version);
        assert_eq!(sent.topics.len(), 1);
        assert_eq!(sent.replica_id, BrokerId(-1), "trap S2");
        let frame = answer(header.correlation_id, version >= 6, version, &ListOffsetsResponse::default());
        let out = desk.broker_answers(&frame, 2).unwrap();
        let (_, response) = read::<ListOffsetsResponse>(&out, version >= 6, version);
        let refused = &response.topics[0].partitions[0];
        assert_eq!((refused.error_code, refused.timestamp, refused.offset), (29, -1, -1), "trap L26");
        let mut desk = Desk::new();
        assert!(matches!(desk.ask(ApiKey::ListOffsets, version, &asked(vec![topic(ABSENT)])), Led::Local));
    }
}

#[test]
fn trap_l2_offset_for_leader_epoch_refuses_by_name_before_it_asks() {
    for version in 2..=4 {
        let partition = OffsetForLeaderPartition::default().with_partition(0).with_leader_epoch(1);
        let topic = |topic: &str| {
            OffsetForLeaderTopic::default().with_topic(name(topic)).with_partitions(vec![partition.clone()])
        };
        let mut asked = OffsetForLeaderEpochRequest::default().with_topics(vec![topic(GRANTED), topic(HIDDEN)]);
        if version >= 3 {
            asked.replica_id = BrokerId(1);
        }
        let mut desk = Desk::new();
        let (header, sent) =
            upstream::<OffsetForLeaderEpochRequest>(desk.ask(ApiKey::OffsetForLeaderEpoch, version, &asked), version);
        assert_eq!(sent.topics.len(), 1);
        if version >= 3 {
            assert_eq!(sent.replica_id, BrokerId(-2), "trap S2");
        }
        let broker = OffsetForLeaderEpochResponse::default();
        let out = desk.broker_answers(&answer(header.correlation_id, version >= 4, version, &broker), 64).unwrap();
        let (_, response) = read::<OffsetForLeaderEpochResponse>(&out, version >= 4, version);
        assert_eq!(response.topics[0].partitions[0].error_code, 29);
    }
}

#[test]
fn trap_k2_produce_is_refused_for_each_partition_and_trap_c6_without_acks_by_closing() {
    let topic = |topic: &str| {
        TopicProduceData::default()
            .with_name(name(topic))
            .with_partition_data(vec![PartitionProduceData::default().with_index(1), PartitionProduceData::default()])
    };
    for version in 3..=7 {
        let asked =
            ProduceRequest::default().with_acks(1).with_topic_data(vec![topic(GRANTED), topic(HIDDEN), topic(GRANTED)]);
        let mut desk = Desk::new();
        assert!(matches!(desk.ask(ApiKey::Produce, version, &asked), Led::Local));
        let (_, response) = read::<ProduceResponse>(&desk.local_answer(), false, version);
        let codes = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        // What is named twice is answered once.
        assert!(codes.clone().count() == 4 && codes.map(|partition| partition.error_code).all(|code| code == 29));
        let without = ProduceRequest::default().with_acks(0).with_topic_data(vec![topic(GRANTED)]);
        let refused = Desk::new().raw(frame(ApiKey::Produce, version, 1, &without)).unwrap_err();
        assert_eq!(refused, Fault::ProduceWithoutAnswer);
    }
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
    let old = weir_kafka::cluster::VersionRange { min: 4, max: 12 };
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

#[test]
fn trap_a1_a_bomb_of_a_body_closes_the_connection_and_nothing_else() {
    let mut bomb = frame(ApiKey::Metadata, 1, 1, &by_name(&[], 1));
    let end = bomb.len();
    bomb[end - 4..].copy_from_slice(&i32::MAX.to_be_bytes());
    assert_eq!(Desk::new().raw(bomb).unwrap_err(), Fault::Malformed(Malformed::LengthPastEnd));
}

#[test]
fn trap_c1_answers_leave_in_the_order_of_their_requests() {
    let mut desk = Desk::new();
    let partition = ListOffsetsPartition::default().with_timestamp(-1);
    let topic = ListOffsetsTopic::default().with_name(name(GRANTED)).with_partitions(vec![partition]);
    let asked = ListOffsetsRequest::default().with_topics(vec![topic]);
    let first = desk.ask(ApiKey::ListOffsets, 1, &asked);
    let (first, _) = upstream::<ListOffsetsRequest>(first, 1);
    desk.raw(frame(ApiKey::Metadata, 1, 78, &by_name(&[GRANTED], 1))).unwrap();
    assert!(desk.session.awaits_broker_now(), "the answer that is known waits behind the one that is not");
    let out =
        desk.broker_answers(&answer(first.correlation_id, false, 1, &ListOffsetsResponse::default()), 99).unwrap();
    assert_eq!(read::<ListOffsetsResponse>(&out, false, 1).0, 77);
    assert_eq!(read::<MetadataResponse>(&desk.local_answer(), false, 1).0, 78);
}
