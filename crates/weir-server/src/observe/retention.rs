//! What retention did to groups, and is about to do: of those principals alone whose groups it concerns.
//!
//! Must never: name a group or a topic: the audit does.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::collector::{counter, describe};
use crate::retention::Found;

/// Every such principal's.
#[derive(Debug)]
pub(super) struct Retention(pub(super) Arc<Found>);

impl Collector for Retention {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.0.all();
        let help = "Offsets that were deleted before a group of the principal read them";
        let mut metric = describe(&mut encoder, "principal_lost_offsets", help, MetricType::Counter)?;
        for one in &all {
            counter(&mut metric, &[("principal", &one.principal)], one.lost)?;
        }
        let help = "Seconds until retention reaches the first group of the principal that is far behind, as far as can be \
                    foreseen; 0 where it has";
        let mut metric = describe(&mut encoder, "principal_retention_reaches_in_seconds", help, MetricType::Gauge)?;
        for (one, left) in all.iter().filter_map(|one| one.ends_in.map(|left| (one, left))) {
            let left = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
            metric.encode_family(&[("principal", &*one.principal)])?.encode_gauge(&left)?;
        }
        Ok(())
    }
}
