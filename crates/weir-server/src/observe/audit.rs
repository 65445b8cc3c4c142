//! How the audit stands.
//!
//! Must never: wait for the thread that writes.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::collector::describe;
use crate::audit::Audit;

/// These series have no labels.
type NoLabels = [(&'static str, &'static str); 0];

/// The audit's lines. Without an audit there is nothing to tell.
#[derive(Debug)]
pub(super) struct AuditLines(pub(super) Audit);

impl Collector for AuditLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(standing) = self.0.standing() else { return Ok(()) };
        let help = "Lines of the audit that were written";
        let mut metric = describe(&mut encoder, "audit_written", help, MetricType::Counter)?;
        metric.encode_counter::<NoLabels, _, f64>(&standing.written, None)?;
        let help = "Events that are not in the audit, because lines could not be written for too long";
        let mut metric = describe(&mut encoder, "audit_dropped", help, MetricType::Counter)?;
        metric.encode_counter::<NoLabels, _, f64>(&standing.dropped, None)?;
        let help = "1 while the audit cannot be written, else 0";
        let mut metric = describe(&mut encoder, "audit_failed", help, MetricType::Gauge)?;
        metric.encode_gauge(&i64::from(standing.failed.is_some()))
    }
}
