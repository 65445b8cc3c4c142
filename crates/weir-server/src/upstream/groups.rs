//! Which groups are at a cluster's brokers: each broker is asked for those that it coordinates.
//!
//! Must never: take for all groups what some of the brokers said.

use std::sync::Arc;

use weir_kafka::cleared::OwnRequest;
use weir_kafka::cluster::VersionRange;
use weir_kafka::discovery;

use super::Upstream;
use super::broker::{self, Broker};
use super::exchange::ExchangeError;
use super::settings::UpstreamSettings;

/// The key of ListGroups.
const LIST_GROUPS: i16 = 16;
/// The versions that ask for all groups, whatever their state and type.
const ASKED: VersionRange = VersionRange { min: 0, max: 2 };

impl Upstream {
    /// The names of all groups; nothing where a broker did not say which it has.
    pub(crate) async fn list_groups(&self) -> Option<Vec<String>> {
        let mut asking = tokio::task::JoinSet::new();
        for broker in self.shared.brokers.load_full().values() {
            asking.spawn(groups_of(Arc::clone(broker), Arc::clone(&self.shared.settings)));
        }
        if asking.is_empty() {
            return None;
        }
        let mut names = Vec::new();
        while let Some(answered) = asking.join_next().await {
            match answered {
                Ok(Ok(groups)) => names.extend(groups),
                Ok(Err(error)) => {
                    tracing::debug!(upstream = self.shared.settings.name, "groups are not counted: {error}");
                    return None;
                }
                Err(_) => return None,
            }
        }
        Some(names)
    }
}

async fn groups_of(broker: Arc<Broker>, settings: Arc<UpstreamSettings>) -> Result<Vec<String>, ExchangeError> {
    let state = broker.state();
    let Some(versions) = state.versions else { return Err(ExchangeError::Unresolved) };
    // A broker that cannot say has none that could be counted.
    let Some(version) = versions.get(&LIST_GROUPS).and_then(|range| range.intersect(ASKED)) else {
        return Ok(Vec::new());
    };
    let version = version.max;
    let (connection, _) = broker::open(state.address.as_slice(), &broker.host_port(), &settings).await?;
    let (_, answer) = connection.ask(&OwnRequest::ListGroups { version }).await?;
    Ok(discovery::read_groups(version, &answer)?)
}
