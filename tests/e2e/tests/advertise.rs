//! Brokers are reached by a name on one port or by a port each, those that come later too, without a restart.

use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{FetchRequest, FetchResponse, MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use weir_testkit::kafka::Chain;
use weir_testkit::{
    Acl, Advertise, Identity, Kafka, KafkaOptions, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions, names,
    require, wait,
};

const TOPIC: &str = "advertise.topic";
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn trap_c30_a_broker_that_is_added_is_reached_in_both_modes_without_a_restart() {
    require!(names::resolve());
    let kafka = Kafka::start(KafkaOptions::new(Version::V4));
    // One replica each: followers answer consumers too (KIP-392).
    kafka.create_topic(TOPIC, 6, 1, &[]);
    let mut chain = Chain::new(TOPIC, 6);
    chain.append(&kafka, 5);
    let identity = Pki::shared().client("advertise-reader");
    let weirs = [Advertise::Ports, Advertise::Sni].map(|advertise| {
        let acl = Acl::new(&[TOPIC]).principal(PrincipalSpec::new("advertise-reader", &[TOPIC]));
        Weir::start(WeirOptions::new(&kafka, advertise, acl))
    });
    for weir in &weirs {
        every_leader_is_reached(weir, &identity, 3);
    }
    kafka.add_broker();
    for weir in &weirs {
        every_leader_is_reached(weir, &identity, 4);
    }
}

/// As a client does: metadata from the bootstrap, then a connection to each broker by the address that was shown.
fn every_leader_is_reached(weir: &Weir, identity: &Identity, brokers: usize) {
    let mut bootstrap = RawClient::connect(&weir.target(&weir.bootstrap(), identity)).unwrap();
    let metadata = wait::until(&format!("{brokers} brokers"), LIMIT, || {
        let metadata = ask_metadata(&mut bootstrap);
        if metadata.brokers.len() == brokers { Ok(metadata) } else { Err(format!("{:?}", metadata.brokers)) }
    });
    let topic = &metadata.topics[0];
    assert_eq!(topic.partitions.len(), 6);
    for broker in &metadata.brokers {
        let shown = format!("{}:{}", &*broker.host, broker.port);
        assert_eq!(shown, weir.broker(broker.node_id.0));
        let mut client = RawClient::connect(&weir.target(&shown, identity)).unwrap();
        for partition in &topic.partitions {
            let records = fetch(&mut client, topic, partition.partition_index);
            let expected = if partition.leader_id == broker.node_id { Ok(true) } else { Err(6) };
            assert_eq!(records, expected, "trap C31: broker {} answers for itself", broker.node_id.0);
        }
    }
}

fn ask_metadata(client: &mut RawClient) -> MetadataResponse {
    let topic = MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_static_str(TOPIC))));
    client.call(12, &MetadataRequest::default().with_topics(Some(vec![topic]))).unwrap()
}

/// Whether the partition has records, or the error.
fn fetch(client: &mut RawClient, topic: &MetadataResponseTopic, partition: i32) -> Result<bool, i16> {
    let partition = FetchPartition::default().with_partition(partition).with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic_id(topic.topic_id).with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_max_wait_ms(100)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    let response: FetchResponse = client.call(16, &request).unwrap();
    let answered = &response.responses[0].partitions[0];
    match answered.error_code {
        0 => Ok(answered.records.as_ref().is_some_and(|records| !records.is_empty())),
        code => Err(code),
    }
}
