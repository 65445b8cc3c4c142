//! What an operator has suspended, through a session: an API is not offered and closes, a topic is as if it was not there.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, DescribeAclsRequest, DescribeAclsResponse, MetadataRequest,
    MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use support::{ALSO_GRANTED, Desk, GRANTED, HIDDEN, frame, policy, policy_without, read};
use weir_kafka::fault::Fault;

const GRANTS: [&str; 2] = [GRANTED, ALSO_GRANTED];

fn offered(desk: &mut Desk) -> Vec<i16> {
    desk.ask(ApiKey::ApiVersions, 0, &ApiVersionsRequest::default());
    let (_, answer): (_, ApiVersionsResponse) = read(&desk.local_answer(), false, 0);
    answer.api_keys.iter().map(|key| key.api_key).collect()
}

fn metadata(names: &[&str]) -> MetadataRequest {
    let topic = |name: &&str| {
        MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string((*name).to_owned()))))
    };
    MetadataRequest::default().with_topics(Some(names.iter().map(topic).collect()))
}

/// The code of each topic, in the order in which they were asked for.
fn codes(desk: &mut Desk, names: &[&str]) -> Vec<i16> {
    desk.ask(ApiKey::Metadata, 8, &metadata(names));
    let (_, answer): (_, MetadataResponse) = read(&desk.local_answer(), false, 8);
    let code = |name: &&str| {
        let named = |topic: &&TopicName| topic.as_str() == *name;
        let topic = answer.topics.iter().find(|topic| topic.name.as_ref().filter(named).is_some());
        topic.unwrap().error_code
    };
    names.iter().map(code).collect()
}

#[test]
fn an_api_that_is_suspended_is_not_offered_and_closes_the_connection() {
    let mut desk = Desk::new();
    let before = offered(&mut desk);
    desk.put_in_force(policy_without(&GRANTS, &[("api", "Metadata")]));
    // It was offered on this very connection.
    let asked = frame(ApiKey::Metadata, 8, 5, &metadata(&[GRANTED]));
    assert_eq!(desk.raw(asked.clone()).unwrap_err(), Fault::ApiSuspended);
    let now = offered(&mut desk);
    assert_eq!(before.into_iter().filter(|key| *key != ApiKey::Metadata as i16).collect::<Vec<_>>(), now);
    desk.put_in_force(policy(&GRANTS));
    assert!(desk.raw(asked).is_ok());
}

#[test]
fn a_topic_that_is_suspended_has_the_answer_of_one_that_is_not_in_the_catalogue() {
    let mut desk = Desk::new();
    assert_eq!(codes(&mut desk, &[GRANTED, ALSO_GRANTED, HIDDEN, "absent"]), [0, 0, 29, 29]);
    desk.put_in_force(policy_without(&GRANTS, &[("topic", ALSO_GRANTED)]));
    assert_eq!(codes(&mut desk, &[GRANTED, ALSO_GRANTED, HIDDEN, "absent"]), [0, 29, 29, 29]);
}

#[test]
fn a_topic_that_is_suspended_is_among_nobodys_grants() {
    let names = |desk: &mut Desk| {
        let asked = DescribeAclsRequest::default()
            .with_resource_type_filter(2)
            .with_principal_filter(None)
            .with_host_filter(None)
            .with_resource_name_filter(None)
            .with_pattern_type_filter(1)
            .with_operation(1)
            .with_permission_type(1);
        desk.ask(ApiKey::DescribeAcls, 1, &asked);
        let (_, answer): (_, DescribeAclsResponse) = read(&desk.local_answer(), false, 1);
        answer.resources.iter().map(|resource| resource.resource_name.to_string()).collect::<Vec<_>>()
    };
    let mut desk = Desk::new();
    desk.put_in_force(policy(&GRANTS));
    assert_eq!(names(&mut desk).len(), 2);
    desk.put_in_force(policy_without(&GRANTS, &[("topic", ALSO_GRANTED)]));
    assert_eq!(names(&mut desk), [GRANTED]);
}
