//! Metadata by id: which versions have it, and what an id opens.

use crate::support::*;
use crate::{metadata, name};
use kafka_protocol::messages::MetadataRequest;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use uuid::Uuid;

#[test]
fn trap_l3_metadata_by_id_tells_nothing_of_hidden_ids() {
    let ask = |id| {
        let topic = MetadataRequestTopic::default().with_topic_id(id).with_name(None);
        metadata(12, &MetadataRequest::default().with_topics(Some(vec![topic]))).1.topics.remove(0)
    };
    let (mut hidden, mut absent) = (ask(HIDDEN_ID), ask(ABSENT_ID));
    assert_eq!((hidden.error_code, hidden.name.clone()), (100, None));
    hidden.topic_id = Uuid::nil();
    absent.topic_id = Uuid::nil();
    assert_eq!(hidden, absent);
    assert_eq!(ask(GRANTED_ID).name, Some(name(GRANTED)));
}

/// What is asked for: an id, or zero, and a name, or null.
fn mentioned(topics: &[(Uuid, Option<&str>)]) -> MetadataRequest {
    let topic = |(id, topic): &(Uuid, Option<&str>)| {
        MetadataRequestTopic::default().with_topic_id(*id).with_name(topic.map(name))
    };
    MetadataRequest::default()
        .with_topics(Some(topics.iter().map(topic).collect()))
        .with_include_topic_authorized_operations(true)
}

#[test]
fn trap_l3_ids_before_their_version_and_what_has_neither_id_nor_name_fail_the_whole_request() {
    let nil = Uuid::nil();
    let cases = [
        (10..=11, 42, vec![(nil, Some(GRANTED)), (GRANTED_ID, None)]),
        (10..=11, 42, vec![(HIDDEN_ID, Some(GRANTED)), (nil, Some(HIDDEN)), (HIDDEN_ID, Some(GRANTED))]),
        (10..=11, 42, vec![(nil, None)]),
        (12..=12, -1, vec![(nil, Some(GRANTED)), (nil, None), (nil, Some(GRANTED)), (nil, None)]),
    ];
    for (versions, error_code, topics) in cases {
        for version in versions {
            let cluster = version <= 10;
            let (_, response) =
                metadata(version, &mentioned(&topics).with_include_cluster_authorized_operations(cluster));
            assert_eq!((response.brokers.len(), response.cluster_id), (0, None));
            assert_eq!((response.controller_id.0, response.cluster_authorized_operations), (-1, i32::MIN));
            let told = response.topics.iter().map(|topic| {
                assert_eq!((topic.partitions.len(), topic.topic_authorized_operations), (0, i32::MIN));
                (topic.error_code, topic.topic_id, topic.name.clone())
            });
            let expected = topics.iter().map(|(id, topic)| (error_code, *id, Some(name(topic.unwrap_or("")))));
            assert_eq!(told.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "version {version}");
        }
    }
}

#[test]
fn trap_l3_beside_an_id_no_name_is_looked_at() {
    let nil = Uuid::nil();
    let ask = |topics: &[(Uuid, Option<&str>)]| metadata(12, &mentioned(topics)).1.topics;
    let by_id = ask(&[(GRANTED_ID, None)]);
    assert_eq!((by_id.len(), by_id[0].error_code, &by_id[0].name), (1, 0, &Some(name(GRANTED))));
    for other in [ALSO_GRANTED, HIDDEN, ABSENT] {
        assert_eq!(ask(&[(GRANTED_ID, Some(other))]), by_id);
        assert_eq!(ask(&[(nil, Some(other)), (GRANTED_ID, Some(other)), (nil, None), (GRANTED_ID, None)]), by_id);
    }
    // A name that may be read opens no id: hidden and absent ones stay the same.
    for id in [HIDDEN_ID, ABSENT_ID] {
        for beside in [GRANTED, HIDDEN, ABSENT] {
            let topics = ask(&[(id, Some(beside)), (nil, Some(GRANTED))]);
            assert_eq!((topics.len(), topics[0].error_code, topics[0].topic_id), (1, 100, id));
            assert_eq!((&topics[0].name, topics[0].topic_authorized_operations), (&None, i32::MIN));
        }
    }
}
