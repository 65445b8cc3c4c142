//! Members of groups, of both protocols: how they join, for which topics, and what is refused.

use crate::support::*;
use crate::{REAL, group, join, sync, text, topic};
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, JoinGroupRequest, JoinGroupResponse,
    SyncGroupResponse,
};
use weir_kafka::session::Head;

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
fn a_refused_member_is_given_no_name_back() {
    let mut desk = Desk::new();
    let asked = join("", "consumer").with_member_id(text("member"));
    assert!(matches!(desk.ask(ApiKey::JoinGroup, 5, &asked), Led::Local));
    let (_, response) = read::<JoinGroupResponse>(&desk.local_answer(), false, 5);
    assert_eq!((response.error_code, &*response.member_id), (24, ""));
}

#[test]
fn a_sync_without_the_groups_protocol_is_refused_before_the_group_is_looked_at() {
    let mut desk = Desk::new();
    let asked = sync("").with_protocol_name(None);
    assert!(matches!(desk.ask(ApiKey::SyncGroup, 5, &asked), Led::Local));
    assert_eq!(read::<SyncGroupResponse>(&desk.local_answer(), true, 5).1.error_code, 23);
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

fn subscribe(topics: &[&str]) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest::default()
        .with_group_id(group("my group"))
        .with_rack_id(Some(text("rack-1")))
        .with_subscribed_topic_names(Some(topics.iter().map(|name| topic(name)).collect()))
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
