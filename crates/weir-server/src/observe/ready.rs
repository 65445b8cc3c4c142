//! Whether Weir can serve, as `/readyz` says it.
//!
//! Must never: judge by itself: what it says is what `/readyz` says.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::collector::describe;
use crate::admin::Readiness;

/// Asked at each scrape.
#[derive(Debug)]
pub(super) struct ReadyNow(pub(super) Readiness);

impl Collector for ReadyNow {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "1 where Weir can serve, 0 where it cannot: `/readyz` says why";
        let mut metric = describe(&mut encoder, "ready", help, MetricType::Gauge)?;
        metric.encode_gauge(&i64::from(self.0.now().against.is_empty()))
    }
}
