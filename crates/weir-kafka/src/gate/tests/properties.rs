//! What the gate lets through, the decoder reads to the last byte, and writes again as it was.

use std::fmt::Debug;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Encodable};
use proptest::prelude::*;

use super::*;
use crate::shape::random::{self, Dice};
use crate::table::{self, Row, TABLE};

/// Decodes a body and encodes it again.
type Again = fn(&[u8], i16) -> Result<Vec<u8>, String>;

fn again<M: Decodable + Encodable + PartialEq + Debug>(body: &[u8], version: i16) -> Result<Vec<u8>, String> {
    let decode = |body: &[u8]| {
        let mut bytes = Bytes::copy_from_slice(body);
        let message = M::decode(&mut bytes, version).map_err(|error| format!("not decoded: {error}"))?;
        if bytes.is_empty() { Ok(message) } else { Err(format!("{} bytes left", bytes.len())) }
    };
    let message = decode(body)?;
    let mut encoded = BytesMut::new();
    message.encode(&mut encoded, version).map_err(|error| format!("not encoded: {error}"))?;
    if decode(&encoded)? == message { Ok(encoded.to_vec()) } else { Err("another message".to_owned()) }
}

fn codecs(key: i16) -> [Again; 2] {
    match key {
        table::PRODUCE => [again::<ProduceRequest>, again::<ProduceResponse>],
        table::FETCH => [again::<FetchRequest>, again::<FetchResponse>],
        table::LIST_OFFSETS => [again::<ListOffsetsRequest>, again::<ListOffsetsResponse>],
        table::METADATA => [again::<MetadataRequest>, again::<MetadataResponse>],
        table::OFFSET_COMMIT => [again::<OffsetCommitRequest>, again::<OffsetCommitResponse>],
        table::OFFSET_FETCH => [again::<OffsetFetchRequest>, again::<OffsetFetchResponse>],
        table::FIND_COORDINATOR => [again::<FindCoordinatorRequest>, again::<FindCoordinatorResponse>],
        table::JOIN_GROUP => [again::<JoinGroupRequest>, again::<JoinGroupResponse>],
        table::HEARTBEAT => [again::<HeartbeatRequest>, again::<HeartbeatResponse>],
        table::LEAVE_GROUP => [again::<LeaveGroupRequest>, again::<LeaveGroupResponse>],
        table::SYNC_GROUP => [again::<SyncGroupRequest>, again::<SyncGroupResponse>],
        table::SASL_HANDSHAKE => [again::<SaslHandshakeRequest>, again::<SaslHandshakeResponse>],
        table::API_VERSIONS => [again::<ApiVersionsRequest>, again::<ApiVersionsResponse>],
        table::OFFSET_FOR_LEADER_EPOCH => [again::<OffsetForLeaderEpochRequest>, again::<OffsetForLeaderEpochResponse>],
        table::SASL_AUTHENTICATE => [again::<SaslAuthenticateRequest>, again::<SaslAuthenticateResponse>],
        table::DESCRIBE_CLUSTER => [again::<DescribeClusterRequest>, again::<DescribeClusterResponse>],
        table::CONSUMER_GROUP_HEARTBEAT => {
            [again::<ConsumerGroupHeartbeatRequest>, again::<ConsumerGroupHeartbeatResponse>]
        }
        table::DESCRIBE_GROUPS => [again::<DescribeGroupsRequest>, again::<DescribeGroupsResponse>],
        table::LIST_GROUPS => [again::<ListGroupsRequest>, again::<ListGroupsResponse>],
        table::DELETE_GROUPS => [again::<DeleteGroupsRequest>, again::<DeleteGroupsResponse>],
        table::OFFSET_DELETE => [again::<OffsetDeleteRequest>, again::<OffsetDeleteResponse>],
        table::CONSUMER_GROUP_DESCRIBE => {
            [again::<ConsumerGroupDescribeRequest>, again::<ConsumerGroupDescribeResponse>]
        }
        table::DESCRIBE_ACLS => [again::<DescribeAclsRequest>, again::<DescribeAclsResponse>],
        table::DESCRIBE_CONFIGS => [again::<DescribeConfigsRequest>, again::<DescribeConfigsResponse>],
        table::DESCRIBE_CLIENT_QUOTAS => [again::<DescribeClientQuotasRequest>, again::<DescribeClientQuotasResponse>],
        table::DESCRIBE_USER_SCRAM_CREDENTIALS => {
            [again::<DescribeUserScramCredentialsRequest>, again::<DescribeUserScramCredentialsResponse>]
        }
        table::DESCRIBE_TOPIC_PARTITIONS => {
            [again::<DescribeTopicPartitionsRequest>, again::<DescribeTopicPartitionsResponse>]
        }
        key => panic!("a row without decoders: {key}"),
    }
}

/// Every shape of the table in every version, with what decodes it.
fn every_message() -> Vec<(&'static Row, &'static Shape, i16, Again)> {
    let of_row = |row: &'static Row| {
        let [request, response] = codecs(row.key);
        (row.versions.min..=row.versions.max)
            .flat_map(move |version| [(row, row.request, version, request), (row, row.response, version, response)])
    };
    TABLE.iter().flat_map(of_row).collect()
}

const STRICT: Budget = Budget { trailing_bytes: false, ..Budget::RESPONSE };

#[test]
fn every_message_passes_and_is_written_again_as_it_was() {
    for (row, shape, version, again) in every_message() {
        for seed in 0..60 {
            let body = random::body(shape, version, seed, 4);
            let place = format!("{} v{version} seed {seed}: {body:x?}", row.name);
            assert_eq!(walk(shape, version, &body, &STRICT), ok(true, body.len()), "{place}");
            assert_eq!(again(&body, version).as_ref(), Ok(&body), "{place}");
        }
    }
}

#[test]
fn a_message_that_is_cut_short_is_refused_wherever_it_is_cut() {
    for (row, shape, version, _) in every_message() {
        let body = random::body(shape, version, 7, 3);
        for end in 0..body.len() {
            assert!(walk(shape, version, &body[..end], &STRICT).is_err(), "{} v{version} cut at {end}", row.name);
        }
    }
}

fn mutate(body: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(body.len().max(1) as u64) as usize;
    let byte = [0, 1, 2, 0x7f, 0x80, 0xff, dice.next() as u8][dice.below(7) as usize];
    match dice.below(3) {
        0 if !body.is_empty() => body[at] = byte,
        1 if !body.is_empty() => drop(body.remove(at)),
        _ => body.insert(at, byte),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6_000))]

    /// Trap S6: there are no bytes that the gate and the decoder read differently. What is canonical and comes back in
    /// other bytes only lost tagged fields that said their default.
    #[test]
    fn trap_s6_what_passes_is_decoded_to_the_last_byte(which: prop::sample::Index, seed: u64, changes in 1_usize..4) {
        let messages = every_message();
        let (row, shape, version, again) = messages[which.index(messages.len())];
        let mut body = random::body(shape, version, seed, 3);
        let mut dice = Dice(!seed);
        (0..changes).for_each(|_| mutate(&mut body, &mut dice));
        let Ok(passed) = walk(shape, version, &body, &STRICT) else { return Ok(()) };
        let encoded = again(&body, version);
        prop_assert!(encoded.is_ok(), "{} v{version} {encoded:?}: {body:x?}", row.name);
        let encoded = encoded.unwrap();
        if passed.canonical && encoded != body {
            prop_assert!(encoded.len() < body.len(), "{} v{version}: {body:x?}", row.name);
        }
    }

    #[test]
    fn any_bytes_are_answered(which: prop::sample::Index, body in prop::collection::vec(any::<u8>(), 0..120)) {
        let messages = every_message();
        let (row, shape, version, again) = messages[which.index(messages.len())];
        if walk(shape, version, &body, &STRICT).is_ok() {
            prop_assert!(again(&body, version).is_ok(), "{} v{version}: {body:x?}", row.name);
        }
    }
}
