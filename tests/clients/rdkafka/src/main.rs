//! Reads topics over mutual TLS, prints each record as a line of JSON, and commits. The contract is in ../../README.md.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use serde_json::{Value, json};

const NOT_ALLOWED: u8 = 3;

/// What must happen when partitions come and go.
#[derive(Default)]
struct Context {
    manual: bool,
    uncommitted: Mutex<BTreeMap<(String, i32), i64>>,
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        report(&error, reason);
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => emit(&json!({ "event": "assigned", "partitions": partitions(list) })),
            Rebalance::Revoke(list) => {
                if !consumer.assignment_lost() {
                    self.commit(consumer);
                }
                let mut uncommitted = self.uncommitted.lock().unwrap_or_else(PoisonError::into_inner);
                uncommitted.retain(|(topic, id), _| list.find_partition(topic, *id).is_none());
                emit(&json!({ "event": "revoked", "partitions": partitions(list) }));
            }
            Rebalance::Error(error) => {
                report(error, "rebalance");
            }
        }
    }
}

impl Context {
    /// Commits what was printed. Network trouble or a rebalance leaves it for the next time.
    fn commit(&self, consumer: &BaseConsumer<Self>) {
        let mut uncommitted = self.uncommitted.lock().unwrap_or_else(PoisonError::into_inner);
        if uncommitted.is_empty() || !self.manual {
            return;
        }
        let mut list = TopicPartitionList::new();
        for ((topic, id), offset) in &*uncommitted {
            list.add_partition_offset(topic, *id, Offset::Offset(*offset)).expect("an offset of a record");
        }
        match consumer.commit(&list, CommitMode::Sync) {
            Ok(()) => {
                let offsets: Vec<_> = uncommitted.iter().map(|((topic, id), at)| json!([topic, id, at])).collect();
                emit(&json!({ "event": "committed", "offsets": offsets }));
                uncommitted.clear();
            }
            Err(error) => {
                report(&error, "commit");
            }
        }
    }
}

fn main() -> ExitCode {
    let stopping = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&stopping);
    std::thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        stop.store(true, Ordering::Relaxed);
    });
    let context = Context { manual: setting("COMMIT", "each") != "auto", ..Context::default() };
    let consumer: BaseConsumer<Context> = config().create_with_context(context).expect("the settings are good");
    let (records, status) = run(&consumer, &stopping);
    drop(consumer); // leaves the group
    emit(&json!({ "event": "end", "records": records }));
    ExitCode::from(status)
}

fn config() -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", setting("BOOTSTRAP", ""))
        .set("security.protocol", "ssl")
        .set("ssl.ca.location", setting("CA", ""))
        .set("ssl.certificate.location", setting("CERT", ""))
        .set("ssl.key.location", setting("KEY", ""))
        .set("group.id", setting("GROUP", ""))
        .set("group.protocol", setting("PROTOCOL", "classic"))
        .set("isolation.level", setting("ISOLATION", "read_committed"))
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", (setting("COMMIT", "each") == "auto").to_string())
        .set("auto.commit.interval.ms", "1000")
        .set("reconnect.backoff.max.ms", "500")
        .set("socket.keepalive.enable", "true");
    if setting("PROTOCOL", "classic") == "classic" {
        // With the consumer protocol the broker decides.
        config.set("session.timeout.ms", "10000").set("heartbeat.interval.ms", "1000");
    }
    config
}

/// Gives how many records were printed, and the exit status.
fn run(consumer: &BaseConsumer<Context>, stopping: &AtomicBool) -> (u64, u8) {
    let probe = env::var("PROBE").ok();
    let topics = probe.clone().unwrap_or_else(|| setting("TOPICS", ""));
    let limit = Duration::from_secs(if probe.is_some() { 20 } else { number("RUN_SECONDS") });
    let (idle, max_records) = (Duration::from_millis(number("UNTIL_IDLE_MS")), number("MAX_RECORDS"));
    consumer.subscribe(&topics.split(',').collect::<Vec<_>>()).expect("topic names");
    let start = Instant::now();
    let (mut last_record, mut last_commit, mut records) = (start, start, 0);
    while !stopping.load(Ordering::Relaxed) && records < max_records {
        if start.elapsed() > limit || last_record.elapsed() > idle {
            break;
        }
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                emit(&record(&message));
                let mut uncommitted = consumer.context().uncommitted.lock().unwrap_or_else(PoisonError::into_inner);
                uncommitted.insert((message.topic().to_string(), message.partition()), message.offset() + 1);
                records += 1;
                last_record = Instant::now();
            }
            Some(Err(error)) if report(&error, "") => return (records, NOT_ALLOWED),
            Some(Err(_)) | None => {}
        }
        if setting("COMMIT", "each") == "each" && last_commit.elapsed() > Duration::from_millis(100) {
            consumer.context().commit(consumer);
            last_commit = Instant::now();
        }
    }
    consumer.context().commit(consumer);
    (records, 0)
}

fn record(message: &BorrowedMessage<'_>) -> Value {
    let headers = message.headers().map(|all| all.iter().map(|h| json!([h.key, encode(h.value)])).collect::<Vec<_>>());
    json!({
        "event": "record",
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": message.timestamp().to_millis(),
        "key": encode(message.key()),
        "value": encode(message.payload()),
        "headers": headers.unwrap_or_default(),
    })
}

/// Prints an error and tells if it is one of authorization, which no retry mends.
fn report(error: &KafkaError, reason: &str) -> bool {
    let code = error.rdkafka_error_code();
    // Negative: librdkafka's own errors.
    let number = code.map(|code| code as i32).filter(|number| *number > 0);
    let class = code.map_or("error".to_string(), |code| format!("{code:?}"));
    emit(&json!({ "event": "error", "class": class, "code": number, "message": format!("{error} {reason}") }));
    matches!(
        code,
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
        )
    )
}

fn partitions(list: &TopicPartitionList) -> Vec<Value> {
    list.elements().iter().map(|p| json!([p.topic(), p.partition()])).collect()
}

fn emit(event: &Value) {
    // A reader that is gone is no reason to stop in the middle of a commit.
    let _ = writeln!(io::stdout(), "{event}");
}

fn encode(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| STANDARD.encode(bytes))
}

fn number<T: FromStr>(name: &str) -> T {
    setting(name, "1000000000").parse().unwrap_or_else(|_| panic!("{name} must be a number"))
}

fn setting(name: &str, otherwise: &str) -> String {
    env::var(name).unwrap_or_else(|_| otherwise.to_string())
}
