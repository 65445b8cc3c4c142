//! Whose clock the times of a topic's records are.
//!
//! Must never: stop anything. Where it is not told, that is said.

use std::collections::BTreeMap;

use kafka_protocol::messages::DescribeConfigsRequest;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;

use crate::consumer::connection::Connection;
use crate::consumer::text::plain;
use crate::consumer::topics::Topics;
use crate::consumer::visit::{Visit, code, text_of};

/// Kafka's number for topics.
const TOPIC: i8 = 2;
/// The setting: `CreateTime` or `LogAppendTime`.
const SETTING: &str = "message.timestamp.type";

/// What the brokers say of each topic; those of which they say nothing are left out.
pub(super) fn of_topics(visit: &Visit<'_>, connection: &mut Connection, topics: &Topics) -> BTreeMap<String, String> {
    let resources = topics.all.iter().map(|topic| {
        DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text_of(&topic.name))
            .with_configuration_keys(Some(vec![text_of(SETTING)]))
    });
    let request = DescribeConfigsRequest::default().with_resources(resources.collect());
    let Ok(answer) = visit.ask(connection, 4, &request, visit.deadline()) else { return BTreeMap::new() };
    let told = answer.results.into_iter().filter(|result| result.error_code == code::NONE).filter_map(|result| {
        let setting = result.configs.into_iter().find(|config| config.name.as_str() == SETTING)?;
        Some((result.resource_name.to_string(), plain(&setting.value?)))
    });
    told.collect()
}
