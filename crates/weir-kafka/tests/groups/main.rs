//! Groups through a session: each principal's are its own, and what they are called inside shows to nobody.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod coordinators;
mod members;
mod offsets;
#[path = "../support/mod.rs"]
mod support;

use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{
    ApiKey, FindCoordinatorRequest, FindCoordinatorResponse, GroupId, HeartbeatRequest, HeartbeatResponse,
    JoinGroupRequest, LeaveGroupRequest, OffsetCommitRequest, OffsetCommitResponse, SyncGroupRequest, TopicName,
};
use support::*;

const REAL: &str = "weir.reader.my group";

fn group(name: &str) -> GroupId {
    GroupId(text(name))
}

fn topic(name: &str) -> TopicName {
    TopicName(text(name))
}

#[test]
fn every_group_request_names_the_group_inside_the_namespace() {
    for version in 0..=4 {
        let asked = HeartbeatRequest::default().with_group_id(group("my group"));
        let (header, sent) = upstream::<HeartbeatRequest>(Desk::new().ask(ApiKey::Heartbeat, version, &asked), version);
        assert_eq!(&**sent.group_id, REAL);
        assert_eq!(header.client_id.as_deref(), Some("reader"), "trap S11: the brokers see the principal");
    }
    for version in 0..=5 {
        let asked = sync("my group");
        let (_, sent) = upstream::<SyncGroupRequest>(Desk::new().ask(ApiKey::SyncGroup, version, &asked), version);
        assert_eq!(&**sent.group_id, REAL);
        let asked = LeaveGroupRequest::default().with_group_id(group("my group"));
        let (_, sent) = upstream::<LeaveGroupRequest>(Desk::new().ask(ApiKey::LeaveGroup, version, &asked), version);
        assert_eq!(&**sent.group_id, REAL);
    }
    for version in 0..=9 {
        let (_, sent) = upstream::<JoinGroupRequest>(
            Desk::new().ask(ApiKey::JoinGroup, version, &join("my group", "consumer")),
            version,
        );
        assert_eq!(&**sent.group_id, REAL);
    }
}

#[test]
fn trap_c50_a_group_without_a_name_is_nobodys() {
    for name in ["", "a\nb", "a\0b", "a/b"] {
        let mut desk = Desk::new();
        let asked = HeartbeatRequest::default().with_group_id(group(name));
        assert!(matches!(desk.ask(ApiKey::Heartbeat, 4, &asked), Led::Local));
        assert_eq!(read::<HeartbeatResponse>(&desk.local_answer(), true, 4).1.error_code, 24, "{name:?}");
    }
}

#[test]
fn a_broker_that_cannot_be_reached_gives_each_api_its_retriable_code() {
    let mut desk = Desk::new();
    desk.connected = false;
    desk.ask(ApiKey::Heartbeat, 3, &HeartbeatRequest::default().with_group_id(group("g")));
    desk.session.broker_unreachable().unwrap();
    assert_eq!(read::<HeartbeatResponse>(&desk.local_answer(), false, 3).1.error_code, 16);
    desk.ask(ApiKey::OffsetCommit, 3, &commit(&[GRANTED, HIDDEN]));
    desk.session.broker_unreachable().unwrap();
    let (_, response) = read::<OffsetCommitResponse>(&desk.local_answer(), false, 3);
    let codes: Vec<i16> = response.topics.iter().map(|topic| topic.partitions[0].error_code).collect();
    assert_eq!(codes, [16, 29]);
    desk.ask(ApiKey::FindCoordinator, 1, &FindCoordinatorRequest::default().with_key(text("g")));
    desk.session.broker_unreachable().unwrap();
    assert_eq!(read::<FindCoordinatorResponse>(&desk.local_answer(), false, 1).1.error_code, 15);
}

fn join(name: &str, protocol_type: &str) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
    JoinGroupRequest::default()
        .with_group_id(group(name))
        .with_session_timeout_ms(10_000)
        .with_protocol_type(text(protocol_type))
        .with_protocols(vec![protocol])
}

fn sync(name: &str) -> SyncGroupRequest {
    SyncGroupRequest::default()
        .with_group_id(group(name))
        .with_protocol_type(Some(text("consumer")))
        .with_protocol_name(Some(text("range")))
}

fn commit(topics: &[&str]) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(5);
    let topic = |name: &&str| {
        OffsetCommitRequestTopic::default().with_name(topic(name)).with_partitions(vec![partition.clone()])
    };
    OffsetCommitRequest::default().with_group_id(group("my group")).with_topics(topics.iter().map(topic).collect())
}
