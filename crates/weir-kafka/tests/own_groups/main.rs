//! Requests about groups as such, in every version: the principal's own, under its own names, and nothing of others.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod describing;
mod listing;
mod offsets;
#[path = "../support/mod.rs"]
mod support;

use std::fmt::Debug;

use bytes::Bytes;
use kafka_protocol::messages::consumer_group_describe_response::{
    Assignment, DescribedGroup as DescribedConsumers, Member, TopicPartitions,
};
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use kafka_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponseTopic,
};
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DeleteGroupsRequest, DeleteGroupsResponse,
    DescribeGroupsRequest, DescribeGroupsResponse, GroupId, ListGroupsRequest, ListGroupsResponse, OffsetDeleteRequest,
    OffsetDeleteResponse, OffsetFetchRequest, OffsetFetchResponse, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion};
use support::*;
use weir_kafka::fault::Fault;
use weir_kafka::table;
use weir_kafka::wire::Malformed;
use weir_policy::GroupMode;

/// Planted: what no answer may hold. Each is, or is part of, something that brokers say in these tests.
const PLANTED: [&str; 8] =
    ["weir.", "planted-group", "10.1.2.3", INTERNAL_HOST, HIDDEN, "planted-rack", "planted-pattern", "planted-text"];

const NOT_ASKED: i32 = i32::MIN;

/// READ, DELETE and DESCRIBE.
const OWN: i32 = (1 << 3) | (1 << 6) | (1 << 8);

/// Groups that are not the reader's, as brokers name them, near misses among them.
const FOREIGN: [&str; 8] = [
    "planted-group",
    "weir.other.planted-group",
    "weir.reader",
    "weir.reader.",
    "weir.readerx.planted-group",
    "weir.reader.planted-group/slash",
    "WEIR.reader.planted-group",
    "reader.planted-group",
];

fn group(name: &str) -> GroupId {
    GroupId(text(name))
}

fn topic(name: &str) -> TopicName {
    TopicName(text(name))
}

fn groups(names: &[&str]) -> Vec<GroupId> {
    names.iter().map(|name| group(name)).collect()
}

fn versions(key: ApiKey) -> std::ops::RangeInclusive<i16> {
    let row = table::row(key as i16).unwrap();
    row.versions.min..=row.versions.max
}

fn is_flexible(key: ApiKey, version: i16) -> bool {
    table::row(key as i16).unwrap().response_header_is_flexible(version)
}

/// What the broker is sent for a request, and what the client gets of the broker's answer.
fn through<Q, A>(desk: &mut Desk, key: ApiKey, version: i16, asked: &Q, broker: &A) -> (Q, A)
where
    Q: Encodable + Decodable + HeaderVersion,
    A: Encodable + Decodable,
{
    let (header, sent) = upstream::<Q>(desk.ask(key, version, asked), version);
    let flexible = is_flexible(key, version);
    let out = desk.broker_answers(&answer(header.correlation_id, flexible, version, broker), 7).unwrap();
    let shown = String::from_utf8_lossy(&out);
    for planted in PLANTED {
        assert!(!shown.contains(planted), "{key:?} v{version} shows {planted}: {shown:?}");
    }
    (sent, read::<A>(&out, flexible, version).1)
}

fn local<A: Decodable + Debug>(desk: &mut Desk, key: ApiKey, version: i16) -> A {
    read::<A>(&desk.local_answer(), is_flexible(key, version), version).1
}

/// A desk whose clients write the prefix of their groups themselves.
fn prefixed() -> Desk {
    let mut desk = Desk::new();
    desk.policy = policy_in(GroupMode::ExplicitPrefix, &[GRANTED, ALSO_GRANTED]);
    desk
}

/// A subscription, or an assignment, of version 0.
fn member_bytes(topics: &[&str], held: bool) -> Bytes {
    let mut out = vec![0, 0];
    out.extend(i32::try_from(topics.len()).unwrap().to_be_bytes());
    for topic in topics {
        out.extend(i16::try_from(topic.len()).unwrap().to_be_bytes());
        out.extend(topic.as_bytes());
        if held {
            out.extend([0, 0, 0, 1, 0, 0, 0, 2]);
        }
    }
    out.extend([0xff; 4]);
    out.into()
}

fn described(version: i16, real: &str, protocol_type: &str, topics: &[&str]) -> DescribedGroup {
    let mut member = DescribedGroupMember::default()
        .with_member_id(text("a client-1"))
        .with_client_id(text("a client"))
        .with_client_host(text("/10.1.2.3"))
        .with_member_metadata(member_bytes(topics, false))
        .with_member_assignment(member_bytes(topics, true));
    if version >= 4 {
        member.group_instance_id = Some(text("desk-1"));
    }
    let mut described = DescribedGroup::default()
        .with_group_id(group(real))
        .with_group_state(text("Stable"))
        .with_protocol_type(text(protocol_type))
        .with_protocol_data(text("range"))
        .with_members(vec![member]);
    if version >= 3 {
        // What Weir itself may do.
        described.authorized_operations = 0x7ff;
    }
    described
}

/// Asked for by name, groups of others are refused without a word to the broker, so that one that exists and one that does
/// not are the same bytes.
#[test]
fn trap_l11_foreign_groups_are_refused_here_whether_they_exist_or_not() {
    // In the namespaced mode there is no way to name a foreign group: these ids are none, or prefixes written out.
    let foreign = ["other.group", "readerx.group", "weir.reader.one", "reader"];
    for version in versions(ApiKey::DescribeGroups) {
        let mut desk = prefixed();
        let asked = DescribeGroupsRequest::default().with_groups(groups(&foreign));
        assert!(matches!(desk.ask(ApiKey::DescribeGroups, version, &asked), Led::Local));
        let shown: DescribeGroupsResponse = local(&mut desk, ApiKey::DescribeGroups, version);
        let refused = foreign.map(|name| DescribedGroup::default().with_group_id(group(name)).with_error_code(30));
        assert_eq!(shown.groups, refused, "version {version}");
    }
    for version in versions(ApiKey::ConsumerGroupDescribe) {
        let mut desk = prefixed();
        let asked = ConsumerGroupDescribeRequest::default().with_group_ids(groups(&foreign));
        assert!(matches!(desk.ask(ApiKey::ConsumerGroupDescribe, version, &asked), Led::Local));
        let shown: ConsumerGroupDescribeResponse = local(&mut desk, ApiKey::ConsumerGroupDescribe, version);
        let refused = foreign.map(|name| DescribedConsumers::default().with_group_id(group(name)).with_error_code(30));
        assert_eq!(shown.groups, refused, "version {version}");
    }
    for version in versions(ApiKey::DeleteGroups) {
        let mut desk = prefixed();
        let asked = DeleteGroupsRequest::default().with_groups_names(groups(&foreign));
        assert!(matches!(desk.ask(ApiKey::DeleteGroups, version, &asked), Led::Local));
        let shown: DeleteGroupsResponse = local(&mut desk, ApiKey::DeleteGroups, version);
        assert!(shown.results.iter().all(|result| result.error_code == 30), "version {version}");
    }
    let mut desk = prefixed();
    assert!(matches!(desk.ask(ApiKey::OffsetDelete, 0, &offset_delete("other.group", &[GRANTED])), Led::Local));
    let shown: OffsetDeleteResponse = local(&mut desk, ApiKey::OffsetDelete, 0);
    assert_eq!((shown.error_code, shown.topics.len()), (30, 0));
}

#[test]
fn trap_l11_refused_groups_stand_where_kafka_puts_them() {
    let asked = ["one", "a/b", "two", "a/b"];
    for version in versions(ApiKey::DescribeGroups) {
        let request = DescribeGroupsRequest::default().with_groups(groups(&asked));
        let broker = DescribeGroupsResponse::default().with_groups(
            ["weir.reader.two", "weir.reader.one"].map(|real| described(version, real, "consumer", &[])).to_vec(),
        );
        let (_, shown) = through(&mut Desk::new(), ApiKey::DescribeGroups, version, &request, &broker);
        let codes: Vec<_> = shown.groups.iter().map(|shown| (&**shown.group_id, shown.error_code)).collect();
        assert_eq!(codes, [("a/b", 24), ("a/b", 24), ("two", 0), ("one", 0)], "version {version}");
    }
    for version in versions(ApiKey::DeleteGroups) {
        let request = DeleteGroupsRequest::default().with_groups_names(groups(&asked));
        let result =
            |name: &str, code| DeletableGroupResult::default().with_group_id(group(name)).with_error_code(code);
        let broker = DeleteGroupsResponse::default()
            .with_results(vec![result("weir.reader.two", 68), result("weir.reader.one", 0)]);
        let (sent, shown) = through(&mut Desk::new(), ApiKey::DeleteGroups, version, &request, &broker);
        assert_eq!(sent.groups_names, groups(&["weir.reader.one", "weir.reader.two"]));
        assert_eq!(shown.results, [result("two", 68), result("one", 0), result("a/b", 24)], "once each, as with Kafka");
    }
}

#[test]
fn trap_c35_a_group_that_is_asked_for_twice_is_answered_twice_and_one_that_was_not_never() {
    let request = DescribeGroupsRequest::default().with_groups(groups(&["one", "one"]));
    let of = |names: &[&str]| {
        DescribeGroupsResponse::default()
            .with_groups(names.iter().map(|real| described(5, real, "consumer", &[])).collect())
    };
    let both = of(&["weir.reader.one", "weir.reader.one"]);
    let (_, shown) = through(&mut Desk::new(), ApiKey::DescribeGroups, 5, &request, &both);
    assert_eq!(shown.groups.len(), 2);
    for unasked in [&["weir.reader.two"][..], &["weir.other.one"], &["weir.reader.one"; 3]] {
        let mut desk = Desk::new();
        desk.ask(ApiKey::DescribeGroups, 5, &request);
        let refused = desk.broker_answers(&answer(0, true, 5, &of(unasked)), 1_000).unwrap_err();
        assert_eq!(refused, Fault::BrokerUnasked);
    }
}

fn offset_delete(name: &str, topics: &[&str]) -> OffsetDeleteRequest {
    let partition = |index| OffsetDeleteRequestPartition::default().with_partition_index(index);
    let asked = |name: &&str| {
        OffsetDeleteRequestTopic::default().with_name(topic(name)).with_partitions(vec![partition(0), partition(1)])
    };
    OffsetDeleteRequest::default().with_group_id(group(name)).with_topics(topics.iter().map(asked).collect())
}

#[test]
fn a_broker_that_cannot_be_reached_gives_groups_their_retriable_code() {
    let mut desk = Desk::new();
    desk.connected = false;
    let both = groups(&["a/b", "one"]);
    desk.ask(ApiKey::ListGroups, 5, &ListGroupsRequest::default());
    desk.session.broker_unreachable().unwrap();
    assert_eq!(local::<ListGroupsResponse>(&mut desk, ApiKey::ListGroups, 5).error_code, 15);
    desk.ask(ApiKey::DescribeGroups, 6, &DescribeGroupsRequest::default().with_groups(both.clone()));
    desk.session.broker_unreachable().unwrap();
    let shown: DescribeGroupsResponse = local(&mut desk, ApiKey::DescribeGroups, 6);
    assert_eq!(shown.groups.iter().map(|shown| shown.error_code).collect::<Vec<_>>(), [24, 16]);
    let asked = ConsumerGroupDescribeRequest::default().with_group_ids(both.clone());
    desk.ask(ApiKey::ConsumerGroupDescribe, 1, &asked);
    desk.session.broker_unreachable().unwrap();
    let shown: ConsumerGroupDescribeResponse = local(&mut desk, ApiKey::ConsumerGroupDescribe, 1);
    assert_eq!(shown.groups.iter().map(|shown| shown.error_code).collect::<Vec<_>>(), [24, 16]);
    desk.ask(ApiKey::DeleteGroups, 2, &DeleteGroupsRequest::default().with_groups_names(both));
    desk.session.broker_unreachable().unwrap();
    let shown: DeleteGroupsResponse = local(&mut desk, ApiKey::DeleteGroups, 2);
    assert_eq!(shown.results.iter().map(|shown| shown.error_code).collect::<Vec<_>>(), [16, 24]);
    desk.ask(ApiKey::OffsetDelete, 0, &offset_delete("one", &[GRANTED]));
    desk.session.broker_unreachable().unwrap();
    assert_eq!(local::<OffsetDeleteResponse>(&mut desk, ApiKey::OffsetDelete, 0).error_code, 16);
}

#[test]
fn trap_a17_many_groups_and_long_answers_have_an_end() {
    let asked = |count: usize| {
        let one = |index: usize| OffsetFetchRequestGroup::default().with_group_id(group(&format!("g{index}")));
        OffsetFetchRequest::default().with_groups((0..count).map(|index| one(index).with_topics(None)).collect())
    };
    let many = Desk::new().limits.request.others as usize;
    assert!(matches!(Desk::new().ask(ApiKey::OffsetFetch, 8, &asked(many)), Led::Upstream(_)));
    let refused = Desk::new().raw(frame(ApiKey::OffsetFetch, 8, 1, &asked(many + 1))).unwrap_err();
    assert_eq!(refused, Fault::Malformed(Malformed::TooManyElements));
    for key in [ApiKey::DescribeGroups, ApiKey::DeleteGroups, ApiKey::ConsumerGroupDescribe] {
        let names: Vec<GroupId> = (0..=many).map(|index| group(&format!("g{index}"))).collect();
        let request = match key {
            ApiKey::DescribeGroups => frame(key, 6, 1, &DescribeGroupsRequest::default().with_groups(names)),
            ApiKey::DeleteGroups => frame(key, 2, 1, &DeleteGroupsRequest::default().with_groups_names(names)),
            _ => frame(key, 1, 1, &ConsumerGroupDescribeRequest::default().with_group_ids(names)),
        };
        assert_eq!(Desk::new().raw(request).unwrap_err(), Fault::Malformed(Malformed::TooManyElements), "{key:?}");
    }
    // All topics of a group that has committed a hundred thousand partitions: of the granted ones, all; too long, none.
    let partition = |index| OffsetFetchResponsePartition::default().with_partition_index(index);
    let stored = |name: &str, count| {
        let partitions = (0..count).map(partition).collect();
        OffsetFetchResponseTopic::default().with_name(topic(name)).with_partitions(partitions)
    };
    let broker = OffsetFetchResponse::default().with_topics(vec![stored(GRANTED, 50_000), stored(HIDDEN, 50_000)]);
    let all = OffsetFetchRequest::default().with_group_id(group("one")).with_topics(None);
    let mut desk = Desk::new();
    desk.ask(ApiKey::OffsetFetch, 5, &all);
    let out = desk.broker_answers(&answer(0, false, 5, &broker), 64 * 1024).unwrap();
    let (_, shown) = read::<OffsetFetchResponse>(&out, false, 5);
    assert_eq!(shown.topics, [stored(GRANTED, 50_000)]);
    let mut desk = Desk::new();
    desk.limits.whole_answer = 1024 * 1024;
    desk.ask(ApiKey::OffsetFetch, 5, &all);
    let refused = desk.broker_answers(&answer(0, false, 5, &broker), 64 * 1024).unwrap_err();
    assert_eq!(refused, Fault::BrokerAnswerTooLong);
}
