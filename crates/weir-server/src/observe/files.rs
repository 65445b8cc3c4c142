//! What is in force, and whether it is what stands in the files.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::collector::{counter, describe};
use crate::live::ReloadStatus;

/// The state of the files.
#[derive(Debug)]
pub(super) struct Files(pub(super) Arc<ReloadStatus>);

impl Collector for Files {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = &self.0;
        let mut gauge = |name, help, value: u64| {
            let mut metric = describe(&mut encoder, name, help, MetricType::Gauge)?;
            metric.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))
        };
        let generation = status.generation.load(Ordering::Relaxed);
        gauge(
            "generation",
            "The generation of files that is in force; it grows by one with each that is loaded",
            generation,
        )?;
        let since = status.since.load(Ordering::Relaxed);
        gauge(
            "generation_since_timestamp_seconds",
            "When that generation came into force, in seconds since 1970",
            since,
        )?;
        let notes = status.notes();
        let problems = u64::try_from(notes.refused.len()).unwrap_or(u64::MAX);
        gauge("files_problems", "Problems for which the files on disk are not in force; 0 where they are", problems)?;
        let waiting = u64::try_from(notes.waits_for_restart.len()).unwrap_or(u64::MAX);
        gauge("files_waiting_for_restart", "Keys of the configuration whose change waits for a restart", waiting)?;
        let help = "Suspensions that are in force, by what is suspended";
        let mut metric = describe(&mut encoder, "suspensions", help, MetricType::Gauge)?;
        for (kind, count) in status.suspended_by_kind() {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            metric.encode_family(&[("kind", kind)])?.encode_gauge(&count)?;
        }
        let help = "Seconds until a certificate expires, or until a revocation list should have been replaced; less than 0 past it";
        let mut metric = describe(&mut encoder, "expires_in_seconds", help, MetricType::Gauge)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        for expiry in &status.standing().expiries {
            let labels = [("listener", &*expiry.listener), ("kind", expiry.kind), ("name", &*expiry.name)];
            metric.encode_family(&labels)?.encode_gauge(&expiry.at.saturating_sub(now))?;
        }
        let help = "Looks at changed files, by whether they were put in force or refused";
        let mut metric = describe(&mut encoder, "reloads", help, MetricType::Counter)?;
        counter(&mut metric, &[("result", "loaded")], status.loaded.load(Ordering::Relaxed))?;
        counter(&mut metric, &[("result", "refused")], status.refused.load(Ordering::Relaxed))?;
        Ok(())
    }
}
