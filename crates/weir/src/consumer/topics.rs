//! Whether the topics are there: each granted, with leaders that can be connected to.
//!
//! Must never: have a topic made, or say which of the reasons it is why a topic is refused: Weir does not tell.

use std::collections::{BTreeSet, HashMap};

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use kafka_protocol::messages::{MetadataRequest, MetadataResponse, TopicName};
use serde_json::json;

use super::connection::Connection;
use super::deadline::Deadline;
use super::fault::Fault;
use super::finding::{Finding, Passed};
use super::place::Place;
use super::visit::{Visit, code, name_of, refused, text_of};

/// As many leaders are connected to, one after the other.
const MOST_LEADERS: usize = 8;

/// The topics, and who leads them.
#[derive(Debug)]
pub(crate) struct Topics {
    pub(crate) all: Vec<Topic>,
    pub(crate) brokers: HashMap<i32, Place>,
}

/// A topic that may be read.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    /// Index and leader of each partition that has one.
    pub(crate) led: Vec<(i32, i32)>,
}

impl Topics {
    /// Whom to ask about a broker's partitions.
    pub(crate) fn place(&self, broker: i32) -> Result<&Place, Finding> {
        self.brokers.get(&broker).ok_or_else(|| {
            Finding::new(Fault::BrokerUnavailable, format!("broker {broker} leads, and has no address"))
                .with("broker", broker)
        })
    }

    /// The leaders, each once.
    fn leaders(&self) -> BTreeSet<i32> {
        self.all.iter().flat_map(|topic| &topic.led).map(|(_, leader)| *leader).collect()
    }
}

/// Looks for the topics, and connects to their leaders.
pub(crate) fn find(visit: &Visit<'_>, mut first: Connection) -> Result<(Topics, Passed), Finding> {
    let deadline = visit.deadline();
    let topics = look(visit, &mut first, deadline)?;
    drop(first);
    let leaders = topics.leaders();
    for leader in leaders.iter().take(MOST_LEADERS) {
        visit.dial(topics.place(*leader)?, deadline)?;
    }
    let names: Vec<_> = topics.all.iter().map(|topic| name_of(&topic.name)).collect();
    let partitions: usize = topics.all.iter().map(|topic| topic.led.len()).sum();
    let seen =
        format!("{} with {partitions} partitions, led by {} brokers that can be reached", shown(&names), leaders.len());
    let states: Vec<_> = names.iter().map(|name| json!({ "topic": name, "state": "granted" })).collect();
    let passed = Passed::new(seen).with("topics", states).with("leaders", leaders.into_iter().collect::<Vec<_>>());
    Ok((topics, passed))
}

/// Looks for the topics until all have leaders, or the time is over.
pub(crate) fn look(visit: &Visit<'_>, connection: &mut Connection, deadline: Deadline) -> Result<Topics, Finding> {
    let request = request(visit);
    loop {
        let answer = visit.ask(connection, 8, &request, deadline)?;
        match judge(answer) {
            // A topic that is new, or whose leader has just gone, has one in a moment.
            Err(finding) if matches!(finding.fault, Fault::BrokerUnavailable | Fault::TopicAbsent) => {
                if !deadline.pause() {
                    return Err(finding);
                }
            }
            judged => return judged,
        }
    }
}

/// The topics of this visit; all that there are, where it names none.
fn request(visit: &Visit<'_>) -> MetadataRequest {
    let named = &visit.topics;
    let asked = |name: &String| MetadataRequestTopic::default().with_name(Some(TopicName(text_of(name))));
    let topics = (!named.is_empty()).then(|| named.iter().map(asked).collect());
    MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(false)
}

fn judge(answer: MetadataResponse) -> Result<Topics, Finding> {
    if answer.topics.is_empty() {
        return Err(Finding::new(Fault::NoTopics, "the server lists no topic"));
    }
    let states: Vec<_> = answer.topics.iter().map(State::of).collect();
    let worst = answer.topics.iter().zip(&states).max_by_key(|(_, state)| **state);
    if let Some((topic, state)) = worst.filter(|(_, state)| **state != State::Granted) {
        let told = answer.topics.iter().zip(&states);
        let told: Vec<_> = told.map(|(topic, state)| json!({ "topic": named(topic), "state": state.name() })).collect();
        return Err(state.finding(topic).with("topics", told).with("topic", named(topic)));
    }
    let brokers = answer.brokers.iter();
    let brokers = brokers.filter_map(|broker| Some((broker.node_id.0, Place::of(&broker.host, broker.port)?)));
    let all = answer.topics.iter().map(|topic| Topic {
        name: topic.name.as_ref().map(|name| name.0.to_string()).unwrap_or_default(),
        led: topic.partitions.iter().map(|partition| (partition.partition_index, partition.leader_id.0)).collect(),
    });
    Ok(Topics { brokers: brokers.collect(), all: all.collect() })
}

/// What a topic is to us; the worst comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Granted,
    WithoutLeader,
    Absent,
    Refused,
    Failed,
}

impl State {
    fn of(topic: &MetadataResponseTopic) -> Self {
        let is_led =
            |partition: &MetadataResponsePartition| partition.error_code == code::NONE && partition.leader_id.0 >= 0;
        match topic.error_code {
            code::NONE if !topic.partitions.is_empty() && topic.partitions.iter().all(is_led) => Self::Granted,
            code::NONE | code::LEADER_NOT_AVAILABLE => Self::WithoutLeader,
            code::UNKNOWN_TOPIC => Self::Absent,
            code::TOPIC_REFUSED => Self::Refused,
            _ => Self::Failed,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::WithoutLeader => "without-leader",
            Self::Absent => "absent",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    fn finding(self, topic: &MetadataResponseTopic) -> Finding {
        let name = named(topic);
        match self {
            Self::Refused => Finding::new(Fault::TopicRefused, format!("{name}: TOPIC_AUTHORIZATION_FAILED (29)")),
            Self::Absent => Finding::new(Fault::TopicAbsent, format!("{name}: UNKNOWN_TOPIC_OR_PARTITION (3)")),
            Self::Granted | Self::WithoutLeader => {
                let without = topic.partitions.iter().filter(|partition| partition.leader_id.0 < 0);
                let without: Vec<_> = without.map(|partition| partition.partition_index.to_string()).collect();
                let seen = format!("{name}: no leader for the partitions {}", shown(&without));
                Finding::new(Fault::BrokerUnavailable, seen)
            }
            Self::Failed => refused(&name, topic.error_code),
        }
    }
}

fn named(topic: &MetadataResponseTopic) -> String {
    topic.name.as_ref().map(|name| name_of(&name.0)).unwrap_or_default()
}

/// The first few of a list.
fn shown(all: &[String]) -> String {
    match all {
        [] => "(none)".to_owned(),
        [first, second, third, _, ..] => format!("{first}, {second}, {third} and {} more", all.len().saturating_sub(3)),
        few => few.join(", "),
    }
}
