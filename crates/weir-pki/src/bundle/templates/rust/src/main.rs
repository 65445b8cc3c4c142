//! Reads topics as {{ principal }} with rdkafka, and prints a line for each record: topic, partition, offset, value.
//!
//!     cargo run --release
//!
//! Ctrl-C ends it; the next start goes on where this one ended. The environment may choose KAFKA_TOPICS (with commas),
//! KAFKA_GROUP_ID and KAFKA_AUTO_OFFSET_RESET (earliest, latest, none), and all that env.sh and env-inline.sh have.

use std::io::{self, Write};
use std::process::ExitCode;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{Consumer, ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{ClientContext, TopicPartitionList};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// All that you may read by name; keep what you need.
const TOPICS: &[&str] = &[
{% for topic in topics %}
    "{{ topic }}",
{% endfor %}
];

/// Your work. When it is done, the record counts as read; a crash before that brings the record again.
fn process(message: &BorrowedMessage) -> io::Result<()> {
    let value = message.payload().map_or("null".into(), String::from_utf8_lossy);
    writeln!(io::stdout(), "{} {} {} {value}", message.topic(), message.partition(), message.offset())
}

/// Test events, which show every hour that a stream is alive, are no data.
fn is_canary(value: Option<&[u8]>) -> bool {
    let event: serde_json::Value = value.and_then(|value| serde_json::from_slice(value).ok()).unwrap_or_default();
    event["meta"]["domain"] == "canary"
}

fn settings() -> Result<ClientConfig, String> {
    let reset = env("KAFKA_AUTO_OFFSET_RESET", "{{ offset_reset }}");
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", env("KAFKA_BOOTSTRAP_SERVERS", "{{ bootstrap }}"))
        .set("security.protocol", "ssl")
        .set("ssl.ca.pem", pem("KAFKA_SSL_CA", "{{ ca }}")?)
        .set("ssl.certificate.pem", pem("KAFKA_SSL_CERTIFICATE", "{{ certificate }}")?)
        .set("ssl.key.pem", pem("KAFKA_SSL_KEY", "{{ key }}")?)
        .set("group.id", group())
        // Where a group without offsets begins. librdkafka's own choice is latest: what is there is never read.
        .set("auto.offset.reset", if reset == "none" { "error" } else { &reset })
        // librdkafka commits every five seconds and at the end (commits are limited, so not for each record), and no
        // more than store_offset_from_message was told of: what was processed.
        .set("enable.auto.commit", "true")
        .set("enable.auto.offset.store", "false")
        // Records of aborted transactions are no events.
        .set("isolation.level", "read_committed")
        // NATs and firewalls forget connections that are quiet for some minutes, and tell nobody.
        .set("socket.keepalive.enable", "true")
        .set("connections.max.idle.ms", "180000")
        .set("log.connection.close", "false");
    // client.rack stays unset: it is for readers inside the data centre.
    Ok(config)
}

/// The text in VARIABLE_PEM, or the file that VARIABLE_LOCATION names, or this bundle's.
fn pem(variable: &str, file: &str) -> Result<String, String> {
    if let Ok(text) = std::env::var(format!("{variable}_PEM")) {
        return Ok(text);
    }
    let path = env(&format!("{variable}_LOCATION"), &format!("{}/../{file}", env!("CARGO_MANIFEST_DIR")));
    std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match read().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

async fn read() -> Result<(), String> {
    let (refuse, mut refused) = unbounded_channel();
    let consumer: StreamConsumer<Callbacks> = settings()?
        .create_with_context(Callbacks { refuse })
        .map_err(|error| format!("The settings or the files of the certificate are wrong: {error}"))?;
    let chosen = env("KAFKA_TOPICS", &TOPICS.join(","));
    let topics: Vec<&str> = chosen.split(',').collect();
    consumer.subscribe(&topics).map_err(|error| error.to_string())?;
    eprintln!("reading {} topics as group {}", topics.len(), group());
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    loop {
        let message = tokio::select! {
            message = consumer.recv() => message,
            Some(sentence) = refused.recv() => return Err(sentence),
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        };
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                explain(&error, "")?;
                continue;
            }
        };
        if !is_canary(message.payload()) && process(&message).is_err() {
            break; // whoever read the output has seen enough
        }
        consumer.store_offset_from_message(&message).map_err(|error| error.to_string())?;
    }
    Ok(()) // the consumer goes: it commits, and leaves the group
}

/// What librdkafka says from its own threads.
struct Callbacks {
    refuse: UnboundedSender<String>,
}

impl ClientContext for Callbacks {
    fn error(&self, error: KafkaError, reason: &str) {
        if let Err(sentence) = explain(&error, reason) {
            let _ = self.refuse.send(sentence);
        }
    }
}

impl ConsumerContext for Callbacks {
    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            self.error(error, "");
        }
    }
}

/// A sentence where a retry mends nothing; else it says what happened.
fn explain(error: &KafkaError, reason: &str) -> Result<(), String> {
    let (group, text) = (group(), format!("{error} {reason}"));
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Err(format!(
            "A topic is refused: it is not among those of README.md, or the operator has suspended it. ({text})"
        )),
        Some(RDKafkaErrorCode::GroupAuthorizationFailed) => Err(format!(
            "Group {group} is refused: README.md says how its name must begin, if at all, \
             and how many groups you may have. ({text})"
        )),
        Some(RDKafkaErrorCode::AutoOffsetReset) => Err(format!(
            "Group {group} has no offset: set KAFKA_AUTO_OFFSET_RESET to earliest or latest, once. ({text})"
        )),
        _ if text.contains("alert") || text.contains("certificate") => Err(format!(
            "TLS is refused: your certificate has expired, is revoked or suspended, \
             or {{ ca }} is not the server's CA. ({text})"
        )),
        _ => {
            eprintln!("goes on after: {text}");
            Ok(())
        }
    }
}

fn group() -> String {
    env("KAFKA_GROUP_ID", "{{ group_id }}-rust")
}

fn env(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or(otherwise.into())
}
