//! Look-ups of offsets by time: brokers read segments for them.

use std::collections::BTreeMap;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::{ApiKey, BrokerId, ListOffsetsRequest, ListOffsetsResponse};

use super::*;

fn asked(times: &[i64]) -> ListOffsetsRequest {
    let partition = |(index, time): (usize, &i64)| {
        ListOffsetsPartition::default().with_partition_index(i32::try_from(index).unwrap()).with_timestamp(*time)
    };
    let topic = ListOffsetsTopic::default()
        .with_name(TopicName(text(GRANTED)))
        .with_partitions(times.iter().enumerate().map(partition).collect());
    ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic])
}

fn told(desk: &mut Desk, version: i16, asked: &ListOffsetsRequest) -> BTreeMap<i32, i16> {
    let flexible = version >= 6;
    let frame = match desk.ask(ApiKey::ListOffsets, version, asked) {
        Led::Local => desk.local_answer(),
        led => {
            let (header, sent) = upstream::<ListOffsetsRequest>(led, version);
            let found = |one: &ListOffsetsPartition| {
                ListOffsetsPartitionResponse::default().with_partition_index(one.partition_index)
            };
            let topic = ListOffsetsTopicResponse::default()
                .with_name(TopicName(text(GRANTED)))
                .with_partitions(sent.topics[0].partitions.iter().map(found).collect());
            let all = ListOffsetsResponse::default().with_topics(vec![topic]);
            desk.broker_answers(&answer(header.correlation_id, flexible, version, &all), usize::MAX).unwrap()
        }
    };
    let (_, response) = read::<ListOffsetsResponse>(&frame, flexible, version);
    assert_eq!(response.topics.len(), 1);
    response.topics[0].partitions.iter().map(|one| (one.partition_index, one.error_code)).collect()
}

#[test]
fn trap_a18_look_ups_by_time_are_counted_and_the_ends_of_a_log_are_not() {
    for version in 1..=9 {
        for connected in [true, false] {
            let mut desk = within("timestamp_lookups: {per_second: 1, burst: 2, mode: deny}");
            desk.connected = connected;
            let ends = asked(&[-1, -2]);
            (0..20).for_each(|_| assert_eq!(told(&mut desk, version, &ends), [(0, 0), (1, 0)].into()));
            assert_eq!(told(&mut desk, version, &asked(&[0, -3])), [(0, 0), (1, 0)].into());
            let mixed = asked(&[-1, 1_700_000_000_000, -2]);
            assert_eq!(told(&mut desk, version, &mixed), [(0, 0), (1, 7), (2, 0)].into(), "version {version}");
            assert_eq!(told(&mut desk, version, &asked(&[5])), [(0, 7)].into());
        }
    }
}
