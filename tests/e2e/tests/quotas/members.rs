//! Members of a group: as many as the brokers have, of either protocol.

use std::time::{Duration, Instant};

use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, DescribeGroupsRequest, GroupId, JoinGroupRequest,
    SyncGroupRequest, TopicName,
};
use weir_testkit::kafka::wire;
use weir_testkit::{RawClient, wait};

use crate::{Desk, LIMIT, TOPIC, text};

const JOIN: i16 = 5;

/// A heartbeat of the consumer protocol; epoch 0 asks for a place, -1 gives it back.
fn beat(client: &mut RawClient, group: &str, member: &str, epoch: i32) -> i16 {
    let asked = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_member_id(text(member))
        .with_member_epoch(epoch)
        .with_rebalance_timeout_ms(60_000)
        .with_topic_partitions(Some(Vec::new()))
        .with_subscribed_topic_names(Some(vec![TopicName(text(TOPIC))]));
    client.call(1, &asked).unwrap().error_code
}

/// Until there is something else to say than that it must be tried again.
fn settled(mut ask: impl FnMut() -> i16) -> i16 {
    wait::until("an answer that is not to be tried again", LIMIT, || match ask() {
        code @ 14..=16 => Err(format!("error {code}")),
        code => Ok(code),
    })
}

/// How many members the broker has, of a group of the consumer protocol.
fn at_the_brokers(desk: &Desk, group: &str) -> usize {
    let real = format!("weir.{}.{group}", desk.reader);
    let asked = ConsumerGroupDescribeRequest::default().with_group_ids(vec![GroupId(text(&real))]);
    let coordinator = desk.kafka.coordinator_of(&real);
    wire::call(&desk.kafka.plaintext(coordinator), 0, &asked).unwrap().groups[0].members.len()
}

/// Three members ask for a place, one after another; what the last was told, and how many the broker has then.
fn three(desk: &Desk) -> (i16, usize) {
    let group = "crowd".to_owned();
    let mut client = desk.connect(desk.coordinators(std::slice::from_ref(&group))[0]);
    let told = ["m1", "m2", "m3"].map(|member| settled(|| beat(&mut client, &group, member, 0)));
    assert_eq!(told[..2], [0, 0]);
    (told[2], at_the_brokers(desk, &group))
}

#[test]
fn hostile_q11_a_group_has_so_many_members_and_a_place_that_is_given_back_is_free() {
    let desk = Desk::open("quotas-members", "group_members: {most: 2}");
    assert_eq!(three(&desk), (81, 2));
    let group = "crowd".to_owned();
    let mut client = desk.connect(desk.coordinators(std::slice::from_ref(&group))[0]);
    assert_eq!(beat(&mut client, &group, "m1", 0), 0, "a member that begins again has its place");
    // Nobody tells Weir that a member has left: the brokers are asked.
    assert_eq!(beat(&mut client, &group, "m2", -1), 0);
    let took = Instant::now();
    wait::until("the place", LIMIT, || match settled(|| beat(&mut client, &group, "m3", 0)) {
        0 => Ok(()),
        code => Err(format!("error {code}")),
    });
    println!("a place that was given back was free after {:?}", took.elapsed());
    assert!(took.elapsed() < Duration::from_secs(15));
    assert_eq!(at_the_brokers(&desk, &group), 2);
    drop((client, desk));
    assert_eq!(three(&Desk::open("quotas-members-wide", "")), (0, 3), "without the limit there are more");
}

/// Asks for a place in a group of the classic protocol, with the id that the broker gives.
fn join(client: &mut RawClient, group: &str) -> (i16, String, i32) {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("range"))
        .with_metadata(vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0].into());
    let asked = JoinGroupRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_session_timeout_ms(6_000)
        .with_rebalance_timeout_ms(6_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol]);
    let first = client.call(JOIN, &asked).unwrap();
    if first.error_code != 79 {
        return (first.error_code, String::new(), -1);
    }
    let again = client.call(JOIN, &asked.with_member_id(first.member_id)).unwrap();
    (again.error_code, again.member_id.to_string(), again.generation_id)
}

#[test]
fn trap_q10_a_member_that_died_gives_its_place_back_also_where_weir_was_restarted() {
    let mut desk = Desk::open("quotas-dead-members", "group_members: {most: 1}");
    let group = "classic".to_owned();
    let coordinator = desk.coordinators(std::slice::from_ref(&group))[0];
    let mut first = desk.connect(coordinator);
    let mut member = (0, String::new(), 0);
    let code = settled(|| {
        member = join(&mut first, &group);
        member.0
    });
    assert_eq!(code, 0);
    let sync = SyncGroupRequest::default()
        .with_group_id(GroupId(text(&group)))
        .with_generation_id(member.2)
        .with_member_id(text(&member.1));
    assert_eq!(first.call(2, &sync).unwrap().error_code, 0);
    let mut second = desk.connect(coordinator);
    assert_eq!(settled(|| join(&mut second, &group).0), 81);
    // Who never was a member here is none after a restart either: the brokers say who is.
    drop((first, second));
    desk.weir.stop();
    desk.weir.restart();
    let mut second = desk.connect(coordinator);
    let (began, mut refused) = (Instant::now(), 0);
    wait::until("the place of the dead", LIMIT, || match join(&mut second, &group).0 {
        0 => Ok(()),
        code => {
            refused += usize::from(code == 81);
            Err(format!("error {code}"))
        }
    });
    println!("the place of a member that died was free after {:?}, {refused} refused before", began.elapsed());
    let real = format!("weir.{}.{group}", desk.reader);
    let asked = DescribeGroupsRequest::default().with_groups(vec![GroupId(text(&real))]);
    let described = wire::call(&desk.kafka.plaintext(desk.kafka.coordinator_of(&real)), 5, &asked).unwrap();
    assert_eq!(described.groups[0].members.len(), 1);
}
