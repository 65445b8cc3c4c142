//! ConsumerGroupHeartbeat with a pattern: which names go up for it, when they go up again, and what is remembered.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use std::time::Duration;

use kafka_protocol::messages::consumer_group_describe_response::{DescribedGroup, Member};
use kafka_protocol::messages::consumer_group_heartbeat_response::{Assignment, TopicPartitions};
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse, GroupId, TopicName,
};
use support::*;
use uuid::Uuid;
use weir_kafka::cluster::RealTopic;
use weir_kafka::session::Session;

const KEY: ApiKey = ApiKey::ConsumerGroupHeartbeat;
/// Not there from the start.
const LATER: &str = HIDDEN;
const NOT_COORDINATOR: i16 = 16;
const COORDINATOR_NOT_AVAILABLE: i16 = 15;

fn names(names: &[&str]) -> Option<Vec<TopicName>> {
    Some(names.iter().map(|name| TopicName(text(name))).collect())
}

/// A heartbeat that says nothing but that the member is there.
fn alive(epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_member_id(text("member-1"))
        .with_member_epoch(epoch)
}

fn pattern(epoch: i32, pattern: &str) -> ConsumerGroupHeartbeatRequest {
    alive(epoch).with_subscribed_topic_regex(Some(text(pattern)))
}

/// What goes up for a heartbeat: never a pattern, the names sorted.
fn goes_up(desk: &mut Desk, asked: &ConsumerGroupHeartbeatRequest) -> Option<Vec<String>> {
    sends(desk, asked).1
}

fn sends(desk: &mut Desk, asked: &ConsumerGroupHeartbeatRequest) -> (i32, Option<Vec<String>>) {
    let led = desk.ask(KEY, 1, asked);
    let (header, sent) = upstream::<ConsumerGroupHeartbeatRequest>(led, 1);
    assert_eq!((&**sent.group_id, sent.subscribed_topic_regex), ("weir.reader.g", None));
    let sent = sent.subscribed_topic_names;
    (header.correlation_id, sent.map(|names| names.iter().map(|name| name.to_string()).collect()))
}

fn answers(
    desk: &mut Desk,
    correlation: i32,
    broker: &ConsumerGroupHeartbeatResponse,
) -> ConsumerGroupHeartbeatResponse {
    let out = desk.broker_answers(&answer(correlation, true, 1, broker), 5).unwrap();
    read::<ConsumerGroupHeartbeatResponse>(&out, true, 1).1
}

/// The whole exchange, with this code of the broker's: what went up, and the code that the client has.
fn beats(desk: &mut Desk, asked: &ConsumerGroupHeartbeatRequest, code: i16) -> (Option<Vec<String>>, i16) {
    let (correlation, sent) = sends(desk, asked);
    let answer = answers(desk, correlation, &ConsumerGroupHeartbeatResponse::default().with_error_code(code));
    (sent, answer.error_code)
}

/// Accepted by the broker: what went up.
fn accepted(desk: &mut Desk, asked: &ConsumerGroupHeartbeatRequest) -> Option<Vec<String>> {
    let (sent, code) = beats(desk, asked, 0);
    assert_eq!(code, 0);
    sent
}

/// Answered by Weir, with a text for the code.
fn refused(desk: &mut Desk, asked: &ConsumerGroupHeartbeatRequest) -> i16 {
    assert!(matches!(desk.ask(KEY, 1, asked), Led::Local));
    let (_, answer) = read::<ConsumerGroupHeartbeatResponse>(&desk.local_answer(), true, 1);
    assert!(answer.error_message.is_some_and(|said| !said.is_empty()));
    answer.error_code
}

fn list(names: &[&str]) -> Option<Vec<String>> {
    let mut names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    names.sort();
    Some(names)
}

fn grant(desk: &mut Desk, topics: &[&str]) {
    desk.policy = policy(topics);
    desk.policy_generation += 1;
}

fn drop_topic(desk: &mut Desk, topic: &str) {
    let topic = RealTopic(topic.to_owned());
    desk.view.topics.remove(&topic).unwrap();
    desk.view.topics_by_id.retain(|_, name| *name != topic);
    desk.view.topics_generation += 1;
}

#[test]
fn trap_l14_a_pattern_goes_up_as_the_granted_topics_that_exist_and_match_and_nothing_else() {
    for (asked, expected) in [
        (".*", &[GRANTED, ALSO_GRANTED][..]),
        ("public\\.(hidden|granted)", &[GRANTED]),
        ("^public\\.gr.*", &[GRANTED]),
        ("granted", &[]),
        ("public\\.hidden", &[]),
        ("public\\.absent", &[]),
    ] {
        assert_eq!(accepted(&mut Desk::new(), &pattern(0, asked)), list(expected), "{asked}");
    }
    // Granted and in the catalogue, but not there.
    let mut desk = Desk::new();
    drop_topic(&mut desk, ALSO_GRANTED);
    assert_eq!(accepted(&mut desk, &pattern(0, ".*")), list(&[GRANTED]));
}

#[test]
fn trap_l14_a_hidden_name_in_the_list_refuses_the_heartbeat_whatever_the_pattern() {
    let asked = pattern(0, ".*").with_subscribed_topic_names(names(&[HIDDEN]));
    let mut desk = Desk::new();
    assert!(matches!(desk.ask(KEY, 1, &asked), Led::Local));
    assert_eq!(read::<ConsumerGroupHeartbeatResponse>(&desk.local_answer(), true, 1).1.error_code, 29);
    // And nothing of it is remembered.
    let (sent, code) = beats(&mut desk, &alive(1), 0);
    assert_eq!((sent, code), (None, NOT_COORDINATOR));
}

#[test]
fn trap_a21_a_pattern_that_is_none_or_too_large_is_answered_as_brokers_answer_one_that_is_none() {
    let long = "a".repeat(32_000);
    for asked in ["(", "*", "a)|(b", &long, "((a{100}){100}){100}"] {
        assert_eq!(refused(&mut Desk::new(), &pattern(0, asked)), 128, "{asked:.20}");
    }
    assert_eq!(accepted(&mut Desk::new(), &pattern(0, "(a*)*b")), list(&[]));
    // What the member had before is as it was.
    let mut desk = Desk::new();
    accepted(&mut desk, &pattern(0, "public.granted"));
    assert_eq!(refused(&mut desk, &pattern(1, "(")), 128);
    let all = alive(1).with_rebalance_timeout_ms(60_000).with_topic_partitions(Some(Vec::new()));
    assert_eq!(accepted(&mut desk, &all.with_subscribed_topic_names(names(&[]))), list(&[GRANTED]));
}

#[test]
fn a_pattern_adds_to_the_list_and_each_of_them_changes_alone() {
    let mut desk = Desk::new();
    let both = pattern(0, "public\\.granted").with_subscribed_topic_names(names(&[ALSO_GRANTED]));
    assert_eq!(accepted(&mut desk, &both), list(&[GRANTED, ALSO_GRANTED]));
    // Null is as before.
    assert_eq!(accepted(&mut desk, &alive(1)), None);
    assert_eq!(accepted(&mut desk, &pattern(1, "none")), list(&[ALSO_GRANTED]));
    assert_eq!(accepted(&mut desk, &pattern(1, "public\\.g.*")), list(&[GRANTED, ALSO_GRANTED]));
    assert_eq!(accepted(&mut desk, &alive(1).with_subscribed_topic_names(names(&[]))), list(&[GRANTED]));
    assert_eq!(accepted(&mut desk, &alive(1).with_subscribed_topic_names(names(&[ALSO_GRANTED]))), {
        list(&[GRANTED, ALSO_GRANTED])
    });
    // An empty one is none any more, and the list stays.
    assert_eq!(accepted(&mut desk, &pattern(1, "")), list(&[ALSO_GRANTED]));
    assert_eq!(accepted(&mut desk, &alive(1)), None);
    assert_eq!(accepted(&mut desk, &alive(1).with_subscribed_topic_names(names(&[GRANTED]))), list(&[GRANTED]));
    // A list that was told before a pattern came.
    assert_eq!(accepted(&mut desk, &pattern(1, "public\\.al.*")), list(&[GRANTED, ALSO_GRANTED]));
}

#[test]
fn trap_l14_a_pattern_is_resolved_again_when_grants_or_topics_change() {
    let mut desk = Desk::new();
    grant(&mut desk, &[GRANTED]);
    assert_eq!(accepted(&mut desk, &pattern(0, ".*")), list(&[GRANTED]));
    grant(&mut desk, &[GRANTED, ALSO_GRANTED]);
    assert_eq!(accepted(&mut desk, &alive(1)), list(&[GRANTED, ALSO_GRANTED]), "granted: it is taken up");
    assert_eq!(accepted(&mut desk, &alive(1)), None, "told once");
    desk.policy_generation += 1;
    desk.view.topics_generation += 1;
    assert_eq!(accepted(&mut desk, &alive(1)), None, "another generation, the same topics");
    drop_topic(&mut desk, GRANTED);
    assert_eq!(accepted(&mut desk, &alive(1)), list(&[ALSO_GRANTED]), "deleted");
    grant(&mut desk, &[GRANTED]);
    assert_eq!(accepted(&mut desk, &alive(1)), list(&[]), "revoked");
    grant(&mut desk, &[GRANTED, LATER]);
    assert_eq!(accepted(&mut desk, &alive(1)), list(&[LATER]));
}

#[test]
fn trap_l14_a_listed_name_that_is_revoked_does_not_go_up_again_with_the_pattern() {
    let mut desk = Desk::new();
    let both = pattern(0, "public\\.granted").with_subscribed_topic_names(names(&[ALSO_GRANTED]));
    accepted(&mut desk, &both);
    grant(&mut desk, &[GRANTED]);
    assert_eq!(accepted(&mut desk, &alive(1)), list(&[GRANTED]));
    grant(&mut desk, &[GRANTED, ALSO_GRANTED]);
    assert_eq!(accepted(&mut desk, &alive(1)), list(&[GRANTED, ALSO_GRANTED]), "granted again, still listed");
}

#[test]
fn what_the_brokers_did_not_accept_goes_up_again() {
    let mut desk = Desk::new();
    grant(&mut desk, &[GRANTED]);
    accepted(&mut desk, &pattern(0, ".*"));
    grant(&mut desk, &[GRANTED, ALSO_GRANTED]);
    for _ in 0..2 {
        assert_eq!(beats(&mut desk, &alive(1), 14), (list(&[GRANTED, ALSO_GRANTED]), 14));
    }
    // A pattern that was not accepted is not the member's.
    assert_eq!(beats(&mut desk, &pattern(1, "none"), 110), (list(&[]), 110));
    assert_eq!(accepted(&mut desk, &alive(1)), list(&[GRANTED, ALSO_GRANTED]));
}

#[test]
fn a_pattern_that_is_told_again_costs_the_brokers_nothing_unless_they_are_asked_for_all() {
    let mut desk = Desk::new();
    assert_eq!(accepted(&mut desk, &pattern(0, ".*")), list(&[GRANTED, ALSO_GRANTED]));
    for _ in 0..3 {
        assert_eq!(accepted(&mut desk, &pattern(1, ".*")), None, "the brokers have these names");
    }
    assert_eq!(accepted(&mut desk, &pattern(1, "public\\..*")), None, "another pattern, the same names");
    // Brokers take these three together for one that wants its whole assignment.
    let all = pattern(1, ".*").with_rebalance_timeout_ms(60_000).with_topic_partitions(Some(Vec::new()));
    assert_eq!(accepted(&mut desk, &all), list(&[GRANTED, ALSO_GRANTED]));
    assert_eq!(accepted(&mut desk, &pattern(0, ".*")), list(&[GRANTED, ALSO_GRANTED]), "it joins");
}

#[test]
fn what_the_brokers_may_have_taken_is_not_taken_for_what_they_have() {
    let mut desk = Desk::new();
    accepted(&mut desk, &pattern(0, ".*"));
    // Its answer never comes: they may have either list.
    assert_eq!(goes_up(&mut desk, &pattern(1, "public\\.granted")), list(&[GRANTED]));
    desk.session = Session::new("reader".into(), &desk.limits);
    assert_eq!(accepted(&mut desk, &pattern(1, ".*")), list(&[GRANTED, ALSO_GRANTED]));
    assert_eq!(accepted(&mut desk, &pattern(1, ".*")), None);
}

#[test]
fn a_member_is_followed_from_one_connection_to_the_next() {
    let mut first = Desk::new();
    grant(&mut first, &[GRANTED]);
    accepted(&mut first, &pattern(0, ".*"));
    let mut second = Desk::new();
    second.subscriptions = std::mem::take(&mut first.subscriptions);
    assert_eq!(accepted(&mut second, &alive(1)), list(&[GRANTED, ALSO_GRANTED]));
}

#[test]
fn a_member_that_is_not_known_is_made_to_say_all_again_once() {
    let mut desk = Desk::new();
    accepted(&mut desk, &pattern(0, ".*"));
    // Weir is started anew.
    desk.subscriptions = Default::default();
    assert_eq!(beats(&mut desk, &alive(3), 25), (None, 25), "the brokers speak first");
    assert_eq!(beats(&mut desk, &alive(3), 0), (None, NOT_COORDINATOR));
    let all = pattern(3, ".*").with_subscribed_topic_names(names(&[]));
    assert_eq!(accepted(&mut desk, &all), list(&[GRANTED, ALSO_GRANTED]));
    assert_eq!(accepted(&mut desk, &alive(3)), None);
    // Who says nothing even then lives on with what the brokers have.
    desk.subscriptions = Default::default();
    assert_eq!(beats(&mut desk, &alive(3), 0), (None, NOT_COORDINATOR));
    (0..3).for_each(|_| assert_eq!(accepted(&mut desk, &alive(3)), None));
    // A pattern without a list: the list is not known.
    desk.subscriptions = Default::default();
    assert_eq!(beats(&mut desk, &pattern(3, ".*"), 0), (None, NOT_COORDINATOR));
    assert_eq!(accepted(&mut desk, &pattern(3, ".*")), list(&[GRANTED, ALSO_GRANTED]));
    // A list without a pattern: there is none.
    desk.subscriptions = Default::default();
    let named = alive(3).with_subscribed_topic_names(names(&[GRANTED]));
    assert_eq!(accepted(&mut desk, &named), list(&[GRANTED]));
    assert_eq!(accepted(&mut desk, &alive(3)), None);
}

#[test]
fn who_left_or_is_unknown_to_the_brokers_has_no_pattern_any_more() {
    let leaves = |desk: &mut Desk| assert_eq!(accepted(desk, &alive(-1)), None);
    let leaves_for_a_while = |desk: &mut Desk| assert_eq!(accepted(desk, &alive(-2)), None);
    let is_unknown = |desk: &mut Desk| assert_eq!(beats(desk, &alive(1), 25), (None, 25));
    let is_silent = |desk: &mut Desk| desk.now += Duration::from_secs(601);
    for ends in [leaves as fn(&mut Desk), leaves_for_a_while, is_unknown, is_silent] {
        let mut desk = Desk::new();
        accepted(&mut desk, &pattern(0, ".*"));
        ends(&mut desk);
        let joins = alive(0).with_subscribed_topic_names(names(&[GRANTED]));
        assert_eq!(accepted(&mut desk, &joins), list(&[GRANTED]));
    }
    // A leave that was refused was none.
    let mut desk = Desk::new();
    accepted(&mut desk, &pattern(0, ".*"));
    assert_eq!(beats(&mut desk, &alive(-2), 42), (None, 42));
    assert_eq!(accepted(&mut desk, &alive(1)), None);
}

#[test]
fn a_first_version_has_no_pattern_and_a_join_without_a_subscription_is_the_brokers_to_refuse() {
    let mut desk = Desk::new();
    let led = desk.ask(KEY, 0, &alive(2));
    let (header, sent) = upstream::<ConsumerGroupHeartbeatRequest>(led, 0);
    assert_eq!(sent.subscribed_topic_names, None);
    let broker = ConsumerGroupHeartbeatResponse::default();
    let out = desk.broker_answers(&answer(header.correlation_id, true, 0, &broker), 5).unwrap();
    assert_eq!(read::<ConsumerGroupHeartbeatResponse>(&out, true, 0).1.error_code, 0);
    assert_eq!(beats(&mut desk, &alive(0), 42), (None, 42));
    assert_eq!(goes_up(&mut desk, &pattern(0, ".*").with_member_id(text(""))), None);
}

#[test]
fn a_member_is_described_with_its_own_pattern_and_list_and_not_with_what_went_up() {
    let member = |member: &str| {
        let up = names(&[ALSO_GRANTED, GRANTED]).unwrap();
        Member::default().with_member_id(text(member)).with_subscribed_topic_names(up)
    };
    let mut desk = Desk::new();
    accepted(&mut desk, &pattern(0, "public\\.g.*").with_subscribed_topic_names(names(&[ALSO_GRANTED])));
    let asked = ConsumerGroupDescribeRequest::default().with_group_ids(vec![GroupId(text("g"))]);
    let led = desk.ask(ApiKey::ConsumerGroupDescribe, 1, &asked);
    let (header, _) = upstream::<ConsumerGroupDescribeRequest>(led, 1);
    let group = DescribedGroup::default().with_group_id(GroupId(text("weir.reader.g")));
    let group = group.with_members(vec![member("member-1"), member("another")]);
    let broker = ConsumerGroupDescribeResponse::default().with_groups(vec![group]);
    let out = desk.broker_answers(&answer(header.correlation_id, true, 1, &broker), 5).unwrap();
    let shown = read::<ConsumerGroupDescribeResponse>(&out, true, 1).1.groups.remove(0).members;
    let told = |member: &Member| (member.subscribed_topic_regex.clone(), member.subscribed_topic_names.clone());
    assert_eq!(told(&shown[0]), (Some(text("public\\.g.*")), names(&[ALSO_GRANTED]).unwrap()));
    assert_eq!(told(&shown[1]), (None, names(&[ALSO_GRANTED, GRANTED]).unwrap()));
}

#[test]
fn trap_l14_an_assignment_names_no_topic_that_is_hidden_or_not_known() {
    let assigned = |ids: &[Uuid]| {
        let topics = ids.iter().map(|id| TopicPartitions::default().with_topic_id(*id).with_partitions(vec![0, 1]));
        let assignment = Assignment::default().with_topic_partitions(topics.collect());
        ConsumerGroupHeartbeatResponse::default().with_member_epoch(7).with_assignment(Some(assignment))
    };
    for (ids, code, expected) in [
        (&[GRANTED_ID][..], 0, Some(&[GRANTED_ID][..])),
        (&[], 0, Some(&[])),
        (&[HIDDEN_ID, GRANTED_ID], 0, Some(&[GRANTED_ID])),
        (&[HIDDEN_ID], 0, Some(&[])),
        (&[GRANTED_ID, ABSENT_ID], COORDINATOR_NOT_AVAILABLE, None),
    ] {
        let mut desk = Desk::new();
        let (correlation, _) = sends(&mut desk, &pattern(0, ".*"));
        let answer = answers(&mut desk, correlation, &assigned(ids));
        let topics = answer.assignment.map(|all| all.topic_partitions);
        let shown = topics.map(|all| all.iter().map(|topic| topic.topic_id).collect::<Vec<_>>());
        assert_eq!((answer.error_code, shown.as_deref()), (code, expected));
    }
}
