//! Brokers that create each topic that is asked for: no client of Weir's makes them do it, and what clients commit is kept
//! as brokers keep it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, FetchRequest, GroupId, JoinGroupRequest, ListOffsetsRequest, MetadataRequest,
    OffsetCommitRequest, OffsetFetchRequest, OffsetForLeaderEpochRequest, ProduceRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use weir_testkit::kafka::wire;
use weir_testkit::{
    Acl, Advertise, Identity, Kafka, KafkaOptions, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions, wait,
};

/// The one that is there.
const MADE: &str = "auto.made";
/// In the catalogue and granted, and not there.
const GRANTED: &str = "auto.granted";
/// In the catalogue, and not there.
const UNGRANTED: &str = "auto.ungranted";
/// Nowhere.
const UNKNOWN: &str = "auto.unknown";
const READER: &str = "auto-reader";
const SOON: Duration = Duration::from_secs(10);

static KAFKA: LazyLock<Kafka> = LazyLock::new(|| {
    let properties = [("auto.create.topics.enable", "true"), ("offsets.topic.replication.factor", "1")];
    let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let kafka = Kafka::start(KafkaOptions { brokers: 1, properties, ..KafkaOptions::new(Version::V4) });
    kafka.create_topic(MADE, 1, 1, &[]);
    // The brokers' own topic for groups.
    kafka.coordinator_of("any");
    kafka
});

fn weir() -> (Weir, Identity) {
    let acl = Acl::new(&[MADE, GRANTED, UNGRANTED]).principal(PrincipalSpec::new(READER, &[MADE, GRANTED]));
    (Weir::start(WeirOptions::new(&KAFKA, Advertise::Ports, acl)), Pki::shared().client(READER))
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn name(topic: &str) -> TopicName {
    TopicName(text(topic))
}

fn topics() -> BTreeSet<String> {
    let answer = wire::call(&KAFKA.any(), 12, &MetadataRequest::default().with_topics(None)).unwrap();
    answer.topics.into_iter().filter_map(|topic| topic.name).map(|name| name.to_string()).collect()
}

#[test]
fn trap_s13_no_request_makes_brokers_create_a_topic() {
    let before = topics();
    let (weir, identity) = weir();
    let target = weir.target(&weir.broker(1), &identity);
    let mut client = RawClient::connect(&target).unwrap();
    let frames = frames();
    for frame in &frames {
        client.send(frame).unwrap();
        client.read_frame(SOON).unwrap();
    }
    let mut answered = 0;
    for seed in 0..600 {
        let frame = &frames[seed % frames.len()];
        let sent = client.send(&spoilt(frame, seed as u64));
        // A group that is joined is left at once, by the end of the connection; what is closed is opened again.
        match sent.map(|()| client.read_frame(Duration::from_millis(300))) {
            Ok(Ok(_)) => answered += 1,
            _ => client = RawClient::connect(&target).unwrap(),
        }
    }
    assert!(answered > 60, "{answered} spoilt requests were answered");
    assert_eq!(topics(), before);
    // The control: it takes no more than this.
    let asked = |topic: &str| MetadataRequestTopic::default().with_name(Some(name(topic)));
    let asked = MetadataRequest::default().with_topics(Some(vec![asked(GRANTED)])).with_allow_auto_topic_creation(true);
    wire::call(&KAFKA.any(), 9, &asked).unwrap();
    wait::until("the brokers to create a topic", SOON, || {
        let now = topics();
        if now.contains(GRANTED) { Ok(()) } else { Err(format!("{now:?}")) }
    });
    KAFKA.delete_topic(GRANTED);
}

/// Every request that names topics, in every version that is served, about topics that are not there.
fn frames() -> Vec<Vec<u8>> {
    let names = [GRANTED, UNGRANTED, UNKNOWN];
    let group = || GroupId(text("auto"));
    let mut frames = Vec::new();
    for version in 0..=12 {
        let topics = names.map(|topic| MetadataRequestTopic::default().with_name(Some(name(topic))));
        let asked = MetadataRequest::default().with_topics(Some(topics.to_vec())).with_allow_auto_topic_creation(true);
        frames.push(wire::frame(1, version, &asked).unwrap());
    }
    for version in 4..=12 {
        let partitions = vec![FetchPartition::default().with_partition_max_bytes(1_000)];
        let topics =
            names.map(|topic| FetchTopic::default().with_topic(name(topic)).with_partitions(partitions.clone()));
        let asked = FetchRequest::default().with_max_bytes(1_000).with_topics(topics.to_vec());
        let asked = if version >= 7 { asked.with_session_epoch(-1) } else { asked };
        frames.push(wire::frame(1, version, &asked).unwrap());
    }
    for version in 1..=9 {
        let partitions = vec![ListOffsetsPartition::default().with_timestamp(-1)];
        let topics =
            names.map(|topic| ListOffsetsTopic::default().with_name(name(topic)).with_partitions(partitions.clone()));
        let asked = ListOffsetsRequest::default().with_topics(topics.to_vec());
        frames.push(wire::frame(1, version, &asked).unwrap());
    }
    for version in 2..=4 {
        let partitions = vec![OffsetForLeaderPartition::default()];
        let topics = names
            .map(|topic| OffsetForLeaderTopic::default().with_topic(name(topic)).with_partitions(partitions.clone()));
        frames.push(
            wire::frame(1, version, &OffsetForLeaderEpochRequest::default().with_topics(topics.to_vec())).unwrap(),
        );
    }
    for version in 2..=9 {
        let asked = commit(version, "auto", &names, &[7]);
        frames.push(wire::frame(1, version, &asked).unwrap());
    }
    for version in 3..=7 {
        let data = vec![PartitionProduceData::default().with_records(Some(Bytes::new()))];
        let topics =
            names.map(|topic| TopicProduceData::default().with_name(name(topic)).with_partition_data(data.clone()));
        let asked = ProduceRequest::default().with_acks(1).with_timeout_ms(100).with_topic_data(topics.to_vec());
        frames.push(wire::frame(1, version, &asked).unwrap());
    }
    for version in 0..=1 {
        let member = if version == 1 { text("f4YKwSo4RSWCzLEQNVmPOA") } else { text("") };
        let asked = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId(text("auto-consumer")))
            .with_member_id(member)
            .with_rebalance_timeout_ms(1_000)
            .with_subscribed_topic_names(Some(vec![name(GRANTED)]))
            .with_topic_partitions(Some(vec![]));
        frames.push(wire::frame(1, version, &asked).unwrap());
    }
    for version in 4..=9 {
        // A subscription of version 0 to the granted topic.
        let topic = [&[0, 0, 0, 0, 0, 1, 0, u8::try_from(GRANTED.len()).unwrap()][..], GRANTED.as_bytes(), &[0xff; 4]];
        let protocol =
            JoinGroupRequestProtocol::default().with_name(text("range")).with_metadata(topic.concat().into());
        let asked = JoinGroupRequest::default()
            .with_group_id(group())
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(10_000)
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol]);
        frames.push(wire::frame(1, version, &asked).unwrap());
    }
    frames
}

/// The frame with a few bytes behind its header changed.
fn spoilt(frame: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut spoilt = frame.to_vec();
    // Behind length, key, version and correlation id.
    for _ in 0..=next(2) {
        let place = 12 + next(frame.len() - 12);
        spoilt[place] = [0, 1, 2, 0x7f, 0x80, 0xff, b'x', b'.'][next(8)];
    }
    spoilt
}

fn commit(version: i16, group: &str, topics: &[&str], offsets: &[i64]) -> OffsetCommitRequest {
    let partition = |offset: &i64| OffsetCommitRequestPartition::default().with_committed_offset(*offset);
    let partitions: Vec<_> = offsets.iter().map(partition).collect();
    let topic =
        |topic: &&str| OffsetCommitRequestTopic::default().with_name(name(topic)).with_partitions(partitions.clone());
    let asked = OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(topics.iter().map(topic).collect());
    if version <= 4 { asked.with_retention_time_ms(-1) } else { asked }
}

/// The control of trap A16: what Weir passes on is what brokers take from everybody.
#[test]
fn any_offset_is_kept_as_brokers_keep_it() {
    let (weir, identity) = weir();
    let mut client = RawClient::connect(&weir.target(&weir.broker(1), &identity)).unwrap();
    let mut kept = BTreeMap::new();
    for (at, offset) in [i64::MIN, -2, -1, 0, i64::MAX].into_iter().enumerate() {
        let group = format!("offsets-{at}");
        let told = client.call(8, &commit(8, &group, &[MADE], &[offset])).unwrap();
        let directly = wire::call(&KAFKA.any(), 8, &commit(8, &group, &[MADE], &[offset])).unwrap();
        assert_eq!(told.topics, directly.topics, "{offset}");
        let asked = OffsetFetchRequestTopics::default().with_name(name(MADE)).with_partition_indexes(vec![0]);
        let asked =
            OffsetFetchRequestGroup::default().with_group_id(GroupId(text(&group))).with_topics(Some(vec![asked]));
        let asked = OffsetFetchRequest::default().with_groups(vec![asked]);
        let told = client.call(8, &asked).unwrap();
        let directly = wire::call(&KAFKA.any(), 8, &asked).unwrap();
        assert_eq!(told.groups, directly.groups, "{offset}");
        kept.insert(offset, told.groups[0].topics[0].partitions[0].committed_offset);
    }
    assert_eq!(kept.get(&i64::MAX), Some(&i64::MAX));
}
