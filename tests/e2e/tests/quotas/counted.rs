//! Committed partitions after a restart: the brokers are asked which there are.

use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use kafka_protocol::messages::{GroupId, OffsetCommitRequest, OffsetDeleteRequest, TopicName};
use weir_testkit::{RawClient, wait};

use crate::{COMMIT, Desk, LIMIT, TOPIC, text};

/// What each partition's commit was told, by nobody's member; whoever is told to try again does.
fn committed(client: &mut RawClient, group: &str, partitions: &[i32]) -> Vec<i16> {
    let partition =
        |index: &i32| OffsetCommitRequestPartition::default().with_partition_index(*index).with_committed_offset(1);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(TopicName(text(TOPIC)))
        .with_partitions(partitions.iter().map(partition).collect());
    let asked = OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    wait::until("a commit that is not to be tried again", LIMIT, || {
        let mut told = client.call(COMMIT, &asked)?.topics.remove(0).partitions;
        told.sort_by_key(|one| one.partition_index);
        let codes: Vec<i16> = told.iter().map(|one| one.error_code).collect();
        if codes.iter().any(|code| (14..=16).contains(code)) { Err(format!("{codes:?}")) } else { Ok(codes) }
    })
}

#[test]
fn trap_q10_a_restart_forgets_no_committed_partition() {
    let mut desk = Desk::open("quotas-keys", "committed_partitions: {most: 3}");
    let names = ["one", "two"].map(str::to_owned);
    let coordinators = desk.coordinators(&names);
    let told = |desk: &Desk, group: usize, partitions: &[i32]| {
        committed(&mut desk.connect(coordinators[group]), &names[group], partitions)
    };
    assert_eq!(told(&desk, 0, &[0, 1]), [0, 0]);
    assert_eq!(told(&desk, 1, &[0, 1]), [0, 28]);
    for _ in 0..2 {
        desk.weir.stop();
        desk.weir.restart();
        assert_eq!(told(&desk, 1, &[0, 1, 2]), [0, 28, 28], "what exists goes on");
        assert_eq!(told(&desk, 0, &[0, 1, 2]), [0, 0, 28]);
    }
    // What the brokers no longer hold frees its place, whoever took it away.
    let topic = OffsetDeleteRequestTopic::default()
        .with_name(TopicName(text(TOPIC)))
        .with_partitions(vec![OffsetDeleteRequestPartition::default().with_partition_index(0)]);
    let asked = OffsetDeleteRequest::default().with_group_id(GroupId(text(&names[0]))).with_topics(vec![topic]);
    assert_eq!(desk.connect(coordinators[0]).call(0, &asked).unwrap().error_code, 0);
    desk.weir.stop();
    desk.weir.restart();
    assert_eq!(told(&desk, 1, &[1]), [0]);
    assert_eq!(told(&desk, 1, &[2]), [28]);
    let held = |group: &str| desk.kafka.committed(&format!("weir.{}.{group}", desk.reader)).len();
    assert_eq!((held("one"), held("two")), (1, 2), "as many as are allowed, at the brokers");
}
