//! What a topic is like, and who the client is: through a session, in every version.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

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
use kafka_protocol::protocol::StrBytes;
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

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn name(topic: &str) -> TopicName {
    TopicName(text(topic))
}

// DescribeTopicPartitions.

fn pages_of(topics: &[&str], limit: i32, cursor: Option<(&str, i32)>) -> DescribeTopicPartitionsRequest {
    let topic = |topic: &&str| TopicRequest::default().with_name(name(topic));
    let cursor =
        cursor.map(|(topic, partition)| Cursor::default().with_topic_name(name(topic)).with_partition_index(partition));
    DescribeTopicPartitionsRequest::default()
        .with_topics(topics.iter().map(topic).collect())
        .with_response_partition_limit(limit)
        .with_cursor(cursor)
}

fn page_at(desk: &mut Desk, request: &DescribeTopicPartitionsRequest) -> (Vec<u8>, DescribeTopicPartitionsResponse) {
    assert!(matches!(desk.ask(ApiKey::DescribeTopicPartitions, 0, request), Led::Local));
    let out = desk.local_answer();
    let (_, response) = read(&out, true, 0);
    (out, response)
}

fn page(request: &DescribeTopicPartitionsRequest) -> (Vec<u8>, DescribeTopicPartitionsResponse) {
    page_at(&mut Desk::new(), request)
}

/// Each topic's name, code and partitions, and where the next page begins.
type Page = (Vec<(String, i16, Vec<i32>)>, Option<(String, i32)>);

fn brief(response: &DescribeTopicPartitionsResponse) -> Page {
    let topics = response.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| partition.partition_index).collect();
        (topic.name.as_ref().unwrap().to_string(), topic.error_code, partitions)
    });
    let next = response.next_cursor.as_ref().map(|next| (next.topic_name.to_string(), next.partition_index));
    (topics.collect(), next)
}

fn entry(topic: &str, error_code: i16, partitions: &[i32]) -> (String, i16, Vec<i32>) {
    (topic.to_owned(), error_code, partitions.to_vec())
}

#[test]
fn trap_l7_pages_of_all_topics_are_of_visible_ones_and_break_off_at_visible_ones() {
    for limit in 1..=7 {
        let (mut seen, mut cursor, mut pages) = (Vec::new(), None::<(String, i32)>, 0);
        loop {
            let at = cursor.as_ref().map(|(topic, partition)| (topic.as_str(), *partition));
            let (out, response) = page(&pages_of(&[], limit, at));
            assert!(!String::from_utf8_lossy(&out).contains(HIDDEN), "limit {limit}");
            let (topics, next) = brief(&response);
            let partitions: usize = topics.iter().map(|(_, _, partitions)| partitions.len()).sum();
            assert!(partitions <= usize::try_from(limit).unwrap());
            seen.extend(topics.into_iter().flat_map(|(topic, _, partitions)| {
                partitions.into_iter().map(move |partition| (topic.clone(), partition))
            }));
            pages += 1;
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        let all: Vec<_> =
            [ALSO_GRANTED, GRANTED].iter().flat_map(|topic| (0..3).map(|index| ((*topic).to_owned(), index))).collect();
        assert_eq!(seen, all, "limit {limit}");
        assert_eq!(pages, [6, 3, 2, 2, 2, 1, 1][usize::try_from(limit).unwrap() - 1], "limit {limit}");
    }
}

#[test]
fn trap_l7_a_page_that_is_full_names_the_next_topic_and_no_hidden_one() {
    // In the order of names, HIDDEN stands behind GRANTED; it would be where the page breaks off.
    let (_, response) = page(&pages_of(&[GRANTED, HIDDEN, ABSENT], 3, None));
    let refused = [entry(ABSENT, 29, &[]), entry(HIDDEN, 29, &[])];
    let expected = [vec![entry(GRANTED, 0, &[0, 1, 2])], refused.to_vec()].concat();
    assert_eq!(brief(&response), (expected, None));
    let (_, response) = page(&pages_of(&[], 6, None));
    assert_eq!(response.next_cursor, None);
}

#[test]
fn trap_l8_a_cursor_at_a_hidden_topic_is_one_at_an_absent_topic() {
    for limit in [1, 2, 2_000] {
        for partition in [0, 1, 99, i32::MAX, -1] {
            for topics in [&[][..], &[GRANTED, ALSO_GRANTED]] {
                let at = |cursor| page(&pages_of(topics, limit, Some((cursor, partition)))).0;
                assert_eq!(at(HIDDEN), at("public.hiddeo"), "{topics:?} {limit} {partition}");
            }
            let at = |cursor| page(&pages_of(&[GRANTED, cursor], limit, Some((cursor, partition)))).0;
            let swapped = String::from_utf8_lossy(&at(HIDDEN)).replace(HIDDEN, "public.hiddeo");
            assert_eq!(swapped, String::from_utf8_lossy(&at("public.hiddeo")));
        }
    }
    // What may be seen begins with the first topic that is not before it.
    let (_, response) = page(&pages_of(&[], 2_000, Some((ABSENT, 1))));
    assert_eq!(brief(&response).0, [entry(ALSO_GRANTED, 0, &[0, 1, 2]), entry(GRANTED, 0, &[0, 1, 2])]);
}

#[test]
fn trap_l2_hidden_and_absent_topics_are_refused_in_the_same_bytes() {
    let (hidden, response) = page(&pages_of(&[HIDDEN], 2_000, None));
    let (absent, _) = page(&pages_of(&[ABSENT], 2_000, None));
    assert_eq!(String::from_utf8_lossy(&hidden).replace(HIDDEN, ABSENT), String::from_utf8_lossy(&absent));
    let topic = &response.topics[0];
    assert_eq!((topic.error_code, topic.topic_id, topic.is_internal), (29, Uuid::nil(), false));
    assert_eq!((topic.partitions.len(), topic.topic_authorized_operations), (0, NOT_ASKED));
    // The same with a refused topic in the brokers' list and without it.
    let mut desk = Desk::new();
    desk.view.topics.remove(HIDDEN);
    assert_eq!(
        page_at(&mut desk, &pages_of(&[HIDDEN, GRANTED], 2, None)),
        page(&pages_of(&[HIDDEN, GRANTED], 2, None))
    );
}

#[test]
fn a_cursor_outside_the_list_or_below_zero_fails_the_whole_request() {
    for (topics, cursor) in [
        (&[GRANTED, HIDDEN][..], (ALSO_GRANTED, 0)),
        (&[GRANTED, HIDDEN], (GRANTED, -1)),
        (&[GRANTED, HIDDEN], ("", 0)),
    ] {
        let (_, response) = page(&pages_of(topics, 2_000, Some(cursor)));
        assert_eq!(brief(&response), (vec![entry(GRANTED, 42, &[]), entry(HIDDEN, 42, &[])], None), "{cursor:?}");
    }
    assert_eq!(brief(&page(&pages_of(&[], 2_000, Some((GRANTED, -1)))).1), (vec![], None));
    let doubled = page(&pages_of(&[GRANTED, GRANTED], 2_000, Some((HIDDEN, 0)))).1;
    assert_eq!(doubled.topics.len(), 2, "Kafka counts no topics then");
}

#[test]
fn topics_are_described_once_each_in_order_with_what_the_principal_may_do() {
    let mut desk = Desk::new();
    desk.view.topics.remove(ALSO_GRANTED);
    let (out, response) = page_at(&mut desk, &pages_of(&[GRANTED, ALSO_GRANTED, GRANTED], 0, Some((GRANTED, 1))));
    assert_eq!(brief(&response), (vec![entry(GRANTED, 0, &[1])], Some((GRANTED.to_owned(), 2))), "no limit is one");
    let topic = &response.topics[0];
    assert_eq!((topic.topic_id, topic.topic_authorized_operations), (GRANTED_ID, GIVEN));
    let partition = &topic.partitions[0];
    assert_eq!((partition.leader_id.0, partition.leader_epoch, partition.error_code), (2, 5, 0));
    assert_eq!((partition.replica_nodes.len(), partition.isr_nodes.len(), partition.offline_replicas.len()), (3, 1, 0));
    assert_eq!((&partition.eligible_leader_replicas, &partition.last_known_elr), (&Some(vec![]), &Some(vec![])));
    assert!(!String::from_utf8_lossy(&out).contains(INTERNAL_HOST));

    let (_, response) = page_at(&mut desk, &pages_of(&[GRANTED, ALSO_GRANTED], 2_000, None));
    assert_eq!(brief(&response).0, [entry(ALSO_GRANTED, 3, &[]), entry(GRANTED, 0, &[0, 1, 2])]);
    assert_eq!(response.topics[0].topic_authorized_operations, GIVEN);
    // Behind the last partition there is nothing left of the topic.
    let (_, response) = page_at(&mut desk, &pages_of(&[], 2_000, Some((GRANTED, 3))));
    assert_eq!(brief(&response), (vec![entry(GRANTED, 0, &[])], None));
}

#[test]
fn trap_k7_a_partition_whose_leader_is_not_up_is_described_without_one() {
    let mut desk = Desk::new();
    desk.view.brokers.remove(&RealBrokerId(1));
    let (_, response) = page_at(&mut desk, &pages_of(&[GRANTED], 2_000, None));
    let leaders: Vec<_> = response.topics[0].partitions.iter().map(|partition| partition.leader_id.0).collect();
    assert_eq!(leaders, [-1, 2, 3]);
}

#[test]
fn a_page_has_no_more_than_two_thousand_partitions_whatever_is_asked_for() {
    let mut desk = Desk::new();
    let topic = desk.view.topics.get_mut(&RealTopic(GRANTED.into())).unwrap();
    let first = topic.partitions[0].clone();
    topic.partitions = (0..2_500).map(|index| weir_kafka::cluster::PartitionView { index, ..first.clone() }).collect();
    let (_, response) = page_at(&mut desk, &pages_of(&[GRANTED], i32::MAX, None));
    assert_eq!(response.topics[0].partitions.len(), 2_000);
    assert_eq!(brief(&response).1, Some((GRANTED.to_owned(), 2_000)));
}

// DescribeConfigs.

const TOPIC: i8 = 2;

fn resource(resource_type: i8, resource_name: &str, keys: Option<&[&str]>) -> DescribeConfigsResource {
    DescribeConfigsResource::default()
        .with_resource_type(resource_type)
        .with_resource_name(text(resource_name))
        .with_configuration_keys(keys.map(|keys| keys.iter().map(|key| text(key)).collect()))
}

fn configs(version: i16, resources: Vec<DescribeConfigsResource>) -> DescribeConfigsRequest {
    DescribeConfigsRequest::default()
        .with_resources(resources)
        .with_include_synonyms(true)
        .with_include_documentation(version >= 3)
}

fn config(key: &str) -> DescribeConfigsResourceResult {
    let synonym =
        DescribeConfigsSynonym::default().with_name(text("log.retention.ms")).with_value(Some(text("planted")));
    DescribeConfigsResourceResult::default()
        .with_name(text(key))
        .with_value(Some(text("12345")))
        .with_config_source(1)
        .with_is_sensitive(true)
        .with_synonyms(vec![synonym])
}

/// A broker's answer that says more than it was asked for.
fn talkative(version: i16, topic: &str) -> DescribeConfigsResult {
    let documented = |config: DescribeConfigsResourceResult| {
        if version >= 3 { config.with_documentation(Some(text("planted"))) } else { config }
    };
    let keys = ["retention.ms", "planted.key", "cleanup.policy", "follower.replication.throttled.replicas"];
    DescribeConfigsResult::default()
        .with_error_message(Some(text("planted")))
        .with_resource_type(TOPIC)
        .with_resource_name(text(topic))
        .with_configs(keys.into_iter().map(config).map(documented).collect())
}

/// What the broker was asked, and what the client got.
fn described(
    version: i16,
    request: &DescribeConfigsRequest,
    answers: Vec<DescribeConfigsResult>,
) -> (DescribeConfigsRequest, DescribeConfigsResponse) {
    let mut desk = Desk::new();
    let (header, sent) = upstream(desk.ask(ApiKey::DescribeConfigs, version, request), version);
    let flexible = version >= 4;
    let message = DescribeConfigsResponse::default().with_results(answers);
    let frame = answer(header.correlation_id, flexible, version, &message);
    let out = desk.broker_answers(&frame, 7).unwrap();
    assert!(!String::from_utf8_lossy(&out).contains("planted"), "version {version}");
    (sent, read(&out, flexible, version).1)
}

fn locally(version: i16, request: &DescribeConfigsRequest) -> (Vec<u8>, DescribeConfigsResponse) {
    let mut desk = Desk::new();
    assert!(matches!(desk.ask(ApiKey::DescribeConfigs, version, request), Led::Local));
    let out = desk.local_answer();
    let (_, response) = read(&out, version >= 4, version);
    (out, response)
}

#[test]
fn trap_l23_all_keys_are_those_that_may_be_shown_and_say_nothing_of_the_brokers() {
    for version in 1..=4 {
        for keys in [None, Some(&[][..])] {
            let request = configs(version, vec![resource(TOPIC, GRANTED, keys)]);
            let (sent, shown) = described(version, &request, vec![talkative(version, GRANTED)]);
            assert!(!sent.include_synonyms && !sent.include_documentation);
            let asked = sent.resources[0].configuration_keys.as_ref().unwrap();
            assert!(asked.len() > 5 && asked.iter().any(|key| **key == *"retention.ms"), "never a form that means all");
            let result = &shown.results[0];
            assert_eq!((result.error_code, result.error_message.as_deref()), (0, Some("")), "no text of the broker's");
            let keys: Vec<&str> = result.configs.iter().map(|config| &*config.name).collect();
            assert_eq!(keys, ["retention.ms", "cleanup.policy"], "version {version}");
            for config in &result.configs {
                assert!(config.synonyms.is_empty() && config.is_sensitive);
                assert!(version < 3 || config.documentation.is_none());
                assert_eq!((config.value.as_deref(), config.config_source), (Some("12345"), 1));
            }
        }
    }
}

#[test]
fn a_granted_topic_that_does_not_exist_is_unknown_without_words() {
    let (code, text_of_broker) = (3, Some(text("planted")));
    let unknown = DescribeConfigsResult::default().with_error_code(code).with_error_message(text_of_broker);
    let unknown = unknown.with_resource_type(TOPIC).with_resource_name(text(GRANTED));
    let (_, shown) = described(4, &configs(4, vec![resource(TOPIC, GRANTED, None)]), vec![unknown]);
    assert_eq!((shown.results[0].error_code, shown.results[0].error_message.as_deref()), (3, Some("")));
}

#[test]
fn trap_c36_keys_that_may_not_be_shown_are_absent_and_never_widen_the_question() {
    for version in 1..=4 {
        let mixed = configs(version, vec![resource(TOPIC, GRANTED, Some(&["segment.bytes", "retention.ms"]))]);
        let (sent, shown) = described(version, &mixed, vec![talkative(version, GRANTED)]);
        assert_eq!(sent.resources[0].configuration_keys, Some(vec![text("retention.ms")]));
        assert_eq!(shown.results[0].configs.len(), 1);

        let none = configs(version, vec![resource(TOPIC, GRANTED, Some(&["segment.bytes"]))]);
        let (sent, shown) = described(version, &none, vec![talkative(version, GRANTED)]);
        assert_eq!(sent.resources[0].configuration_keys.as_ref().map(Vec::len), Some(1));
        assert_eq!((shown.results[0].error_code, shown.results[0].configs.len()), (0, 0));
    }
}

#[test]
fn trap_l2_configs_of_hidden_and_absent_topics_are_refused_in_the_same_bytes() {
    for version in 1..=4 {
        let (hidden, response) = locally(version, &configs(version, vec![resource(TOPIC, HIDDEN, None)]));
        let (absent, _) = locally(version, &configs(version, vec![resource(TOPIC, ABSENT, None)]));
        assert_eq!(String::from_utf8_lossy(&hidden).replace(HIDDEN, ABSENT), String::from_utf8_lossy(&absent));
        let result = &response.results[0];
        assert_eq!((result.error_code, result.configs.len()), (29, 0));
        assert_eq!(result.error_message.as_deref(), Some("Topic authorization failed."));
    }
}

#[test]
fn trap_l23_other_resources_are_refused_with_fixed_texts_behind_what_the_broker_says() {
    for version in 1..=4 {
        let others = [(4, "1"), (4, ""), (8, "1"), (16, "metrics"), (32, "own"), (TOPIC, HIDDEN)];
        let mut resources: Vec<_> = others.iter().map(|(kind, name)| resource(*kind, name, None)).collect();
        resources.insert(2, resource(TOPIC, GRANTED, None));
        let (sent, shown) = described(version, &configs(version, resources.clone()), vec![talkative(version, GRANTED)]);
        assert_eq!(sent.resources.len(), 1, "nothing but the granted topic reaches the broker");
        let got: Vec<_> = shown
            .results
            .iter()
            .map(|result| (result.error_code, result.resource_type, &*result.resource_name))
            .collect();
        let refused =
            [(31, 4, "1"), (31, 4, ""), (31, 8, "1"), (31, 16, "metrics"), (30, 32, "own"), (29, TOPIC, HIDDEN)];
        assert_eq!(got, [&[(0, TOPIC, GRANTED)][..], &refused].concat(), "version {version}");
        assert!(shown.results[1..].iter().all(|result| result.error_message.as_ref().unwrap().ends_with("failed.")));

        resources.push(resource(3, "what", None));
        let (_, response) = locally(version, &configs(version, resources));
        assert_eq!(response.results.len(), 8);
        assert!(response.results.iter().all(|result| result.error_code == 42), "an unknown type fails them all");
        assert!(locally(version, &configs(version, vec![])).1.results.is_empty());
    }
}

#[test]
fn configs_that_were_not_asked_for_end_the_connection() {
    let wrong = [
        vec![],
        vec![talkative(4, HIDDEN)],
        vec![talkative(4, GRANTED), talkative(4, HIDDEN)],
        vec![talkative(4, GRANTED).with_resource_type(4)],
    ];
    for results in wrong {
        let mut desk = Desk::new();
        let asked = configs(4, vec![resource(TOPIC, GRANTED, None)]);
        let (header, _) = upstream::<DescribeConfigsRequest>(desk.ask(ApiKey::DescribeConfigs, 4, &asked), 4);
        let frame = answer(header.correlation_id, true, 4, &DescribeConfigsResponse::default().with_results(results));
        assert_eq!(desk.broker_answers(&frame, 4096).err(), Some(Fault::BrokerUnasked));
    }
}

#[test]
fn configs_are_asked_for_again_when_no_broker_can_be_reached() {
    for version in 1..=4 {
        let mut desk = Desk::new();
        desk.connected = false;
        let asked = configs(version, vec![resource(TOPIC, HIDDEN, None), resource(TOPIC, GRANTED, None)]);
        assert!(matches!(desk.ask(ApiKey::DescribeConfigs, version, &asked), Led::Upstream(_)));
        desk.session.broker_unreachable().unwrap();
        let (_, response) = read::<DescribeConfigsResponse>(&desk.local_answer(), version >= 4, version);
        let codes: Vec<_> = response.results.iter().map(|result| result.error_code).collect();
        assert_eq!(codes, [5, 29]);
    }
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
