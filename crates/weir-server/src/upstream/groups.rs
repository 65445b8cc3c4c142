//! Which groups are at a cluster's brokers: each broker is asked for those that it coordinates.
//!
//! Must never: take for all groups what some of the brokers said.

use std::sync::Arc;

use weir_kafka::cleared::OwnRequest;
use weir_kafka::cluster::{RealBrokerId, VersionRange};
use weir_kafka::discovery;

use super::broker::Broker;
use super::exchange::ExchangeError;
use super::settings::UpstreamSettings;
use super::{Coordinators, Upstream};

/// The key of ListGroups.
const LIST_GROUPS: i16 = 16;
/// The versions that ask for all groups, whatever their state and type.
const ASKED: VersionRange = VersionRange { min: 0, max: 2 };

impl Upstream {
    /// All groups, and which broker coordinates each; nothing where a broker did not say which it has.
    pub(crate) async fn list_groups(&self) -> Option<Coordinators> {
        let mut asking = tokio::task::JoinSet::new();
        for broker in self.shared.brokers.load_full().values() {
            asking.spawn(groups_of(Arc::clone(broker), Arc::clone(&self.shared.settings)));
        }
        if asking.is_empty() {
            return None;
        }
        let mut coordinators = Coordinators::new();
        while let Some(answered) = asking.join_next().await {
            match answered {
                Ok(Ok((broker, groups))) => coordinators.extend(groups.into_iter().map(|group| (group, broker))),
                Ok(Err(error)) => {
                    tracing::debug!(upstream = self.shared.settings.name, "groups are not counted: {error}");
                    return None;
                }
                Err(_) => return None,
            }
        }
        Some(coordinators)
    }
}

type Coordinated = (RealBrokerId, Vec<String>);

async fn groups_of(broker: Arc<Broker>, settings: Arc<UpstreamSettings>) -> Result<Coordinated, ExchangeError> {
    let Some(versions) = broker.state().versions else { return Err(ExchangeError::Unresolved) };
    // A broker that cannot say has none that could be counted.
    let Some(version) = versions.get(&LIST_GROUPS).and_then(|range| range.intersect(ASKED)) else {
        return Ok((broker.id, Vec::new()));
    };
    let version = version.max;
    let connection = broker.open(&settings).await?;
    let (_, answer) = connection.ask(&OwnRequest::ListGroups { version }).await?;
    Ok((broker.id, discovery::read_groups(version, &answer)?))
}
