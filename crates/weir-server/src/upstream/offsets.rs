//! Offsets of partitions by time, asked of the brokers that lead them.
//!
//! Must never: take a broker that did not answer for one that has nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use weir_kafka::cleared::OwnRequest;
use weir_kafka::cluster::{ClusterView, RealBrokerId, RealTopic, VersionRange};
use weir_kafka::discovery;

use super::Upstream;
use super::broker::Broker;
use super::exchange::ExchangeError;
use super::settings::UpstreamSettings;

/// The key of ListOffsets.
const LIST_OFFSETS: i16 = 2;
/// The versions that know times and are not flexible.
const ASKED: VersionRange = VersionRange { min: 1, max: 3 };
/// Partitions in one question.
const AT_ONCE: usize = 1_000;

/// The time that stands for the first offset that is there.
pub(crate) const EARLIEST: i64 = -2;

/// Partitions of topics.
pub(crate) type Partitions = BTreeMap<RealTopic, Vec<i32>>;

/// What one broker leads of them, in pieces of one question each.
type Questions = Vec<Vec<(RealTopic, Vec<i32>)>>;

impl Upstream {
    /// Of each partition, for each time (milliseconds since 1970, or `EARLIEST`), the first offset that is not older;
    /// -1 where no record is that young. What no broker answered for is missing.
    pub(crate) async fn first_offsets(
        &self,
        partitions: &Partitions,
        times: &[i64],
    ) -> HashMap<(RealTopic, i32), Vec<i64>> {
        let Some(view) = self.view() else { return HashMap::new() };
        let brokers = self.shared.brokers.load_full();
        let mut asking = tokio::task::JoinSet::new();
        for (leader, questions) in by_leader(partitions, &view) {
            if let Some(broker) = brokers.get(&leader) {
                asking.spawn(offsets_of(
                    Arc::clone(broker),
                    Arc::clone(&self.shared.settings),
                    questions,
                    times.to_vec(),
                ));
            }
        }
        let mut found = HashMap::new();
        while let Some(answered) = asking.join_next().await {
            match answered {
                Ok(Ok(offsets)) => found.extend(offsets),
                Ok(Err(error)) => {
                    tracing::debug!(upstream = self.shared.settings.name, "offsets are not known: {error}");
                }
                Err(_) => {}
            }
        }
        found
    }
}

fn by_leader(partitions: &Partitions, view: &ClusterView) -> BTreeMap<RealBrokerId, Questions> {
    let mut led: BTreeMap<RealBrokerId, Questions> = BTreeMap::new();
    for (topic, wanted) in partitions {
        let Some(known) = view.topics.get(topic) else { continue };
        for partition in known.partitions.iter().filter(|partition| wanted.contains(&partition.index)) {
            ask_for(led.entry(partition.leader).or_default(), topic, partition.index);
        }
    }
    led
}

/// Puts one partition into the last question that has room.
fn ask_for(questions: &mut Questions, topic: &RealTopic, partition: i32) {
    let count = |question: &Vec<(RealTopic, Vec<i32>)>| question.iter().map(|(_, some)| some.len()).sum::<usize>();
    if questions.last().is_none_or(|question| count(question) >= AT_ONCE) {
        questions.push(Vec::new());
    }
    let Some(question) = questions.last_mut() else { return };
    match question.last_mut().filter(|(last, _)| last == topic) {
        Some((_, some)) => some.push(partition),
        None => question.push((topic.clone(), vec![partition])),
    }
}

async fn offsets_of(
    broker: Arc<Broker>,
    settings: Arc<UpstreamSettings>,
    questions: Questions,
    times: Vec<i64>,
) -> Result<HashMap<(RealTopic, i32), Vec<i64>>, ExchangeError> {
    let Some(versions) = broker.state().versions else { return Err(ExchangeError::Unresolved) };
    let Some(version) = versions.get(&LIST_OFFSETS).and_then(|range| range.intersect(ASKED)) else {
        return Ok(HashMap::new());
    };
    let version = version.max;
    let mut connection = broker.open(&settings).await?;
    let mut found: HashMap<(RealTopic, i32), Vec<i64>> = HashMap::new();
    for (asked, timestamp) in times.iter().enumerate() {
        for topics in &questions {
            let request = OwnRequest::ListOffsets { version, topics: topics.clone(), timestamp: *timestamp };
            let answer;
            (connection, answer) = connection.ask(&request).await?;
            for (partition, offset) in discovery::read_offsets(version, &answer)? {
                let offsets = found.entry(partition).or_default();
                // One that failed once is not complete: its later answers are of other times.
                if offsets.len() == asked {
                    offsets.push(offset);
                }
            }
        }
    }
    found.retain(|_, offsets| offsets.len() == times.len());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_so_many_partitions_and_the_next_one_the_others() {
        let mut questions = Questions::new();
        let (one, other) = (RealTopic("one".to_owned()), RealTopic("other".to_owned()));
        for index in 0..600 {
            ask_for(&mut questions, &one, index);
        }
        for index in 0..600 {
            ask_for(&mut questions, &other, index);
        }
        let sizes = |question: &Vec<(RealTopic, Vec<i32>)>| {
            question.iter().map(|(topic, some)| (topic.0.clone(), some.len())).collect::<Vec<_>>()
        };
        let expected = vec![vec![("one".to_owned(), 600), ("other".to_owned(), 400)], vec![("other".to_owned(), 200)]];
        assert_eq!(questions.iter().map(sizes).collect::<Vec<_>>(), expected);
    }
}
