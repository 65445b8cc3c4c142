//! A group's coordinator that moves: asked for each time, and what it says of itself passes.

use std::fmt::Debug;

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::{
    ApiKey, BrokerId, FindCoordinatorRequest, FindCoordinatorResponse, GroupId, HeartbeatRequest, HeartbeatResponse,
    JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, OffsetCommitRequest,
    OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, SyncGroupRequest, SyncGroupResponse, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use weir_kafka::table;

use crate::support::*;

const REAL: &str = "weir.reader.g";

fn text(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

fn group() -> GroupId {
    GroupId(text("g"))
}

/// What the client gets of a broker's answer to a request that went there.
fn through<Q, A>(desk: &mut Desk, key: ApiKey, version: i16, request: &Q, broker: &A) -> A
where
    Q: Encodable + Decodable + HeaderVersion,
    A: Encodable + Decodable,
{
    let (header, _) = upstream::<Q>(desk.ask(key, version, request), version);
    let flexible = table::row(key as i16).unwrap().response_header_is_flexible(version);
    let out = desk.broker_answers(&answer(header.correlation_id, flexible, version, broker), 1 << 20).unwrap();
    read::<A>(&out, flexible, version).1
}

#[test]
fn trap_c29_a_coordinator_is_asked_for_every_time() {
    for version in 0..=6 {
        let mut desk = Desk::new();
        let request = if version < 4 {
            FindCoordinatorRequest::default().with_key(text("g"))
        } else {
            FindCoordinatorRequest::default().with_coordinator_keys(vec![text("g")])
        };
        for node in [1, 3, 2, 1] {
            let (host, port) = (text(INTERNAL_HOST), 9092);
            let broker = if version < 4 {
                FindCoordinatorResponse::default().with_node_id(BrokerId(node)).with_host(host).with_port(port)
            } else {
                let found = Coordinator::default().with_key(text(REAL)).with_node_id(BrokerId(node));
                FindCoordinatorResponse::default().with_coordinators(vec![found.with_host(host).with_port(port)])
            };
            let shown = through(&mut desk, ApiKey::FindCoordinator, version, &request, &broker);
            let found = shown.coordinators.first().map_or(shown.node_id, |found| found.node_id);
            assert_eq!(found, BrokerId(node), "version {version}");
        }
    }
}

/// The client gets what the broker says, in the newest version.
fn passes<Q, A>(key: ApiKey, request: &Q, broker: &A)
where
    Q: Encodable + Decodable + HeaderVersion,
    A: Encodable + Decodable + PartialEq + Debug,
{
    let version = table::row(key as i16).unwrap().versions.max;
    assert_eq!(&through(&mut Desk::new(), key, version, request, broker), broker, "{key:?} v{version}");
}

#[test]
fn trap_c29_that_a_coordinator_has_moved_is_told_as_the_broker_tells_it() {
    let name = || TopicName(text(GRANTED));
    for code in [14, 15, 16] {
        let request = HeartbeatRequest::default().with_group_id(group());
        passes(ApiKey::Heartbeat, &request, &HeartbeatResponse::default().with_error_code(code));
        let request = LeaveGroupRequest::default().with_group_id(group());
        passes(ApiKey::LeaveGroup, &request, &LeaveGroupResponse::default().with_error_code(code));
        let protocol = JoinGroupRequestProtocol::default().with_metadata(vec![0; 10].into());
        let request = JoinGroupRequest::default().with_group_id(group()).with_protocol_type(text("consumer"));
        let broker = JoinGroupResponse::default().with_error_code(code);
        passes(ApiKey::JoinGroup, &request.with_protocols(vec![protocol]), &broker);
        let request = SyncGroupRequest::default().with_group_id(group()).with_protocol_type(Some(text("consumer")));
        let broker = SyncGroupResponse::default().with_error_code(code);
        passes(ApiKey::SyncGroup, &request.with_protocol_name(Some(text("range"))), &broker);
        let partition = OffsetCommitRequestPartition::default();
        let topic = OffsetCommitRequestTopic::default().with_name(name()).with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default().with_group_id(group()).with_topics(vec![topic]);
        let partition = OffsetCommitResponsePartition::default().with_error_code(code);
        let topic = OffsetCommitResponseTopic::default().with_name(name()).with_partitions(vec![partition]);
        passes(ApiKey::OffsetCommit, &request, &OffsetCommitResponse::default().with_topics(vec![topic]));
        for version in 2..=7 {
            let request = OffsetFetchRequest::default().with_group_id(group()).with_topics(None);
            let broker = OffsetFetchResponse::default().with_error_code(code);
            let shown = through(&mut Desk::new(), ApiKey::OffsetFetch, version, &request, &broker);
            assert_eq!(shown, broker, "OffsetFetch v{version}");
        }
        let request = FindCoordinatorRequest::default().with_key(text("g"));
        let broker = FindCoordinatorResponse::default().with_error_code(code).with_node_id(BrokerId(-1));
        let shown = through(&mut Desk::new(), ApiKey::FindCoordinator, 3, &request, &broker);
        assert_eq!((shown.error_code, shown.node_id.0, &*shown.host, shown.port), (code, -1, "", -1));
    }
}
