//! Metadata by name and of all topics: what is granted is told as it is, and everything else alike.

use crate::support::*;
use crate::{by_name, metadata};
use kafka_protocol::messages::{ApiKey, BrokerId, MetadataRequest, MetadataResponse};
use uuid::Uuid;
use weir_kafka::cluster::{PartitionView, RealBrokerId, RealTopic, TopicView};
use weir_kafka::fault::Fault;
use weir_kafka::wire::Malformed;

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
fn trap_c30_a_broker_without_an_address_leads_nothing() {
    let mut desk = Desk::new();
    desk.nodes = crate::support::two_ports();
    desk.ask(ApiKey::Metadata, 9, &by_name(&[GRANTED], 9));
    let (_, response) = read::<MetadataResponse>(&desk.local_answer(), true, 9);
    assert_eq!(response.brokers.len(), 2);
    let third = &response.topics[0].partitions[2];
    assert_eq!((third.error_code, third.leader_id), (5, BrokerId(-1)));
    assert!(third.replica_nodes.iter().all(|id| id.0 <= 2));
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
fn trap_a1_a_bomb_of_a_body_closes_the_connection_and_nothing_else() {
    let mut bomb = frame(ApiKey::Metadata, 1, 1, &by_name(&[], 1));
    let end = bomb.len();
    bomb[end - 4..].copy_from_slice(&i32::MAX.to_be_bytes());
    assert_eq!(Desk::new().raw(bomb).unwrap_err(), Fault::Malformed(Malformed::LengthPastEnd));
}
