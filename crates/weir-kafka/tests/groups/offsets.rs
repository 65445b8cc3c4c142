//! Offsets of groups: committed and fetched for topics that may be read, refused for the others.

use crate::support::*;
use crate::{REAL, commit, group, topic};
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    ApiKey, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse,
};

#[test]
fn trap_c34_a_commit_is_answered_for_every_partition_and_leaves_nothing_for_the_refused() {
    for version in 2..=9 {
        let mut asked = commit(&[HIDDEN, GRANTED]);
        if version <= 4 {
            asked.retention_time_ms = i64::MAX;
        }
        let mut desk = Desk::new();
        let (header, sent) = upstream::<OffsetCommitRequest>(desk.ask(ApiKey::OffsetCommit, version, &asked), version);
        assert_eq!(sent.topics.len(), 1);
        assert_eq!(sent.retention_time_ms, -1, "trap S15");
        let committed = OffsetCommitResponseTopic::default()
            .with_name(topic(GRANTED))
            .with_partitions(vec![OffsetCommitResponsePartition::default()]);
        let broker = OffsetCommitResponse::default().with_topics(vec![committed]);
        let frame = answer(header.correlation_id, version >= 8, version, &broker);
        let out = desk.broker_answers(&frame, 6).unwrap();
        let (_, response) = read::<OffsetCommitResponse>(&out, version >= 8, version);
        let code = |name: &str| {
            let topic = response.topics.iter().find(|entry| entry.name == topic(name));
            topic.map(|topic| topic.partitions[0].error_code)
        };
        assert_eq!((code(GRANTED), code(HIDDEN)), (Some(0), Some(29)));
        let mut desk = Desk::new();
        assert!(matches!(desk.ask(ApiKey::OffsetCommit, version, &commit(&[HIDDEN])), Led::Local));
    }
}

#[test]
fn trap_c37_offset_fetch_has_its_refusals_where_each_version_has_them() {
    for version in 1..=7 {
        let topic =
            |name: &str| OffsetFetchRequestTopic::default().with_name(topic(name)).with_partition_indexes(vec![0]);
        let asked = OffsetFetchRequest::default()
            .with_group_id(group("my group"))
            .with_topics(Some(vec![topic(GRANTED), topic(HIDDEN)]));
        let mut desk = Desk::new();
        let (header, sent) = upstream::<OffsetFetchRequest>(desk.ask(ApiKey::OffsetFetch, version, &asked), version);
        assert_eq!((&**sent.group_id, sent.topics.map(|topics| topics.len())), (REAL, Some(1)));
        let frame = answer(header.correlation_id, version >= 6, version, &OffsetFetchResponse::default());
        let out = desk.broker_answers(&frame, 6).unwrap();
        let (_, response) = read::<OffsetFetchResponse>(&out, version >= 6, version);
        let refused = &response.topics[0].partitions[0];
        assert_eq!((refused.error_code, refused.committed_offset, refused.metadata.as_deref()), (29, -1, Some("")));
        let nameless = asked.with_group_id(group(""));
        let mut desk = Desk::new();
        assert!(matches!(desk.ask(ApiKey::OffsetFetch, version, &nameless), Led::Local));
        let (_, response) = read::<OffsetFetchResponse>(&desk.local_answer(), version >= 6, version);
        let code = if version >= 2 { response.error_code } else { response.topics[0].partitions[0].error_code };
        assert_eq!(code, 24, "version {version}");
    }
}

#[test]
fn trap_c37_groups_of_one_request_are_answered_each_for_itself() {
    for version in 8..=9 {
        let topic_of =
            |name: &str| OffsetFetchRequestTopics::default().with_name(topic(name)).with_partition_indexes(vec![0]);
        let asked =
            |name: &str, topics| OffsetFetchRequestGroup::default().with_group_id(group(name)).with_topics(topics);
        let request = OffsetFetchRequest::default().with_groups(vec![
            asked("one", Some(vec![topic_of(GRANTED), topic_of(HIDDEN)])),
            asked("two", None),
            asked("", Some(vec![])),
            asked("three", Some(vec![topic_of(HIDDEN)])),
        ]);
        let mut desk = Desk::new();
        let (header, sent) = upstream::<OffsetFetchRequest>(desk.ask(ApiKey::OffsetFetch, version, &request), version);
        let topics = |group: &OffsetFetchRequestGroup| group.topics.as_ref().map(Vec::len);
        let names: Vec<_> = sent.groups.iter().map(|group| (&**group.group_id, topics(group))).collect();
        let forwarded = [("weir.reader.one", Some(1)), ("weir.reader.two", None), ("weir.reader.three", Some(0))];
        assert_eq!(names, forwarded, "trap C36: what was emptied is not all");
        let stored = OffsetFetchResponseTopics::default().with_name(topic(HIDDEN));
        let answered = |name: &str| OffsetFetchResponseGroup::default().with_group_id(group(name));
        let broker = OffsetFetchResponse::default().with_groups(vec![
            answered("weir.reader.two").with_topics(vec![stored]),
            answered("weir.reader.one"),
            answered("weir.reader.three").with_error_code(16),
        ]);
        let out = desk.broker_answers(&answer(header.correlation_id, true, version, &broker), 6).unwrap();
        assert!(!String::from_utf8_lossy(&out).contains("weir.reader"));
        let (_, response) = read::<OffsetFetchResponse>(&out, true, version);
        let of = |name: &str| response.groups.iter().find(|entry| entry.group_id == group(name)).unwrap();
        assert_eq!(of("one").topics.len(), 1);
        assert!(of("two").topics.is_empty());
        assert_eq!(of("").error_code, 24);
        assert_eq!((of("three").error_code, of("three").topics.len()), (16, 0), "its coordinator has the last word");
    }
}

#[test]
fn trap_l9_all_topics_of_a_group_leave_the_hidden_ones_out_in_silence() {
    for version in 2..=7 {
        let asked = OffsetFetchRequest::default().with_group_id(group("my group")).with_topics(None);
        let mut desk = Desk::new();
        let (header, sent) = upstream::<OffsetFetchRequest>(desk.ask(ApiKey::OffsetFetch, version, &asked), version);
        assert!(sent.topics.is_none());
        let topic = |name: &str| {
            OffsetFetchResponseTopic::default()
                .with_name(topic(name))
                .with_partitions(vec![OffsetFetchResponsePartition::default()])
        };
        let broker = OffsetFetchResponse::default().with_topics(vec![topic(HIDDEN), topic(GRANTED)]);
        let out = desk.broker_answers(&answer(header.correlation_id, version >= 6, version, &broker), 6).unwrap();
        let (_, response) = read::<OffsetFetchResponse>(&out, version >= 6, version);
        let names: Vec<&str> = response.topics.iter().map(|topic| &**topic.name).collect();
        assert_eq!(names, [GRANTED]);
    }
}
