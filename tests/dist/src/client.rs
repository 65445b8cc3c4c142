//! A client from outside: it asks where a topic's leader is, goes there, and reads a record.

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{FetchRequest, MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use weir_testkit::{Identity, RawClient, RawTarget};

/// Whether partition 0 of the topic has a record for whoever holds this identity. `address` is where Weir listens,
/// `host` the name that clients are told to dial.
///
/// # Errors
/// What was not as it should be.
pub(crate) fn reads_a_record(address: &str, host: &str, topic: &str, identity: &Identity) -> Result<(), String> {
    let mut client = dial(address, host, identity)?;
    let topic = TopicName(StrBytes::from_string(topic.to_owned()));
    let asked = MetadataRequestTopic::default().with_name(Some(topic));
    let metadata = client.call(12, &MetadataRequest::default().with_topics(Some(vec![asked])))?;
    let topic = metadata.topics.first().ok_or("no topic")?;
    let partition = topic.partitions.first().ok_or_else(|| format!("no partition: {topic:?}"))?;
    let leader = metadata.brokers.iter().find(|broker| broker.node_id == partition.leader_id);
    let leader = leader.ok_or_else(|| format!("no leader: {metadata:?}"))?;
    let mut client = dial(address, &leader.host, identity)?;
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic_id(topic.topic_id).with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_max_wait_ms(1_000)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    let answer = client.call(16, &request)?;
    let answered = answer.responses.first().and_then(|topic| topic.partitions.first());
    let has_record = answered.is_some_and(|found| found.records.as_ref().is_some_and(|records| !records.is_empty()));
    has_record.then_some(()).ok_or_else(|| format!("no record: {answer:?}"))
}

fn dial(address: &str, name: &str, identity: &Identity) -> Result<RawClient, String> {
    RawClient::connect(&RawTarget { name: name.to_owned(), ..RawTarget::new(address, identity) })
}
