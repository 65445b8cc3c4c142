//! The way of a frame from its first byte to a decoded message, as Weir goes it.

use std::fmt::Debug;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Encodable};
use weir_kafka::frame::{self, Cut, FrameLimits, PREFIX};
use weir_kafka::gate::{self, Budget, Passed};
use weir_kafka::header::{self, RequestHeader};
use weir_kafka::shape::Shape;
use weir_kafka::table::{self, Row};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// A client.
    Request,
    /// A broker.
    Response,
}

impl Direction {
    /// The row's shape for this direction.
    pub fn shape(self, row: &Row) -> &'static Shape {
        match self {
            Self::Request => row.request,
            Self::Response => row.response,
        }
    }

    /// What Weir allows in this direction.
    pub fn budget(self) -> Budget {
        match self {
            Self::Request => Budget::REQUEST,
            Self::Response => Budget::RESPONSE,
        }
    }
}

/// A whole frame around a body, its length prefix included.
pub fn frame(direction: Direction, row: &Row, version: i16, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; PREFIX];
    match direction {
        Direction::Request => {
            let header = RequestHeader { api_key: row.key, version, correlation_id: 7, client_id: Some("hostile") };
            header::write_request_header(&mut frame, &header, row.is_flexible(version));
        }
        Direction::Response => {
            header::write_response_header(&mut frame, 7, row.response_header_is_flexible(version));
        }
    }
    frame.extend_from_slice(body);
    let length = u32::try_from(frame.len() - PREFIX).expect("a test's frame is short");
    frame[..PREFIX].copy_from_slice(&length.to_be_bytes());
    frame
}

/// Takes a request frame apart, walks its body, and decodes it if it passed.
pub fn request(bytes: &Bytes) -> Result<(), String> {
    let len = match frame::cut(bytes, &FrameLimits::default()) {
        Ok(Cut::Frame { len }) => len,
        other => return Err(format!("{other:?}")),
    };
    let frame = bytes.slice(PREFIX..PREFIX + len);
    let (key, version) = header::key_and_version(&frame).map_err(|error| error.to_string())?;
    let row = table::row(key).filter(|row| row.versions.holds(version)).ok_or("not spoken")?;
    let (_, body) =
        header::parse_request_header(&frame, row.is_flexible(version)).map_err(|error| error.to_string())?;
    body_of(Direction::Request, row, version, &frame.slice(body..))
}

/// Takes the frame of a broker's answer apart, walks its body, and decodes it if it passed.
pub fn response(bytes: &Bytes, row: &Row, version: i16) -> Result<(), String> {
    let frame = bytes.slice(PREFIX..);
    let (_, body) = header::parse_response_header(&frame, row.response_header_is_flexible(version))
        .map_err(|error| error.to_string())?;
    body_of(Direction::Response, row, version, &frame.slice(body..))
}

/// Walks a body and decodes it if it passed.
pub fn body_of(direction: Direction, row: &Row, version: i16, body: &Bytes) -> Result<(), String> {
    let passed = gate::walk(direction.shape(row), version, body, &direction.budget()).map_err(|e| e.to_string())?;
    decode(direction, row.key, version, &body.slice(..passed.body_len))
}

/// Decodes a body. Without the gate before it, this can end the process.
pub fn decode(direction: Direction, key: i16, version: i16, body: &Bytes) -> Result<(), String> {
    (codec(direction, key).decode)(body, version)
}

/// What holds of every body that the gate lets through: it is decoded to the last byte, and what is encoded from it is
/// the same message, in the same bytes if the gate called it canonical, but for tagged fields that said their default.
///
/// # Panics
/// Where it does not hold.
pub fn agrees(direction: Direction, row: &Row, version: i16, body: &Bytes, passed: Passed) {
    let again = (codec(direction, row.key).again)(&body.slice(..passed.body_len), version);
    let again = again.unwrap_or_else(|error| panic!("{} v{version} {direction:?}: {error}: {body:x?}", row.name));
    if passed.canonical && again != body[..passed.body_len] {
        assert!(again.len() < passed.body_len, "{} v{version} {direction:?}: {body:x?}", row.name);
    }
}

/// What `kafka-protocol` makes of one message.
struct Codec {
    decode: fn(&Bytes, i16) -> Result<(), String>,
    again: fn(&Bytes, i16) -> Result<Vec<u8>, String>,
}

fn of<M: Decodable + Encodable + PartialEq + Debug>() -> Codec {
    Codec { decode: |body, version| whole::<M>(body, version).map(drop), again: again::<M> }
}

fn whole<M: Decodable>(body: &Bytes, version: i16) -> Result<M, String> {
    let mut rest = body.clone();
    let message = M::decode(&mut rest, version).map_err(|error| format!("passed, but not decoded: {error}"))?;
    if rest.is_empty() { Ok(message) } else { Err(format!("passed, but {} bytes not decoded", rest.len())) }
}

fn again<M: Decodable + Encodable + PartialEq + Debug>(body: &Bytes, version: i16) -> Result<Vec<u8>, String> {
    let message: M = whole(body, version)?;
    let mut encoded = BytesMut::new();
    message.encode(&mut encoded, version).map_err(|error| format!("decoded, but not encoded: {error}"))?;
    let encoded = encoded.freeze();
    let same = whole::<M>(&encoded, version)? == message;
    if same { Ok(encoded.to_vec()) } else { Err("encoded as another message".into()) }
}

fn codec(direction: Direction, key: i16) -> Codec {
    let [request, response] = match key {
        table::PRODUCE => [of::<ProduceRequest>(), of::<ProduceResponse>()],
        table::FETCH => [of::<FetchRequest>(), of::<FetchResponse>()],
        table::LIST_OFFSETS => [of::<ListOffsetsRequest>(), of::<ListOffsetsResponse>()],
        table::METADATA => [of::<MetadataRequest>(), of::<MetadataResponse>()],
        table::OFFSET_COMMIT => [of::<OffsetCommitRequest>(), of::<OffsetCommitResponse>()],
        table::OFFSET_FETCH => [of::<OffsetFetchRequest>(), of::<OffsetFetchResponse>()],
        table::FIND_COORDINATOR => [of::<FindCoordinatorRequest>(), of::<FindCoordinatorResponse>()],
        table::JOIN_GROUP => [of::<JoinGroupRequest>(), of::<JoinGroupResponse>()],
        table::HEARTBEAT => [of::<HeartbeatRequest>(), of::<HeartbeatResponse>()],
        table::LEAVE_GROUP => [of::<LeaveGroupRequest>(), of::<LeaveGroupResponse>()],
        table::SYNC_GROUP => [of::<SyncGroupRequest>(), of::<SyncGroupResponse>()],
        table::SASL_HANDSHAKE => [of::<SaslHandshakeRequest>(), of::<SaslHandshakeResponse>()],
        table::API_VERSIONS => [of::<ApiVersionsRequest>(), of::<ApiVersionsResponse>()],
        table::OFFSET_FOR_LEADER_EPOCH => [of::<OffsetForLeaderEpochRequest>(), of::<OffsetForLeaderEpochResponse>()],
        table::SASL_AUTHENTICATE => [of::<SaslAuthenticateRequest>(), of::<SaslAuthenticateResponse>()],
        table::DESCRIBE_CLUSTER => [of::<DescribeClusterRequest>(), of::<DescribeClusterResponse>()],
        table::CONSUMER_GROUP_HEARTBEAT => {
            [of::<ConsumerGroupHeartbeatRequest>(), of::<ConsumerGroupHeartbeatResponse>()]
        }
        table::DESCRIBE_GROUPS => [of::<DescribeGroupsRequest>(), of::<DescribeGroupsResponse>()],
        table::LIST_GROUPS => [of::<ListGroupsRequest>(), of::<ListGroupsResponse>()],
        table::DELETE_GROUPS => [of::<DeleteGroupsRequest>(), of::<DeleteGroupsResponse>()],
        table::OFFSET_DELETE => [of::<OffsetDeleteRequest>(), of::<OffsetDeleteResponse>()],
        table::CONSUMER_GROUP_DESCRIBE => [of::<ConsumerGroupDescribeRequest>(), of::<ConsumerGroupDescribeResponse>()],
        table::DESCRIBE_ACLS => [of::<DescribeAclsRequest>(), of::<DescribeAclsResponse>()],
        table::DESCRIBE_CONFIGS => [of::<DescribeConfigsRequest>(), of::<DescribeConfigsResponse>()],
        table::DESCRIBE_CLIENT_QUOTAS => [of::<DescribeClientQuotasRequest>(), of::<DescribeClientQuotasResponse>()],
        table::DESCRIBE_USER_SCRAM_CREDENTIALS => {
            [of::<DescribeUserScramCredentialsRequest>(), of::<DescribeUserScramCredentialsResponse>()]
        }
        table::DESCRIBE_TOPIC_PARTITIONS => {
            [of::<DescribeTopicPartitionsRequest>(), of::<DescribeTopicPartitionsResponse>()]
        }
        key => panic!("a row without a codec: {key}"),
    };
    match direction {
        Direction::Request => request,
        Direction::Response => response,
    }
}
