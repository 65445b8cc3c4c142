//! `weir offsets`: a group begins at a time, in the cluster of its bundle and in another one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use serde_json::Value;
use weir_testkit::{Kafka, Pki, wait};

use super::bundle::Bundle;
use super::stage::{EMPTY, EVENTS, KEEPER, READER, SLOW, Stage};

/// When the first record was written, in milliseconds since 1970: the second has the time of the next second, and so on.
pub const FIRST: i64 = 1_700_000_000_000;
const LIMIT: Duration = Duration::from_secs(60);

/// Writes records whose times are `FIRST` and `from` seconds, one second more each; their values are numbers.
pub fn write(kafka: &Kafka, topic: &str, partition: i32, numbers: std::ops::Range<i64>) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap().join(",")).set("message.timeout.ms", "60000");
    let producer: ThreadedProducer<DefaultProducerContext> = config.create().expect("a producer starts");
    for number in numbers {
        let value = number.to_string();
        let record = BaseRecord::<str, str>::to(topic).partition(partition).key(&value).payload(&value);
        producer.send(record.timestamp(FIRST + number * 1_000)).map_err(|(error, _)| error).expect("a record is taken");
    }
    producer.flush(LIMIT).expect("every record is acknowledged");
}

/// The time of a record, as `--at` takes it.
pub fn time_of(number: i64) -> String {
    let seconds = FIRST / 1_000 + number;
    let mut date = std::process::Command::new("date");
    let output = date.args(["-u", "+%Y-%m-%dT%H:%M:%SZ", "-d"]).arg(format!("@{seconds}")).output();
    let mut output = output.expect("date");
    output.stdout.pop();
    String::from_utf8(output.stdout).expect("text")
}

/// Exit status, and what it says as JSON.
fn object(bundle: &Bundle, words: &[&str]) -> (i32, Value) {
    let (status, said) = bundle.say("offsets", &[words, &["--json"]].concat());
    (status, serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}")))
}

/// Topic, partition and offset of each row.
fn rows(said: &Value) -> Vec<(&str, i64, i64)> {
    let rows = said["partitions"].as_array().expect("rows").iter();
    rows.map(|row| {
        (row["topic"].as_str().unwrap(), row["partition"].as_i64().unwrap(), row["offset"].as_i64().unwrap())
    })
    .collect()
}

fn failed(told: &(i32, Value), step: &str, fault: &str) {
    let (status, said) = told;
    assert_eq!((*status, &said["step"], &said["fault"]), (1, &step.into(), &fault.into()), "{said:#}");
    assert_eq!(said["committed"], false);
    for sentence in ["wrong", "to_do", "seen"] {
        assert!(!said[sentence].as_str().unwrap().is_empty(), "{said:#}");
    }
}

/// Both clusters have the same records, and at other offsets: the second has older ones before them.
pub fn with_records(stage: &Stage) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for partition in 0..2 {
            write(&stage.eqiad, EVENTS, partition, 0..20);
            write(&stage.codfw, EVENTS, partition, -5..20);
        }
    });
}

#[test]
fn a_group_begins_at_a_time_in_each_cluster() {
    let stage = Stage::shared();
    let _turn = stage.turn();
    with_records(stage);
    let bundle = stage.bundle(READER);
    let at = time_of(12);
    let (status, said) = object(&bundle, &["--group", "timed", "--at", &at, "--dry-run"]);
    assert_eq!((status, &said["committed"]), (0, &false.into()), "{said:#}");
    assert_eq!(rows(&said), [(EMPTY, 0, 0), (EVENTS, 0, 12), (EVENTS, 1, 12)]);
    let real = format!("weir.{READER}.timed");
    assert!(stage.eqiad.committed(&real).is_empty(), "it was a dry run");

    let (status, said) = object(&bundle, &["--group", "timed", "--at", &at]);
    assert_eq!((status, &said["well"], &said["committed"]), (0, &true.into(), &true.into()), "{said:#}");
    let row = &said["partitions"][1];
    assert_eq!(
        (&row["time"], &row["is_end"], &row["clock"]),
        (&at.as_str().into(), &false.into(), &"CreateTime".into())
    );
    let empty = &said["partitions"][0];
    assert_eq!(
        (&empty["time"], &empty["is_end"], &empty["clock"]),
        (&Value::Null, &true.into(), &"LogAppendTime".into())
    );
    let place = |partition, offset| ((EVENTS.to_owned(), partition), offset);
    let wanted = |offset| [((EMPTY.to_owned(), 0), 0), place(0, offset), place(1, offset)].into();
    assert_eq!(stage.eqiad.committed(&real), wanted(12));
    assert!(stage.codfw.committed(&real).is_empty(), "the other cluster knows nothing of it");

    // The same bundle, group and time elsewhere; its certificate is good for both.
    let (status, said) =
        bundle.say("offsets", &["--group", "timed", "--at", &at, "--bootstrap", &stage.codfw_bootstrap()]);
    assert_eq!(status, 0, "{said}");
    assert_eq!(stage.codfw.committed(&real), wanted(17), "other offsets, the same records");
    assert_eq!(stage.eqiad.committed(&real), wanted(12));
    assert!(said.contains(&format!("from {at}\n")), "{said}");
    assert!(said.ends_with("committed: 3 partitions; 1 of them at the end: no record there is as new\n"), "{said}");
    a_consumer_begins_there(stage);
}

/// A real consumer goes on with the record of that time.
fn a_consumer_begins_there(stage: &Stage) {
    let mut config: ClientConfig = Pki::shared().client(READER).rdkafka_settings().into_iter().collect();
    config.set("bootstrap.servers", stage.codfw_bootstrap()).set("group.id", "timed").set("auto.offset.reset", "error");
    let consumer: BaseConsumer = config.create().expect("a consumer starts");
    consumer.subscribe(&[EVENTS]).expect("a subscription");
    let mut numbers = Vec::new();
    wait::until("sixteen records", LIMIT, || {
        if let Some(record) = consumer.poll(Duration::from_millis(50)) {
            let record = record.map_err(|error| error.to_string())?;
            let value = rdkafka::Message::payload(&record).and_then(|value| std::str::from_utf8(value).ok());
            numbers.push(value.and_then(|value| value.parse::<i64>().ok()).expect("a number"));
        }
        if numbers.len() >= 16 { Ok(()) } else { Err(format!("{numbers:?}")) }
    });
    numbers.sort_unstable();
    assert_eq!(numbers, (12..20).flat_map(|number| [number, number]).collect::<Vec<_>>());
}

#[test]
fn ends_and_times_before_now() {
    let stage = Stage::shared();
    let _turn = stage.turn();
    with_records(stage);
    let bundle = stage.bundle(READER);
    let offset = |at: &str| {
        let (status, said) = object(&bundle, &["--group", "ends", "--at", at, "--topic", EVENTS]);
        assert_eq!(status, 0, "{said:#}");
        (
            rows(&said)[0].2,
            said["partitions"][0]["is_end"].as_bool().unwrap(),
            said["partitions"][0]["committed_before"].clone(),
        )
    };
    assert_eq!(offset("earliest"), (0, false, Value::Null));
    assert_eq!(offset("latest"), (20, false, 0.into()));
    assert_eq!(offset(&time_of(19)), (19, false, 20.into()));
    assert_eq!(offset(&time_of(20)), (20, true, 19.into()), "no record is as new: the end");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let ago = i64::try_from(now).unwrap() - FIRST / 1_000;
    assert_eq!(offset(&format!("-{}s", ago + 30)), (0, false, 20.into()));
}

#[test]
fn a_group_in_use_stays_as_it_is() {
    let stage = Stage::shared();
    let _turn = stage.turn();
    with_records(stage);
    let bundle = stage.bundle(READER);
    let mut config: ClientConfig = Pki::shared().client(READER).rdkafka_settings().into_iter().collect();
    config.set("bootstrap.servers", stage.weir.bootstrap()).set("enable.auto.commit", "false");
    for (group, protocol) in [("busy", "classic"), ("busy-too", "consumer")] {
        config.set("group.id", group).set("group.protocol", protocol);
        let consumer: BaseConsumer = config.create().expect("a consumer starts");
        consumer.subscribe(&[EVENTS]).expect("a subscription");
        wait::until("an assignment", LIMIT, || {
            let _ = consumer.poll(Duration::from_millis(50));
            let count = consumer.assignment().map_or(0, |all| all.count());
            if count == 2 { Ok(()) } else { Err(format!("{count} partitions")) }
        });
        let told = object(&bundle, &["--group", group, "--at", "earliest"]);
        let step = if protocol == "classic" { "group" } else { told.1["step"].as_str().unwrap_or_default() };
        failed(&told, step, "group-in-use");
        assert!(stage.eqiad.committed(&format!("weir.{READER}.{group}")).is_empty(), "{protocol}");
        let (status, said) = object(&bundle, &["--group", group, "--at", "earliest", "--dry-run"]);
        assert_eq!(status, 0, "to look is allowed: {said:#}");
    }
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_committed() {
    let stage = Stage::shared();
    let _turn = stage.turn();
    with_records(stage);
    let words = ["--group", "wrong", "--at", "latest"];
    let bundle = stage.bundle(READER);
    failed(&object(&bundle, &[&words[..], &["--topic", "centres.hidden"]].concat()), "topics", "topic-refused");
    let nobody = "127.0.0.1:9";
    failed(&object(&bundle, &[&words[..], &["--bootstrap", nobody]].concat()), "tcp", "connection-refused");
    failed(&object(&stage.bundle(KEEPER), &words), "commit", "offsets-denied");
    let slow = object(&stage.bundle(SLOW), &["--group", "wrong", "--at", &time_of(3), "--timeout", "2"]);
    failed(&slow, "lookup", "quota-lookups");
    for group in [READER, KEEPER, SLOW] {
        assert!(stage.eqiad.committed(&format!("weir.{group}.wrong")).is_empty());
    }
    bundle.take_away("bundle.json");
    let (status, said) = object(&bundle, &words);
    assert_eq!((status, &said["fault"]), (2, &"bundle-unreadable".into()));
    let (status, _) = stage.bundle(READER).say("offsets", &["--group", "g", "--at", "latest", "--dry-run"]);
    assert_eq!(status, 0);
}
