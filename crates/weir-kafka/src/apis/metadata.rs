//! Metadata: answered by Weir, from catalogue topics and the brokers as they are shown.
//!
//! Must never: tell a hidden name from an absent one (traps L1, L3, L5, L6), create a topic, or show a real address.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;
use weir_policy::{Operation, Reason, Resource};

use super::{Judged, Request, topic_name};
use crate::advertise::ShownAddress;
use crate::answer::{Deferred, LocalAnswer};
use crate::cluster::{ClusterView, PartitionView, RealBrokerId, ShownTopic, TopicView};
use crate::codec;
use crate::env::Env;
use crate::fault::Fault;
use crate::gate::Budget;
use crate::outcome::Refusals;
use crate::refusal::{code, code_of};
use crate::wire::Malformed;

/// What Kafka says of operations that were not asked for (trap K8).
pub(super) const NOT_ASKED: i32 = i32::MIN;

/// A client that asks has a reason to: what it is told is no older than this.
const MAX_AGE: Duration = Duration::from_secs(1);

/// librdkafka (seen with 2.12 and 2.16) asks for all topics, from version 9 on, with four bytes where the null list has
/// one: three bytes stand behind the last field. Kafka does not look there. Weir answers by itself, so they go nowhere.
const LIBRDKAFKA_SURPLUS: usize = 3;

/// Bits of Read (3) and Describe (8): what a grant gives (trap L27).
const READ_AND_DESCRIBE: i32 = (1 << 3) | (1 << 8);

pub(super) fn judge(request: &Request<'_>) -> Result<Judged, Fault> {
    let message = decoded(request)?;
    let not_older_than = request.env.now.checked_sub(MAX_AGE).unwrap_or(request.env.now);
    Ok(Judged::Answer(LocalAnswer::Deferred(Deferred::Metadata { request: message, not_older_than })))
}

fn decoded(request: &Request<'_>) -> Result<MetadataRequest, Fault> {
    let budget = Budget { trailing_bytes: request.version >= 9, ..request.env.limits.request };
    let gated = codec::decode::<MetadataRequest>(request.row.request, request.version, &request.body, &budget)
        .map_err(Fault::Malformed)?;
    let surplus = request.body.len().saturating_sub(gated.passed.body_len);
    if surplus == 0 || (gated.message.topics.is_none() && surplus <= LIBRDKAFKA_SURPLUS) {
        Ok(gated.message)
    } else {
        Err(Fault::Malformed(Malformed::TrailingBytes))
    }
}

pub(super) fn answer(
    request: &MetadataRequest,
    version: i16,
    env: &Env<'_>,
    refusals: &mut Refusals,
) -> Result<Bytes, Fault> {
    let brokers = shown_brokers(env);
    let topics = match &request.topics {
        Some(named) if version > 0 || !named.is_empty() => {
            named.iter().map(|topic| named_topic(topic, request, version, env, refusals)).collect()
        }
        // Null, and in version 0 an empty list, mean all.
        _ => all_topics(request, env),
    };
    let operations = if request.include_cluster_authorized_operations { 0 } else { NOT_ASKED };
    let response = MetadataResponse::default()
        .with_controller_id(BrokerId(brokers.first().map_or(-1, |broker| broker.id.0)))
        .with_brokers(brokers.iter().map(broker).collect())
        .with_cluster_id(Some(StrBytes::from_string(env.cluster_id.0.clone())))
        .with_topics(topics)
        .with_cluster_authorized_operations(operations);
    codec::encode(&response, version).ok_or(Fault::NotEncodable)
}

/// The brokers that have an address on this listener, by id.
pub(super) fn shown_brokers(env: &Env<'_>) -> Vec<ShownAddress> {
    let brokers = env.view.into_iter().flat_map(|view| view.brokers.keys());
    brokers.filter_map(|id| env.nodes.shown(*id)).collect()
}

fn broker(address: &ShownAddress) -> MetadataResponseBroker {
    MetadataResponseBroker::default()
        .with_node_id(BrokerId(address.id.0))
        .with_host(StrBytes::from_string(address.host.clone()))
        .with_port(i32::from(address.port))
}

fn all_topics(request: &MetadataRequest, env: &Env<'_>) -> Vec<MetadataResponseTopic> {
    let Some(view) = env.view else { return Vec::new() };
    let mut shown = Vec::new();
    for (real, topic) in &view.topics {
        let ShownTopic(name) = real.clone().shown();
        if env.policy.judge(env.principal, Operation::Describe, Resource::Topic(&name)).is_ok() {
            shown.push(described(&name, topic, request, env));
        }
    }
    shown
}

fn named_topic(
    asked: &MetadataRequestTopic,
    request: &MetadataRequest,
    version: i16,
    env: &Env<'_>,
    refusals: &mut Refusals,
) -> MetadataResponseTopic {
    match &asked.name {
        Some(name) => by_name(name, request, env, refusals),
        // Ids are asked for from version 12 on; before, a name is a must.
        None if version >= 12 => by_id(asked.topic_id, request, env, refusals),
        None => failed(code::INVALID_REQUEST).with_topic_id(asked.topic_id),
    }
}

/// Judged before it is looked for: what is hidden and what does not exist take the same way.
fn by_name(name: &str, request: &MetadataRequest, env: &Env<'_>, refusals: &mut Refusals) -> MetadataResponseTopic {
    if let Err(reason) = env.policy.judge(env.principal, Operation::Describe, Resource::Topic(name)) {
        refusals.add(reason, 1);
        return failed(code_of(reason)).with_name(Some(topic_name(name)));
    }
    let real = ShownTopic(name.to_owned()).real();
    match env.view.and_then(|view| view.topics.get(&real)) {
        Some(topic) => described(name, topic, request, env),
        None => failed(code::UNKNOWN_TOPIC_OR_PARTITION).with_name(Some(topic_name(name))),
    }
}

fn by_id(id: Uuid, request: &MetadataRequest, env: &Env<'_>, refusals: &mut Refusals) -> MetadataResponseTopic {
    let known = env.view.and_then(|view: &ClusterView| {
        let real = view.topics_by_id.get(&id)?;
        Some((real.clone().shown(), view.topics.get(real)?))
    });
    if let Some((ShownTopic(name), topic)) = known
        && env.policy.judge(env.principal, Operation::Describe, Resource::Topic(&name)).is_ok()
    {
        return described(&name, topic, request, env);
    }
    refusals.add(Reason::TopicIdUnknown, 1);
    failed(code_of(Reason::TopicIdUnknown)).with_topic_id(id)
}

fn failed(error_code: i16) -> MetadataResponseTopic {
    MetadataResponseTopic::default()
        .with_error_code(error_code)
        .with_name(None)
        .with_topic_authorized_operations(NOT_ASKED)
}

fn described(name: &str, topic: &TopicView, request: &MetadataRequest, env: &Env<'_>) -> MetadataResponseTopic {
    let operations = if request.include_topic_authorized_operations { READ_AND_DESCRIBE } else { NOT_ASKED };
    MetadataResponseTopic::default()
        .with_name(Some(topic_name(name)))
        .with_topic_id(topic.id)
        .with_partitions(topic.partitions.iter().map(|partition| shown_partition(partition, env)).collect())
        .with_topic_authorized_operations(operations)
}

/// A broker without a shown address does not exist for a client: it neither leads nor replicates.
fn shown_partition(partition: &PartitionView, env: &Env<'_>) -> MetadataResponsePartition {
    let is_up = |id: &RealBrokerId| env.view.is_some_and(|view| view.brokers.contains_key(id));
    let shown = |ids: &[RealBrokerId]| -> Vec<BrokerId> {
        ids.iter().filter_map(|id| env.nodes.shown(*id)).map(|address| BrokerId(address.id.0)).collect()
    };
    let leader = Some(partition.leader).filter(is_up).and_then(|id| env.nodes.shown(id));
    let error_code = if leader.is_none() && partition.error_code == code::NONE {
        code::LEADER_NOT_AVAILABLE
    } else {
        partition.error_code
    };
    MetadataResponsePartition::default()
        .with_error_code(error_code)
        .with_partition_index(partition.index)
        .with_leader_id(BrokerId(leader.map_or(-1, |address| address.id.0)))
        .with_leader_epoch(partition.leader_epoch)
        .with_replica_nodes(shown(&partition.replicas))
        .with_isr_nodes(shown(&partition.isr))
        .with_offline_replicas(shown(&partition.offline))
}
