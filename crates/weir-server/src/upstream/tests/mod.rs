//! Upstreams against scripted brokers: what a real broker does only on a bad day.

mod dialling;
mod fake;
mod faults;
mod sasl;
mod secure;
mod views;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use weir_kafka::cluster::{ClusterView, RealTopic};

use super::{HostPort, Upstream, UpstreamReadiness, UpstreamSettings, UpstreamTimeouts, WantedTopics};
use fake::FakeBroker;

/// Short times, so that a bad day is over soon.
fn settings(bootstrap: &[&FakeBroker]) -> UpstreamSettings {
    UpstreamSettings {
        name: "main".to_owned(),
        bootstrap: bootstrap
            .iter()
            .map(|broker| HostPort { host: broker.address.ip().to_string(), port: broker.address.port() })
            .collect(),
        cluster_id: None,
        tls: None,
        max_versions: HashMap::new(),
        racks: BTreeMap::new(),
        dials_per_second: 50,
        timeouts: UpstreamTimeouts {
            silence: Duration::from_millis(300),
            refresh: Duration::from_secs(3600),
            recheck: Duration::from_secs(3600),
            ..UpstreamTimeouts::default()
        },
    }
}

fn wanted(literals: &[&str]) -> watch::Receiver<Arc<WantedTopics>> {
    let literals = literals.iter().map(|name| (*name).to_owned()).collect();
    watch::channel(Arc::new(WantedTopics { literals, keep: Box::new(|_| false), pattern: false })).1
}

fn start(bootstrap: &[&FakeBroker], topics: &[&str]) -> Arc<Upstream> {
    Upstream::start(settings(bootstrap), wanted(topics))
}

/// A view that was asked for from now on, or the last good one.
async fn fresh(upstream: &Upstream) -> Option<Arc<ClusterView>> {
    let now = Instant::now();
    upstream.fresh_view(now, now + Duration::from_secs(10)).await
}

/// Waits until the view is as it should be.
async fn until_view(upstream: &Upstream, mut is_so: impl FnMut(&ClusterView) -> bool) -> Arc<ClusterView> {
    let mut views = upstream.subscribe();
    let view = within(10, views.wait_for(|view| view.as_ref().is_some_and(|view| is_so(view)))).await;
    view.unwrap().clone().unwrap()
}

async fn until_readiness(upstream: &Upstream, is_so: impl Fn(&UpstreamReadiness) -> bool) {
    within(10, async {
        while !is_so(&upstream.readiness()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

async fn within<T>(seconds: u64, what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), what).await.expect("took too long")
}

fn topic(name: &str) -> RealTopic {
    RealTopic(name.to_owned())
}
