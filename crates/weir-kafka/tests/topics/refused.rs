//! Offsets, epochs and records of topics that may not be read: refused here, each in its form.

use crate::name;
use crate::support::*;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, BrokerId, ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse, ProduceRequest, ProduceResponse,
};
use weir_kafka::fault::Fault;

#[test]
fn trap_l2_list_offsets_refuses_by_name_before_it_asks() {
    for version in 1..=10 {
        let topic = |topic: &str| {
            let partition = ListOffsetsPartition::default().with_partition_index(4).with_timestamp(-1);
            ListOffsetsTopic::default().with_name(name(topic)).with_partitions(vec![partition])
        };
        let asked = |topics| ListOffsetsRequest::default().with_replica_id(BrokerId(-2)).with_topics(topics);
        let mut desk = Desk::new();
        let led = desk.ask(ApiKey::ListOffsets, version, &asked(vec![topic(HIDDEN), topic(GRANTED)]));
        let (header, sent) = upstream::<ListOffsetsRequest>(led, version);
        assert_eq!(sent.topics.len(), 1);
        assert_eq!(sent.replica_id, BrokerId(-1), "trap S2");
        let frame = answer(header.correlation_id, version >= 6, version, &ListOffsetsResponse::default());
        let out = desk.broker_answers(&frame, 2).unwrap();
        let (_, response) = read::<ListOffsetsResponse>(&out, version >= 6, version);
        let refused = &response.topics[0].partitions[0];
        assert_eq!((refused.error_code, refused.timestamp, refused.offset), (29, -1, -1), "trap L26");
        let mut desk = Desk::new();
        assert!(matches!(desk.ask(ApiKey::ListOffsets, version, &asked(vec![topic(ABSENT)])), Led::Local));
    }
}

#[test]
fn trap_l2_offset_for_leader_epoch_refuses_by_name_before_it_asks() {
    for version in 2..=4 {
        let partition = OffsetForLeaderPartition::default().with_partition(0).with_leader_epoch(1);
        let topic = |topic: &str| {
            OffsetForLeaderTopic::default().with_topic(name(topic)).with_partitions(vec![partition.clone()])
        };
        let mut asked = OffsetForLeaderEpochRequest::default().with_topics(vec![topic(GRANTED), topic(HIDDEN)]);
        if version >= 3 {
            asked.replica_id = BrokerId(1);
        }
        let mut desk = Desk::new();
        let (header, sent) =
            upstream::<OffsetForLeaderEpochRequest>(desk.ask(ApiKey::OffsetForLeaderEpoch, version, &asked), version);
        assert_eq!(sent.topics.len(), 1);
        if version >= 3 {
            assert_eq!(sent.replica_id, BrokerId(-2), "trap S2");
        }
        let broker = OffsetForLeaderEpochResponse::default();
        let out = desk.broker_answers(&answer(header.correlation_id, version >= 4, version, &broker), 64).unwrap();
        let (_, response) = read::<OffsetForLeaderEpochResponse>(&out, version >= 4, version);
        assert_eq!(response.topics[0].partitions[0].error_code, 29);
    }
}

#[test]
fn trap_k2_produce_is_refused_for_each_partition_and_trap_c6_without_acks_by_closing() {
    let topic = |topic: &str| {
        TopicProduceData::default()
            .with_name(name(topic))
            .with_partition_data(vec![PartitionProduceData::default().with_index(1), PartitionProduceData::default()])
    };
    for version in 3..=7 {
        let asked =
            ProduceRequest::default().with_acks(1).with_topic_data(vec![topic(GRANTED), topic(HIDDEN), topic(GRANTED)]);
        let mut desk = Desk::new();
        assert!(matches!(desk.ask(ApiKey::Produce, version, &asked), Led::Local));
        let (_, response) = read::<ProduceResponse>(&desk.local_answer(), false, version);
        let codes = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        // What is named twice is answered once.
        assert!(codes.clone().count() == 4 && codes.map(|partition| partition.error_code).all(|code| code == 29));
        let without = ProduceRequest::default().with_acks(0).with_topic_data(vec![topic(GRANTED)]);
        let refused = Desk::new().raw(frame(ApiKey::Produce, version, 1, &without)).unwrap_err();
        assert_eq!(refused, Fault::ProduceWithoutAnswer);
    }
}
