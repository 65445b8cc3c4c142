//! What goes to a broker goes with Weir's rights: nobody borrows them to be a replica, somebody else, or more than a
//! consumer.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod plain;
mod support;

use std::collections::BTreeSet;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ReplicaState};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, BrokerId, FetchRequest, GroupId, ListOffsetsRequest,
    OffsetCommitRequest, OffsetForLeaderEpochRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use support::*;
use weir_kafka::fault::Fault;
use weir_kafka::table::{self, Disposition, TABLE};

/// A replica of the cluster, and the two that brokers keep for consumers with more rights and for debugging.
const REPLICAS: [i32; 5] = [0, 1, -2, -3, i32::MIN];

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

fn versions(key: i16) -> std::ops::RangeInclusive<i16> {
    let row = table::row(key).unwrap();
    row.versions.min..=row.versions.max
}

fn list_offsets(replica: i32, topics: &[&str]) -> ListOffsetsRequest {
    let partition = ListOffsetsPartition::default().with_timestamp(-1);
    let topic =
        |topic: &&str| ListOffsetsTopic::default().with_name(name(topic)).with_partitions(vec![partition.clone()]);
    ListOffsetsRequest::default().with_replica_id(BrokerId(replica)).with_topics(topics.iter().map(topic).collect())
}

#[test]
fn trap_s2_whoever_asks_for_offsets_asks_as_a_consumer() {
    for replica in REPLICAS {
        for topics in [&[GRANTED][..], &[GRANTED, HIDDEN]] {
            for version in versions(table::LIST_OFFSETS) {
                let led = Desk::new().ask(ApiKey::ListOffsets, version, &list_offsets(replica, topics));
                assert_eq!(upstream::<ListOffsetsRequest>(led, version).1.replica_id, BrokerId(-1), "v{version}");
            }
        }
        for version in versions(table::OFFSET_FOR_LEADER_EPOCH) {
            let topic = OffsetForLeaderTopic::default()
                .with_topic(name(GRANTED))
                .with_partitions(vec![OffsetForLeaderPartition::default()]);
            let asked = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
            // Before version 3 nobody says who asks.
            let asked = if version >= 3 { asked.with_replica_id(BrokerId(replica)) } else { asked };
            let led = Desk::new().ask(ApiKey::OffsetForLeaderEpoch, version, &asked);
            let (_, sent) = upstream::<OffsetForLeaderEpochRequest>(led, version);
            assert!([-1, -2].contains(&sent.replica_id.0), "v{version}: {}", sent.replica_id.0);
        }
        for version in versions(table::FETCH) {
            let (_, sent) =
                upstream::<FetchRequest>(Desk::new().ask(ApiKey::Fetch, version, &fetch(replica, version)), version);
            assert_eq!((sent.replica_id, sent.replica_state), (BrokerId(-1), ReplicaState::default()), "v{version}");
        }
    }
}

/// A Fetch in the name of a replica, in the place that the version has for it.
fn fetch(replica: i32, version: i16) -> FetchRequest {
    let topic = FetchTopic::default().with_partitions(vec![FetchPartition::default()]);
    let topic = if version >= 13 { topic.with_topic_id(GRANTED_ID) } else { topic.with_topic(name(GRANTED)) };
    let asked = FetchRequest::default().with_topics(vec![topic]);
    if version < 15 {
        return asked.with_replica_id(BrokerId(replica));
    }
    asked.with_replica_state(ReplicaState::default().with_replica_id(BrokerId(replica)).with_replica_epoch(7))
}

#[test]
fn trap_s11_brokers_hear_the_principals_name_whatever_the_client_calls_itself() {
    for spoken in ["a client", "other", "", "kafka-replica-3"] {
        let mut reached = BTreeSet::new();
        for row in TABLE.iter().filter(|row| row.disposition == Disposition::Forward) {
            for version in row.versions.min..=row.versions.max {
                let Ok(Led::Upstream(sent)) = Desk::new().raw(plain::request(row, version, spoken, &mut plain::Plain))
                else {
                    continue;
                };
                reached.insert(row.key);
                // Key, version and correlation id stand before it.
                let length = usize::from(u16::from_be_bytes(sent[8..10].try_into().unwrap()));
                assert_eq!(&sent[10..10 + length], b"reader", "{} v{version}", row.name);
                let told = String::from_utf8_lossy(&sent).into_owned();
                assert!(spoken.is_empty() || !told.contains(spoken), "{} v{version}: {told}", row.name);
            }
        }
        let forwarded = TABLE.iter().filter(|row| row.disposition == Disposition::Forward);
        assert_eq!(reached, forwarded.map(|row| row.key).collect(), "each API has been heard");
    }
}

/// Kafka answers each of these to whoever has the rights, and Weir has some: transactions, brokers among themselves, the
/// controllers' quorum, share groups and their state.
const NOT_FOR_CONSUMERS: [&[i16]; 5] = [
    &[22, 24, 25, 26, 27, 28, 61, 65, 66],
    &[4, 5, 6, 7, 56, 58, 62, 63, 67, 73, 74],
    &[52, 53, 54, 55, 59, 64, 70, 80, 81, 82],
    &[76, 77, 78, 79, 90, 91, 92],
    &[83, 84, 85, 86, 87],
];

#[test]
fn trap_s12_writers_brokers_and_controllers_apis_are_neither_offered_nor_taken() {
    let mut desk = Desk::new();
    desk.view.versions = (0..=100).map(|key| (key, weir_kafka::cluster::VersionRange { min: 0, max: 9 })).collect();
    desk.ask(
        ApiKey::ApiVersions,
        3,
        &ApiVersionsRequest::default().with_client_software_name(name("t").0).with_client_software_version(name("1").0),
    );
    let (_, offered) = read::<ApiVersionsResponse>(&desk.local_answer(), false, 3);
    for key in NOT_FOR_CONSUMERS.concat() {
        assert!(offered.api_keys.iter().all(|api| api.api_key != key), "key {key} is offered");
        for version in 0..=9 {
            for body in [&[0; 40][..], &[1; 40], &[]] {
                let frame = [&key.to_be_bytes()[..], &version_bytes(version), &[0, 0, 0, 1, 0xff, 0xff], body].concat();
                assert_eq!(desk.raw(frame).unwrap_err(), Fault::ApiNotServed, "key {key} v{version}");
            }
        }
    }
}

fn version_bytes(version: i16) -> [u8; 2] {
    version.to_be_bytes()
}

#[test]
fn trap_s15_no_client_says_for_how_long_an_offset_is_kept() {
    let topic = |topic: &str| {
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(5);
        OffsetCommitRequestTopic::default().with_name(name(topic)).with_partitions(vec![partition])
    };
    for version in 2..=4 {
        for retention in [0, 1, i64::MAX, i64::MIN] {
            for topics in [vec![topic(GRANTED)], vec![topic(HIDDEN), topic(GRANTED)], vec![]] {
                let asked = OffsetCommitRequest::default()
                    .with_group_id(GroupId(StrBytes::from_static_str("g")))
                    .with_retention_time_ms(retention)
                    .with_topics(topics);
                let led = Desk::new().ask(ApiKey::OffsetCommit, version, &asked);
                assert_eq!(upstream::<OffsetCommitRequest>(led, version).1.retention_time_ms, -1, "v{version}");
            }
        }
    }
}
