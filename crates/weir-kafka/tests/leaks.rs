//! What an answer could tell beside what was asked for: ids of what was taken away, the cluster, its other tenants.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, DescribeClusterRequest, DescribeClusterResponse, FetchRequest,
    FetchResponse, GroupId, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse,
    ListGroupsRequest, ListGroupsResponse, MetadataRequest, MetadataResponse, OffsetDeleteRequest,
    OffsetDeleteResponse, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use support::*;
use uuid::Uuid;
use weir_kafka::cluster::{RealBrokerId, RealClusterId, VersionRange};
use weir_kafka::fault::Fault;
use weir_kafka::table;
use weir_policy::GroupMode;

/// What reading by id tells of a topic, and what asking for it does; the id itself is left out.
fn told_of(desk: &mut Desk, version: i16, id: Uuid) -> (FetchResponse, Vec<MetadataResponse>) {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic_id(id).with_partitions(vec![partition]);
    let asked = FetchRequest::default().with_max_wait_ms(500).with_max_bytes(1 << 20).with_session_epoch(-1);
    assert!(matches!(desk.ask(ApiKey::Fetch, version, &asked.with_topics(vec![topic])), Led::Local));
    let (_, mut fetched) = read::<FetchResponse>(&desk.local_answer(), true, version);
    assert_eq!(std::mem::take(&mut fetched.responses[0].topic_id), id);
    let described = |desk: &mut Desk| {
        let topic = MetadataRequestTopic::default().with_topic_id(id).with_name(None);
        desk.ask(ApiKey::Metadata, 12, &MetadataRequest::default().with_topics(Some(vec![topic])));
        let (_, mut response) = read::<MetadataResponse>(&desk.local_answer(), true, 12);
        assert_eq!(std::mem::take(&mut response.topics[0].topic_id), id);
        response
    };
    (fetched, vec![described(desk)])
}

#[test]
fn trap_l4_the_id_of_a_topic_that_was_taken_away_is_an_unknown_one() {
    for version in 13..=17 {
        let mut desk = Desk::new();
        let topic = MetadataRequestTopic::default().with_topic_id(GRANTED_ID).with_name(None);
        desk.ask(ApiKey::Metadata, 12, &MetadataRequest::default().with_topics(Some(vec![topic])));
        let (_, before) = read::<MetadataResponse>(&desk.local_answer(), true, 12);
        assert_eq!(before.topics[0].error_code, 0, "the client has seen it");
        desk.policy = policy(&[ALSO_GRANTED]);
        desk.policy_generation += 1;
        let taken_away = told_of(&mut desk, version, GRANTED_ID);
        assert_eq!(taken_away, told_of(&mut desk, version, ABSENT_ID), "version {version}");
        let (fetched, described) = taken_away;
        assert_eq!(fetched.responses[0].partitions[0].error_code, 100);
        assert_eq!((described[0].topics[0].error_code, &described[0].topics[0].name), (100, &None));
    }
}

/// The group that the broker is told of when a principal joins one.
fn joined(principal: &str, mode: GroupMode, group: &str) -> Result<String, i16> {
    let mut desk = Desk::of(principal);
    desk.policy = policy_in(mode, &[GRANTED]);
    let protocol = JoinGroupRequestProtocol::default().with_name(StrBytes::from_static_str("range"));
    let asked = JoinGroupRequest::default()
        .with_group_id(GroupId(StrBytes::from_string(group.into())))
        .with_session_timeout_ms(10_000)
        .with_protocol_type(StrBytes::from_static_str("consumer"))
        .with_protocols(vec![protocol]);
    match desk.ask(ApiKey::JoinGroup, 5, &asked) {
        led @ Led::Upstream(_) => Ok(upstream::<JoinGroupRequest>(led, 5).1.group_id.to_string()),
        Led::Local => Err(read::<JoinGroupResponse>(&desk.local_answer(), false, 5).1.error_code),
    }
}

/// A leader is told what all members subscribe to, so nobody else's may be among them.
#[test]
fn trap_l13_a_group_of_one_name_is_another_group_for_each_principal() {
    let in_namespaces = |principal| move |group: &str| joined(principal, GroupMode::Namespaced, group).unwrap();
    let (reader, other) = (in_namespaces("reader"), in_namespaces("other"));
    let names = ["group", "other.group", "weir.other.group", "reader.group", "weir.reader.group", "Group"];
    for mine in names {
        for theirs in names {
            assert_ne!(reader(mine), other(theirs), "{mine} of one, {theirs} of the other");
        }
    }
    let written_out = |group| joined("reader", GroupMode::ExplicitPrefix, group);
    assert_eq!(written_out("reader.group"), Ok("reader.group".to_owned()));
    for theirs in ["other.group", "group", "weir.other.group", "readers.group"] {
        assert_eq!(written_out(theirs), Err(30), "{theirs}");
    }
}

#[test]
fn trap_l21_the_versions_tell_what_weir_serves_and_nothing_of_the_cluster() {
    let of_table: Vec<i16> = table::TABLE.iter().map(|row| row.key).collect();
    for version in 0..=4 {
        let mut desk = Desk::new();
        // Brokers that know keys and versions that Weir does not.
        desk.view.versions = (0..=100).map(|key| (key, VersionRange { min: 0, max: 99 })).collect();
        let named = |text| StrBytes::from_static_str(text);
        let asked = match version {
            3.. => ApiVersionsRequest::default()
                .with_client_software_name(named("weir-test"))
                .with_client_software_version(named("1")),
            _ => ApiVersionsRequest::default(),
        };
        desk.ask(ApiKey::ApiVersions, version, &asked);
        let (_, response) = read::<ApiVersionsResponse>(&desk.local_answer(), false, version);
        assert!(!response.api_keys.is_empty());
        for offered in &response.api_keys {
            assert!(of_table.contains(&offered.api_key), "key {}", offered.api_key);
            let served = table::row(offered.api_key).unwrap().versions;
            assert!(served.holds(offered.min_version) && served.holds(offered.max_version), "{offered:?}");
        }
        // How much the cluster's metadata moves, and which release its brokers are.
        assert_eq!(response.finalized_features_epoch, -1, "version {version}");
        assert!(response.finalized_features.is_empty() && response.supported_features.is_empty());
        assert!(!response.zk_migration_ready && response.unknown_tagged_fields.is_empty());
    }
}

#[test]
fn trap_l22_the_cluster_has_one_id_whichever_cluster_and_broker_answers() {
    let seen = |real: &str, brokers: &[i32]| {
        let mut desk = Desk::new();
        desk.view.cluster_id = RealClusterId(real.into());
        desk.view.brokers.retain(|RealBrokerId(id), _| brokers.contains(id));
        let mut ids = Vec::new();
        for version in 2..=12 {
            desk.ask(ApiKey::Metadata, version, &MetadataRequest::default().with_topics(Some(vec![])));
            let (_, response) = read::<MetadataResponse>(&desk.local_answer(), version >= 9, version);
            ids.push(response.cluster_id.unwrap().to_string());
        }
        for version in 0..=1 {
            desk.ask(ApiKey::DescribeCluster, version, &DescribeClusterRequest::default().with_endpoint_type(1));
            let (_, response) = read::<DescribeClusterResponse>(&desk.local_answer(), true, version);
            ids.push(response.cluster_id.to_string());
        }
        ids.dedup();
        ids
    };
    for (real, brokers) in [("internal-cluster", &[1, 2, 3][..]), ("internal-cluster", &[2]), ("its-replacement", &[3])]
    {
        assert_eq!(seen(real, brokers), ["shown-cluster"]);
    }
}

#[test]
fn trap_l29_telemetry_is_neither_offered_nor_answered() {
    let mut desk = Desk::new();
    desk.ask(ApiKey::ApiVersions, 0, &ApiVersionsRequest::default());
    let (_, response) = read::<ApiVersionsResponse>(&desk.local_answer(), false, 0);
    for key in [71_i16, 72] {
        assert!(response.api_keys.iter().all(|offered| offered.api_key != key));
        let mut asked = frame(ApiKey::ApiVersions, 3, 1, &ApiVersionsRequest::default());
        asked[..4].copy_from_slice(&[&key.to_be_bytes()[..], &[0, 0]].concat());
        assert_eq!(Desk::new().raw(asked).unwrap_err(), Fault::ApiNotServed, "key {key}");
    }
}

/// What a client gets of a broker's answer, in pieces of each of these sizes.
fn given<Q: Encodable + HeaderVersion, A: Encodable + Decodable>(
    key: ApiKey,
    version: i16,
    asked: &Q,
    said: &A,
) -> Vec<A> {
    let flexible = table::row(key as i16).unwrap().response_header_is_flexible(version);
    let of = |piece| {
        let mut desk = Desk::new();
        let Led::Upstream(sent) = desk.ask(key, version, asked) else { panic!("answered locally") };
        let broker = answer(i32::from_be_bytes(sent[4..8].try_into().unwrap()), flexible, version, said);
        read::<A>(&desk.broker_answers(&broker, piece).unwrap(), flexible, version).1
    };
    [1 << 20, 70, 9].map(of).into()
}

#[test]
fn trap_l28_a_brokers_throttle_time_is_told_in_coarse_steps() {
    let group = || GroupId(StrBytes::from_static_str("g"));
    let fetch = |version| {
        let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
        let topic = FetchTopic::default().with_partitions(vec![partition]);
        let name = TopicName(StrBytes::from_static_str(GRANTED));
        let topic = if version >= 13 { topic.with_topic_id(GRANTED_ID) } else { topic.with_topic(name) };
        let asked = FetchRequest::default().with_max_wait_ms(500).with_max_bytes(1 << 20);
        if version >= 7 { asked.with_session_epoch(-1) } else { asked }.with_topics(vec![topic])
    };
    let records = |version, bytes: usize| {
        let data = PartitionData::default().with_records(Some(vec![7; bytes].into()));
        let topic = FetchableTopicResponse::default().with_partitions(vec![data]);
        let name = TopicName(StrBytes::from_static_str(GRANTED));
        let topic = if version >= 13 { topic.with_topic_id(GRANTED_ID) } else { topic.with_topic(name) };
        FetchResponse::default().with_responses(vec![topic])
    };
    for (told, shown) in [(0, 0), (1, 128), (130, 256), (255, 256), (1_025, 2_048)] {
        for version in 1..=4 {
            let said = HeartbeatResponse::default().with_throttle_time_ms(told);
            let asked = HeartbeatRequest::default().with_group_id(group());
            let given = given(ApiKey::Heartbeat, version, &asked, &said);
            assert!(given.iter().all(|given| given.throttle_time_ms == shown), "version {version}: {given:?}");
        }
        for version in 1..=5 {
            let said = ListGroupsResponse::default().with_throttle_time_ms(told);
            let given = given(ApiKey::ListGroups, version, &ListGroupsRequest::default(), &said);
            assert!(given.iter().all(|given| given.throttle_time_ms == shown), "version {version}: {given:?}");
        }
        for (version, bytes) in [(4, 0), (7, 100), (12, 100), (12, 50_000), (17, 50_000)] {
            let said = records(version, bytes).with_throttle_time_ms(told);
            let given = given(ApiKey::Fetch, version, &fetch(version), &said);
            assert!(given.iter().all(|given| given.throttle_time_ms == shown), "version {version}, {bytes} bytes");
        }
        // Here it stands behind the error code.
        let said = OffsetDeleteResponse::default().with_error_code(69).with_throttle_time_ms(told);
        let given = given(ApiKey::OffsetDelete, 0, &OffsetDeleteRequest::default().with_group_id(group()), &said);
        assert!(given.iter().all(|given| (given.error_code, given.throttle_time_ms) == (69, shown)));
    }
}
