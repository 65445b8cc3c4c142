//! The bar: every figure that Weir must meet, built or not.

/// Whether a figure must stay under its mark or over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// The smaller, the better.
    AtMost,
    /// The larger, the better.
    AtLeast,
}

/// One figure of the bar.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// The row that measures it: what `ONLY` names.
    pub row: &'static str,
    /// What it is.
    pub name: &'static str,
    /// The unit of what is measured.
    pub unit: &'static str,
    /// Judged against what something else costs in the same run, and not as it is.
    pub is_ratio: bool,
    /// Which way is good.
    pub sense: Sense,
    /// What it must be.
    pub must: f64,
    /// What it shall be.
    pub aim: f64,
}

/// The row of bulk Fetch.
pub const BULK_FETCH: Figure = ratio("bulk-fetch", "bulk Fetch against a bare relay", "CPU-s/GB", 1.15, 1.05);

/// All of them.
pub const BAR: &[Figure] = &[
    BULK_FETCH,
    ratio("peers", "bulk Fetch against HAProxy", "CPU-s/GB", 0.60, 0.50),
    ratio("peers", "bulk Fetch against HAProxy with 256 KiB", "CPU-s/GB", 0.75, 0.60),
    ratio("peers", "bulk Fetch against Envoy", "CPU-s/GB", 0.80, 0.65),
    ratio("small-requests", "small request against HAProxy", "CPU-us", 1.0, 0.85),
    Figure { sense: Sense::AtLeast, ..ratio("handshakes", "full handshake against HAProxy", "1/core/s", 3.0, 3.4) },
    Figure { sense: Sense::AtLeast, ..ratio("handshakes", "full handshake against Envoy", "1/core/s", 0.9, 1.0) },
    absolute("idle-memory", "idle connection, no upstream", "KB", 24.0, 16.0),
    absolute("idle-memory", "idle connection with upstream", "KB", 32.0, 20.0),
    absolute("slow-readers", "1,000 slow readers", "MiB", 300.0, 150.0),
    absolute("latency", "added latency, p50", "us", 60.0, 40.0),
    absolute("latency", "added latency, p99", "us", 250.0, 150.0),
    absolute("metadata", "Metadata of 500 x 10", "us", 150.0, 70.0),
    absolute("judgement", "judge one topic among 10,000", "us", 1.0, 0.2),
    absolute("reload", "one of 10,000 files changed", "ms", 100.0, 30.0),
    absolute("reload", "10,000 files, cold", "ms", 1000.0, 500.0),
    absolute("start", "start to ready", "ms", 200.0, 50.0),
    ratio("end-to-end", "Weir and brokers against the brokers' own TLS", "CPU-s/GB", 0.85, 0.70),
    ratio("client-cpu", "the client against itself on a bare relay", "CPU-s/GB", 1.05, 1.0),
];

impl Figure {
    /// Whether a value is as good as a mark.
    pub fn holds(&self, value: f64, mark: f64) -> bool {
        match self.sense {
            Sense::AtMost => value <= mark,
            Sense::AtLeast => value >= mark,
        }
    }
}

const fn ratio(row: &'static str, name: &'static str, unit: &'static str, must: f64, aim: f64) -> Figure {
    Figure { is_ratio: true, ..absolute(row, name, unit, must, aim) }
}

const fn absolute(row: &'static str, name: &'static str, unit: &'static str, must: f64, aim: f64) -> Figure {
    Figure { row, name, unit, is_ratio: false, sense: Sense::AtMost, must, aim }
}
