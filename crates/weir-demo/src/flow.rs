//! The steady flow of events into the mock brokers, directly and not through Weir.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use tokio::time::{MissedTickBehavior, interval};

use crate::events::{Event, Events};
use crate::failure::Failure;
use crate::streams::{HIDDEN_STREAM, SITES, STREAMS, Stream};

/// How often events are made.
const TICK: Duration = Duration::from_millis(200);
/// The site where people edit gets the stream's rate, the other one this share of it.
const QUIET_SITE_SHARE: f64 = 1.0 / 3.0;
/// What each topic has from the start, canary included.
const FIRST_EVENTS: usize = 5;
/// How long the first events may take to arrive.
const FLUSH_LIMIT: Duration = Duration::from_secs(10);

/// The producer and what it has to do.
pub struct Flow {
    producer: ThreadedProducer<DefaultProducerContext>,
    events: Events,
    sources: Vec<Source>,
}

/// One topic that gets events.
struct Source {
    stream: &'static Stream,
    topic: String,
    per_tick: f64,
    /// Events due, in parts of one.
    due: f64,
}

impl Flow {
    /// Connects and puts the first events into every topic, so that no one finds an empty one.
    pub fn start(bootstrap: &[String], run: &str) -> Result<Flow, Failure> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap.join(","))
            .set("linger.ms", "50")
            .create()
            .map_err(|error| Failure::new(format!("the producer did not start: {error}")))?;
        let mut flow = Flow { producer, events: Events::new(run), sources: sources() };
        flow.first_events()?;
        Ok(flow)
    }

    /// Makes events until it is dropped or a broker refuses one.
    pub async fn run(mut self) -> Failure {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            if let Err(failure) = self.tick() {
                return failure;
            }
        }
    }

    fn first_events(&mut self) -> Result<(), Failure> {
        let Flow { producer, events, sources } = self;
        for source in sources.iter() {
            send(producer, &source.topic, &events.canary(source.stream))?;
            for _ in 1..FIRST_EVENTS {
                send(producer, &source.topic, &events.next(source.stream))?;
            }
        }
        producer
            .flush(FLUSH_LIMIT)
            .map_err(|error| Failure::new(format!("the mock brokers did not take the first events: {error}")))
    }

    fn tick(&mut self) -> Result<(), Failure> {
        let Flow { producer, events, sources } = self;
        for source in sources {
            source.due += source.per_tick;
            while source.due >= 1.0 {
                source.due -= 1.0;
                send(producer, &source.topic, &events.next(source.stream))?;
            }
        }
        Ok(())
    }
}

fn sources() -> Vec<Source> {
    let [busy, quiet] = SITES;
    let at = |site: &str, share: f64| {
        let site = site.to_owned();
        move |stream: &'static Stream| Source {
            stream,
            topic: stream.topic(&site),
            per_tick: stream.rate * share * TICK.as_secs_f64(),
            due: 0.0,
        }
    };
    let public = STREAMS.iter().map(at(busy, 1.0)).chain(STREAMS.iter().map(at(quiet, QUIET_SITE_SHARE)));
    public.chain([at(busy, 1.0)(&HIDDEN_STREAM)]).collect()
}

/// Queues one event. A full queue drops it: the demo's events are many, and none of them matters.
fn send(producer: &ThreadedProducer<DefaultProducerContext>, topic: &str, event: &Event) -> Result<(), Failure> {
    let mut record = BaseRecord::<str, str>::to(topic).payload(&event.value);
    if let Some(key) = &event.key {
        record = record.key(key);
    }
    match producer.send(record) {
        Ok(()) | Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Ok(()),
        Err((error, _)) => Err(Failure::new(format!("an event for {topic} could not be produced: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Instant;

    use rdkafka::consumer::Consumer;
    use rdkafka::message::Message;

    use super::*;
    use crate::cluster::Cluster;
    use crate::outside::Door;
    use crate::streams::HIDDEN_TOPIC;

    #[test]
    fn every_topic_has_events_of_this_run_from_the_start() {
        let cluster = Cluster::start().unwrap();
        let brokers = cluster.bootstrap();
        let _flow = Flow::start(&brokers, "run-9").unwrap();
        let door = Door::Brokers(&brokers);
        let listing = door.list(None, Duration::from_secs(10)).unwrap();
        assert_eq!(listing.brokers.len(), 3);
        assert_eq!(listing.topics.len(), 2 * STREAMS.len() + 1);
        assert!(listing.topics.contains_key(HIDDEN_TOPIC));

        let consumer = door.consumer("flow-test").unwrap();
        consumer.subscribe(&listing.topics.keys().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let mut missing: BTreeSet<String> = listing.topics.into_keys().collect();
        let deadline = Instant::now() + Duration::from_secs(20);
        while !missing.is_empty() && Instant::now() < deadline {
            if let Some(polled) = consumer.poll(Duration::from_millis(200)) {
                let record = polled.unwrap();
                assert!(String::from_utf8_lossy(record.payload().unwrap()).contains("\"run-9\""));
                missing.remove(record.topic());
            }
        }
        assert_eq!(missing, BTreeSet::new(), "topics without a record");
    }
}
