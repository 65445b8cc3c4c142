//! How many topics are closed because nobody confirms that they are compacted.
//!
//! Must never: name a topic: `/readyz` does, and the audit.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::collector::describe;
use crate::compaction::Standing;

/// By cluster.
#[derive(Debug)]
pub(super) struct Compaction(pub(super) Arc<Standing>);

impl Collector for Compaction {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help =
            "Topics that nobody may read now, as they may leave only while they are compacted and no broker says so";
        let mut metric = describe(&mut encoder, "topics_not_compacted", help, MetricType::Gauge)?;
        for (upstream, count) in self.0.counts() {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            metric.encode_family(&[("upstream", upstream.as_str())])?.encode_gauge(&count)?;
        }
        Ok(())
    }
}
