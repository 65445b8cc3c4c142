//! Groups and joins: counted before anything is forwarded that would make one.

use std::time::{Duration, Instant};

use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, DeleteGroupsRequest, DeleteGroupsResponse,
    FindCoordinatorRequest, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
};
use weir_policy::Account;

use super::*;

fn join(group: &str) -> JoinGroupRequest {
    JoinGroupRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_protocol_type(text("consumer"))
        .with_session_timeout_ms(45_000)
        .with_rebalance_timeout_ms(300_000)
}

/// The code of a JoinGroup that Weir refuses; 0 where it goes on.
fn joined(desk: &mut Desk, group: &str) -> i16 {
    match desk.ask(ApiKey::JoinGroup, 5, &join(group)) {
        Led::Local => read::<JoinGroupResponse>(&desk.local_answer(), false, 5).1.error_code,
        Led::Upstream(_) => {
            desk.session.end(desk.now);
            0
        }
    }
}

/// The same for a member of the newer protocol.
fn beat(desk: &mut Desk, group: &str, epoch: i32) -> i16 {
    let asked = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_member_id(text("m"))
        .with_member_epoch(epoch)
        .with_rebalance_timeout_ms(300_000)
        .with_subscribed_topic_names(Some(vec![TopicName(text(GRANTED))]));
    match desk.ask(ApiKey::ConsumerGroupHeartbeat, 0, &asked) {
        Led::Local => read::<ConsumerGroupHeartbeatResponse>(&desk.local_answer(), true, 0).1.error_code,
        Led::Upstream(_) => {
            desk.session.end(desk.now);
            0
        }
    }
}

#[test]
fn trap_a10_only_so_many_groups_are_made_whatever_makes_them() {
    let mut desk = within("groups: {most: 2}");
    assert_eq!([joined(&mut desk, "a"), beat(&mut desk, "b", 0)], [0, 0]);
    assert_eq!([joined(&mut desk, "c"), beat(&mut desk, "d", 0)], [30, 30]);
    assert_eq!([joined(&mut desk, "b"), beat(&mut desk, "a", 0)], [0, 0], "those that are there go on");
    // What makes no group is not counted.
    let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("e")]);
    assert!(matches!(desk.ask(ApiKey::FindCoordinator, 4, &find), Led::Upstream(_)));
    let heartbeat = HeartbeatRequest::default().with_group_id(GroupId(text("e")));
    assert!(matches!(desk.ask(ApiKey::Heartbeat, 4, &heartbeat), Led::Upstream(_)));
    assert_eq!(beat(&mut desk, "e", 3), 0, "who has an epoch is a member");
    assert_eq!(desk.account.holds().0, 2);
}

#[test]
fn a_group_that_is_deleted_gives_its_place_back() {
    let mut desk = within("groups: {most: 1}");
    assert_eq!([joined(&mut desk, "a"), joined(&mut desk, "b")], [0, 30]);
    for (error_code, then) in [(68, 30), (0, 0)] {
        let asked = DeleteGroupsRequest::default().with_groups_names(vec![GroupId(text("a"))]);
        let (header, _) = upstream::<DeleteGroupsRequest>(desk.ask(ApiKey::DeleteGroups, 2, &asked), 2);
        let result =
            DeletableGroupResult::default().with_group_id(GroupId(text("weir.reader.a"))).with_error_code(error_code);
        let told = DeleteGroupsResponse::default().with_results(vec![result]);
        desk.broker_answers(&answer(header.correlation_id, true, 2, &told), usize::MAX).unwrap();
        assert_eq!(joined(&mut desk, "b"), then);
    }
}

#[test]
fn trap_q10_until_the_groups_are_counted_none_is_made() {
    let mut desk = within("groups: {most: 5}");
    desk.account = Account::default();
    assert_eq!([joined(&mut desk, "a"), beat(&mut desk, "a", 0)], [15, 15]);
    desk.account.know_groups(std::iter::empty(), Instant::now());
    assert_eq!([joined(&mut desk, "a"), beat(&mut desk, "a", 0)], [0, 0]);
}

#[test]
fn trap_a11_joining_over_and_over_is_refused_with_what_makes_clients_wait() {
    let mut desk = within("joins: {per_minute: 6, burst: 2}");
    assert_eq!([(); 3].map(|()| joined(&mut desk, "a")), [0; 3], "the burst, and ten seconds of the rate");
    assert_eq!([joined(&mut desk, "a"), beat(&mut desk, "a", 0)], [14, 14]);
    assert_eq!(beat(&mut desk, "a", 7), 0, "a member's heartbeat is no join");
}

#[test]
fn what_a_member_asks_the_group_to_wait_for_has_an_end() {
    let mut desk = within("session_timeout_max: {seconds: 10}, rebalance_timeout_max: {seconds: 20}");
    for version in 0..=9 {
        let mut asked = join("a");
        if version == 0 {
            asked.rebalance_timeout_ms = -1;
        }
        let (_, sent) = upstream::<JoinGroupRequest>(desk.ask(ApiKey::JoinGroup, version, &asked), version);
        let rebalance = if version == 0 { -1 } else { 20_000 };
        assert_eq!((sent.session_timeout_ms, sent.rebalance_timeout_ms), (10_000, rebalance), "version {version}");
    }
    let shorter = join("a").with_session_timeout_ms(6_000).with_rebalance_timeout_ms(7_000);
    let (_, sent) = upstream::<JoinGroupRequest>(desk.ask(ApiKey::JoinGroup, 9, &shorter), 9);
    assert_eq!((sent.session_timeout_ms, sent.rebalance_timeout_ms), (6_000, 7_000));
}

/// A classic member's join: its id as it has it, and its name as a static member.
fn joined_as(desk: &mut Desk, version: i16, member: &str, instance: Option<&str>) -> i16 {
    let asked = join("a").with_member_id(text(member)).with_group_instance_id(instance.map(text));
    match desk.ask(ApiKey::JoinGroup, version, &asked) {
        Led::Local => read::<JoinGroupResponse>(&desk.local_answer(), version >= 6, version).1.error_code,
        Led::Upstream(_) => {
            desk.session.end(desk.now);
            0
        }
    }
}

/// The brokers tell who is in the group.
fn counted(desk: &mut Desk, members: &[(&str, Option<&str>)]) {
    let wanted = desk.account.take_wishes(desk.now).members;
    assert_eq!(wanted.iter().map(String::as_str).collect::<Vec<_>>(), ["weir.reader.a"], "the brokers are asked");
    desk.now += Duration::from_millis(1);
    desk.account.know_members("weir.reader.a", members.iter().copied(), desk.now);
}

#[test]
fn hostile_q11_a_group_has_so_many_members_and_those_that_are_there_go_on() {
    let mut desk = within("group_members: {most: 2}");
    // Who is told its id first takes no place until it comes back with it.
    assert_eq!([(); 9].map(|()| joined_as(&mut desk, 5, "", None)), [0; 9]);
    assert_eq!(["m1", "m2"].map(|id| joined_as(&mut desk, 5, id, None)), [0, 0]);
    // Before anybody is refused for good the brokers are asked.
    assert_eq!([joined_as(&mut desk, 5, "", None), joined_as(&mut desk, 5, "m3", None)], [14, 14]);
    counted(&mut desk, &[("m1", None), ("m2", None)]);
    assert_eq!([joined_as(&mut desk, 5, "", None), joined_as(&mut desk, 5, "m3", None)], [81, 81]);
    assert_eq!([joined_as(&mut desk, 3, "", None), joined_as(&mut desk, 7, "", Some("i"))], [81, 81]);
    assert_eq!(beat(&mut desk, "a", 0), 81, "the newer protocol, with a member of its own making");
    assert_eq!(["m1", "m2"].map(|id| joined_as(&mut desk, 5, id, None)), [0, 0]);
    assert_eq!(beat(&mut desk, "a", 4), 0);
    assert_eq!(
        desk.account.take_wishes(desk.now).members.len(),
        0,
        "an attacker cannot have the brokers asked at each try"
    );
}

#[test]
fn a_member_that_died_frees_its_place_once_the_brokers_have_taken_it_out() {
    let mut desk = within("group_members: {most: 1}");
    assert_eq!(joined_as(&mut desk, 5, "m1", None), 0);
    assert_eq!(joined_as(&mut desk, 5, "", None), 14);
    counted(&mut desk, &[("m1", None)]);
    assert_eq!(joined_as(&mut desk, 5, "", None), 81);
    desk.now += Duration::from_secs(5);
    assert_eq!(joined_as(&mut desk, 5, "", None), 14, "the count is old");
    counted(&mut desk, &[]);
    assert_eq!([joined_as(&mut desk, 5, "", None), joined_as(&mut desk, 5, "m2", None)], [0, 0]);
}

#[test]
fn trap_q10_after_a_restart_members_that_have_an_id_go_on_and_new_ones_wait_for_the_count() {
    let mut desk = within("group_members: {most: 2}");
    desk.account = Account::default();
    desk.account.know_groups(["weir.reader.a"].into_iter(), desk.now);
    assert_eq!(joined_as(&mut desk, 5, "m1", None), 0, "a broker knows it, or sends it away");
    assert_eq!([joined_as(&mut desk, 5, "", None), beat(&mut desk, "a", 0)], [14, 14]);
    counted(&mut desk, &[("m1", None), ("m2", Some("i"))]);
    assert_eq!(joined_as(&mut desk, 5, "m1", None), 0);
    assert_eq!(joined_as(&mut desk, 7, "", Some("i")), 0, "a static member comes back without its id");
    assert_eq!(joined_as(&mut desk, 7, "", Some("j")), 81);
}

#[test]
fn members_that_are_only_observed_are_all_let_through_and_counted_as_beyond() {
    let mut desk = within("group_members: {most: 1, mode: observe}");
    assert_eq!(["m1", "m2", "m3"].map(|id| joined_as(&mut desk, 3, id, None)), [0; 3]);
    assert_eq!(desk.account.take_wishes(desk.now).members.len(), 0);
}
