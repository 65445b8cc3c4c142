//! Sums what the workers counted, at each scrape.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;
use weir_kafka::table::TABLE;
use weir_policy::Reason;

use super::counters::{ApiCounters, WorkerCounters};
use super::histogram::{Histogram, HistogramSum};
use super::log::dropped_lines;
use crate::close_reason::CloseReason;

/// No labels beside those of the family.
type NoLabels = [(&'static str, &'static str); 0];

/// One counter of an API.
type Cell = fn(&ApiCounters) -> &AtomicU64;

/// The counters of all workers, and of the door.
#[derive(Debug)]
pub(super) struct Sums(pub(super) Vec<Arc<WorkerCounters>>);

impl Collector for Sums {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.connections(&mut encoder)?;
        self.handshakes(&mut encoder)?;
        self.requests(&mut encoder)?;
        self.refusals(&mut encoder)?;
        self.bytes(&mut encoder)?;
        let help = "Lines that the log dropped because too many waited to be written";
        let mut metric = describe(&mut encoder, "log_lines_dropped", help, MetricType::Counter)?;
        metric.encode_counter::<NoLabels, _, f64>(&dropped_lines(), None)?;
        let request_time = "Seconds from a request's arrival to the end of its answer, a broker's wait included";
        self.times(&mut encoder, "request_seconds", request_time, |api| &api.request_time)?;
        let upstream_time = "Seconds from handing a request to the broker to the first byte of its answer";
        self.times(&mut encoder, "upstream_seconds", upstream_time, |api| &api.upstream_time)
    }
}

impl Sums {
    fn sum(&self, cell: impl Fn(&WorkerCounters) -> Option<&AtomicU64>) -> u64 {
        let cells = self.0.iter().filter_map(|counters| cell(counters));
        cells.fold(0, |sum: u64, cell| sum.saturating_add(cell.load(Ordering::Relaxed)))
    }

    fn closed(&self, reason: CloseReason) -> u64 {
        self.sum(|counters| counters.closed.get(reason.index()))
    }

    fn connections(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        // Ends are read before beginnings, so that the difference is never negative.
        let ended = CloseReason::ALL.iter().fold(0_u64, |sum, reason| sum.saturating_add(self.closed(*reason)));
        let accepted = self.sum(|counters| Some(&counters.accepted));
        let mut metric = describe(encoder, "connections_accepted", "Connections accepted", MetricType::Counter)?;
        metric.encode_counter::<NoLabels, _, f64>(&accepted, None)?;
        let mut metric = describe(encoder, "connections_open", "Connections open now", MetricType::Gauge)?;
        let open = i64::try_from(accepted.saturating_sub(ended)).unwrap_or(i64::MAX);
        metric.encode_gauge(&open)?;
        let help = "Connections that ended, by reason and by whose fault it was";
        let mut metric = describe(encoder, "connections_closed", help, MetricType::Counter)?;
        for reason in CloseReason::ALL {
            let labels = [("reason", reason.name()), ("fault", reason.fault().name())];
            counter(&mut metric, &labels, self.closed(*reason))?;
        }
        Ok(())
    }

    fn handshakes(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let failed = CloseReason::ALL.iter().filter(|reason| reason.ends_handshake());
        let failed = failed.fold(0_u64, |sum, reason| sum.saturating_add(self.closed(*reason)));
        let help = "TLS handshakes, by whether the client became a principal";
        let mut metric = describe(encoder, "handshakes", help, MetricType::Counter)?;
        counter(&mut metric, &[("result", "ok")], self.sum(|counters| Some(&counters.authenticated)))?;
        counter(&mut metric, &[("result", "failed")], failed)
    }

    fn requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Requests by API and result: ok, refused in part or whole, or without an answer";
        let mut metric = describe(encoder, "requests", help, MetricType::Counter)?;
        let results: [(&str, Cell); 3] =
            [("ok", |api| &api.answered), ("refused", |api| &api.refused), ("unanswered", |api| &api.unanswered)];
        for (index, row) in TABLE.iter().enumerate() {
            for (result, cell) in results {
                let count = self.sum(|counters| counters.apis.get(index).map(cell));
                counter(&mut metric, &[("api", row.name), ("result", result)], count)?;
            }
        }
        Ok(())
    }

    fn refusals(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Items of requests (topics, partitions, groups) that were refused, by reason";
        let mut metric = describe(encoder, "refused", help, MetricType::Counter)?;
        for (index, reason) in Reason::ALL.iter().enumerate() {
            let count = self.sum(|counters| counters.refused.get(index));
            counter(&mut metric, &[("reason", reason.name())], count)?;
        }
        Ok(())
    }

    fn bytes(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = describe(encoder, "bytes", "Bytes of Kafka frames, before TLS", MetricType::Counter)?;
        let (from, to) = (
            self.sum(|counters| Some(&counters.bytes_from_clients)),
            self.sum(|counters| Some(&counters.bytes_to_clients)),
        );
        counter(&mut metric, &[("direction", "from-clients")], from)?;
        counter(&mut metric, &[("direction", "to-clients")], to)
    }

    fn times(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        histogram: fn(&ApiCounters) -> &Histogram,
    ) -> fmt::Result {
        let mut metric = describe(encoder, name, help, MetricType::Histogram)?;
        for (index, row) in TABLE.iter().enumerate() {
            let mut sum = HistogramSum::default();
            for api in self.0.iter().filter_map(|counters| counters.apis.get(index)) {
                sum.add(histogram(api));
            }
            let labels = [("api", row.name)];
            let mut family = metric.encode_family(&labels)?;
            family.encode_histogram::<NoLabels>(sum.seconds(), sum.count(), &sum.buckets(), None)?;
        }
        Ok(())
    }
}

pub(super) fn describe<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    name: &'a str,
    help: &str,
    kind: MetricType,
) -> Result<MetricEncoder<'a>, fmt::Error> {
    encoder.encode_descriptor(name, help, None, kind)
}

pub(super) fn counter<const N: usize>(
    metric: &mut MetricEncoder<'_>,
    labels: &[(&str, &str); N],
    count: u64,
) -> fmt::Result {
    metric.encode_family(labels)?.encode_counter::<NoLabels, _, f64>(&count, None)
}
