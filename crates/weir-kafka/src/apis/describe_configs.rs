//! DescribeConfigs: how a granted topic is kept, as far as its readers need to know.
//!
//! Must never: ask for every key, which is what a list of none means (trap L23), or show what a broker's own
//! configuration says: synonyms, and the texts of its errors.

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::DescribeConfigsResult;
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};
use kafka_protocol::protocol::StrBytes;
use weir_policy::{Operation, Reason, Resource};

use super::{Answer, Judged, NAMES_NO_TIME, Request, Restored, Withheld};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::{code, code_of, sentence_of, shows_stale_view};

/// What a reader may know of a topic: which records stay and how long, how large they may be, what their time means,
/// and what it takes for them to count as written. All else is the brokers' own business.
const SHOWN: [&str; 10] = [
    "cleanup.policy",
    "compression.type",
    "delete.retention.ms",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.timestamp.type",
    "min.compaction.lag.ms",
    "min.insync.replicas",
    "retention.bytes",
    "retention.ms",
];

/// Kafka's number for topics.
const TOPIC: i8 = 2;
/// Kafka's number for groups.
const GROUP: i8 = 32;
/// Kafka's numbers for brokers, their loggers and the metrics of clients: all of them the cluster's.
const CLUSTER: [i8; 3] = [4, 8, 16];

/// What was asked, and what of it was refused.
#[derive(Debug)]
pub(crate) struct Asked {
    topics: Vec<Topic>,
    refused: Vec<DescribeConfigsResult>,
}

/// A topic, and the keys that the answer may hold.
#[derive(Debug)]
struct Topic {
    name: StrBytes,
    keys: Vec<&'static str>,
}

pub(super) fn judge(request: &Request<'_>, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let message = request.decode::<DescribeConfigsRequest>()?;
    if message.resources.iter().any(|resource| !is_known(resource.resource_type)) {
        refusals.add(Reason::RequestShape, message.resources.len());
        let all = message.resources.iter().map(|resource| failed(resource, code::INVALID_REQUEST));
        return request.answer(&DescribeConfigsResponse::default().with_results(all.collect()));
    }
    let mut asked = Asked { topics: Vec::new(), refused: Vec::new() };
    let mut allowed = Vec::new();
    for resource in &message.resources {
        match judge_resource(request, resource) {
            Ok(()) => {
                let topic = Topic { name: resource.resource_name.clone(), keys: keys(resource) };
                allowed.push(asks_for(&topic));
                asked.topics.push(topic);
            }
            Err(reason) => {
                refusals.add(reason, 1);
                asked.refused.push(failed(resource, refused_code(resource.resource_type, reason)));
            }
        }
    }
    if allowed.is_empty() {
        return request.answer(&DescribeConfigsResponse::default().with_results(asked.refused));
    }
    let if_unreachable = || {
        let results = allowed.iter().map(|resource| failed(resource, request.row.unreachable_code()));
        DescribeConfigsResponse::default().with_results(results.chain(asked.refused.iter().cloned()).collect())
    };
    let if_unreachable = request.if_unreachable(if_unreachable)?;
    // Neither synonyms nor documentation: that is the default.
    let message = DescribeConfigsRequest::default().with_resources(allowed);
    let withheld = Withheld::DescribeConfigs(Box::new(asked));
    request.forward_prepared(&message, withheld, request.patience(NAMES_NO_TIME), if_unreachable)
}

/// The refused resources come last, as with Kafka.
pub(super) fn restore(answer: &Answer<'_>, asked: &Asked) -> Result<Restored, Fault> {
    let mut message = answer.decode::<DescribeConfigsResponse>()?;
    if message.results.len() != asked.topics.len() {
        return Err(Fault::BrokerUnasked);
    }
    for (result, topic) in message.results.iter_mut().zip(&asked.topics) {
        if result.resource_type != TOPIC || result.resource_name != topic.name {
            return Err(Fault::BrokerUnasked);
        }
        // Kafka has no words for a topic that does not exist.
        let wordless = [code::NONE, code::UNKNOWN_TOPIC_OR_PARTITION].contains(&result.error_code);
        let text = if wordless { "" } else { sentence_of(result.error_code) };
        result.error_message = Some(StrBytes::from_static_str(text));
        result.configs.retain(|config| topic.keys.contains(&&*config.name));
        for config in &mut result.configs {
            config.synonyms.clear();
            config.documentation = None;
        }
    }
    let view_is_stale = message.results.iter().any(|result| shows_stale_view(result.error_code));
    message.results.extend(asked.refused.iter().cloned());
    answer.encoded(&message, view_is_stale)
}

fn is_known(resource_type: i8) -> bool {
    matches!(resource_type, TOPIC | GROUP) || CLUSTER.contains(&resource_type)
}

fn judge_resource(request: &Request<'_>, resource: &DescribeConfigsResource) -> Result<(), Reason> {
    let name: &str = &resource.resource_name;
    let named = match resource.resource_type {
        TOPIC => Resource::Topic(name),
        GROUP => Resource::Group(name),
        _ => Resource::Cluster,
    };
    request.env.judge(Operation::DescribeConfigs, named)
}

/// One code for each type, whatever the reason, but for what is closed for now.
fn refused_code(resource_type: i8, reason: Reason) -> i16 {
    match resource_type {
        TOPIC if reason == Reason::TopicNotCompacted => code_of(reason),
        TOPIC => code::TOPIC_AUTHORIZATION_FAILED,
        GROUP => code::GROUP_AUTHORIZATION_FAILED,
        _ => code::CLUSTER_AUTHORIZATION_FAILED,
    }
}

/// The keys that are asked for and may be shown. No list, and a list of none, mean all.
fn keys(resource: &DescribeConfigsResource) -> Vec<&'static str> {
    let wanted = resource.configuration_keys.as_deref().unwrap_or_default();
    SHOWN.into_iter().filter(|key| wanted.is_empty() || wanted.iter().any(|wanted| **wanted == **key)).collect()
}

/// A topic as the broker is asked for it. Where no key is left, one is asked for all the same, and not shown: whether
/// the topic exists is still to be answered, and a list of none would mean all (trap C36).
fn asks_for(topic: &Topic) -> DescribeConfigsResource {
    let keys = if topic.keys.is_empty() { &SHOWN[..1] } else { &topic.keys };
    DescribeConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(topic.name.clone())
        .with_configuration_keys(Some(keys.iter().map(|key| StrBytes::from_static_str(key)).collect()))
}

fn failed(resource: &DescribeConfigsResource, error_code: i16) -> DescribeConfigsResult {
    DescribeConfigsResult::default()
        .with_error_code(error_code)
        .with_error_message(Some(StrBytes::from_static_str(sentence_of(error_code))))
        .with_resource_type(resource.resource_type)
        .with_resource_name(resource.resource_name.clone())
}
