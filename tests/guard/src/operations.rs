//! What is counted, by name. The versions are those that today's clients send.
//!
//! Must never: let one operation leave something behind that makes the next one cheaper or dearer.

use std::hint::black_box;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{ApiKey, FetchRequest, GroupId, MetadataRequest, OffsetCommitRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use weir_policy::{Compacted, Operation, Resource};

use crate::desk::{Desk, FETCH_SESSION, TOPICS, frame, topic_id};
use crate::files;

/// Does an operation as often as it is told.
type Run = fn(u32);

const OPERATIONS: [(&str, Run); 6] = [
    ("fetch_full", fetch_full),
    ("fetch_idle", fetch_idle),
    ("fetch_moved", fetch_moved),
    ("metadata", metadata),
    ("offset_commit", offset_commit),
    ("judge", judge),
];

/// By id: Kafka 4.0 and newer.
const FETCH_VERSION: i16 = 17;
const METADATA_VERSION: i16 = 12;
const OFFSET_COMMIT_VERSION: i16 = 9;

/// The names, in the order of the figures.
pub fn names() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|(name, _)| *name)
}

/// An operation by its name.
pub fn find(name: &str) -> Option<Run> {
    OPERATIONS.iter().find(|(known, _)| *known == name).map(|(_, run)| *run)
}

/// A Fetch that names all partitions, as the first of a session.
fn fetch_full(count: u32) {
    forwarded(&mut Desk::new(), frame(ApiKey::Fetch, FETCH_VERSION, &fetch((0, 0), TOPICS)), count);
}

/// A Fetch in a session of all partitions, of which none gave records: it names nothing.
fn fetch_idle(count: u32) {
    in_session(0, count);
}

/// A Fetch in a session of all partitions, each of which was read on: it names all of them.
fn fetch_moved(count: u32) {
    in_session(TOPICS, count);
}

/// A Metadata of all topics by name, answered from the view.
fn metadata(count: u32) {
    let named = |index| MetadataRequestTopic::default().with_name(Some(name(index)));
    let request = MetadataRequest::default().with_topics(Some((0..TOPICS).map(named).collect()));
    let request = frame(ApiKey::Metadata, METADATA_VERSION, &request);
    let mut desk = Desk::new();
    assert_eq!(desk.length_upstream(&request), None, "Weir answers");
    let mut answer = Vec::with_capacity(64 * 1024);
    counted(count, &mut || desk.take(&request, &mut answer));
    assert!(count == 0 || answer.len() > TOPICS * files::topic(0).len(), "the answer names every topic");
}

/// An OffsetCommit of one partition of each topic.
fn offset_commit(count: u32) {
    let partition =
        OffsetCommitRequestPartition::default().with_committed_offset(123_456).with_committed_leader_epoch(5);
    let topic =
        |index| OffsetCommitRequestTopic::default().with_name(name(index)).with_partitions(vec![partition.clone()]);
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(StrBytes::from_static_str("some-group")))
        .with_generation_id_or_member_epoch(3)
        .with_member_id(StrBytes::from_static_str("consumer-some-group-1-0e8a2a5e-9b1f-4d0c-8d57-2b6f0c9f1a77"))
        .with_topics((0..TOPICS).map(topic).collect());
    forwarded(&mut Desk::new(), frame(ApiKey::OffsetCommit, OFFSET_COMMIT_VERSION, &request), count);
}

/// Four judgements among ten thousand principals: a granted topic, a hidden one, one that must never leave, and none.
fn judge(count: u32) {
    let policy = files::policy(10_000, 4, 2);
    let principal = policy.principal(files::READER).expect("the reader is in the policy");
    let topics = [files::topic(0), files::topic(3), "__consumer_offsets".into(), files::topic(9_999)];
    let judge = |topic: &String| {
        policy.judge(&principal, Operation::Read, Resource::Topic(black_box(topic)), Compacted::none())
    };
    assert_eq!(topics.each_ref().map(|topic| judge(topic).is_ok()), [true, false, false, false]);
    counted(count, &mut || {
        for topic in &topics {
            let _ = black_box(judge(topic));
        }
    });
}

/// callgrind collects between the entry and the end of this function, which it knows by its name.
#[inline(never)]
fn counted(count: u32, once: &mut dyn FnMut()) {
    for _ in 0..count {
        once();
    }
}

fn in_session(moved: usize, count: u32) {
    let mut desk = Desk::new();
    desk.open_fetch_session(FETCH_VERSION, &frame(ApiKey::Fetch, FETCH_VERSION, &fetch((0, 0), TOPICS)));
    forwarded(&mut desk, frame(ApiKey::Fetch, FETCH_VERSION, &fetch((FETCH_SESSION, 1), moved)), count);
}

fn forwarded(desk: &mut Desk, request: bytes::Bytes, count: u32) {
    // The client id becomes the principal's name, and the group gets its prefix; nothing is cut out.
    let sent = desk.length_upstream(&request).expect("the broker answers");
    assert!(sent + 40 > request.len(), "nothing was refused");
    let mut answer = Vec::new();
    counted(count, &mut || desk.take(&request, &mut answer));
    assert!(answer.is_empty(), "Weir answers none of them");
}

/// A Fetch of the first `named` topics, in a session or as the first of one.
fn fetch((session, epoch): (i32, i32), named: usize) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_current_leader_epoch(5)
        .with_fetch_offset(123_456)
        .with_partition_max_bytes(1 << 20);
    let topic = |index| FetchTopic::default().with_topic_id(topic_id(index)).with_partitions(vec![partition.clone()]);
    FetchRequest::default()
        .with_max_wait_ms(500)
        .with_min_bytes(1)
        .with_max_bytes(50 << 20)
        .with_session_id(session)
        .with_session_epoch(epoch)
        .with_topics((0..named).map(topic).collect())
}

fn name(index: usize) -> TopicName {
    TopicName(StrBytes::from_string(files::topic(index)))
}
