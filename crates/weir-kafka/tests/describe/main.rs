//! What a topic is like, and who the client is: through a session, in every version.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod configs;
#[path = "../support/mod.rs"]
mod support;
mod topics;

use kafka_protocol::messages::describe_acls_response::DescribeAclsResource;
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use kafka_protocol::messages::describe_user_scram_credentials_request::UserName;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiKey, DescribeAclsRequest, DescribeAclsResponse, DescribeClientQuotasRequest, DescribeClientQuotasResponse,
    DescribeClusterRequest, DescribeClusterResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse, MetadataRequest, MetadataResponse, TopicName,
};
use support::*;
use uuid::Uuid;
use weir_kafka::cluster::{RealBrokerId, RealTopic};
use weir_kafka::fault::Fault;
use weir_kafka::wire::Malformed;
use weir_policy::GroupMode;

/// What Kafka says of operations that were not asked for, or that it does not tell.
const NOT_ASKED: i32 = i32::MIN;

/// Read, Describe and DescribeConfigs.
const GIVEN: i32 = (1 << 3) | (1 << 8) | (1 << 10);

fn name(topic: &str) -> TopicName {
    TopicName(text(topic))
}

// Authorized operations.

#[test]
fn trap_l27_operations_are_those_of_the_policy() {
    for version in 8..=12 {
        let topic = |topic| MetadataRequestTopic::default().with_name(Some(name(topic)));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![topic(GRANTED), topic(HIDDEN)]))
            .with_include_topic_authorized_operations(true)
            .with_include_cluster_authorized_operations(version <= 10);
        let mut desk = Desk::new();
        assert!(matches!(desk.ask(ApiKey::Metadata, version, &request), Led::Local));
        let (_, response) = read::<MetadataResponse>(&desk.local_answer(), version >= 9, version);
        let operations: Vec<_> = response.topics.iter().map(|topic| topic.topic_authorized_operations).collect();
        assert_eq!(operations, [GIVEN, NOT_ASKED], "version {version}");
        assert_eq!(response.cluster_authorized_operations, if version <= 10 { 0 } else { NOT_ASKED });
    }
}

#[test]
fn trap_k8_operations_of_the_cluster_that_are_not_asked_for_are_not_none() {
    for version in 0..=1 {
        for (asks, expected) in [(false, NOT_ASKED), (true, 0)] {
            let request = DescribeClusterRequest::default()
                .with_include_cluster_authorized_operations(asks)
                .with_endpoint_type(1);
            let mut desk = Desk::new();
            assert!(matches!(desk.ask(ApiKey::DescribeCluster, version, &request), Led::Local));
            let (_, response) = read::<DescribeClusterResponse>(&desk.local_answer(), true, version);
            assert_eq!(response.cluster_authorized_operations, expected);
        }
    }
}

// Whoami.

const ANY: i8 = 1;

const MATCH: i8 = 2;

const LITERAL: i8 = 3;

const PREFIXED: i8 = 4;

fn everything() -> DescribeAclsRequest {
    DescribeAclsRequest::default()
        .with_resource_type_filter(ANY)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(ANY)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(ANY)
        .with_permission_type(ANY)
}

fn acls_of(desk: &mut Desk, version: i16, request: &DescribeAclsRequest) -> Vec<DescribeAclsResource> {
    assert!(matches!(desk.ask(ApiKey::DescribeAcls, version, request), Led::Local));
    let (_, response) = read::<DescribeAclsResponse>(&desk.local_answer(), version >= 2, version);
    assert_eq!((response.error_code, response.error_message.as_deref()), (0, Some("")));
    for acl in response.resources.iter().flat_map(|resource| &resource.acls) {
        assert_eq!((&*acl.principal, &*acl.host, acl.permission_type), ("User:reader", "*", 3));
    }
    response.resources
}

/// Each pattern: its type of resource, its own type, its name and the operations.
fn shown(resources: &[DescribeAclsResource]) -> Vec<(i8, i8, &str, Vec<i8>)> {
    let operations = |resource: &DescribeAclsResource| resource.acls.iter().map(|acl| acl.operation).collect();
    resources
        .iter()
        .map(|resource| (resource.resource_type, resource.pattern_type, &*resource.resource_name, operations(resource)))
        .collect()
}

#[test]
fn a_client_sees_its_own_grants_as_acls() {
    let topic = |topic| (2, LITERAL, topic, vec![3, 8, 10]);
    for version in 1..=3 {
        let all = acls_of(&mut Desk::new(), version, &everything());
        let groups = (3, LITERAL, "*", vec![3, 6, 8]);
        assert_eq!(shown(&all), [topic(ALSO_GRANTED), topic(GRANTED), groups], "version {version}");

        let mut desk = Desk::new();
        desk.policy = policy_in(GroupMode::ExplicitPrefix, &[GRANTED]);
        let all = acls_of(&mut desk, version, &everything());
        assert_eq!(shown(&all), [topic(GRANTED), (3, PREFIXED, "reader.", vec![3, 6, 8])], "version {version}");
    }
}

#[test]
fn acls_are_filtered_as_kafka_filters_them() {
    let named = |resource_type, pattern, name: &str| {
        everything()
            .with_resource_type_filter(resource_type)
            .with_pattern_type_filter(pattern)
            .with_resource_name_filter(Some(text(name)))
    };
    let only = |change: fn(DescribeAclsRequest) -> DescribeAclsRequest| change(everything());
    let cases = [
        (named(2, LITERAL, GRANTED), 1),
        (named(ANY, ANY, GRANTED), 1),
        (named(2, PREFIXED, GRANTED), 0),
        (named(2, MATCH, HIDDEN), 0),
        (named(3, MATCH, "my-group"), 0),
        (named(3, MATCH, "reader.my-group"), 1),
        (named(3, LITERAL, "reader.my-group"), 0),
        (named(3, PREFIXED, "reader."), 1),
        (named(3, PREFIXED, "reader.my-group"), 0),
        (named(4, ANY, "kafka-cluster"), 0),
        (named(99, ANY, GRANTED), 0),
        (only(|all| all.with_resource_type_filter(2)), 2),
        (only(|all| all.with_pattern_type_filter(LITERAL)), 2),
        (only(|all| all.with_pattern_type_filter(MATCH)), 3),
        (only(|all| all.with_operation(6)), 1),
        (only(|all| all.with_operation(3)), 3),
        (only(|all| all.with_operation(4)), 0),
        (only(|all| all.with_operation(2)), 0),
        (only(|all| all.with_permission_type(2)), 0),
        (only(|all| all.with_permission_type(3)), 3),
        (only(|all| all.with_host_filter(Some(text("*")))), 3),
        (only(|all| all.with_host_filter(Some(text("127.0.0.1")))), 0),
        (only(|all| all.with_principal_filter(Some(text("User:reader")))), 3),
        (only(|all| all.with_principal_filter(Some(text("User:other")))), 0),
        (only(|all| all.with_principal_filter(Some(text("User:*")))), 0),
        (only(|all| all.with_principal_filter(Some(text("")))), 0),
    ];
    for (filter, count) in cases {
        for version in 1..=3 {
            let mut desk = Desk::new();
            desk.policy = policy_in(GroupMode::ExplicitPrefix, &[GRANTED, ALSO_GRANTED]);
            assert_eq!(acls_of(&mut desk, version, &filter).len(), count, "{filter:?}");
        }
    }
    // A star stands for every name, and only where patterns are applied.
    assert_eq!(acls_of(&mut Desk::new(), 3, &named(3, MATCH, "my-group")).len(), 1);
    assert_eq!(acls_of(&mut Desk::new(), 3, &named(3, LITERAL, "my-group")).len(), 0);
}

#[test]
fn a_filter_for_the_unknown_is_no_request() {
    let unknown: [fn(DescribeAclsRequest) -> DescribeAclsRequest; 4] = [
        |all| all.with_resource_type_filter(0),
        |all| all.with_pattern_type_filter(0),
        |all| all.with_operation(0),
        |all| all.with_permission_type(0),
    ];
    for change in unknown {
        let request = frame(ApiKey::DescribeAcls, 3, 1, &change(everything()));
        assert_eq!(Desk::new().raw(request).err(), Some(Fault::Malformed(Malformed::UnknownCode)));
    }
}

#[test]
fn quotas_are_those_of_a_cluster_where_nobody_has_one() {
    let component = |entity: &str, match_type, name: Option<&str>| {
        ComponentData::default().with_entity_type(text(entity)).with_match_type(match_type).with_match(name.map(text))
    };
    let cases = [
        (vec![], 0),
        (vec![component("user", 0, Some("reader"))], 0),
        (vec![component("user", 0, Some("other")), component("client-id", 2, None)], 0),
        (vec![component("ip", 1, None)], 0),
        (vec![component("", 2, None)], 42),
        (vec![component("user", 2, None), component("user", 1, None)], 42),
        (vec![component("user", 2, None), component("ip", 2, None)], 42),
        (vec![component("planet", 2, None)], 35),
        (vec![component("user", 0, None)], 42),
        (vec![component("user", 1, Some("reader"))], 42),
        (vec![component("user", 2, Some("reader"))], 42),
        (vec![component("user", 3, None)], 42),
    ];
    for version in 0..=1 {
        for (components, code) in cases.clone() {
            for strict in [false, true] {
                let request =
                    DescribeClientQuotasRequest::default().with_components(components.clone()).with_strict(strict);
                let mut desk = Desk::new();
                assert!(matches!(desk.ask(ApiKey::DescribeClientQuotas, version, &request), Led::Local));
                let (_, response) = read::<DescribeClientQuotasResponse>(&desk.local_answer(), version >= 1, version);
                assert_eq!(response.error_code, code, "{components:?}");
                let entries = if code == 0 { Some(vec![]) } else { None };
                assert_eq!((response.entries, response.error_message.unwrap().is_empty()), (entries, code == 0));
            }
        }
    }
}

#[test]
fn nobody_has_scram_credentials_and_all_of_them_are_none() {
    let ask = |users: Option<&[&str]>| {
        let users = users.map(|users| users.iter().map(|user| UserName::default().with_name(text(user))).collect());
        let mut desk = Desk::new();
        let request = DescribeUserScramCredentialsRequest::default().with_users(users);
        assert!(matches!(desk.ask(ApiKey::DescribeUserScramCredentials, 0, &request), Led::Local));
        let (_, response) = read::<DescribeUserScramCredentialsResponse>(&desk.local_answer(), true, 0);
        assert_eq!((response.error_code, response.error_message.as_deref()), (0, Some("")));
        let results = response.results.iter();
        results.map(|result| (result.user.to_string(), result.error_code)).collect::<Vec<_>>()
    };
    assert!(ask(None).is_empty() && ask(Some(&[])).is_empty());
    assert_eq!(ask(Some(&["reader"])), [("reader".to_owned(), 91)]);
    assert_eq!(ask(Some(&["reader", "other", "reader"])), [("other".to_owned(), 91), ("reader".to_owned(), 92)]);
}
