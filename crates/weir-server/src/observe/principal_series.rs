//! Series of principals: of those alone that the policy in force has and that were here since the start.
//!
//! Must never: have a label that a client chose.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;

use super::collector::{counter, describe};
use super::principals::{CLASSES, Principals, Standing, seconds};

/// Every principal's.
#[derive(Debug)]
pub(super) struct PrincipalSeries(pub(super) Arc<Principals>);

/// A number of one principal.
type Number = fn(&Standing) -> u64;

/// Counters: name, meaning, number.
const COUNTERS: [(&str, &str, Number); 4] = [
    ("principal_bytes_out", "Bytes that went to the principal's sockets, TLS included", |one| one.totals.bytes_out),
    ("principal_requests", "Requests of the principal that ended, in whatever way", |one| one.totals.requests),
    ("principal_committed_partitions", "Partitions that the principal has committed", |one| one.committed),
    (
        "principal_offsets_out_of_range",
        "How often an offset of the principal was not there any more, and it went on at another",
        |one| one.totals.went_on,
    ),
];

/// Gauges: name, meaning, number.
const GAUGES: [(&str, &str, Number); 4] = [
    ("principal_connections", "Connections of the principal that are open now", |one| one.connections),
    ("principal_groups", "Groups of the principal at the brokers, as far as they are counted", |one| one.groups),
    (
        "principal_partitions_with_offset",
        "Partitions with an offset in the principal's groups, as far as they are counted",
        |one| one.with_offset,
    ),
    (
        "principal_last_request_timestamp_seconds",
        "When a request of the principal ended last, in seconds since 1970; 0 where none has",
        |one| one.totals.last_request,
    ),
];

impl Collector for PrincipalSeries {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.0.look();
        for (name, help, number) in COUNTERS {
            let mut metric = describe(&mut encoder, name, help, MetricType::Counter)?;
            for one in &all {
                counter(&mut metric, &[("principal", &one.name)], number(one))?;
            }
        }
        for (name, help, number) in GAUGES {
            let mut metric = describe(&mut encoder, name, help, MetricType::Gauge)?;
            for one in &all {
                gauge(&mut metric, one, i64::try_from(number(one)).unwrap_or(i64::MAX))?;
            }
        }
        refused(&mut encoder, &all)?;
        throttled(&mut encoder, &all)?;
        certificates(&mut encoder, &all)
    }
}

fn refused(encoder: &mut DescriptorEncoder<'_>, all: &[Standing]) -> fmt::Result {
    let help =
        "Items of the principal's requests that were refused, by class of reasons; a class without any has no series";
    let mut metric = describe(encoder, "principal_refused", help, MetricType::Counter)?;
    for one in all {
        for (class, items) in CLASSES.iter().zip(one.totals.refused).filter(|(_, items)| *items > 0) {
            counter(&mut metric, &[("principal", &*one.name), ("class", *class)], items)?;
        }
    }
    Ok(())
}

fn throttled(encoder: &mut DescriptorEncoder<'_>, all: &[Standing]) -> fmt::Result {
    let help = "Seconds for which connections of the principal took no request, for what it owed";
    let mut metric = describe(encoder, "principal_throttled_seconds", help, MetricType::Counter)?;
    for one in all {
        let labels = [("principal", &*one.name)];
        let throttled = seconds(one.totals.throttled_micros);
        metric.encode_family(&labels)?.encode_counter::<super::collector::NoLabels, _, f64>(&throttled, None)?;
    }
    Ok(())
}

fn certificates(encoder: &mut DescriptorEncoder<'_>, all: &[Standing]) -> fmt::Result {
    let help = "Seconds until the certificate of the principal expires that was issued last, among those that it came with \
                since the start; less than 0 past it";
    let mut metric = describe(encoder, "principal_certificate_expires_in_seconds", help, MetricType::Gauge)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    for one in all {
        if let Some(expires) = one.certificate_expires {
            gauge(&mut metric, one, expires.saturating_sub(now))?;
        }
    }
    Ok(())
}

fn gauge(metric: &mut MetricEncoder<'_>, one: &Standing, value: i64) -> fmt::Result {
    metric.encode_family(&[("principal", &*one.name)])?.encode_gauge(&value)
}
