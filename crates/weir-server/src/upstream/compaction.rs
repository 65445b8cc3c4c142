//! How a cluster keeps topics, asked of all its brokers, and what of that the view holds.
//!
//! Must never: take a topic for compacted of which a broker says another thing, or only another cluster's broker says
//! so, or that has another id by now.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout_at;
use weir_kafka::cleared::OwnRequest;
use weir_kafka::cluster::{RealTopic, TopicId, TopicView, VersionRange};
use weir_kafka::discovery;
use weir_kafka::table;
use weir_policy::Compacted;

use super::Upstream;
use super::broker::Broker;
use super::exchange::ExchangeError;
use super::settings::UpstreamSettings;
use super::versions::{Ranges, served_by_all};

/// Topics in one question.
const AT_ONCE: usize = 500;
/// The versions that tell a setting's value.
const ASKED: VersionRange = VersionRange { min: 1, max: 4 };

/// Topics that are compacted, each with the id that it had when the brokers were asked.
pub(crate) type Confirmed = BTreeMap<RealTopic, TopicId>;

/// What brokers say of a topic: each cleanup policy that one of them told, or else Kafka's error code.
pub(crate) type Told = BTreeMap<String, Result<Vec<String>, i16>>;

impl Upstream {
    /// How often the brokers are to be asked.
    pub(crate) fn compaction_check(&self) -> Duration {
        self.shared.settings.timeouts.compaction
    }

    /// What the brokers that answer by then say of these topics; nothing where none does. One that takes its time keeps nobody
    /// from hearing the others.
    pub(crate) async fn cleanup_policies(&self, topics: &[RealTopic], by: Instant) -> Option<Told> {
        let mut asking = tokio::task::JoinSet::new();
        for broker in self.shared.brokers.load_full().values() {
            let (broker, settings) = (Arc::clone(broker), Arc::clone(&self.shared.settings));
            let told = timeout_at(by.into(), told_by(broker, settings, topics.to_vec()));
            asking.spawn(async move { told.await.unwrap_or(Err(ExchangeError::TimedOut)) });
        }
        let mut all: Option<Told> = None;
        while let Some(answered) = asking.join_next().await {
            match answered {
                Ok(Ok(told)) => merge(all.get_or_insert_default(), told),
                Ok(Err(error)) => {
                    let upstream = &self.shared.settings.name;
                    tracing::debug!(upstream, "a broker did not say how it keeps topics: {error}");
                }
                Err(_) => {}
            }
        }
        all
    }

    /// These topics are compacted, and no others: what the view lets out follows.
    pub(crate) fn confirm(&self, confirmed: Confirmed) {
        self.shared.confirm(confirmed);
    }
}

/// Those that are there, with the id that was asked for.
pub(super) fn compacted(confirmed: &Confirmed, topics: &HashMap<RealTopic, TopicView>) -> Compacted {
    let there = confirmed.iter().filter(|(name, id)| topics.get(*name).is_some_and(|topic| topic.id == **id));
    let names: Vec<_> = there.map(|(name, _)| name.shown_name()).collect();
    Compacted::these(names.iter().map(AsRef::as_ref))
}

async fn told_by(
    broker: Arc<Broker>,
    settings: Arc<UpstreamSettings>,
    topics: Vec<RealTopic>,
) -> Result<BTreeMap<String, Result<String, i16>>, ExchangeError> {
    let mut told = BTreeMap::new();
    let versions = broker.state().versions.ok_or(ExchangeError::Unresolved)?;
    let Some(version) = version(&versions, &settings.max_versions) else { return Ok(told) };
    let mut connection = broker.open(&settings).await?;
    for topics in topics.chunks(AT_ONCE) {
        let answer;
        let asked = OwnRequest::CleanupPolicies { version, topics: topics.to_vec() };
        (connection, answer) = connection.ask(&asked).await?;
        told.extend(discovery::read_cleanup_policies(version, &answer)?);
    }
    Ok(told)
}

fn version(broker: &Ranges, caps: &HashMap<i16, i16>) -> Option<i16> {
    let served = served_by_all([broker], caps);
    served.get(&table::DESCRIBE_CONFIGS)?.intersect(ASKED).map(|range| range.max)
}

/// A broker that does not know says nothing against one that does.
fn merge(all: &mut Told, told: BTreeMap<String, Result<String, i16>>) {
    for (topic, said) in told {
        match (all.get_mut(&topic), said) {
            (Some(Ok(known)), Ok(policy)) => known.push(policy),
            (Some(Ok(_)), Err(_)) => {}
            (_, said) => drop(all.insert(topic, said.map(|policy| vec![policy]))),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_policy_that_a_broker_tells_is_kept_and_errors_only_where_none_does() {
        let told = |said| BTreeMap::from([("a".to_owned(), said)]);
        let all = |said: [Result<&str, i16>; 3]| {
            let mut all = Told::new();
            said.into_iter().for_each(|said| merge(&mut all, told(said.map(str::to_owned))));
            all.remove("a").unwrap()
        };
        assert_eq!(all([Ok("compact"), Err(3), Ok("delete")]), Ok(vec!["compact".to_owned(), "delete".to_owned()]));
        assert_eq!(all([Err(3), Err(29), Ok("compact")]), Ok(vec!["compact".to_owned()]));
        assert_eq!(all([Err(3), Err(3), Err(29)]), Err(29));
    }

    #[test]
    fn a_topic_that_was_made_again_is_not_the_one_that_was_confirmed() {
        let name = RealTopic("a".to_owned());
        let view = |id| HashMap::from([(name.clone(), TopicView { id, partitions: Vec::new() })]);
        let (before, after) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let confirmed = Confirmed::from([(name.clone(), before), (RealTopic("gone".to_owned()), before)]);
        assert_eq!(compacted(&confirmed, &view(before)), Compacted::these(["a"]));
        assert_eq!(compacted(&confirmed, &view(after)), *Compacted::none());
    }
}
