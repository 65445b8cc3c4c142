//! Brokers that are upgraded one after the other, from the last 3.x to the newest release, while a group consumes.

#[path = "clients/program.rs"]
#[allow(dead_code, reason = "readers need a part of it")]
mod program;
#[path = "movement/reader.rs"]
#[allow(dead_code, reason = "one kind of reader is enough here")]
mod reader;

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, FetchRequest, FetchResponse, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use weir_kafka::table::{self, Disposition};
use weir_testkit::kafka::{Chain, wire};
use weir_testkit::{
    Acl, Advertise, Kafka, KafkaOptions, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions, clients, require,
    wait,
};

use reader::Reader;

const READER: &str = "upgrade-reader";
const TOPIC: &str = "upgrade.topic";
const FETCH: i16 = 1;
/// The newest that 3.9 knows.
const FETCH_OF_3: i16 = 17;
const LIMIT: Duration = Duration::from_secs(60);

/// The lowest and the highest version, by key.
type Ranges = BTreeMap<i16, (i16, i16)>;

#[test]
fn trap_c44_through_a_rolling_upgrade_only_what_every_broker_serves_is_offered_and_connections_live_on() {
    require!(clients::ready("java"));
    let kafka = Kafka::start(KafkaOptions::new(Version::V3));
    kafka.create_topic(TOPIC, 1, 3, &[]);
    let mut chain = Chain::new(TOPIC, 1);
    chain.append(&kafka, 50);
    let acl = Acl::new(&[TOPIC]).principal(PrincipalSpec::new(READER, &[TOPIC]));
    let weir = Weir::start(WeirOptions::new(&kafka, Advertise::Ports, acl));
    let identity = Pki::shared().client(READER);
    let reader = Reader::start(&weir.bootstrap(), &identity, TOPIC, &[("GROUP", "upgrade")]);
    reader.catches_up(&chain, LIMIT);
    let connect = |shown: &str| RawClient::connect(&weir.target(shown, &identity)).unwrap();
    let before = offered(&mut connect(&weir.bootstrap()));
    assert_eq!(before[&FETCH].1, FETCH_OF_3);

    let [first, second, last] = [1, 2, 3];
    // It has said what it speaks, and holds to it until its broker goes.
    kafka.move_leader(TOPIC, 0, last);
    let mut old_connection = connect(&weir.broker(last));
    offered(&mut old_connection);
    assert_eq!(fetch(&mut old_connection, FETCH_OF_3), Ok(0));
    for id in [first, second] {
        kafka.upgrade(id, Version::V4);
        is_offered(&kafka, || offered(&mut connect(&weir.bootstrap())));
        chain.append(&kafka, 20);
        reader.catches_up(&chain, LIMIT);
        assert_eq!(fetch(&mut old_connection, FETCH_OF_3), Ok(0), "a connection to broker {last} lives on");
    }
    assert_eq!(offered(&mut connect(&weir.bootstrap()))[&FETCH], (4, FETCH_OF_3), "the last broker decides");

    // A connection that saw the old range goes on with it at a new broker.
    kafka.wait_in_sync(TOPIC, 1);
    kafka.move_leader(TOPIC, 0, first);
    let mut older_client = connect(&weir.broker(first));
    assert_eq!(offered(&mut older_client)[&FETCH].1, FETCH_OF_3);
    kafka.upgrade(last, Version::V4);
    is_offered(&kafka, || offered(&mut connect(&weir.bootstrap())));
    assert_eq!(fetch(&mut older_client, FETCH_OF_3), Ok(0));
    let after = offered(&mut connect(&weir.bootstrap()));
    assert!(after.iter().any(|(key, (_, max))| before.get(key).is_none_or(|(_, was)| was < max)), "{after:?}");
    assert_eq!(fetch(&mut connect(&weir.broker(first)), after[&FETCH].1), Ok(0));
    chain.append(&kafka, 20);
    reader.catches_up(&chain, LIMIT);
    reader.has_read(&chain, 1);
}

/// Holds that Weir soon offers what every broker does, of what it passes on to them, and no more.
fn is_offered(kafka: &Kafka, offered: impl Fn() -> Ranges) {
    let forwarded = table::TABLE.iter().filter(|row| row.advertised && row.disposition == Disposition::Forward);
    let own: Ranges = forwarded.map(|row| (row.key, (row.versions.min, row.versions.max))).collect();
    let mut common = own.clone();
    for id in kafka.running() {
        let answer = wire::call(&kafka.plaintext(id), 2, &ApiVersionsRequest::default());
        let broker = ranges(&answer.expect("the broker answers"));
        common.retain(|key, (min, max)| {
            let Some((lowest, highest)) = broker.get(key) else { return false };
            (*min, *max) = ((*min).max(*lowest), (*max).min(*highest));
            min <= max
        });
    }
    wait::until("the common versions to be offered", LIMIT, || {
        let mut offered = offered();
        offered.retain(|key, _| own.contains_key(key));
        if offered == common { Ok(()) } else { Err(format!("{offered:?} are offered, and {common:?} are common")) }
    });
}

fn offered(client: &mut RawClient) -> Ranges {
    ranges(&client.call(2, &ApiVersionsRequest::default()).unwrap())
}

fn ranges(answer: &ApiVersionsResponse) -> Ranges {
    answer.api_keys.iter().map(|api| (api.api_key, (api.min_version, api.max_version))).collect()
}

/// The code of the one partition.
fn fetch(client: &mut RawClient, version: i16) -> Result<i16, String> {
    let name = TopicName(StrBytes::from_static_str(TOPIC));
    let topic = MetadataRequestTopic::default().with_name(Some(name));
    let metadata: MetadataResponse = client.call(12, &MetadataRequest::default().with_topics(Some(vec![topic])))?;
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic_id(metadata.topics[0].topic_id).with_partitions(vec![partition]);
    let request = FetchRequest::default().with_max_bytes(1 << 20).with_session_epoch(-1).with_topics(vec![topic]);
    let response: FetchResponse = client.call(version, &request)?;
    let partition = &response.responses[0].partitions[0];
    let records = partition.records.as_ref().map_or(0, bytes::Bytes::len);
    if records > 0 || partition.error_code != 0 { Ok(partition.error_code) } else { Err("no records".to_owned()) }
}
