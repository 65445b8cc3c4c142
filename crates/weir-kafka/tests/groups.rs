//! Groups through a session: each principal's are its own, and what they are called inside shows to nobody.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    ApiKey, BrokerId, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, GroupId, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse,
    SyncGroupRequest, SyncGroupResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use support::*;
use weir_kafka::session::Head;

const REAL: &str = "weir.reader.my group";

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

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

fn sync(name: &str) -> SyncGroupRequest {
    SyncGroupRequest::default()
        .with_group_id(group(name))
        .with_protocol_type(Some(text("consumer")))
        .with_protocol_name(Some(text("range")))
}

#[test]
fn a_sync_without_the_groups_protocol_is_refused_before_the_group_is_looked_at() {
    let mut desk = Desk::new();
    let asked = sync("").with_protocol_name(None);
    assert!(matches!(desk.ask(ApiKey::SyncGroup, 5, &asked), Led::Local));
    assert_eq!(read::<SyncGroupResponse>(&desk.local_answer(), true, 5).1.error_code, 23);
}

#[test]
fn a_refused_member_is_given_no_name_back() {
    let mut desk = Desk::new();
    let asked = join("", "consumer").with_member_id(text("member"));
    assert!(matches!(desk.ask(ApiKey::JoinGroup, 5, &asked), Led::Local));
    let (_, response) = read::<JoinGroupResponse>(&desk.local_answer(), false, 5);
    assert_eq!((response.error_code, &*response.member_id), (24, ""));
}

fn join(name: &str, protocol_type: &str) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
    JoinGroupRequest::default()
        .with_group_id(group(name))
        .with_session_timeout_ms(10_000)
        .with_protocol_type(text(protocol_type))
        .with_protocols(vec![protocol])
}

#[test]
fn trap_c3_a_rebalance_is_waited_for_and_has_an_end() {
    let minute = |minutes: u64| std::time::Duration::from_secs(minutes * 60);
    for (asked, waited) in [(5 * 60_000, minute(5)), (30 * 60_000, minute(30)), (i32::MAX, minute(30))] {
        let mut desk = Desk::new();
        let led = desk.ask(ApiKey::JoinGroup, 4, &join("g", "consumer").with_rebalance_timeout_ms(asked));
        assert!(matches!(led, Led::Upstream(_)));
        let Head::Broker { deadline, .. } = desk.session.head() else { panic!("answered here") };
        assert_eq!(deadline - desk.now, waited + desk.limits.answer_slack);
    }
}

#[test]
fn trap_s14_only_consumers_form_groups_and_trap_c38_a_refusal_has_kafkas_form() {
    for version in 0..=9 {
        let mut desk = Desk::new();
        assert!(matches!(desk.ask(ApiKey::JoinGroup, version, &join("g", "connect")), Led::Local));
        let (_, response) = read::<JoinGroupResponse>(&desk.local_answer(), version >= 6, version);
        assert_eq!((response.error_code, response.generation_id), (23, -1));
        let no_protocol = if version >= 7 { None } else { Some("") };
        assert_eq!(response.protocol_name.as_deref(), no_protocol);
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
fn trap_l16_a_coordinator_is_shown_by_its_advertised_address() {
    for version in 0..=6 {
        let mut desk = Desk::new();
        let asked = if version < 4 {
            FindCoordinatorRequest::default().with_key(text("my group"))
        } else {
            FindCoordinatorRequest::default().with_coordinator_keys(vec![text("my group"), text("")])
        };
        let led = desk.ask(ApiKey::FindCoordinator, version, &asked);
        let (header, sent) = upstream::<FindCoordinatorRequest>(led, version);
        let host = text(INTERNAL_HOST);
        let broker = if version < 4 {
            assert_eq!(&*sent.key, REAL);
            FindCoordinatorResponse::default().with_node_id(BrokerId(2)).with_host(host).with_port(9092)
        } else {
            assert_eq!(sent.coordinator_keys, [text(REAL)]);
            let found = Coordinator::default()
                .with_key(text(REAL))
                .with_node_id(BrokerId(2))
                .with_host(host)
                .with_port(9092)
                .with_error_message(Some(text(INTERNAL_HOST)));
            FindCoordinatorResponse::default().with_coordinators(vec![found])
        };
        let out = desk.broker_answers(&answer(header.correlation_id, version >= 3, version, &broker), 5).unwrap();
        assert!(!String::from_utf8_lossy(&out).contains("internal"));
        let (_, response) = read::<FindCoordinatorResponse>(&out, version >= 3, version);
        if version < 4 {
            assert_eq!((response.node_id.0, &*response.host, response.port), (2, "b2.kafka.example.org", 9093));
            assert_eq!(response.error_message.as_deref(), Some(if version == 0 { "" } else { "NONE" }));
        } else {
            let (own, refused) = (&response.coordinators[0], &response.coordinators[1]);
            assert_eq!((&*own.key, own.node_id.0, &*own.host), ("my group", 2, "b2.kafka.example.org"));
            let texts = response.coordinators.iter().map(|coordinator| coordinator.error_message.as_deref());
            assert_eq!(texts.collect::<Vec<_>>(), [Some(""); 2]);
            assert_eq!((refused.error_code, refused.node_id.0, &*refused.host, refused.port), (24, -1, "", -1));
        }
    }
}

#[test]
fn trap_l17_only_groups_have_coordinators_here() {
    for (version, key_type, expected, explained) in
        [(4, 1, 53, false), (4, 2, 42, false), (5, 2, 42, false), (5, 3, 42, true), (6, 2, 31, true), (6, 3, 42, true)]
    {
        let mut desk = Desk::new();
        let asked =
            FindCoordinatorRequest::default().with_key_type(key_type).with_coordinator_keys(vec![text("g:topic:0")]);
        assert!(matches!(desk.ask(ApiKey::FindCoordinator, version, &asked), Led::Local));
        let (_, response) = read::<FindCoordinatorResponse>(&desk.local_answer(), true, version);
        assert_eq!(response.coordinators[0].error_code, expected);
        assert_eq!(response.coordinators[0].error_message.as_deref() != Some(""), explained);
    }
}

#[test]
fn trap_l24_a_coordinator_that_is_not_found_is_explained_where_kafka_explains_it_in_fixed_words() {
    for version in 0..=6 {
        let (batched, planted) = (version >= 4, Some(text("planted")));
        let mut desk = Desk::new();
        let asked = if batched {
            FindCoordinatorRequest::default().with_coordinator_keys(vec![text("my group")])
        } else {
            FindCoordinatorRequest::default().with_key(text("my group"))
        };
        let led = desk.ask(ApiKey::FindCoordinator, version, &asked);
        let (header, _) = upstream::<FindCoordinatorRequest>(led, version);
        let broker = if batched {
            let failed = Coordinator::default().with_key(text(REAL)).with_error_code(15).with_error_message(planted);
            FindCoordinatorResponse::default().with_coordinators(vec![failed])
        } else {
            let planted = planted.filter(|_| version >= 1);
            FindCoordinatorResponse::default().with_error_code(15).with_error_message(planted)
        };
        let out = desk.broker_answers(&answer(header.correlation_id, version >= 3, version, &broker), 5).unwrap();
        let (_, response) = read::<FindCoordinatorResponse>(&out, version >= 3, version);
        let of_one = (response.error_code, response.error_message.as_deref());
        let of_many = response.coordinators.first();
        let of_many = of_many.map(|found| (found.error_code, found.error_message.as_deref()));
        match version {
            0 => assert_eq!(of_one, (15, Some(""))),
            1..=3 => assert_eq!(of_one, (15, Some("The coordinator is not here now."))),
            _ => assert_eq!(of_many, Some((15, Some("")))),
        }
    }
}

fn commit(topics: &[&str]) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(5);
    let topic = |name: &&str| {
        OffsetCommitRequestTopic::default().with_name(topic(name)).with_partitions(vec![partition.clone()])
    };
    OffsetCommitRequest::default().with_group_id(group("my group")).with_topics(topics.iter().map(topic).collect())
}

#[test]
fn trap_c34_a_commit_is_answered_for_every_partition_and_leaves_nothing_for_the_refused() {
    for version in 2..=9 {
        let mut asked = commit(&[HIDDEN, GRANTED]);
        if version <= 4 {
            asked.retention_time_ms = i64::MAX;
        }
        let mut desk = Desk::new();
        let (header, sent) = upstream::<OffsetCommitRequest>(desk.ask(ApiKey::OffsetCommit, version, &asked), version);
        assert_eq!(sent.topics.len(), 1);
        assert_eq!(sent.retention_time_ms, -1, "trap S15");
        let committed = OffsetCommitResponseTopic::default()
            .with_name(topic(GRANTED))
            .with_partitions(vec![OffsetCommitResponsePartition::default()]);
        let broker = OffsetCommitResponse::default().with_topics(vec![committed]);
        let frame = answer(header.correlation_id, version >= 8, version, &broker);
        let out = desk.broker_answers(&frame, 6).unwrap();
        let (_, response) = read::<OffsetCommitResponse>(&out, version >= 8, version);
        let code = |name: &str| {
            let topic = response.topics.iter().find(|entry| entry.name == topic(name));
            topic.map(|topic| topic.partitions[0].error_code)
        };
        assert_eq!((code(GRANTED), code(HIDDEN)), (Some(0), Some(29)));
        let mut desk = Desk::new();
        assert!(matches!(desk.ask(ApiKey::OffsetCommit, version, &commit(&[HIDDEN])), Led::Local));
    }
}

#[test]
fn trap_c37_offset_fetch_has_its_refusals_where_each_version_has_them() {
    for version in 1..=7 {
        let topic =
            |name: &str| OffsetFetchRequestTopic::default().with_name(topic(name)).with_partition_indexes(vec![0]);
        let asked = OffsetFetchRequest::default()
            .with_group_id(group("my group"))
            .with_topics(Some(vec![topic(GRANTED), topic(HIDDEN)]));
        let mut desk = Desk::new();
        let (header, sent) = upstream::<OffsetFetchRequest>(desk.ask(ApiKey::OffsetFetch, version, &asked), version);
        assert_eq!((&**sent.group_id, sent.topics.map(|topics| topics.len())), (REAL, Some(1)));
        let frame = answer(header.correlation_id, version >= 6, version, &OffsetFetchResponse::default());
        let out = desk.broker_answers(&frame, 6).unwrap();
        let (_, response) = read::<OffsetFetchResponse>(&out, version >= 6, version);
        let refused = &response.topics[0].partitions[0];
        assert_eq!((refused.error_code, refused.committed_offset, refused.metadata.as_deref()), (29, -1, Some("")));
        let nameless = asked.with_group_id(group(""));
        let mut desk = Desk::new();
        assert!(matches!(desk.ask(ApiKey::OffsetFetch, version, &nameless), Led::Local));
        let (_, response) = read::<OffsetFetchResponse>(&desk.local_answer(), version >= 6, version);
        let code = if version >= 2 { response.error_code } else { response.topics[0].partitions[0].error_code };
        assert_eq!(code, 24, "version {version}");
    }
}

#[test]
fn trap_l9_all_topics_of_a_group_leave_the_hidden_ones_out_in_silence() {
    for version in 2..=7 {
        let asked = OffsetFetchRequest::default().with_group_id(group("my group")).with_topics(None);
        let mut desk = Desk::new();
        let (header, sent) = upstream::<OffsetFetchRequest>(desk.ask(ApiKey::OffsetFetch, version, &asked), version);
        assert!(sent.topics.is_none());
        let topic = |name: &str| {
            OffsetFetchResponseTopic::default()
                .with_name(topic(name))
                .with_partitions(vec![OffsetFetchResponsePartition::default()])
        };
        let broker = OffsetFetchResponse::default().with_topics(vec![topic(HIDDEN), topic(GRANTED)]);
        let out = desk.broker_answers(&answer(header.correlation_id, version >= 6, version, &broker), 6).unwrap();
        let (_, response) = read::<OffsetFetchResponse>(&out, version >= 6, version);
        let names: Vec<&str> = response.topics.iter().map(|topic| &**topic.name).collect();
        assert_eq!(names, [GRANTED]);
    }
}

#[test]
fn trap_c37_groups_of_one_request_are_answered_each_for_itself() {
    for version in 8..=9 {
        let topic_of =
            |name: &str| OffsetFetchRequestTopics::default().with_name(topic(name)).with_partition_indexes(vec![0]);
        let asked =
            |name: &str, topics| OffsetFetchRequestGroup::default().with_group_id(group(name)).with_topics(topics);
        let request = OffsetFetchRequest::default().with_groups(vec![
            asked("one", Some(vec![topic_of(GRANTED), topic_of(HIDDEN)])),
            asked("two", None),
            asked("", Some(vec![])),
            asked("three", Some(vec![topic_of(HIDDEN)])),
        ]);
        let mut desk = Desk::new();
        let (header, sent) = upstream::<OffsetFetchRequest>(desk.ask(ApiKey::OffsetFetch, version, &request), version);
        let topics = |group: &OffsetFetchRequestGroup| group.topics.as_ref().map(Vec::len);
        let names: Vec<_> = sent.groups.iter().map(|group| (&**group.group_id, topics(group))).collect();
        let forwarded = [("weir.reader.one", Some(1)), ("weir.reader.two", None), ("weir.reader.three", Some(0))];
        assert_eq!(names, forwarded, "trap C36: what was emptied is not all");
        let stored = OffsetFetchResponseTopics::default().with_name(topic(HIDDEN));
        let answered = |name: &str| OffsetFetchResponseGroup::default().with_group_id(group(name));
        let broker = OffsetFetchResponse::default().with_groups(vec![
            answered("weir.reader.two").with_topics(vec![stored]),
            answered("weir.reader.one"),
            answered("weir.reader.three").with_error_code(16),
        ]);
        let out = desk.broker_answers(&answer(header.correlation_id, true, version, &broker), 6).unwrap();
        assert!(!String::from_utf8_lossy(&out).contains("weir.reader"));
        let (_, response) = read::<OffsetFetchResponse>(&out, true, version);
        let of = |name: &str| response.groups.iter().find(|entry| entry.group_id == group(name)).unwrap();
        assert_eq!(of("one").topics.len(), 1);
        assert!(of("two").topics.is_empty());
        assert_eq!(of("").error_code, 24);
        assert_eq!((of("three").error_code, of("three").topics.len()), (16, 0), "its coordinator has the last word");
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

fn subscribe(topics: &[&str]) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest::default()
        .with_group_id(group("my group"))
        .with_rack_id(Some(text("rack-1")))
        .with_subscribed_topic_names(Some(topics.iter().map(|name| topic(name)).collect()))
}

#[test]
fn trap_l24_a_member_of_the_consumer_protocol_joins_inside_the_namespace_and_hears_no_text_of_the_brokers() {
    for version in 0..=1 {
        let mut desk = Desk::new();
        let led = desk.ask(ApiKey::ConsumerGroupHeartbeat, version, &subscribe(&[GRANTED]));
        let (header, sent) = upstream::<ConsumerGroupHeartbeatRequest>(led, version);
        assert_eq!((&**sent.group_id, sent.rack_id), (REAL, None));
        let broker = ConsumerGroupHeartbeatResponse::default()
            .with_error_code(112)
            .with_error_message(Some(text("assignors: uniform, internal")));
        let out = desk.broker_answers(&answer(header.correlation_id, true, version, &broker), 4).unwrap();
        let (_, response) = read::<ConsumerGroupHeartbeatResponse>(&out, true, version);
        let said = response.error_message.unwrap();
        assert_eq!((response.error_code, said.contains("assignors")), (112, false));
    }
}

#[test]
fn trap_l14_a_heartbeat_with_a_refused_topic_or_what_is_no_pattern_goes_nowhere() {
    let no_rack = subscribe(&[GRANTED]).with_rack_id(Some(text("")));
    let pattern = subscribe(&[]).with_member_id(text("m")).with_subscribed_topic_regex(Some(text("(")));
    for (version, asked, expected) in
        [(0, subscribe(&[GRANTED, HIDDEN]), 29), (1, subscribe(&[ABSENT]), 29), (1, pattern, 128), (1, no_rack, 42)]
    {
        let mut desk = Desk::new();
        assert!(matches!(desk.ask(ApiKey::ConsumerGroupHeartbeat, version, &asked), Led::Local));
        let (_, response) = read::<ConsumerGroupHeartbeatResponse>(&desk.local_answer(), true, version);
        // A refusal of rights has no text, as with Kafka.
        assert_eq!((response.error_code, response.error_message.is_none()), (expected, expected == 29));
    }
}

#[test]
fn trap_l14_a_classic_member_subscribes_upstream_to_granted_topics_alone() {
    // Version 0: two names, no user data.
    let names =
        [GRANTED, HIDDEN].map(|name| [&u16::try_from(name.len()).unwrap().to_be_bytes()[..], name.as_bytes()].concat());
    let subscription = [&[0, 0, 0, 0, 0, 2][..], &names.concat(), &[0xff; 4]].concat();
    let mut asked = join("my group", "consumer");
    asked.protocols[0].metadata = subscription.into();
    let led = Desk::new().ask(ApiKey::JoinGroup, 5, &asked);
    let (_, sent) = upstream::<JoinGroupRequest>(led, 5);
    let up = String::from_utf8_lossy(&sent.protocols[0].metadata).into_owned();
    assert!(up.contains(GRANTED) && !up.contains(HIDDEN), "{up:?}");
    asked.protocols[0].metadata = vec![0, 0, 0x7f, 0xff, 0xff, 0xff].into();
    let refused = Desk::new().raw(frame(ApiKey::JoinGroup, 5, 1, &asked)).unwrap_err();
    assert!(matches!(refused, weir_kafka::fault::Fault::Malformed(_)), "{refused:?}");
}
