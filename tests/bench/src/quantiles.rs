//! How times are spread: quantiles, and a histogram for a person.

use std::time::Duration;

/// The upper ends of the histogram's buckets, in microseconds; the last has none.
const ENDS: [f64; 9] = [100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 10e3, 20e3, f64::INFINITY];
const NAMES: [&str; ENDS.len()] =
    ["<0.1 ms", "<0.2 ms", "<0.5 ms", "<1 ms", "<2 ms", "<5 ms", "<10 ms", "<20 ms", "more"];

/// Times, in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Quantiles(Vec<f64>);

impl Quantiles {
    /// Adds one.
    pub fn push(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64() * 1e6);
    }

    /// Adds those of another.
    pub fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// The same, in order: what `at` needs.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.0.sort_by(f64::total_cmp);
        self
    }

    /// The one below which a share of them lies; 1 is the largest.
    pub fn at(&self, share: f64) -> f64 {
        let index = (self.0.len() as f64 * share) as usize;
        self.0.get(index.min(self.0.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }

    /// How many are in each bucket, as a share of all.
    pub fn histogram(&self) -> String {
        let mut counts = [0_u32; ENDS.len()];
        for time in &self.0 {
            let bucket = ENDS.iter().position(|end| time < end).unwrap_or(ENDS.len() - 1);
            counts[bucket] += 1;
        }
        let named = NAMES.iter().zip(counts).filter(|(_, count)| *count > 0);
        let shown = named.map(|(name, count)| format!("{name} {:.2}%", f64::from(count) * 100.0 / self.0.len() as f64));
        shown.collect::<Vec<_>>().join("  ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_was_pushed() {
        let mut times = Quantiles::default();
        (0..100).rev().for_each(|micros| times.push(Duration::from_micros(micros)));
        let times = times.sorted();
        assert!((times.at(0.50) - 50.0).abs() < 1e-6);
        assert!((times.at(0.99) - 99.0).abs() < 1e-6);
        assert!((times.at(1.0) - 99.0).abs() < 1e-6);
    }

    #[test]
    fn a_histogram_leaves_out_what_is_empty() {
        let mut times = Quantiles::default();
        for micros in [50, 60, 70, 30_000] {
            times.push(Duration::from_micros(micros));
        }
        assert_eq!(times.histogram(), "<0.1 ms 75.00%  more 25.00%");
    }
}
