//! What is written for the readers of bundles, and what each of them must see of it.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use weir_testkit::Kafka;
use weir_testkit::kafka::{Chain, TransactionEnd};

use super::readers::{Reader, Shows};

/// What a bundle's principal may read.
pub const TOPICS: [&str; 2] = ["bundle.events", "bundle.texts"];
/// What is in the catalogue and nobody may read.
pub const HIDDEN: &str = "bundle.hidden";
/// Of each topic.
pub const PARTITIONS: i32 = 2;

/// The values of each partition, in order; `null` for a record without one.
pub type Seen = BTreeMap<(String, i32), Vec<String>>;

/// What was written, batch by batch.
#[derive(Debug, Clone, Default)]
pub struct History {
    batches: Vec<Seen>,
}

impl History {
    /// Writes a batch to every partition: events and canaries, text that is no JSON, JSON that is no event, a record
    /// without a value; and before all that records of a transaction that is aborted.
    pub fn write(&mut self, kafka: &Kafka) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", kafka.bootstrap().join(","));
        let producer: ThreadedProducer<DefaultProducerContext> = config.create().expect("a producer starts");
        let mut batch = Seen::new();
        for topic in TOPICS {
            Chain::new(topic, PARTITIONS.unsigned_abs() as usize).transaction(kafka, 2, TransactionEnd::Abort);
            for partition in 0..PARTITIONS {
                let values = values(&format!("{topic}-{partition}-{}", self.batches.len()));
                for value in &values {
                    let record = BaseRecord::<(), [u8]>::to(topic).partition(partition);
                    let record = if value == "null" { record } else { record.payload(value.as_bytes()) };
                    producer.send(record).map_err(|(error, _)| error).expect("a record is taken");
                }
                batch.insert((topic.to_owned(), partition), values);
            }
        }
        producer.flush(Duration::from_secs(60)).expect("all are written");
        self.batches.push(batch);
    }

    /// How many batches there are.
    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    /// How many partitions hold something.
    pub fn partitions(&self) -> usize {
        self.batches.first().map_or(0, BTreeMap::len)
    }

    /// What a reader must see of the batches from `since` on.
    pub fn seen_by(&self, reader: &Reader, since: usize) -> Seen {
        let mut seen = Seen::new();
        for (place, values) in self.batches[since..].iter().flatten() {
            if matches!(reader.shows, Shows::OneTopic) && place.0 != TOPICS[0] {
                continue;
            }
            let kept = values.iter().filter(|value| !reader.shows.drops_canaries() || !is_canary(value));
            seen.entry(reader.shows.place(place)).or_default().extend(kept.cloned());
        }
        reader.shows.in_order(seen)
    }
}

fn values(id: &str) -> Vec<String> {
    let event =
        |domain: &str, n: u8| format!(r#"{{"meta": {{"domain": "{domain}", "id": "{id}-{n}"}}, "wiki": "enwiki"}}"#);
    vec![
        event("canary", 0),
        event("en.wikipedia.org", 1),
        format!("text that is no JSON, {id}"),
        "null".to_owned(),
        format!(r#"{{"domain": "canary", "of": "no meta, {id}"}}"#),
        format!(r#"{{"meta": "canary", "of": "no domain, {id}"}}"#),
        event("canary", 6),
        event("canary.example.org", 7),
        event("canary", 8),
    ]
}

fn is_canary(value: &str) -> bool {
    value.contains(r#""domain": "canary", "id""#)
}
