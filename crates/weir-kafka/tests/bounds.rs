//! What one request may take of Weir and of the brokers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::offset_fetch_response::{OffsetFetchResponsePartition, OffsetFetchResponseTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    ApiKey, FetchRequest, FetchResponse, GroupId, JoinGroupRequest, JoinGroupResponse, OffsetCommitRequest,
    OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, ProduceRequest, ProduceResponse, SyncGroupRequest,
    TopicName,
};
use support::*;
use weir_kafka::fault::Fault;
use weir_kafka::frame::{Cut, FrameError, FrameLimits, Hint, cut};
use weir_kafka::session::Head;
use weir_kafka::wire::Malformed;

const KIB: usize = 1024;

fn group() -> GroupId {
    GroupId(text("g"))
}

fn name(topic: &str) -> TopicName {
    TopicName(text(topic))
}

fn fetch(version: i16) -> FetchRequest {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_partitions(vec![partition]);
    let topic = if version >= 13 { topic.with_topic_id(GRANTED_ID) } else { topic.with_topic(name(GRANTED)) };
    let request = FetchRequest::default().with_max_bytes(1 << 20).with_topics(vec![topic]);
    if version >= 7 { request.with_session_epoch(-1) } else { request }
}

#[test]
fn trap_a9_no_fetch_is_held_for_longer_than_weir_allows() {
    let longest = Duration::from_secs(30);
    for version in 4..=17 {
        for (asked, waits) in
            [(i32::MAX, longest), (31_000, longest), (400, Duration::from_millis(400)), (-1, Duration::ZERO)]
        {
            let mut desk = Desk::new();
            // More bytes than there will ever be.
            let request = fetch(version).with_max_wait_ms(asked).with_min_bytes(i32::MAX);
            let (_, sent) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, version, &request), version);
            assert_eq!(u128::try_from(sent.max_wait_ms).unwrap(), waits.as_millis(), "v{version}");
            let Head::Broker { deadline, .. } = desk.session.head() else { panic!("answered here") };
            assert_eq!(deadline - desk.now, waits + desk.limits.answer_slack);
        }
    }
}

/// What a listener says of a request frame, from its length and its key on, and then the session.
fn taken(frame: Vec<u8>) -> Result<Result<Led, Fault>, FrameError> {
    let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
    match cut(&[&length[..], &frame[..2]].concat(), &FrameLimits::default())? {
        Cut::Need(rest) => assert_eq!(rest, frame.len() - 2),
        Cut::Frame { .. } => panic!("two bytes are no frame"),
    }
    Ok(Desk::new().raw(frame))
}

#[test]
fn trap_a12_a_member_says_no_more_of_itself_than_a_quarter_of_a_mebibyte() {
    // A subscription to nothing, and bytes that only the group's members read.
    let protocol = |bytes: usize| {
        let metadata = [&[0; 6][..], &u32::try_from(bytes).unwrap().to_be_bytes(), &vec![b'u'; bytes]].concat();
        JoinGroupRequestProtocol::default().with_name(text("range")).with_metadata(metadata.into())
    };
    let join = |protocols: usize, bytes: usize| {
        let asked = JoinGroupRequest::default()
            .with_group_id(group())
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol(bytes); protocols]);
        taken(frame(ApiKey::JoinGroup, 9, 1, &asked))
    };
    assert!(matches!(join(8, 31 * KIB), Ok(Ok(Led::Upstream(_)))));
    for (protocols, bytes) in [(8, 1024 * KIB), (8, 33 * KIB), (1, 257 * KIB)] {
        assert!(matches!(join(protocols, bytes), Err(FrameError::TooLarge { .. })), "{protocols} of {bytes}");
    }
    assert_eq!(join(2_001, 0).unwrap().unwrap_err(), Fault::Malformed(Malformed::TooManyElements));
    // The members of a group are told to their leader, all in one answer: it has an end too.
    let mut desk = Desk::new();
    desk.limits.whole_answer = 1024 * KIB;
    desk.ask(
        ApiKey::JoinGroup,
        9,
        &JoinGroupRequest::default().with_group_id(group()).with_protocol_type(text("consumer")),
    );
    let member = JoinGroupResponseMember::default().with_metadata(vec![b'u'; 250 * KIB].into());
    let told = JoinGroupResponse::default().with_protocol_type(Some(text("consumer"))).with_members(vec![member; 5]);
    let refused = desk.broker_answers(&answer(0, true, 9, &told), 64 * KIB).unwrap_err();
    assert_eq!(refused, Fault::BrokerAnswerTooLong);
}

#[test]
fn trap_a13_assignments_for_ever_more_members_are_no_request() {
    let sync = |members: usize, bytes: usize| {
        let assignment = |index: usize| {
            SyncGroupRequestAssignment::default()
                .with_member_id(text(&format!("m{index}")))
                .with_assignment(vec![b'a'; bytes].into())
        };
        let asked = SyncGroupRequest::default()
            .with_group_id(group())
            .with_protocol_type(Some(text("consumer")))
            .with_protocol_name(Some(text("range")))
            .with_assignments((0..members).map(assignment).collect());
        taken(frame(ApiKey::SyncGroup, 5, 1, &asked))
    };
    assert!(matches!(sync(2_000, 100), Ok(Ok(Led::Upstream(_)))));
    assert_eq!(sync(2_001, 0).unwrap().unwrap_err(), Fault::Malformed(Malformed::TooManyElements));
    assert_eq!(sync(10_000, 0).unwrap().unwrap_err(), Fault::Malformed(Malformed::TooManyElements));
    assert_eq!(sync(2_000, 200).unwrap_err(), FrameError::TooLarge { hint: Hint::Unknown });
}

fn commit(version: i16, partitions: Vec<OffsetCommitRequestPartition>, topics: &[&str]) -> OffsetCommitRequest {
    let topic =
        |topic: &&str| OffsetCommitRequestTopic::default().with_name(name(topic)).with_partitions(partitions.clone());
    let asked = OffsetCommitRequest::default().with_group_id(group()).with_topics(topics.iter().map(topic).collect());
    if version <= 4 { asked.with_retention_time_ms(-1) } else { asked }
}

#[test]
fn trap_a14_what_a_commit_may_carry_has_an_end_in_bytes() {
    // 4,096 units of UTF-16, as brokers count, are up to 12,288 bytes.
    let widest = OffsetCommitRequestPartition::default().with_committed_metadata(Some(text(&"\u{ffdc}".repeat(4_096))));
    let of =
        |partitions| taken(frame(ApiKey::OffsetCommit, 9, 1, &commit(9, vec![widest.clone(); partitions], &[GRANTED])));
    assert!(matches!(of(85), Ok(Ok(Led::Upstream(_)))));
    assert_eq!(of(86).unwrap_err(), FrameError::TooLarge { hint: Hint::Unknown });
    // What is too long for the broker it says itself, and the client hears it beside what Weir refuses.
    for version in 2..=9 {
        let mut desk = Desk::new();
        let asked = commit(version, vec![widest.clone()], &[GRANTED, HIDDEN]);
        let (header, _) = upstream::<OffsetCommitRequest>(desk.ask(ApiKey::OffsetCommit, version, &asked), version);
        let too_long = OffsetCommitResponsePartition::default().with_error_code(12);
        let told = OffsetCommitResponseTopic::default().with_name(name(GRANTED)).with_partitions(vec![too_long]);
        let told = OffsetCommitResponse::default().with_topics(vec![told]);
        let out = desk.broker_answers(&answer(header.correlation_id, version >= 8, version, &told), 99).unwrap();
        let (_, response) = read::<OffsetCommitResponse>(&out, version >= 8, version);
        let codes: Vec<i16> = response.topics.iter().map(|topic| topic.partitions[0].error_code).collect();
        assert_eq!(codes, [12, 29], "v{version}");
    }
}

/// Brokers keep any offset for a group; Weir computes nothing from it.
#[test]
fn trap_a16_any_offset_is_a_number_that_passes() {
    let numbers = [i64::MIN, -2, -1, 0, i64::MAX - 1, i64::MAX];
    for version in 2..=9 {
        for topics in [&[GRANTED][..], &[GRANTED, HIDDEN]] {
            let partition = |offset: &i64| {
                let partition = OffsetCommitRequestPartition::default()
                    .with_committed_offset(*offset)
                    .with_partition_index(i32::MAX);
                if version >= 6 { partition.with_committed_leader_epoch(i32::MIN) } else { partition }
            };
            let asked = commit(version, numbers.iter().map(partition).collect(), topics);
            let (_, sent) =
                upstream::<OffsetCommitRequest>(Desk::new().ask(ApiKey::OffsetCommit, version, &asked), version);
            assert_eq!(sent.topics.len(), 1);
            assert_eq!(sent.topics[0].partitions, asked.topics[0].partitions, "v{version}");
        }
    }
    for version in 1..=7 {
        let topic = OffsetFetchRequestTopic::default().with_name(name(GRANTED)).with_partition_indexes(vec![0]);
        let asked = OffsetFetchRequest::default().with_group_id(group()).with_topics(Some(vec![topic]));
        let partition = |offset: &i64| {
            OffsetFetchResponsePartition::default().with_committed_offset(*offset).with_metadata(Some(text("")))
        };
        let stored = OffsetFetchResponseTopic::default()
            .with_name(name(GRANTED))
            .with_partitions(numbers.iter().map(partition).collect());
        let mut desk = Desk::new();
        desk.ask(ApiKey::OffsetFetch, version, &asked);
        let told = answer(0, version >= 6, version, &OffsetFetchResponse::default().with_topics(vec![stored.clone()]));
        let out = desk.broker_answers(&told, 99).unwrap();
        assert_eq!(read::<OffsetFetchResponse>(&out, version >= 6, version).1.topics, [stored], "v{version}");
    }
}

/// A record batch that says that it is compressed, and whose content is no such thing: a block that says that it will be
/// four gibibytes long.
fn bomb(codec: u8, length: usize) -> Bytes {
    let mut batch = vec![0; 61];
    batch[8..12].copy_from_slice(&u32::try_from(length + 49).unwrap().to_be_bytes());
    (batch[16], batch[22]) = (2, codec);
    batch.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    batch.resize(61 + length, 0xff);
    batch.into()
}

#[test]
fn trap_a20_records_are_never_unpacked() {
    // No decoder of them is even built.
    let manifest = include_str!("../../../Cargo.toml");
    let codecs = manifest.lines().find(|line| line.starts_with("kafka-protocol")).unwrap();
    assert!(codecs.contains("default-features = false, features = [\"client\", \"broker\"]"), "{codecs}");
    for codec in 0..=7 {
        for length in [100, 300 * KIB] {
            let mut desk = Desk::new();
            let (header, _) = upstream::<FetchRequest>(desk.ask(ApiKey::Fetch, 12, &fetch(12)), 12);
            let partition = PartitionData::default().with_records(Some(bomb(codec, length)));
            let topic = FetchableTopicResponse::default().with_topic(name(GRANTED)).with_partitions(vec![partition]);
            let told = FetchResponse::default().with_responses(vec![topic]);
            let out = desk.broker_answers(&answer(header.correlation_id, true, 12, &told), 10 * KIB).unwrap();
            assert_eq!(read::<FetchResponse>(&out, true, 12).1, told, "codec {codec}");
        }
        for version in 3..=7 {
            let data = PartitionProduceData::default().with_records(Some(bomb(codec, 100)));
            let topic = TopicProduceData::default().with_name(name(GRANTED)).with_partition_data(vec![data]);
            let asked = ProduceRequest::default().with_acks(1).with_topic_data(vec![topic]);
            let mut desk = Desk::new();
            assert!(matches!(desk.ask(ApiKey::Produce, version, &asked), Led::Local));
            let (_, response) = read::<ProduceResponse>(&desk.local_answer(), false, version);
            assert_eq!(response.responses[0].partition_responses[0].error_code, 29);
        }
    }
}
