//! Refusals of groups, where each version has its place for them.

use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::{
    ApiKey, GroupId, JoinGroupRequest, JoinGroupResponse, OffsetCommitRequest, OffsetCommitResponse,
    OffsetFetchRequest, OffsetFetchResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use weir_policy::GroupMode;

use crate::support::*;

/// Both ways to keep groups apart, and what a group without a name is told there: that it is none, or nobody's.
fn desks() -> [(Desk, i16); 2] {
    [(GroupMode::Namespaced, 24), (GroupMode::ExplicitPrefix, 30)].map(|(mode, nameless)| {
        let mut desk = Desk::new();
        desk.policy = policy_in(mode, &[GRANTED]);
        (desk, nameless)
    })
}

#[test]
fn trap_c38_a_refusal_to_join_names_no_generation_no_protocol_no_leader_and_no_member() {
    for (name, protocol_type, code) in [("", "consumer", 24), ("g", "connect", 23), ("other.g", "consumer", 30)] {
        for version in 0..=9 {
            // Only where clients write the prefix themselves can they name another's group.
            let [(namespaced, _), (prefixed, _)] = desks();
            let mut desk = if code == 30 { prefixed } else { namespaced };
            let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
            let request = JoinGroupRequest::default()
                .with_group_id(GroupId(text(name)))
                .with_session_timeout_ms(10_000)
                .with_member_id(text("a member"))
                .with_protocol_type(text(protocol_type))
                .with_protocols(vec![protocol]);
            assert!(matches!(desk.ask(ApiKey::JoinGroup, version, &request), Led::Local));
            let (_, response) = read::<JoinGroupResponse>(&desk.local_answer(), version >= 6, version);
            let refused = JoinGroupResponse::default().with_error_code(code).with_generation_id(-1);
            let no_protocol = (version < 7).then(StrBytes::default);
            assert_eq!(response, refused.with_protocol_name(no_protocol), "version {version}: {code}");
            assert_eq!((&*response.leader, &*response.member_id, response.members.len()), ("", "", 0));
        }
    }
}

#[test]
fn trap_c50_offsets_of_a_group_without_a_name_are_neither_kept_nor_told() {
    let topic = || TopicName(text(GRANTED));
    for version in 2..=9 {
        for (mut desk, nameless) in desks() {
            let partitions = vec![OffsetCommitRequestPartition::default()];
            let named = OffsetCommitRequestTopic::default().with_name(topic()).with_partitions(partitions);
            let asked = OffsetCommitRequest::default().with_topics(vec![named]);
            assert!(matches!(desk.ask(ApiKey::OffsetCommit, version, &asked), Led::Local), "version {version}");
            let (_, response) = read::<OffsetCommitResponse>(&desk.local_answer(), version >= 8, version);
            assert_eq!(response.topics[0].partitions[0].error_code, nameless);
        }
    }
    for version in 1..=9 {
        for (mut desk, nameless) in desks() {
            let named = OffsetFetchRequestTopic::default().with_name(topic()).with_partition_indexes(vec![0]);
            let single = OffsetFetchRequest::default().with_topics(Some(vec![named]));
            let named = OffsetFetchRequestTopics::default().with_name(topic()).with_partition_indexes(vec![0]);
            let of = OffsetFetchRequestGroup::default().with_topics(Some(vec![named]));
            let asked = if version < 8 { single } else { OffsetFetchRequest::default().with_groups(vec![of]) };
            assert!(matches!(desk.ask(ApiKey::OffsetFetch, version, &asked), Led::Local), "version {version}");
            let (_, response) = read::<OffsetFetchResponse>(&desk.local_answer(), version >= 6, version);
            let code = match version {
                1 => response.topics[0].partitions[0].error_code,
                2..=7 => response.error_code,
                _ => response.groups[0].error_code,
            };
            assert_eq!(code, nameless, "version {version}");
        }
    }
}
