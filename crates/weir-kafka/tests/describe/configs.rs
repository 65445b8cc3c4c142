//! DescribeConfigs: the keys that a reader may know, and nothing of the brokers.

use super::*;

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
