//! A listener, as its connections see it: which cluster, how it is shown, who may come, and how much they may use.
//!
//! Must never: change while connections use it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use ipnet::IpNet;
use weir_kafka::advertise::AdvertisedNodes;
use weir_kafka::cluster::{ClusterView, ShownClusterId};
use weir_kafka::env::{Env, Owed, SessionLimits};
use weir_kafka::frame::FrameLimits;
use weir_kafka::gate::Budget;
use weir_policy::{Account, Principal};

use crate::config::{self, Limits, Listener};
use crate::listen::PrincipalPlaces;
use crate::snapshot::Snapshot;
use crate::upstream::Upstream;

/// Whose request is judged, and what its principal has used.
#[derive(Clone, Copy)]
pub(crate) struct Whose<'a> {
    pub principal: &'a Principal,
    pub account: &'a Account,
    pub owed: Owed,
}

/// A listener, as its connections see it.
pub(crate) struct ListenerState {
    pub name: String,
    pub nodes: AdvertisedNodes,
    pub upstream: Arc<Upstream>,
    pub frame_limits: FrameLimits,
    pub session_limits: SessionLimits,
    pub principals: Arc<PrincipalPlaces>,
    cluster_id: ShownClusterId,
    trusted_proxies: Vec<IpNet>,
    allow: Option<Vec<IpNet>>,
}

impl ListenerState {
    /// The state of a configured listener before its upstream.
    pub(crate) fn new(
        snapshot: &Snapshot,
        config: &Listener,
        upstream: &Arc<Upstream>,
        principals: &Arc<PrincipalPlaces>,
    ) -> Self {
        let limits = &snapshot.config.limits;
        Self {
            name: config.name.clone(),
            nodes: config.advertise.clone(),
            upstream: Arc::clone(upstream),
            frame_limits: FrameLimits {
                request: limits.request,
                group: limits.request_group,
                small: limits.request_small,
            },
            session_limits: session_limits(limits),
            principals: Arc::clone(principals),
            cluster_id: snapshot.config.shown_cluster_id.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            allow: config.allow.clone(),
        }
    }

    /// Whether connections from an address begin with a PROXY header.
    pub(crate) fn trusts_proxy(&self, address: IpAddr) -> bool {
        // A listener on `::` sees an IPv4 address inside IPv6; networks are written as what they are.
        let address = address.to_canonical();
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }

    /// Whether clients may come from an address.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        config::allows(self.allow.as_deref(), address)
    }

    /// What a request of this listener is judged against.
    pub(crate) fn env<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        client: Whose<'a>,
        view: Option<&'a ClusterView>,
        broker_connected: bool,
        now: Instant,
    ) -> Env<'a> {
        Env {
            policy: &snapshot.policy,
            policy_generation: snapshot.generation,
            principal: client.principal,
            view,
            nodes: &self.nodes,
            cluster_id: &self.cluster_id,
            subscriptions: self.upstream.subscriptions(),
            account: client.account,
            owed: client.owed,
            limits: &self.session_limits,
            broker_connected,
            now,
        }
    }
}

fn session_limits(limits: &Limits) -> SessionLimits {
    let count = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
    let request = Budget {
        topics: count(limits.topics),
        partitions: count(limits.partitions),
        tags: count(limits.tagged_fields),
        ..Budget::REQUEST
    };
    SessionLimits { request, catch_up: limits.catch_up, ..SessionLimits::default() }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::snapshot::fixture::Fixture;
    use crate::upstream::WantedTopics;

    #[tokio::test]
    async fn a_network_of_ipv4_holds_for_clients_that_come_through_an_ipv6_socket() {
        let fixture = Fixture::new();
        fixture.configure("    upstream: main\n", "    upstream: main\n    allow: [192.0.2.0/24]\n");
        fixture.configure(
            "    upstream: main\n",
            "    upstream: main\n    proxy_protocol: {trusted: [198.51.100.0/24]}\n",
        );
        let snapshot = fixture.snapshot();
        let wanted = WantedTopics { literals: Vec::new(), keep: Box::new(|_| false), pattern: false };
        let upstream = Upstream::start(snapshot.upstreams["main"].clone(), watch::channel(Arc::new(wanted)).1);
        let principals = Arc::new(PrincipalPlaces::default());
        let listener = ListenerState::new(&snapshot, &snapshot.config.listeners[0], &upstream, &principals);
        for (address, allowed, trusted) in
            [("192.0.2.7", true, false), ("::ffff:192.0.2.7", true, false), ("::ffff:198.51.100.1", false, true)]
        {
            let address = address.parse().unwrap();
            assert_eq!((listener.allows(address), listener.trusts_proxy(address)), (allowed, trusted), "{address}");
        }
    }
}
