//! DescribeTopicPartitions: answered by Weir, page by page, from catalogue topics and the brokers as they are shown.
//!
//! Must never: let a page begin, end or break off at a topic that the principal may not describe (traps L7, L8).

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::{BrokerId, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use weir_policy::{Operation, Resource};

use super::metadata::{NOT_ASKED, oldest_answer, readable};
use super::{Judged, Request, operations};
use crate::answer::{Deferred, LocalAnswer};
use crate::cluster::{PartitionView, RealBrokerId, TopicView};
use crate::codec;
use crate::env::Env;
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::{code, code_of};

/// The most partitions of one page, as Kafka's brokers have it by default.
const PAGE: usize = 2_000;

pub(super) fn judge(request: &Request<'_>) -> Result<Judged, Fault> {
    let message = request.decode::<DescribeTopicPartitionsRequest>()?;
    if !is_sound(&message) {
        return request.answer(&not_sound(&message));
    }
    let not_older_than = oldest_answer(request.env);
    let deferred = Deferred::DescribeTopicPartitions { request: Box::new(message), not_older_than };
    Ok(Judged::Answer(LocalAnswer::Deferred(deferred)))
}

pub(super) fn answer(
    request: &DescribeTopicPartitionsRequest,
    version: i16,
    env: &Env<'_>,
    refusals: &mut Refusals,
) -> Result<Bytes, Fault> {
    let (allowed, refused) = sort(request, env, refusals);
    let limit = usize::try_from(request.response_partition_limit).unwrap_or_default();
    let mut page = Page { topics: Vec::new(), left: limit.clamp(1, PAGE), next: None };
    for (name, topic) in &allowed {
        page.add(name, *topic, start(request, name), env);
        if page.next.is_some() {
            break;
        }
    }
    // Kafka names every refused topic behind the cursor on every page.
    page.topics.extend(refused.into_iter().map(|(name, error_code)| failed(name, error_code, NOT_ASKED)));
    let response = DescribeTopicPartitionsResponse::default().with_topics(page.topics).with_next_cursor(page.next);
    codec::encode(&response, version).ok_or(Fault::NotEncodable)
}

/// What may be described, by name, and what may not, with its code.
type Sorted<'a> = (BTreeMap<Cow<'a, str>, Option<&'a TopicView>>, BTreeMap<&'a str, i16>);

/// Judged before it is looked for: what is hidden and what does not exist take the same way.
fn sort<'a>(request: &'a DescribeTopicPartitionsRequest, env: &Env<'a>, refusals: &mut Refusals) -> Sorted<'a> {
    let from: &str = request.cursor.as_ref().map_or("", |cursor| &cursor.topic_name);
    let (mut allowed, mut refused) = Sorted::default();
    if request.topics.is_empty() {
        allowed.extend(readable(env).filter(|(name, _)| **name >= *from).map(|(name, topic)| (name, Some(topic))));
        return (allowed, refused);
    }
    let names = request.topics.iter().map(|topic| &**topic.name);
    for name in names.filter(|name| **name >= *from) {
        match env.judge(Operation::Describe, Resource::Topic(name)) {
            Ok(()) => drop(allowed.insert(Cow::Borrowed(name), env.view.and_then(|view| view.topic(name)))),
            Err(reason) => {
                if refused.insert(name, code_of(reason)).is_none() {
                    refusals.add(reason, 1);
                }
            }
        }
    }
    (allowed, refused)
}

/// The partition with which a topic begins.
fn start(request: &DescribeTopicPartitionsRequest, name: &str) -> usize {
    let cursor = request.cursor.as_ref().filter(|cursor| **cursor.topic_name == *name);
    cursor.map_or(0, |cursor| usize::try_from(cursor.partition_index).unwrap_or_default())
}

/// One page, while it fills.
struct Page {
    topics: Vec<DescribeTopicPartitionsResponseTopic>,
    /// Partitions that it still has room for.
    left: usize,
    /// Where the next one begins.
    next: Option<Cursor>,
}

impl Page {
    fn add(&mut self, name: &str, topic: Option<&TopicView>, start: usize, env: &Env<'_>) {
        if self.left == 0 {
            self.next = Some(cursor(name, 0));
            return;
        }
        let given = operations::bits(Operation::given_by_grant);
        let Some(topic) = topic else {
            return self.topics.push(failed(name, code::UNKNOWN_TOPIC_OR_PARTITION, given));
        };
        let rest = topic.partitions.get(start..).unwrap_or_default();
        let (shown, behind) = rest.split_at(self.left.min(rest.len()));
        self.topics.push(
            failed(name, code::NONE, given)
                .with_topic_id(topic.id)
                .with_partitions(shown.iter().map(|partition| described(partition, env)).collect()),
        );
        self.left = self.left.saturating_sub(shown.len());
        self.next = behind.first().map(|partition| cursor(name, partition.index));
    }
}

/// A broker without a shown address does not exist for a client: it neither leads nor replicates.
fn described(partition: &PartitionView, env: &Env<'_>) -> DescribeTopicPartitionsResponsePartition {
    let is_up = env.view.is_some_and(|view| view.brokers.contains_key(&partition.leader));
    let leads = is_up && env.nodes.shows(partition.leader);
    let shown = |ids: &[RealBrokerId]| {
        let ids = ids.iter().filter(|id| env.nodes.shows(**id));
        ids.map(|id| BrokerId(id.shown().0)).collect::<Vec<_>>()
    };
    DescribeTopicPartitionsResponsePartition::default()
        .with_partition_index(partition.index)
        .with_leader_id(BrokerId(if leads { partition.leader.shown().0 } else { -1 }))
        .with_leader_epoch(partition.leader_epoch)
        .with_replica_nodes(shown(&partition.replicas))
        .with_isr_nodes(shown(&partition.isr))
        // Who could lead next is a matter of the cluster's inside; Kafka, too, names nobody while all is in sync.
        .with_eligible_leader_replicas(Some(Vec::new()))
        .with_last_known_elr(Some(Vec::new()))
        .with_offline_replicas(shown(&partition.offline))
}

fn failed(name: &str, error_code: i16, operations: i32) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic::default()
        .with_error_code(error_code)
        .with_name(Some(topic_name(name)))
        .with_topic_authorized_operations(operations)
}

fn cursor(name: &str, partition: i32) -> Cursor {
    Cursor::default().with_topic_name(topic_name(name)).with_partition_index(partition)
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

/// A cursor stands in a partition of a topic that is asked for. Whether the topic is there does not matter.
fn is_sound(request: &DescribeTopicPartitionsRequest) -> bool {
    request.cursor.as_ref().is_none_or(|cursor| {
        let asked = || request.topics.iter().any(|topic| topic.name == cursor.topic_name);
        cursor.partition_index >= 0 && (request.topics.is_empty() || asked())
    })
}

/// Each topic as often as it was asked for, with the error of the whole request.
fn not_sound(request: &DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let topics = request.topics.iter().map(|topic| failed(&topic.name, code::INVALID_REQUEST, NOT_ASKED)).collect();
    DescribeTopicPartitionsResponse::default().with_topics(topics)
}
