//! A consumer, and whoever answers for it, can see that it lost records: retention before real Kafka.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use weir_testkit::{Acl, Advertise, Kafka, Pki, PrincipalSpec, Version, Weir, WeirOptions, wait};

const TOPIC: &str = "retention.hourly";
const SLOW: &str = "retention-slow";
const LATE: &str = "retention-late";
const LIMIT: Duration = Duration::from_secs(60);
const HOURS: i64 = 120;

/// One record for each of the last hours, the oldest first.
fn write_hourly(kafka: &Kafka) {
    let mut config = ClientConfig::new();
    let producer: BaseProducer = config.set("bootstrap.servers", kafka.bootstrap().join(",")).create().unwrap();
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    for hours in (0..HOURS).rev() {
        let at = now - hours * 3_600_000;
        producer.send(BaseRecord::<(), str>::to(TOPIC).partition(0).timestamp(at).payload("hour")).unwrap();
        producer.flush(LIMIT).unwrap();
    }
}

fn commit(weir: &Weir, principal: &str, group: &str, offset: i64) {
    let mut config: ClientConfig = Pki::shared().client(principal).rdkafka_settings().into_iter().collect();
    let consumer: BaseConsumer =
        config.set("bootstrap.servers", weir.bootstrap()).set("group.id", group).create().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(TOPIC, 0, Offset::Offset(offset)).unwrap();
    wait::until("a commit", LIMIT, || consumer.commit(&offsets, CommitMode::Sync).map_err(|error| error.to_string()));
}

/// Reads as a client does whose offset is not there any more: it goes on at the first that is.
fn read_from(weir: &Weir, principal: &str, offset: i64) -> i64 {
    let mut config: ClientConfig = Pki::shared().client(principal).rdkafka_settings().into_iter().collect();
    config.set("bootstrap.servers", weir.bootstrap()).set("group.id", "reader").set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(TOPIC, 0, Offset::Offset(offset)).unwrap();
    consumer.assign(&from).unwrap();
    wait::until("a record", LIMIT, || match consumer.poll(Duration::from_millis(200)) {
        Some(Ok(record)) => Ok(record.offset()),
        other => Err(format!("{other:?}")),
    })
}

/// The value of a principal's series; nothing where there is none.
fn series(weir: &Weir, metric: &str, principal: &str) -> Option<i64> {
    let (_, page) = weir.get("/metrics").unwrap();
    let name = format!("weir_{metric}{{principal=\"{principal}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok())
}

#[test]
fn committed_offsets_that_retention_deleted_or_comes_near_are_told() {
    let kafka = Kafka::shared(Version::V4);
    kafka.create_topic(TOPIC, 1, 3, &[("retention.ms", "-1")]);
    write_hourly(&kafka);
    let principal = |name| PrincipalSpec::new(name, &[TOPIC]);
    let acl = Acl::new(&[TOPIC]).principal(principal(SLOW)).principal(principal(LATE));
    let mut weir = Weir::start(WeirOptions::new(&kafka, Advertise::Ports, acl).untapped());
    commit(&weir, SLOW, "tail", HOURS);
    commit(&weir, SLOW, "behind", 60);
    commit(&weir, LATE, "asleep", 10);
    // Of a log that has lost nothing no loss can be foreseen.
    kafka.delete_records_before(TOPIC, 0, 45);
    // It looks as it begins, and then every 30 s.
    assert_eq!(weir.stop(), 0);
    weir.restart();
    wait::until("the loss is counted", LIMIT, || match series(&weir, "principal_lost_offsets_total", LATE) {
        Some(35) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(series(&weir, "principal_retention_reaches_in_seconds", LATE), Some(0));
    assert!(series(&weir, "principal_lost_offsets_total", SLOW).is_none_or(|lost| lost == 0));
    // Records go when they are three days old; the next one wanted is two and a half.
    let left = series(&weir, "principal_retention_reaches_in_seconds", SLOW).expect("a group comes near its end");
    assert!((10 * 3_600..=14 * 3_600).contains(&left), "{left} s");
    assert_eq!(read_from(&weir, LATE, 10), 45);
    assert_eq!(series(&weir, "principal_offsets_out_of_range_total", LATE), Some(1));
    let log = weir.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("records were deleted before")).collect();
    assert_eq!(lines.len(), 1, "one loss is told once: {lines:?}");
    for said in [LATE, "asleep", TOPIC, "committed=10", "first=45", "lost=35"] {
        assert!(lines[0].contains(said), "{said} is not in {}", lines[0]);
    }
    let went_on = log.lines().find(|line| line.contains("it went on at another")).expect("a line of it");
    assert!(went_on.contains(TOPIC) && went_on.contains("offset=45"), "{went_on}");
}
