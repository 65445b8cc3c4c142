//! What a principal's account allows, through a session: what is new beyond a limit is refused with a code that clients
//! bear, and what exists goes on.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod commits;
mod fetching;
mod groups;
mod lookups;
#[path = "../support/mod.rs"]
mod support;
mod told;

use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{GroupId, OffsetCommitRequest, TopicName};
use support::*;
use weir_policy::{GroupMode, Meter};

/// A connection of a principal with these limits, as a file writes them.
fn within(limits: &str) -> Desk {
    let mut desk = Desk::new();
    desk.policy = policy_within(GroupMode::Namespaced, &[GRANTED, ALSO_GRANTED], limits);
    desk
}

/// A commit of these partitions by a member of a generation, or by nobody's member where it is -1.
fn commit(group: &str, generation: i32, topics: &[(&str, &[i32])]) -> OffsetCommitRequest {
    let partition = |index: &i32| OffsetCommitRequestPartition::default().with_partition_index(*index);
    let topic = |(topic, partitions): &(&str, &[i32])| {
        OffsetCommitRequestTopic::default()
            .with_name(TopicName(text(topic)))
            .with_partitions(partitions.iter().map(partition).collect())
    };
    OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_generation_id_or_member_epoch(generation)
        .with_topics(topics.iter().map(topic).collect())
}
