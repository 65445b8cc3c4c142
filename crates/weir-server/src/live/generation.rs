//! One generation, as acceptors and connections see it.
//!
//! Must never: change once it was published.

use std::collections::HashMap;
use std::sync::Arc;

use crate::accounts::Accounts;
use crate::listen::PrincipalPlaces;
use crate::listener::ListenerState;
use crate::snapshot::Snapshot;
use crate::upstream::Upstream;

/// A snapshot, and its listeners before their clusters.
pub(crate) struct Generation {
    pub snapshot: Arc<Snapshot>,
    pub accounts: Arc<Accounts>,
    listeners: HashMap<String, Arc<ListenerState>>,
}

impl Generation {
    /// The generation of a snapshot. Clusters, places and accounts outlive generations.
    pub(crate) fn new(
        snapshot: Arc<Snapshot>,
        upstreams: &HashMap<String, Arc<Upstream>>,
        places: &Arc<PrincipalPlaces>,
        accounts: &Arc<Accounts>,
    ) -> Self {
        let state = |config| {
            let config: &crate::config::Listener = config;
            let upstream = upstreams.get(&config.upstream)?;
            Some((config.name.clone(), Arc::new(ListenerState::new(&snapshot, config, upstream, places))))
        };
        let listeners = snapshot.config.listeners.iter().filter_map(state).collect();
        Self { snapshot, accounts: Arc::clone(accounts), listeners }
    }

    /// The same once more, for who is to look at it again because a cluster is not what it was.
    pub(crate) fn again(&self) -> Self {
        let Self { snapshot, accounts, listeners } = self;
        Self { snapshot: Arc::clone(snapshot), accounts: Arc::clone(accounts), listeners: listeners.clone() }
    }

    /// The listener of this name.
    pub(crate) fn listener(&self, name: &str) -> Option<&Arc<ListenerState>> {
        self.listeners.get(name)
    }
}
