//! What groups of a cluster hold, and who is in them: each is asked of the broker that coordinates it, and of all where
//! nobody knows which that is.
//!
//! Whoever asks has one request at a broker at a time, for few groups. Must never: take for a count what a broker said
//! that does not coordinate the group, or ask without a deadline.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use weir_kafka::cleared::OwnRequest;
use weir_kafka::cluster::{RealBrokerId, VersionRange};
use weir_kafka::discovery::{self, BadAnswer, FIRST_WITH_GROUPS, Member, Offsets, Said, SaidOfGroups};
use weir_kafka::refusal::code;
use weir_kafka::table;

use super::Upstream;
use super::broker::Broker;
use super::exchange::{ControlConnection, ExchangeError};
use super::settings::UpstreamSettings;
use super::versions::Ranges;

/// Groups in one request.
const AT_ONCE: usize = 50;
/// The versions that ask for all offsets of groups.
const OFFSET_FETCH: VersionRange = VersionRange { min: 2, max: FIRST_WITH_GROUPS };
/// The versions that tell of members what is to be known.
const DESCRIBE_GROUPS: VersionRange = VersionRange { min: 0, max: 5 };
const CONSUMER_GROUP_DESCRIBE: VersionRange = VersionRange { min: 0, max: 1 };

/// Which broker coordinates each group.
pub(crate) type Coordinators = HashMap<String, RealBrokerId>;

impl Upstream {
    /// For which partitions each group holds an offset; a group is missing where no broker could say.
    pub(crate) async fn committed(&self, groups: &[String], known: &Coordinators) -> HashMap<String, Offsets> {
        let mut asking = tokio::task::JoinSet::new();
        for (broker, groups) in self.shares(groups, known) {
            let settings = Arc::clone(&self.shared.settings);
            asking.spawn(async move { committed_at(&broker, groups, &settings).await });
        }
        gathered(asking).await
    }

    /// Who is in each group; a group is missing where no broker could say.
    pub(crate) async fn members(&self, groups: &[String], known: &Coordinators) -> HashMap<String, Vec<Member>> {
        let mut asking = tokio::task::JoinSet::new();
        for (broker, groups) in self.shares(groups, known) {
            let settings = Arc::clone(&self.shared.settings);
            asking.spawn(async move { members_at(&broker, groups, &settings).await });
        }
        gathered(asking).await
    }

    /// Which groups each broker is asked for.
    fn shares(&self, groups: &[String], known: &Coordinators) -> Vec<(Arc<Broker>, Vec<String>)> {
        let brokers = self.shared.brokers.load_full();
        let share = |broker: &Arc<Broker>| {
            let is_its =
                |group: &&String| known.get(*group).is_none_or(|id| *id == broker.id || !brokers.contains_key(id));
            (Arc::clone(broker), groups.iter().filter(is_its).cloned().collect::<Vec<_>>())
        };
        brokers.values().map(share).filter(|(_, groups)| !groups.is_empty()).collect()
    }
}

type Gathered<T> = Result<HashMap<String, T>, ExchangeError>;

async fn gathered<T: Send + 'static>(mut asking: tokio::task::JoinSet<Gathered<T>>) -> HashMap<String, T> {
    let mut all = HashMap::new();
    while let Some(answered) = asking.join_next().await {
        match answered {
            Ok(Ok(some)) => all.extend(some),
            Ok(Err(error)) => tracing::debug!("a broker was asked for what groups hold: {error}"),
            Err(_) => {}
        }
    }
    all
}

/// A connection for questions of one kind.
struct Asking {
    connection: Option<ControlConnection>,
    versions: Arc<Ranges>,
}

impl Asking {
    async fn begin(broker: &Broker, settings: &UpstreamSettings) -> Result<Self, ExchangeError> {
        let Some(versions) = broker.state().versions else { return Err(ExchangeError::Unresolved) };
        let connection = broker.open(settings).await?;
        Ok(Self { connection: Some(connection), versions })
    }

    /// The newest version that both speak.
    fn version(&self, key: i16, asked: VersionRange) -> Option<i16> {
        self.versions.get(&key).and_then(|range| range.intersect(asked)).map(|range| range.max)
    }

    async fn ask<T>(
        &mut self,
        request: OwnRequest,
        read: impl FnOnce(&Bytes) -> Result<SaidOfGroups<T>, BadAnswer>,
    ) -> Result<SaidOfGroups<T>, ExchangeError> {
        let connection = self.connection.take().ok_or(ExchangeError::Closed)?;
        let (connection, answer) = connection.ask(&request).await?;
        self.connection = Some(connection);
        Ok(read(&answer)?)
    }
}

async fn committed_at(broker: &Broker, groups: Vec<String>, settings: &UpstreamSettings) -> Gathered<Offsets> {
    let mut asking = Asking::begin(broker, settings).await?;
    let mut all = HashMap::new();
    // A broker that cannot say has none that could be counted.
    let Some(version) = asking.version(table::OFFSET_FETCH, OFFSET_FETCH) else {
        return Ok(groups.into_iter().map(|group| (group, Offsets::new())).collect());
    };
    for some in groups.chunks(if version >= FIRST_WITH_GROUPS { AT_ONCE } else { 1 }) {
        let request = OwnRequest::OffsetFetch { version, groups: some.to_vec() };
        let one = some.first().map(String::as_str).unwrap_or_default();
        let said = asking.ask(request, |answer| discovery::read_committed(version, answer, one)).await?;
        for (group, said) in said {
            match said {
                Said::Known(offsets) => drop(all.insert(group, offsets)),
                // Newer brokers say so of a group that has ended.
                Said::NoSuchGroup => drop(all.insert(group, Offsets::new())),
                Said::Failed(code) => tracing::debug!(broker = broker.id.0, code, "offsets of a group are not told"),
            }
        }
    }
    Ok(all)
}

async fn members_at(broker: &Broker, groups: Vec<String>, settings: &UpstreamSettings) -> Gathered<Vec<Member>> {
    let mut asking = Asking::begin(broker, settings).await?;
    let mut all = HashMap::new();
    for some in groups.chunks(AT_ONCE) {
        let mut classic = some.to_vec();
        if let Some(version) = asking.version(table::CONSUMER_GROUP_DESCRIBE, CONSUMER_GROUP_DESCRIBE) {
            let request = OwnRequest::ConsumerGroupDescribe { version, groups: some.to_vec() };
            let said = asking.ask(request, |answer| discovery::read_members(version, answer)).await?;
            classic = keep(said, &mut all, broker);
        }
        // A broker describes a group that it has not as a dead one without members.
        if let Some(version) = asking.version(table::DESCRIBE_GROUPS, DESCRIBE_GROUPS)
            && !classic.is_empty()
        {
            let request = OwnRequest::DescribeGroups { version, groups: classic };
            let said = asking.ask(request, |answer| discovery::read_classic_members(version, answer)).await?;
            let ended = keep(said, &mut all, broker);
            all.extend(ended.into_iter().map(|group| (group, Vec::new())));
        }
    }
    Ok(all)
}

/// Keeps what is known, and returns the groups that are of another protocol or none.
fn keep(said: SaidOfGroups<Vec<Member>>, all: &mut HashMap<String, Vec<Member>>, broker: &Broker) -> Vec<String> {
    let mut others = Vec::new();
    for (group, said) in said {
        match said {
            Said::Known(members) => drop(all.insert(group, members)),
            // Brokers that do not serve the consumer protocol say the latter.
            Said::NoSuchGroup | Said::Failed(code::UNSUPPORTED_VERSION) => others.push(group),
            Said::Failed(code) => tracing::debug!(broker = broker.id.0, code, "members of a group are not told"),
        }
    }
    others
}
