//! Answers of brokers, good and bad.

use bytes::BytesMut;
use kafka_protocol::messages::TopicName;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::protocol::{Encodable, StrBytes};

use super::*;

fn framed(message: &impl Encodable, version: i16, flexible_header: bool) -> Bytes {
    let mut answer = BytesMut::from(&7_i32.to_be_bytes()[..]);
    if flexible_header {
        answer.extend_from_slice(&[0]);
    }
    message.encode(&mut answer, version).unwrap();
    answer.freeze()
}

fn api_versions(code: i16, ranges: &[(i16, i16, i16)]) -> ApiVersionsResponse {
    let range = |(key, min, max): &(i16, i16, i16)| {
        ApiVersion::default().with_api_key(*key).with_min_version(*min).with_max_version(*max)
    };
    ApiVersionsResponse::default().with_error_code(code).with_api_keys(ranges.iter().map(range).collect())
}

fn broker(id: i32, host: &'static str, port: i32) -> MetadataResponseBroker {
    MetadataResponseBroker::default()
        .with_node_id(BrokerId(id))
        .with_host(StrBytes::from_static_str(host))
        .with_port(port)
}

fn topic(name: &'static str, id: u128, partitions: &[i32]) -> MetadataResponseTopic {
    let partition = |index: &i32| MetadataResponsePartition::default().with_partition_index(*index);
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(StrBytes::from_static_str(name))))
        .with_topic_id(Uuid::from_u128(id))
        .with_partitions(partitions.iter().map(partition).collect())
}

fn metadata(topics: Vec<MetadataResponseTopic>) -> MetadataResponse {
    MetadataResponse::default()
        .with_cluster_id(Some(StrBytes::from_static_str("c")))
        .with_brokers(vec![broker(1, "kafka1.internal", 9092)])
        .with_topics(topics)
}

fn read(message: &MetadataResponse) -> Result<MetadataAnswer, BadAnswer> {
    read_metadata(12, &framed(message, 12, true), &|name| name.starts_with("ok"))
}

#[test]
fn ranges_are_read_and_impossible_ones_left_out() {
    let answer = framed(&api_versions(0, &[(1, 4, 17), (3, 0, 12), (9, 5, 4)]), 0, false);
    let ranges = read_api_versions(0, &answer).unwrap();
    assert_eq!(ranges.len(), 2);
    assert_eq!(ranges[&1], VersionRange { min: 4, max: 17 });
}

#[test]
fn trap_c11_an_error_in_the_form_of_version_0_is_an_error_in_every_version() {
    let answer = framed(&api_versions(35, &[(18, 0, 2)]), 0, false);
    for version in 0..=4 {
        assert_eq!(read_api_versions(version, &answer), Err(BadAnswer::Code(35)));
    }
}

#[test]
fn only_kept_topics_are_kept() {
    let mut internal = topic("ok-internal", 3, &[0]);
    internal.is_internal = true;
    let answer = read(&metadata(vec![topic("ok", 1, &[1, 0]), topic("hidden", 2, &[0]), internal])).unwrap();
    assert_eq!(answer.topics.keys().collect::<Vec<_>>(), [&RealTopic("ok".to_owned())]);
    assert!(!format!("{answer:?}").contains("hidden"));
    let partitions = &answer.topics[&RealTopic("ok".to_owned())].partitions;
    assert_eq!(partitions.iter().map(|partition| partition.index).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_topic_with_an_error_is_absent_and_one_with_a_partition_error_is_not() {
    let mut leaderless = topic("ok-leaderless", 1, &[0]);
    leaderless.partitions[0].error_code = 5;
    let answer = read(&metadata(vec![topic("ok-not-there", 0, &[]).with_error_code(3), leaderless])).unwrap();
    assert_eq!(answer.absent, BTreeMap::from([(RealTopic("ok-not-there".to_owned()), 3)]));
    assert_eq!(answer.topics[&RealTopic("ok-leaderless".to_owned())].partitions[0].error_code, 5);
    assert_eq!(answer.topics.len(), 1);
}

#[test]
fn answers_that_contradict_themselves_are_refused() {
    let twice = |one, other| read(&metadata(vec![one, other])).unwrap_err();
    assert_eq!(twice(topic("ok", 1, &[]), topic("ok", 2, &[])), BadAnswer::Contradiction);
    assert_eq!(twice(topic("ok-a", 1, &[]), topic("ok-b", 1, &[])), BadAnswer::Contradiction);
    assert_eq!(read(&metadata(vec![topic("ok", 1, &[0, 1, 0])])), Err(BadAnswer::Contradiction));
    assert_eq!(read(&metadata(vec![topic("ok", 1, &[-1])])), Err(BadAnswer::Contradiction));
    assert!(read(&metadata(vec![topic("ok-a", 0, &[]), topic("ok-b", 0, &[])])).is_ok());
}

#[test]
fn hostile_u6_what_a_broker_writes_into_names_reaches_no_operator() {
    for text in ["a\nready", "a b", "\u{1b}[2J", "\u{e9}"] {
        let id = Some(StrBytes::from_static_str(text));
        assert_eq!(read(&metadata(Vec::new()).with_cluster_id(id)), Err(BadAnswer::NoClusterId));
        assert_eq!(read(&metadata(Vec::new()).with_brokers(vec![broker(1, text, 9092)])), Err(BadAnswer::NoBrokers));
    }
    let long = |length| Some(StrBytes::from_string("x".repeat(length)));
    assert!(read(&metadata(Vec::new()).with_cluster_id(long(128))).is_ok());
    assert_eq!(read(&metadata(Vec::new()).with_cluster_id(long(129))), Err(BadAnswer::NoClusterId));
}

#[test]
fn an_answer_without_cluster_or_brokers_is_refused() {
    assert_eq!(read(&metadata(Vec::new()).with_cluster_id(None)), Err(BadAnswer::NoClusterId));
    let empty = Some(StrBytes::from_static_str(""));
    assert_eq!(read(&metadata(Vec::new()).with_cluster_id(empty)), Err(BadAnswer::NoClusterId));
    assert_eq!(read(&metadata(Vec::new()).with_brokers(vec![broker(1, "", 9092)])), Err(BadAnswer::NoBrokers));
    let with_odd = metadata(Vec::new()).with_brokers(vec![
        broker(4, "k", 0),
        broker(3, "k", -9),
        broker(1, "k", 9092),
        broker(-1, "k", 9092),
        broker(2, "k", 65536),
    ]);
    let answer = read(&with_odd).unwrap();
    assert_eq!(answer.brokers.keys().collect::<Vec<_>>(), [&RealBrokerId(1)]);
    assert_eq!(answer.unusable_brokers, [-1, 2, 3, 4]);
}

#[test]
fn trap_c45_a_trailing_byte_is_dropped() {
    let mut answer = BytesMut::from(&framed(&metadata(vec![topic("ok", 1, &[0])]), 12, true)[..]);
    answer.extend_from_slice(&[0]);
    assert_eq!(read_metadata(12, &answer.freeze(), &|_| true).unwrap().topics.len(), 1);
}

#[test]
fn hostile_u6_every_cut_answer_and_every_wrong_byte_is_survived() {
    let good = framed(&metadata(vec![topic("ok", 1, &[0])]), 12, true);
    for length in 0..good.len() {
        assert!(read_metadata(12, &good.slice(..length), &|_| true).is_err(), "cut at {length}");
    }
    for position in 0..good.len() {
        for wrong in [0x00, 0x7f, 0x80, 0xff] {
            let mut bad = good.to_vec();
            bad[position] = wrong;
            // Any outcome but a panic or an abort.
            let _ = read_metadata(12, &bad.into(), &|_| true);
        }
    }
}

#[test]
fn hostile_u6_an_array_bomb_is_refused_before_anything_is_reserved() {
    let bomb = [&[0, 0, 0, 7, 0][..], &[0, 0, 0, 0], &[0xff, 0xff, 0xff, 0xff, 0x07], &[0; 8]].concat();
    assert_eq!(read_metadata(12, &bomb.into(), &|_| true), Err(BadAnswer::Malformed(Malformed::LengthPastEnd)));
    let bomb = [&[0, 0, 0, 7][..], &[0, 0], &[0x7f, 0xff, 0xff, 0xff], &[0; 8]].concat();
    assert_eq!(read_api_versions(0, &bomb.into()), Err(BadAnswer::Malformed(Malformed::LengthPastEnd)));
}

#[test]
fn offsets_are_those_of_the_partitions_that_were_answered() {
    use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
    let partition = |index, error_code, offset| {
        ListOffsetsPartitionResponse::default()
            .with_partition_index(index)
            .with_error_code(error_code)
            .with_offset(offset)
    };
    let topic = ListOffsetsTopicResponse::default()
        .with_name(TopicName(StrBytes::from_static_str("ok")))
        .with_partitions(vec![partition(0, 0, 42), partition(1, 0, -1), partition(2, 6, 7)]);
    for version in 1..=3 {
        let answer = framed(&ListOffsetsResponse::default().with_topics(vec![topic.clone()]), version, false);
        let offsets = read_offsets(version, &answer).unwrap();
        let of = |index| offsets.get(&(RealTopic("ok".to_owned()), index)).copied();
        assert_eq!((of(0), of(1), of(2)), (Some(42), Some(-1), None), "version {version}");
        assert!(read_offsets(version, &answer.slice(..answer.len() - 1)).is_err());
    }
}
