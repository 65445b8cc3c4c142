//! Durations, counted in fixed buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::counters::add;

/// The upper ends of the buckets, in microseconds: from what Weir itself takes to what a long Fetch may wait.
const BOUNDS: [u64; 18] = [
    25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000, 30_000_000,
];

const MICROS_PER_SECOND: f64 = 1_000_000.0;

/// Durations of one kind.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len()],
    /// Above every bound.
    beyond: AtomicU64,
    micros: AtomicU64,
}

/// What histograms of several workers have together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct HistogramSum {
    buckets: [u64; BOUNDS.len()],
    beyond: u64,
    micros: u64,
}

impl Histogram {
    pub(super) fn observe(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().zip(&self.buckets).find(|(bound, _)| micros <= **bound);
        add(bucket.map_or(&self.beyond, |(_, bucket)| bucket), 1);
        add(&self.micros, micros);
    }
}

impl HistogramSum {
    pub(super) fn add(&mut self, histogram: &Histogram) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *sum = sum.saturating_add(bucket.load(Ordering::Relaxed));
        }
        self.beyond = self.beyond.saturating_add(histogram.beyond.load(Ordering::Relaxed));
        self.micros = self.micros.saturating_add(histogram.micros.load(Ordering::Relaxed));
    }

    pub(super) fn seconds(&self) -> f64 {
        as_float(self.micros) / MICROS_PER_SECOND
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().fold(self.beyond, |sum, bucket| sum.saturating_add(*bucket))
    }

    /// Upper end in seconds and count of each bucket.
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS.iter().map(|bound| as_float(*bound) / MICROS_PER_SECOND).chain([f64::MAX]);
        bounds.zip(self.buckets.iter().copied().chain([self.beyond])).collect()
    }
}

/// Exact below 2^53 microseconds, which are 285 years.
#[expect(clippy::cast_precision_loss, reason = "a metric of a time that exact is of no use")]
fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::default();
        for micros in [0, 25, 26, 30_000_000, 30_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let mut sum = HistogramSum::default();
        sum.add(&histogram);
        sum.add(&histogram);
        assert_eq!(sum.count(), 10);
        let buckets = sum.buckets();
        assert_eq!(buckets[..2], [(0.000_025, 4), (0.000_05, 2)]);
        assert_eq!(buckets[BOUNDS.len() - 1..], [(30.0, 2), (f64::MAX, 2)]);
        assert!((sum.seconds() - 120.000_104).abs() < 1e-9);
    }
}
