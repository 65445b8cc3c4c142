//! As whom Weir came to brokers that ask for SASL, and what came of it.
//!
//! Must never: name a user or a file: the log and `/readyz` do.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::collector::{counter, describe};
use crate::upstream::{Identity, UpstreamSettings};

/// An identity of Weir's at the brokers of one cluster.
#[derive(Debug)]
pub(crate) struct LoginSeries {
    upstream: String,
    /// The tier whose principals come so; empty for Weir itself.
    tier: String,
    identity: Arc<Identity>,
}

impl LoginSeries {
    /// Those of one cluster.
    pub(crate) fn of(settings: &UpstreamSettings) -> Vec<Self> {
        let series = |tier: &str, identity: &Arc<Identity>| Self {
            upstream: settings.name.clone(),
            tier: tier.to_owned(),
            identity: Arc::clone(identity),
        };
        let Some(sasl) = settings.tls.as_ref().and_then(|tls| tls.sasl.as_ref()) else { return Vec::new() };
        let of_tiers = sasl.of_tiers.iter().map(|(tier, identity)| series(tier, identity));
        std::iter::once(series("", &sasl.own)).chain(of_tiers).collect()
    }
}

/// All of them, asked at each scrape.
#[derive(Debug)]
pub(super) struct Logins(pub(super) Vec<LoginSeries>);

impl Collector for Logins {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "SASL logins at brokers that were answered, renewed ones included";
        let mut metric = describe(&mut encoder, "upstream_logins", help, MetricType::Counter)?;
        for LoginSeries { upstream, tier, identity } in &self.0 {
            let (accepted, refused) = identity.counts();
            for (result, count) in [("ok", accepted), ("refused", refused)] {
                counter(&mut metric, &[("upstream", upstream), ("tier", tier), ("result", result)], count)?;
            }
        }
        Ok(())
    }
}
