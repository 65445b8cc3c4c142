//! Requests of a principal who may read one topic of two, and broker's answers, whole and spoilt, through a session.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{
    EpochEndOffset, FetchableTopicResponse, LeaderIdAndEpoch, PartitionData,
};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Encodable, StrBytes};
use uuid::Uuid;
use weir_hostile::judged::{GRANTED, GRANTED_ID, HIDDEN};
use weir_hostile::targets;
use weir_hostile::through::Direction;
use weir_kafka::table::{self, TABLE};

/// Spoilt copies of each seed.
const SPOILT: u64 = 300;

#[test]
fn trap_s6_what_goes_to_a_broker_is_what_was_judged_whatever_is_spoilt_in_it() {
    let (mut whole, mut spoilt) = (0, 0);
    for (name, input) in seeds() {
        assert!(targets::session(&input), "{name} goes on");
        whole += 1;
        for seed in 0..SPOILT {
            spoilt += u64::from(targets::session(&spoil(&input, seed)));
        }
    }
    assert!(spoilt > whole * SPOILT / 20, "{spoilt} of {whole} seeds' spoilt copies went on");
}

/// Changes, drops or adds a few bytes of a body.
fn spoil(input: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % below.max(1)
    };
    let mut spoilt = input.to_vec();
    for _ in 0..=next(3) {
        let place = (3 + next(spoilt.len())).min(spoilt.len() - 1);
        let byte = [0, 1, 2, 0x7f, 0x80, 0xff, 5, b'p'][next(8)];
        match next(4) {
            0 => spoilt.insert(place, byte),
            1 if spoilt.len() > 4 => drop(spoilt.remove(place)),
            _ => spoilt[place] = byte,
        }
    }
    spoilt
}

/// A request of every version of the APIs that are read by hand, with a topic that is granted and one that is not, and a
/// broker's answer to each Fetch.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for row in TABLE {
        for version in row.versions.min..=row.versions.max {
            for (direction, body) in bodies(row.key, version) {
                let name = format!("{}-v{version}-{direction:?}-{}", row.name, seeds.len()).to_lowercase();
                seeds.push((name, targets::gate_input(direction, row.key, version, &body)));
            }
        }
    }
    seeds
}

fn bodies(key: i16, version: i16) -> Vec<(Direction, Bytes)> {
    let group = || GroupId(StrBytes::from_static_str("readers"));
    let requests = match key {
        table::FETCH => {
            let answer = (Direction::Response, encoded(&fetch_answer(version), version));
            return vec![(Direction::Request, encoded(&fetch(version), version)), answer];
        }
        table::HEARTBEAT => encoded(&HeartbeatRequest::default().with_group_id(group()), version),
        table::LEAVE_GROUP => encoded(&LeaveGroupRequest::default().with_group_id(group()), version),
        table::SYNC_GROUP => {
            let text = |text| (version >= 5).then(|| StrBytes::from_static_str(text));
            let message = SyncGroupRequest::default().with_group_id(group()).with_protocol_type(text("consumer"));
            encoded(&message.with_protocol_name(text("range")), version)
        }
        table::OFFSET_COMMIT => {
            let topic = |name| {
                OffsetCommitRequestTopic::default()
                    .with_name(topic_name(name))
                    .with_partitions(vec![OffsetCommitRequestPartition::default().with_committed_offset(7); 2])
            };
            let topics = [GRANTED, HIDDEN].map(topic).to_vec();
            let alone = OffsetCommitRequest::default().with_group_id(group()).with_topics(topics[..1].to_vec());
            let both = alone.clone().with_topics(topics);
            return [alone, both].iter().map(|message| (Direction::Request, encoded(message, version))).collect();
        }
        table::LIST_OFFSETS => {
            let topic = |name| {
                ListOffsetsTopic::default()
                    .with_name(topic_name(name))
                    .with_partitions(vec![ListOffsetsPartition::default().with_timestamp(-1); 2])
            };
            let topics = [GRANTED, HIDDEN].map(topic).to_vec();
            let alone = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(topics[..1].to_vec());
            let both = alone.clone().with_topics(topics);
            return [alone, both].iter().map(|message| (Direction::Request, encoded(message, version))).collect();
        }
        _ => return Vec::new(),
    };
    vec![(Direction::Request, requests)]
}

fn fetch(version: i16) -> FetchRequest {
    let topic = |(name, id)| {
        let partition = |index| FetchPartition::default().with_partition(index).with_partition_max_bytes(9);
        let topic = FetchTopic::default().with_partitions((0..2).map(partition).collect());
        if version >= 13 { topic.with_topic_id(id) } else { topic.with_topic(topic_name(name)) }
    };
    let topics = [(GRANTED, Uuid::from_u128(GRANTED_ID)), (HIDDEN, Uuid::from_u128(GRANTED_ID + 1))].map(topic);
    FetchRequest::default().with_max_wait_ms(5).with_max_bytes(9).with_topics(topics.to_vec())
}

fn fetch_answer(version: i16) -> FetchResponse {
    let partition = |index| {
        let partition =
            PartitionData::default().with_partition_index(index).with_records(Some(Bytes::from_static(b"records")));
        if version < 12 {
            return partition;
        }
        partition
            .with_current_leader(LeaderIdAndEpoch::default().with_leader_id(BrokerId(1)).with_leader_epoch(3))
            .with_diverging_epoch(EpochEndOffset::default().with_epoch(3).with_end_offset(4))
    };
    let topic = FetchableTopicResponse::default().with_partitions((0..2).map(partition).collect());
    let topic = match version {
        13.. => topic.with_topic_id(Uuid::from_u128(GRANTED_ID)),
        _ => topic.with_topic(topic_name(GRANTED)),
    };
    FetchResponse::default().with_responses(vec![topic])
}

fn topic_name(name: &'static str) -> TopicName {
    TopicName(StrBytes::from_static_str(name))
}

fn encoded<M: Encodable>(message: &M, version: i16) -> Bytes {
    let mut body = BytesMut::new();
    message.encode(&mut body, version).expect("the version can say this");
    body.freeze()
}
