//! What the log is told about an upstream: once when something changes, not at every round.
//!
//! Must never: name a topic that the catalogue does not allow.

use std::collections::{BTreeMap, BTreeSet};

use weir_kafka::cluster::{RealClusterId, RealTopic};
use weir_kafka::discovery::MetadataAnswer;

use super::exchange::ExchangeError;
use super::settings::HostPort;
use super::{NotReady, UpstreamReadiness};

/// What the log was told already of one upstream.
#[derive(Debug)]
pub(super) struct Notices {
    upstream: String,
    unusable_brokers: Vec<i32>,
    absent: BTreeMap<RealTopic, i16>,
    failing: BTreeSet<String>,
    foreign: BTreeSet<String>,
    state: Option<UpstreamReadiness>,
}

impl Notices {
    pub(super) fn new(upstream: String) -> Self {
        let (absent, failing, foreign) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { upstream, unusable_brokers: Vec::new(), absent, failing, foreign, state: None }
    }

    /// An address gave no Metadata.
    pub(super) fn failed(&mut self, name: &HostPort, error: &ExchangeError) {
        let (upstream, address) = (&self.upstream, name);
        if self.failing.insert(name.to_string()) {
            tracing::warn!(upstream, %address, "no Metadata from this broker: {error}");
        } else {
            tracing::debug!(upstream, %address, "still no Metadata from this broker: {error}");
        }
    }

    /// An address answered for another cluster.
    pub(super) fn wrong_cluster(&mut self, name: &HostPort, pinned: &RealClusterId, answered: &RealClusterId) {
        if self.foreign.insert(name.to_string()) {
            let (upstream, address, pinned, answered) = (&self.upstream, name, &pinned.0, &answered.0);
            tracing::error!(upstream, %address, pinned, answered, "another cluster answers here; the address is not used");
        }
    }

    /// An address gave Metadata of the right cluster.
    pub(super) fn answered(&mut self, name: &HostPort, answer: &MetadataAnswer) {
        let name = name.to_string();
        self.failing.remove(&name);
        self.foreign.remove(&name);
        let upstream = &self.upstream;
        if self.unusable_brokers != answer.unusable_brokers {
            self.unusable_brokers.clone_from(&answer.unusable_brokers);
            for broker in &self.unusable_brokers {
                tracing::warn!(upstream, broker, "broker left out: its id, host or port cannot be dialled");
            }
        }
        for (topic, code) in answer.absent.iter().filter(|(topic, code)| self.absent.get(*topic) != Some(code)) {
            let topic = &topic.0;
            tracing::warn!(upstream, topic, code, "{}", absence(*code));
        }
        self.absent.clone_from(&answer.absent);
    }

    /// The upstream can serve, or cannot.
    pub(super) fn state(&mut self, state: &UpstreamReadiness, brokers: usize, topics: usize) {
        if self.state.as_ref() == Some(state) {
            return;
        }
        let upstream = &self.upstream;
        match state {
            UpstreamReadiness::Ready => tracing::info!(upstream, brokers, topics, "upstream is ready"),
            UpstreamReadiness::NotReady(reason @ NotReady::WrongCluster { .. }) => {
                tracing::error!(upstream, "upstream is not ready: {reason}");
            }
            UpstreamReadiness::NotReady(reason) => tracing::warn!(upstream, "upstream is not ready: {reason}"),
        }
        self.state = Some(state.clone());
    }
}

fn absence(code: i16) -> &'static str {
    match code {
        3 => "topic is in the catalogue and not in the cluster; clients are told that it does not exist",
        29 => "topic is hidden from Weir by the cluster's own ACLs; give Weir's principal Describe and Read",
        _ => "topic is in the catalogue, and the cluster cannot describe it now",
    }
}
