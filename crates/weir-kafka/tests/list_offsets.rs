//! ListOffsets with an isolation level that is none: answered here, as Kafka answers it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod support;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{ApiKey, BrokerId, ListOffsetsRequest, ListOffsetsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use support::*;

#[test]
fn an_isolation_level_that_is_none_fails_each_partition_and_does_not_reach_the_broker() {
    let topic = |name: &'static str| {
        let partition = |index| ListOffsetsPartition::default().with_partition_index(index).with_timestamp(-1);
        let name = TopicName(StrBytes::from_static_str(name));
        ListOffsetsTopic::default().with_name(name).with_partitions(vec![partition(1), partition(0)])
    };
    let asked = |level| {
        let topics = vec![topic(GRANTED), topic(HIDDEN)];
        ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(topics).with_isolation_level(level)
    };
    for version in 2..=10 {
        for level in [2, -1, i8::MIN] {
            let mut desk = Desk::new();
            assert!(matches!(desk.ask(ApiKey::ListOffsets, version, &asked(level)), Led::Local));
            let (_, response) = read::<ListOffsetsResponse>(&desk.local_answer(), version >= 6, version);
            let partitions: Vec<_> = response.topics.iter().flat_map(|topic| &topic.partitions).collect();
            assert_eq!(partitions.len(), 4, "version {version}");
            for (partition, index) in partitions.iter().zip([1, 0, 1, 0]) {
                assert_eq!((partition.partition_index, partition.error_code), (index, -1));
                assert_eq!((partition.timestamp, partition.offset, partition.leader_epoch), (-1, -1, -1));
            }
            let granted = asked(level).with_topics(vec![topic(GRANTED)]);
            assert!(matches!(desk.ask(ApiKey::ListOffsets, version, &granted), Led::Local));
        }
        // Where there is nothing to tell, Kafka does not look at it.
        let mut desk = Desk::new();
        desk.ask(ApiKey::ListOffsets, version, &asked(2).with_topics(vec![topic(HIDDEN)]));
        let (_, response) = read::<ListOffsetsResponse>(&desk.local_answer(), version >= 6, version);
        assert_eq!(response.topics[0].partitions[0].error_code, 29);
        for level in [0, 1] {
            let mut desk = Desk::new();
            let led = desk.ask(ApiKey::ListOffsets, version, &asked(level));
            assert_eq!(upstream::<ListOffsetsRequest>(led, version).1.isolation_level, level);
        }
    }
}
