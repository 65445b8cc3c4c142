use std::collections::BTreeSet;

use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, DeleteGroupsRequest,
    DescribeAclsRequest, DescribeClientQuotasRequest, DescribeClusterRequest, DescribeConfigsRequest,
    DescribeGroupsRequest, DescribeTopicPartitionsRequest, DescribeUserScramCredentialsRequest, FetchRequest,
    FindCoordinatorRequest, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest,
    ListOffsetsRequest, MetadataRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
    OffsetForLeaderEpochRequest, ProduceRequest, SaslAuthenticateRequest, SaslHandshakeRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::Decodable;

use super::*;
use crate::shape::random;

#[test]
fn every_key_has_one_row_and_rows_are_in_their_order() {
    let keys: Vec<i16> = TABLE.iter().map(|row| row.key).collect();
    let unique: BTreeSet<i16> = keys.iter().copied().collect();
    assert_eq!(keys, unique.into_iter().collect::<Vec<_>>());
    assert!(row(4).is_none() && row(-1).is_none() && row(i16::MAX).is_none());
    for (place, known) in TABLE.iter().enumerate() {
        assert_eq!(known.index(), place);
        assert_eq!(row(known.key).unwrap().name, known.name);
        assert_eq!(format!("{:?}", ApiKey::try_from(known.key).unwrap()), known.name);
    }
}

#[test]
fn every_version_of_a_row_has_both_its_shapes() {
    for row in TABLE {
        for version in row.versions.min..=row.versions.max {
            assert!(row.request.versions.holds(version), "{} request v{version}", row.name);
            assert!(row.response.versions.holds(version), "{} response v{version}", row.name);
        }
        assert_eq!(row.request.flexible_from, row.response.flexible_from, "{}", row.name);
    }
}

#[test]
fn flexible_versions_are_those_of_kafkas_headers() {
    for row in TABLE {
        let key = ApiKey::try_from(row.key).unwrap();
        for version in row.versions.min..=row.versions.max {
            let request = key.request_header_version(version) >= 2;
            assert_eq!(row.is_flexible(version), request, "{} v{version}", row.name);
            let response = key.response_header_version(version) >= 1;
            assert_eq!(row.response_header_is_flexible(version), response, "{} v{version}", row.name);
        }
    }
}

#[test]
fn trap_c12_the_response_header_of_api_versions_never_has_tagged_fields() {
    let row = row(API_VERSIONS).unwrap();
    assert!(row.is_flexible(3) && !row.response_header_is_flexible(3));
}

/// `valid_versions` promises more than the request decoders do, so they are asked themselves.
#[test]
fn trap_c9_every_version_of_a_row_can_be_decoded() {
    fn decode<M: Decodable>(body: &[u8], version: i16) -> bool {
        M::decode(&mut bytes::Bytes::copy_from_slice(body), version).is_ok()
    }
    for row in TABLE {
        let decode = match row.key {
            PRODUCE => decode::<ProduceRequest>,
            FETCH => decode::<FetchRequest>,
            LIST_OFFSETS => decode::<ListOffsetsRequest>,
            METADATA => decode::<MetadataRequest>,
            OFFSET_COMMIT => decode::<OffsetCommitRequest>,
            OFFSET_FETCH => decode::<OffsetFetchRequest>,
            FIND_COORDINATOR => decode::<FindCoordinatorRequest>,
            JOIN_GROUP => decode::<JoinGroupRequest>,
            HEARTBEAT => decode::<HeartbeatRequest>,
            LEAVE_GROUP => decode::<LeaveGroupRequest>,
            SYNC_GROUP => decode::<SyncGroupRequest>,
            SASL_HANDSHAKE => decode::<SaslHandshakeRequest>,
            API_VERSIONS => decode::<ApiVersionsRequest>,
            OFFSET_FOR_LEADER_EPOCH => decode::<OffsetForLeaderEpochRequest>,
            SASL_AUTHENTICATE => decode::<SaslAuthenticateRequest>,
            DESCRIBE_CLUSTER => decode::<DescribeClusterRequest>,
            CONSUMER_GROUP_HEARTBEAT => decode::<ConsumerGroupHeartbeatRequest>,
            DESCRIBE_GROUPS => decode::<DescribeGroupsRequest>,
            LIST_GROUPS => decode::<ListGroupsRequest>,
            DELETE_GROUPS => decode::<DeleteGroupsRequest>,
            OFFSET_DELETE => decode::<OffsetDeleteRequest>,
            CONSUMER_GROUP_DESCRIBE => decode::<ConsumerGroupDescribeRequest>,
            DESCRIBE_ACLS => decode::<DescribeAclsRequest>,
            DESCRIBE_CONFIGS => decode::<DescribeConfigsRequest>,
            DESCRIBE_CLIENT_QUOTAS => decode::<DescribeClientQuotasRequest>,
            DESCRIBE_USER_SCRAM_CREDENTIALS => decode::<DescribeUserScramCredentialsRequest>,
            DESCRIBE_TOPIC_PARTITIONS => decode::<DescribeTopicPartitionsRequest>,
            key => panic!("a row without a decoder: {key}"),
        };
        for version in row.versions.min..=row.versions.max {
            let body = random::body(row.request, version, 1, 2);
            assert!(decode(&body, version), "{} v{version}", row.name);
        }
    }
}

#[test]
fn what_is_answered_by_weir_has_no_deadline_and_no_broker_code() {
    for row in TABLE {
        let forwarded = row.disposition == Disposition::Forward;
        assert_eq!(row.retriable_code.is_some(), forwarded, "{}", row.name);
        assert_eq!(row.response_mode != ResponseMode::None, forwarded, "{}", row.name);
    }
}

#[test]
fn trap_k1_produce_is_offered() {
    assert!(row(PRODUCE).unwrap().advertised);
}
