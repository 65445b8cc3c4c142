//! Topics through a session: hidden and absent are the same, and nothing of the brokers shows.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod ids;
mod metadata;
mod refused;
#[path = "../support/mod.rs"]
mod support;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiKey, ListOffsetsRequest, ListOffsetsResponse, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use support::*;

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

fn metadata(version: i16, request: &MetadataRequest) -> (Vec<u8>, MetadataResponse) {
    let mut desk = Desk::new();
    assert!(matches!(desk.ask(ApiKey::Metadata, version, request), Led::Local));
    let out = desk.local_answer();
    let (_, response) = read::<MetadataResponse>(&out, version >= 9, version);
    (out, response)
}

fn by_name(topics: &[&str], version: i16) -> MetadataRequest {
    let topic = |topic: &&str| MetadataRequestTopic::default().with_name(Some(name(topic)));
    let request = MetadataRequest::default().with_topics(Some(topics.iter().map(topic).collect()));
    if version < 4 { request.with_allow_auto_topic_creation(true) } else { request }
}

#[test]
fn trap_c1_answers_leave_in_the_order_of_their_requests() {
    let mut desk = Desk::new();
    let partition = ListOffsetsPartition::default().with_timestamp(-1);
    let topic = ListOffsetsTopic::default().with_name(name(GRANTED)).with_partitions(vec![partition]);
    let asked = ListOffsetsRequest::default().with_topics(vec![topic]);
    let first = desk.ask(ApiKey::ListOffsets, 1, &asked);
    let (first, _) = upstream::<ListOffsetsRequest>(first, 1);
    desk.raw(frame(ApiKey::Metadata, 1, 78, &by_name(&[GRANTED], 1))).unwrap();
    assert!(desk.session.awaits_broker_now(), "the answer that is known waits behind the one that is not");
    let out =
        desk.broker_answers(&answer(first.correlation_id, false, 1, &ListOffsetsResponse::default()), 99).unwrap();
    assert_eq!(read::<ListOffsetsResponse>(&out, false, 1).0, 77);
    assert_eq!(read::<MetadataResponse>(&desk.local_answer(), false, 1).0, 78);
}
