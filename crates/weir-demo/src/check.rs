//! The demo seen from outside: what a client with a certificate gets, and what it is refused.
//!
//! A proof must be able to fail: that nothing hidden comes through is shown only after the same search has found it at
//! the brokers. Must never wait without an end, and never reach the brokers where it claims to go through Weir.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;
use weir_pki::IssuedPaths;

use crate::certificates::{ENTERPRISE, HOST, TOOL};
use crate::events::{HIDDEN_MARKER, RUN_FIELD};
use crate::failure::Failure;
use crate::outside::{ANSWER_LIMIT, Door, Listing};
use crate::ports::Ports;
use crate::streams::{HIDDEN_TOPIC, SITES, STREAMS};

/// What the shipped policy grants to the tool, as far as the check reads it.
pub const GRANTED: [&str; 3] =
    ["eqiad.mediawiki.recentchange", "codfw.mediawiki.recentchange", "eqiad.eventgate-main.test.event"];
/// In the catalogue, and not granted to the tool.
pub const NOT_GRANTED: &str = "eqiad.mediawiki.page_change.v1";
/// Nowhere. It must look like a hidden topic.
const ABSENT: &str = "eqiad.mediawiki.no-such-stream";

/// Records of this run that each granted topic must give.
const RECORDS: usize = 3;
/// Joining a group takes three seconds on the mock brokers.
const CONSUME_LIMIT: Duration = Duration::from_secs(25);
const CONTROL_LIMIT: Duration = Duration::from_secs(10);
/// How long something that must not come is waited for.
const SILENCE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(200);

/// What the check looks at.
pub struct Check {
    /// The nonce of this run.
    pub run: String,
    pub ports: Ports,
    /// The mock brokers, for the counter-proof alone.
    pub brokers: Vec<String>,
    pub ca: PathBuf,
    pub tool: IssuedPaths,
    pub enterprise: IssuedPaths,
    /// Set when there is nothing left to check, for Weir has ended.
    pub stop: Arc<AtomicBool>,
}

impl Check {
    /// Runs every step and says what each has shown. Blocks; once told to stop, for [`ANSWER_LIMIT`] at the most.
    pub fn run(&self) -> Result<(), Failure> {
        self.hidden_can_be_found_at_the_brokers()?;
        self.lists_hold_what_is_granted()?;
        self.records_of_this_run_arrive()?;
        self.refused_topics_look_absent()?;
        self.hidden_records_stay_inside()?;
        self.nobody_without_a_certificate()
    }

    fn hidden_can_be_found_at_the_brokers(&self) -> Result<(), Failure> {
        let consumer = Door::Brokers(&self.brokers).consumer("weir-demo-control")?;
        assign(&consumer, HIDDEN_TOPIC)?;
        let deadline = Instant::now() + CONTROL_LIMIT;
        while let Some(polled) = self.poll(&consumer, deadline)? {
            if polled.is_ok_and(|record| record.value.contains(HIDDEN_MARKER) && record.is_of(&self.run)) {
                return said(format!("{HIDDEN_TOPIC} is at the brokers, and its records can be told by their marker"));
            }
        }
        Err(Failure::new(format!("the mock brokers hold no record of {HIDDEN_TOPIC}: nothing could be proved")))
    }

    fn lists_hold_what_is_granted(&self) -> Result<(), Failure> {
        for (name, identity) in [(TOOL, &self.tool), (ENTERPRISE, &self.enterprise)] {
            let listing =
                self.weir(Some(identity)).list(None, ANSWER_LIMIT).map_err(|error| unanswered(name, &error))?;
            self.judge_listing(name, &listing)?;
            said(format!("{name} sees {} topics and only Weir's addresses", listing.topics.len()))?;
        }
        Ok(())
    }

    fn judge_listing(&self, name: &str, listing: &Listing) -> Result<(), Failure> {
        let public: BTreeSet<String> =
            SITES.iter().flat_map(|site| STREAMS.iter().map(|stream| stream.topic(site))).collect();
        if let Some(topic) = listing.topics.keys().find(|topic| !public.contains(*topic)) {
            return Err(Failure::new(format!("{name} is shown {topic}, which is not public")));
        }
        let shown: BTreeSet<String> = self.ports.shown().map(|port| format!("{HOST}:{port}")).collect();
        if let Some(broker) = listing.brokers.iter().find(|broker| !shown.contains(*broker)) {
            return Err(Failure::new(format!("{name} is shown {broker}, which is not one of Weir's addresses")));
        }
        let listed = |topic: &str| matches!(listing.topics.get(topic), Some(None));
        if let Some(topic) = GRANTED.iter().find(|topic| !listed(topic)) {
            return Err(Failure::new(format!("{name} is not shown {topic}: is it granted in the policy?")));
        }
        if name == TOOL && listing.topics.contains_key(NOT_GRANTED) {
            return Err(Failure::new(format!("{name} is shown {NOT_GRANTED}, which is not granted to it")));
        }
        Ok(())
    }

    fn records_of_this_run_arrive(&self) -> Result<(), Failure> {
        let consumer = self.weir(Some(&self.tool)).consumer("weir-demo-check")?;
        subscribe(&consumer, &GRANTED, TOOL)?;
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut trouble = None;
        let deadline = Instant::now() + CONSUME_LIMIT;
        while let Some(polled) = self.poll(&consumer, deadline)? {
            match polled {
                Ok(record) => {
                    self.judge_record(&record)?;
                    *seen.entry(record.topic).or_default() += 1;
                }
                Err(error) if is_refusal(&error) => {
                    return Err(Failure::new(format!("{TOOL} is refused a topic that it was granted: {error}")));
                }
                Err(error) => trouble = Some(error),
            }
            if GRANTED.iter().all(|topic| seen.get(*topic).is_some_and(|count| *count >= RECORDS)) {
                commit(&consumer)?;
                return said(format!(
                    "{TOOL} consumed {} records of this run and committed",
                    seen.values().sum::<usize>()
                ));
            }
        }
        let limit = CONSUME_LIMIT.as_secs();
        let trouble = trouble.map_or_else(|| "no error was reported".to_owned(), |error| error.to_string());
        Err(Failure::new(format!(
            "{TOOL} did not get {RECORDS} records of each of {GRANTED:?} within {limit} s: got {seen:?}; {trouble}"
        )))
    }

    fn judge_record(&self, record: &Record) -> Result<(), Failure> {
        if record.value.contains(HIDDEN_MARKER) {
            return Err(Failure::new(format!("a record of {} holds what must stay inside", record.topic)));
        }
        if !record.is_of(&self.run) {
            return Err(Failure::new(format!("a record of {} is not of this run: {}", record.topic, record.value)));
        }
        Ok(())
    }

    fn refused_topics_look_absent(&self) -> Result<(), Failure> {
        for topic in [HIDDEN_TOPIC, NOT_GRANTED, ABSENT] {
            let listing = self
                .weir(Some(&self.tool))
                .list(Some(topic), ANSWER_LIMIT)
                .map_err(|error| unanswered(TOOL, &error))?;
            match listing.topics.get(topic) {
                Some(Some(RDKafkaErrorCode::TopicAuthorizationFailed)) => {}
                other => {
                    return Err(Failure::new(format!(
                        "{TOOL} asked for {topic} by name and was not told TOPIC_AUTHORIZATION_FAILED, but {other:?}"
                    )));
                }
            }
        }
        said(format!("{HIDDEN_TOPIC}, {NOT_GRANTED} and {ABSENT} are all TOPIC_AUTHORIZATION_FAILED"))
    }

    fn hidden_records_stay_inside(&self) -> Result<(), Failure> {
        for (name, identity) in [(TOOL, &self.tool), (ENTERPRISE, &self.enterprise)] {
            let consumer = self.weir(Some(identity)).consumer("weir-demo-hidden")?;
            subscribe(&consumer, &[HIDDEN_TOPIC], name)?;
            let mut refused = false;
            let deadline = Instant::now() + ANSWER_LIMIT;
            while !refused && let Some(polled) = self.poll(&consumer, deadline)? {
                if polled.is_ok() {
                    return Err(Failure::new(format!("{name} got a record of {HIDDEN_TOPIC}")));
                }
                refused = polled.as_ref().is_err_and(is_refusal);
            }
            if !refused {
                return Err(Failure::new(format!("{name} subscribed to {HIDDEN_TOPIC} and was not refused")));
            }
        }
        said(format!("whoever subscribes to {HIDDEN_TOPIC} is refused"))
    }

    fn nobody_without_a_certificate(&self) -> Result<(), Failure> {
        match self.weir(None).list(None, SILENCE) {
            Ok(listing) => {
                let count = listing.topics.len();
                Err(Failure::new(format!("a client without a certificate was answered, with {count} topics")))
            }
            Err(_) => said("a client without a certificate gets no answer".to_owned()),
        }
    }

    fn weir<'a>(&'a self, identity: Option<&'a IssuedPaths>) -> Door<'a> {
        Door::Weir { port: self.ports.bootstrap, ca: &self.ca, identity }
    }

    /// The next record or error, or nothing at the deadline.
    fn poll(&self, consumer: &BaseConsumer, deadline: Instant) -> Result<Option<Result<Record, KafkaError>>, Failure> {
        while Instant::now() < deadline {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Failure::new("weir stopped during the check"));
            }
            if let Some(polled) = consumer.poll(POLL) {
                return Ok(Some(polled.map(|message| Record::read(&message))));
            }
        }
        Ok(None)
    }
}

/// What is looked at of a record.
struct Record {
    topic: String,
    value: String,
}

impl Record {
    fn read(message: &impl Message) -> Record {
        let value = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
        Record { topic: message.topic().to_owned(), value }
    }

    fn is_of(&self, run: &str) -> bool {
        serde_json::from_str::<Value>(&self.value).is_ok_and(|event| event[RUN_FIELD] == run)
    }
}

/// Commits where the consumer is, and reads the commit back.
fn commit(consumer: &BaseConsumer) -> Result<(), Failure> {
    consumer
        .commit_consumer_state(CommitMode::Sync)
        .map_err(|error| Failure::new(format!("{TOOL} could not commit: {error}")))?;
    let committed = consumer
        .committed(ANSWER_LIMIT)
        .map_err(|error| Failure::new(format!("{TOOL} could not read its commit back: {error}")))?;
    let kept = committed.elements().iter().filter(|it| matches!(it.offset(), Offset::Offset(1..))).count();
    if kept < GRANTED.len() {
        return Err(Failure::new(format!("{TOOL} committed, and reads back {kept} positions of {}", GRANTED.len())));
    }
    Ok(())
}

fn assign(consumer: &BaseConsumer, topic: &str) -> Result<(), Failure> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning)
        .and_then(|()| consumer.assign(&list))
        .map_err(|error| Failure::new(format!("{topic} could not be assigned: {error}")))
}

fn subscribe(consumer: &BaseConsumer, topics: &[&str], name: &str) -> Result<(), Failure> {
    consumer.subscribe(topics).map_err(|error| Failure::new(format!("{name} could not subscribe: {error}")))
}

fn is_refusal(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed)
}

fn unanswered(name: &str, error: &KafkaError) -> Failure {
    Failure::new(format!("{name} got no answer through Weir: {error}"))
}

/// One line for each thing that was shown.
fn said(what: String) -> Result<(), Failure> {
    println!("check: {what}");
    Ok(())
}
