//! Lists that are cut and put back: as many elements as were asked for, and never "all" where something was named.

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::{
    ApiKey, DescribeConfigsRequest, DescribeGroupsRequest, GroupId, ListOffsetsRequest, ListOffsetsResponse,
    MetadataRequest, MetadataResponse, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest,
    OffsetFetchResponse, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, TopicName,
};
use kafka_protocol::protocol::{Encodable, HeaderVersion};

use crate::support::*;

fn name(topic: &str) -> TopicName {
    TopicName(text(topic))
}

fn group() -> GroupId {
    GroupId(text("g"))
}

fn commit(topics: &[(&str, &[i32])]) -> OffsetCommitRequest {
    let partition = |index: &i32| OffsetCommitRequestPartition::default().with_partition_index(*index);
    let topic = |(topic, partitions): &(&str, &[i32])| {
        let partitions = partitions.iter().map(partition).collect();
        OffsetCommitRequestTopic::default().with_name(name(topic)).with_partitions(partitions)
    };
    OffsetCommitRequest::default().with_group_id(group()).with_topics(topics.iter().map(topic).collect())
}

/// As brokers answer a commit: each topic and partition that stands in it.
fn committed(request: &OffsetCommitRequest) -> OffsetCommitResponse {
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic
            .partitions
            .iter()
            .map(|partition| OffsetCommitResponsePartition::default().with_partition_index(partition.partition_index));
        OffsetCommitResponseTopic::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}

/// Each partition of an answer and its code, in the order of names.
fn codes(response: &OffsetCommitResponse) -> Vec<(&str, i32, i16)> {
    let of = |topic: &'_ OffsetCommitResponseTopic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| (partition.partition_index, partition.error_code)).collect::<Vec<_>>()
    };
    let mut codes = Vec::new();
    for topic in &response.topics {
        codes.extend(of(topic).into_iter().map(|(index, code)| (&**topic.name as &str, index, code)));
    }
    codes.sort_unstable();
    codes
}

#[test]
fn trap_c34_a_commit_is_answered_for_what_it_names_and_for_nothing_else() {
    let mixed: &[(&str, &[i32])] =
        &[(HIDDEN, &[0, 7]), (GRANTED, &[2, 0, 1]), (ABSENT, &[3]), (ALSO_GRANTED, &[5]), ("a/b", &[0])];
    let expected = [
        ("a/b", 0, 29),
        (ABSENT, 3, 29),
        (ALSO_GRANTED, 5, 0),
        (GRANTED, 0, 0),
        (GRANTED, 1, 0),
        (GRANTED, 2, 0),
        (HIDDEN, 0, 29),
        (HIDDEN, 7, 29),
    ];
    for version in 2..=9 {
        let flexible = version >= 8;
        let mut desk = Desk::new();
        let led = desk.ask(ApiKey::OffsetCommit, version, &commit(mixed));
        let (header, sent) = upstream::<OffsetCommitRequest>(led, version);
        let out = desk.broker_answers(&answer(header.correlation_id, flexible, version, &committed(&sent)), 9).unwrap();
        assert_eq!(codes(&read::<OffsetCommitResponse>(&out, flexible, version).1), expected, "version {version}");
        // Nothing is left of it, or its group is refused, or the broker is gone: the same partitions.
        assert!(matches!(desk.ask(ApiKey::OffsetCommit, version, &commit(&mixed[..1])), Led::Local));
        let (_, response) = read::<OffsetCommitResponse>(&desk.local_answer(), flexible, version);
        assert_eq!(codes(&response), [(HIDDEN, 0, 29), (HIDDEN, 7, 29)]);
        let foreign = commit(&mixed[..2]).with_group_id(GroupId(text("a/b")));
        assert!(matches!(desk.ask(ApiKey::OffsetCommit, version, &foreign), Led::Local));
        let (_, response) = read::<OffsetCommitResponse>(&desk.local_answer(), flexible, version);
        let all = [(GRANTED, 0, 24), (GRANTED, 1, 24), (GRANTED, 2, 24), (HIDDEN, 0, 24), (HIDDEN, 7, 24)];
        assert_eq!(codes(&response), all);
        desk.connected = false;
        desk.ask(ApiKey::OffsetCommit, version, &commit(&mixed[..2]));
        desk.session.broker_unreachable().unwrap();
        let (_, response) = read::<OffsetCommitResponse>(&desk.local_answer(), flexible, version);
        let moved = [(GRANTED, 0, 16), (GRANTED, 1, 16), (GRANTED, 2, 16), (HIDDEN, 0, 29), (HIDDEN, 7, 29)];
        assert_eq!(codes(&response), moved);
    }
}

/// The granted topic twice and the hidden one twice, the second time among granted ones; partitions twice, too.
const TWICE: [(&str, &[i32]); 5] =
    [(GRANTED, &[0, 0]), (HIDDEN, &[1]), (GRANTED, &[0]), (HIDDEN, &[1, 1]), (ALSO_GRANTED, &[4])];

#[test]
fn trap_c35_each_copy_of_a_topic_is_judged_and_each_is_answered() {
    for version in 2..=9 {
        let mut desk = Desk::new();
        let led = desk.ask(ApiKey::OffsetCommit, version, &commit(&TWICE));
        let (header, sent) = upstream::<OffsetCommitRequest>(led, version);
        let up: Vec<&str> = sent.topics.iter().map(|topic| &**topic.name as &str).collect();
        assert_eq!(up, [GRANTED, GRANTED, ALSO_GRANTED], "version {version}");
        let frame = answer(header.correlation_id, version >= 8, version, &committed(&sent));
        let out = desk.broker_answers(&frame, 1 << 20).unwrap();
        let (_, response) = read::<OffsetCommitResponse>(&out, version >= 8, version);
        assert_eq!(codes(&response).iter().filter(|(topic, ..)| *topic == HIDDEN).count(), 3);
        assert_eq!(codes(&response).len(), 7);
    }
    for version in 1..=10 {
        let partition = |index: &i32| ListOffsetsPartition::default().with_partition_index(*index).with_timestamp(-1);
        let topics = TWICE.map(|(topic, partitions)| {
            let partitions = partitions.iter().map(partition).collect();
            ListOffsetsTopic::default().with_name(name(topic)).with_partitions(partitions)
        });
        let mut desk = Desk::new();
        let led = desk.ask(ApiKey::ListOffsets, version, &ListOffsetsRequest::default().with_topics(topics.to_vec()));
        let (header, sent) = upstream::<ListOffsetsRequest>(led, version);
        let up: Vec<(&str, usize)> = sent.topics.iter().map(|topic| (&**topic.name, topic.partitions.len())).collect();
        assert_eq!(up, [(GRANTED, 2), (GRANTED, 1), (ALSO_GRANTED, 1)], "the broker says 42 of them");
        let twice = ListOffsetsPartitionResponse::default().with_error_code(42);
        let twice = ListOffsetsTopicResponse::default().with_name(name(GRANTED)).with_partitions(vec![twice; 3]);
        let broker = ListOffsetsResponse::default().with_topics(vec![twice]);
        let out = desk.broker_answers(&answer(header.correlation_id, version >= 6, version, &broker), 9).unwrap();
        let (_, response) = read::<ListOffsetsResponse>(&out, version >= 6, version);
        let told: Vec<_> = response.topics.iter().flat_map(|topic| &topic.partitions).map(|it| it.error_code).collect();
        assert_eq!(told, [42, 42, 42, 29, 29, 29], "version {version}");
    }
}

#[test]
fn trap_c35_so_it_is_with_epochs_and_committed_offsets() {
    let partition = |index: &i32| OffsetForLeaderPartition::default().with_partition(*index);
    let topics = TWICE.map(|(topic, partitions)| {
        let partitions = partitions.iter().map(partition).collect();
        OffsetForLeaderTopic::default().with_topic(name(topic)).with_partitions(partitions)
    });
    for version in 2..=4 {
        let mut desk = Desk::new();
        let asked = OffsetForLeaderEpochRequest::default().with_topics(topics.to_vec());
        let led = desk.ask(ApiKey::OffsetForLeaderEpoch, version, &asked);
        let (header, sent) = upstream::<OffsetForLeaderEpochRequest>(led, version);
        assert_eq!(sent.topics.len(), 3, "version {version}");
        let broker = OffsetForLeaderEpochResponse::default();
        let out = desk.broker_answers(&answer(header.correlation_id, version >= 4, version, &broker), 9).unwrap();
        let (_, response) = read::<OffsetForLeaderEpochResponse>(&out, version >= 4, version);
        assert_eq!(response.topics.iter().map(|topic| topic.partitions.len()).collect::<Vec<_>>(), [1, 2]);
    }
    let topics = TWICE.map(|(topic, partitions)| {
        OffsetFetchRequestTopic::default().with_name(name(topic)).with_partition_indexes(partitions.to_vec())
    });
    for version in 1..=7 {
        let mut desk = Desk::new();
        let asked = OffsetFetchRequest::default().with_group_id(group()).with_topics(Some(topics.to_vec()));
        let (header, sent) = upstream::<OffsetFetchRequest>(desk.ask(ApiKey::OffsetFetch, version, &asked), version);
        assert_eq!(sent.topics.map(|topics| topics.len()), Some(3), "version {version}");
        let broker = OffsetFetchResponse::default();
        let out = desk.broker_answers(&answer(header.correlation_id, version >= 6, version, &broker), 9).unwrap();
        let (_, response) = read::<OffsetFetchResponse>(&out, version >= 6, version);
        assert_eq!(response.topics.iter().map(|topic| topic.partitions.len()).collect::<Vec<_>>(), [1, 2]);
    }
}

/// Whether a request with nothing but hidden names goes to the broker.
fn goes_up<Q: Encodable + HeaderVersion>(key: ApiKey, version: i16, request: &Q) -> bool {
    matches!(Desk::new().ask(key, version, request), Led::Upstream(_))
}

#[test]
fn trap_c36_what_is_left_of_hidden_names_is_never_the_form_that_means_all() {
    for version in 0..=12 {
        let hidden = MetadataRequestTopic::default().with_name(Some(name(HIDDEN)));
        let asked = MetadataRequest::default().with_topics(Some(vec![hidden]));
        let asked = if version < 4 { asked.with_allow_auto_topic_creation(true) } else { asked };
        let mut desk = Desk::new();
        assert!(matches!(desk.ask(ApiKey::Metadata, version, &asked), Led::Local));
        let (_, response) = read::<MetadataResponse>(&desk.local_answer(), version >= 9, version);
        let told: Vec<_> = response.topics.iter().map(|topic| (topic.name.clone(), topic.error_code)).collect();
        assert_eq!(told, [(Some(name(HIDDEN)), 29)], "version {version}");
    }
    for version in 1..=9 {
        // Null means all of a group's.
        let asked = if version < 8 {
            let hidden = OffsetFetchRequestTopic::default().with_name(name(HIDDEN)).with_partition_indexes(vec![0]);
            OffsetFetchRequest::default().with_group_id(group()).with_topics(Some(vec![hidden]))
        } else {
            let hidden = OffsetFetchRequestTopics::default().with_name(name(HIDDEN)).with_partition_indexes(vec![0]);
            let of = OffsetFetchRequestGroup::default().with_group_id(group()).with_topics(Some(vec![hidden]));
            OffsetFetchRequest::default().with_groups(vec![of])
        };
        let (_, sent) = upstream::<OffsetFetchRequest>(Desk::new().ask(ApiKey::OffsetFetch, version, &asked), version);
        let none_left = match sent.groups.first() {
            Some(group) => group.topics.as_ref().is_some_and(Vec::is_empty),
            None => sent.topics.is_some_and(|topics| topics.is_empty()),
        };
        assert!(none_left, "OffsetFetch v{version}");
    }
    for version in 1..=4 {
        // No keys mean all keys.
        for (topic, key) in [(HIDDEN, "retention.ms"), (GRANTED, "follower.replication.throttled.replicas")] {
            let resource = DescribeConfigsResource::default().with_resource_type(2).with_resource_name(text(topic));
            let resource = resource.with_configuration_keys(Some(vec![text(key)]));
            let asked = DescribeConfigsRequest::default().with_resources(vec![resource]);
            if let Led::Upstream(frame) = Desk::new().ask(ApiKey::DescribeConfigs, version, &asked) {
                let (_, sent) = upstream::<DescribeConfigsRequest>(Led::Upstream(frame), version);
                let keys = sent.resources[0].configuration_keys.as_ref().unwrap();
                assert!(topic == GRANTED && !keys.is_empty(), "DescribeConfigs v{version}");
            }
        }
    }
    let refused = DescribeGroupsRequest::default().with_groups(vec![GroupId(text("a/b"))]);
    assert!((0..=6).all(|version| !goes_up(ApiKey::DescribeGroups, version, &refused)));
}
