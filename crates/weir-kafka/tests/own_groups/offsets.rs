//! OffsetDelete and OffsetFetch: the offsets of own groups, for topics that may be read.

use super::*;

fn offsets_deleted(topics: &[(&str, i16)]) -> OffsetDeleteResponse {
    let partition =
        |index, code| OffsetDeleteResponsePartition::default().with_partition_index(index).with_error_code(code);
    let deleted = |(name, code): &(&str, i16)| {
        OffsetDeleteResponseTopic::default()
            .with_name(topic(name))
            .with_partitions(vec![partition(0, *code), partition(1, *code)])
    };
    OffsetDeleteResponse::default().with_topics(topics.iter().map(deleted).collect())
}

#[test]
fn offsets_of_refused_topics_are_not_deleted_and_say_so() {
    let mut desk = Desk::new();
    let asked = offset_delete("one", &[GRANTED, HIDDEN, ABSENT]);
    let (header, sent) = upstream::<OffsetDeleteRequest>(desk.ask(ApiKey::OffsetDelete, 0, &asked), 0);
    assert_eq!(sent, offset_delete("weir.reader.one", &[GRANTED]));
    let broker = offsets_deleted(&[(GRANTED, 0)]);
    let out = desk.broker_answers(&answer(header.correlation_id, false, 0, &broker), 3).unwrap();
    let (_, shown) = read::<OffsetDeleteResponse>(&out, false, 0);
    assert_eq!(shown, offsets_deleted(&[(HIDDEN, 29), (ABSENT, 29), (GRANTED, 0)]));
}

#[test]
fn trap_c36_deleting_offsets_of_refused_topics_alone_asks_for_no_topics() {
    for (error, expected) in [(0, offsets_deleted(&[(ABSENT, 29)])), (69, offsets_deleted(&[]).with_error_code(69))] {
        let broker = OffsetDeleteResponse::default().with_error_code(error);
        let asked = offset_delete("one", &[ABSENT]);
        let (sent, shown) = through(&mut Desk::new(), ApiKey::OffsetDelete, 0, &asked, &broker);
        assert_eq!(sent, offset_delete("weir.reader.one", &[]));
        assert_eq!(shown, expected, "what is wrong with the group stands alone");
    }
}

#[test]
fn trap_c37_a_refused_group_has_its_code_in_its_versions_place() {
    for version in versions(ApiKey::OffsetFetch) {
        let named = |name: &str| {
            kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic::default()
                .with_name(topic(name))
                .with_partition_indexes(vec![0, 3])
        };
        let single = OffsetFetchRequest::default().with_group_id(group("other.one"));
        let asked = if version < 8 {
            single.with_topics(Some(vec![named(GRANTED)]))
        } else {
            let of =
                |name: &str| OffsetFetchRequestGroup::default().with_group_id(group(name)).with_topics(Some(vec![]));
            OffsetFetchRequest::default().with_groups(vec![of("other.one"), of("other.two")])
        };
        let mut desk = prefixed();
        assert!(matches!(desk.ask(ApiKey::OffsetFetch, version, &asked), Led::Local));
        let shown: OffsetFetchResponse = local(&mut desk, ApiKey::OffsetFetch, version);
        let codes: Vec<i16> = match version {
            1 => shown.topics[0].partitions.iter().map(|partition| partition.error_code).collect(),
            2..=7 => vec![shown.error_code, i16::try_from(shown.topics.len()).unwrap() + 30],
            _ => shown.groups.iter().map(|shown| shown.error_code).collect(),
        };
        assert_eq!(codes, [30, 30], "version {version}");
    }
}

#[test]
fn trap_c37_a_group_that_the_broker_fails_is_failed_alone() {
    for version in 8..=9 {
        let topics = |name: &str| {
            let asked = kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopics::default();
            Some(vec![asked.clone().with_name(topic(GRANTED)), asked.with_name(topic(name))])
        };
        let of = |name: &str| OffsetFetchRequestGroup::default().with_group_id(group(name)).with_topics(topics(ABSENT));
        let asked = OffsetFetchRequest::default().with_groups(vec![of("one"), of("two")]);
        let answered = |name: &str| OffsetFetchResponseGroup::default().with_group_id(group(name));
        let broker = OffsetFetchResponse::default()
            .with_groups(vec![answered("weir.reader.one").with_error_code(16), answered("weir.reader.two")]);
        let (_, shown) = through(&mut Desk::new(), ApiKey::OffsetFetch, version, &asked, &broker);
        let told: Vec<_> = shown.groups.iter().map(|shown| (shown.error_code, shown.topics.len())).collect();
        assert_eq!(told, [(16, 0), (0, 1)], "a refused topic is told of a group that was looked at");
    }
}
