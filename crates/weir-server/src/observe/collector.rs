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
pub(super) type NoLabels = [(&'static str, &'static str); 0];

/// One counter of an API.
type Cell = fn(&ApiCounters) -> &AtomicU64;

/// Histograms of an API: name, meaning, cells.
type Times = fn(&ApiCounters) -> &Histogram;

/// The time of requests, and the three parts of it.
const TIMES: [(&str, &str, Times); 4] = [
    (
        "request_seconds",
        "Seconds from a request's arrival until the client's socket has the last byte of its answer: the three parts",
        |api| &api.request_time,
    ),
    (
        "client_seconds",
        "Seconds of a request in which the client's socket had no room for what waited to be sent",
        |api| &api.client_time,
    ),
    (
        "upstream_seconds",
        "Seconds of a request in which it waited for the broker, for answers before its own, or for a view of the cluster",
        |api| &api.upstream_time,
    ),
    ("own_seconds", "Seconds of a request in which Weir itself was at work on it", |api| &api.own_time),
];

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
        for (name, help, histogram) in TIMES {
            self.times(&mut encoder, name, help, histogram)?;
        }
        Ok(())
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

    /// Each is read once, so that what is told of one instant adds up.
    fn connections(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        // Ends are read before beginnings, so that the difference is never negative.
        let closed: Vec<u64> = CloseReason::ALL.iter().map(|reason| self.closed(*reason)).collect();
        let accepted = self.sum(|counters| Some(&counters.accepted));
        let open = accepted.saturating_sub(closed.iter().copied().fold(0, u64::saturating_add));
        let mut metric = describe(encoder, "connections_accepted", "Connections accepted", MetricType::Counter)?;
        metric.encode_counter::<NoLabels, _, f64>(&accepted, None)?;
        let mut metric = describe(encoder, "connections_open", "Connections open now", MetricType::Gauge)?;
        metric.encode_gauge(&i64::try_from(open).unwrap_or(i64::MAX))?;
        let help = "Connections that ended, by reason and by whose fault it was";
        let mut metric = describe(encoder, "connections_closed", help, MetricType::Counter)?;
        for (reason, closed) in CloseReason::ALL.iter().zip(closed) {
            counter(&mut metric, &[("reason", reason.name()), ("fault", reason.fault().name())], closed)?;
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

    /// As with connections, each is read once, and ends before beginnings.
    fn requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        const RESULTS: [(&str, Cell); 3] =
            [("ok", |api| &api.answered), ("refused", |api| &api.refused), ("unanswered", |api| &api.unanswered)];
        let read = |index: usize, cell: Cell| self.sum(|counters| counters.apis.get(index).map(cell));
        let ended: Vec<[u64; RESULTS.len()]> =
            (0..TABLE.len()).map(|index| RESULTS.map(|(_, cell)| read(index, cell))).collect();
        let taken: Vec<u64> = (0..TABLE.len()).map(|index| read(index, |api| &api.taken)).collect();
        let help = "Requests by API and result: ok, refused in part or whole, or without an answer";
        let mut metric = describe(encoder, "requests", help, MetricType::Counter)?;
        for (row, ended) in TABLE.iter().zip(&ended) {
            for ((result, _), count) in RESULTS.iter().zip(ended) {
                counter(&mut metric, &[("api", row.name), ("result", result)], *count)?;
            }
        }
        let help = "Requests that were understood and taken";
        let mut metric = describe(encoder, "requests_taken", help, MetricType::Counter)?;
        for (row, taken) in TABLE.iter().zip(&taken) {
            counter(&mut metric, &[("api", row.name)], *taken)?;
        }
        let help = "Requests that wait for their answers, or whose answers wait for the client";
        let mut metric = describe(encoder, "requests_in_flight", help, MetricType::Gauge)?;
        for (row, (taken, ended)) in TABLE.iter().zip(taken.iter().zip(&ended)) {
            let in_flight = taken.saturating_sub(ended.iter().copied().fold(0, u64::saturating_add));
            metric.encode_family(&[("api", row.name)])?.encode_gauge(&i64::try_from(in_flight).unwrap_or(i64::MAX))?;
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

    fn times(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, histogram: Times) -> fmt::Result {
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
