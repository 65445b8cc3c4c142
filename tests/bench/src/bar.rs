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

/// What Weir adds to a relay.
pub const BULK_FETCH: Figure = ratio("bulk Fetch against a bare relay", "CPU-s/GB", 1.15, 1.05);
/// Bulk Fetch against peers.
pub const BULK_HAPROXY: Figure = ratio("bulk Fetch against HAProxy", "CPU-s/GB", 0.60, 0.50);
/// The same with the peer's large buffers.
pub const BULK_HAPROXY_256K: Figure = ratio("bulk Fetch against HAProxy with 256 KiB", "CPU-s/GB", 0.75, 0.60);
/// The same against Envoy.
pub const BULK_ENVOY: Figure = ratio("bulk Fetch against Envoy", "CPU-s/GB", 0.80, 0.65);
/// 100 bytes up, 1 KB down.
pub const SMALL_REQUEST: Figure = ratio("small request against HAProxy", "CPU-us", 1.0, 0.85);
/// Full handshakes.
pub const HANDSHAKE_HAPROXY: Figure = at_least(ratio("full ECDSA handshake against HAProxy", "1/core/s", 3.0, 3.4));
/// The same against Envoy.
pub const HANDSHAKE_ENVOY: Figure = at_least(ratio("full ECDSA handshake against Envoy", "1/core/s", 0.9, 1.0));
/// Userspace memory of a connection that does nothing.
pub const IDLE: Figure = absolute("idle connection, no upstream", "KB", 24.0, 16.0);
/// The same, with its broker connection.
pub const IDLE_UPSTREAM: Figure = absolute("idle connection with upstream", "KB", 32.0, 20.0);
/// Memory of the process.
pub const SLOW_READERS: Figure = absolute("1,000 slow readers of 50 MiB", "MiB", 300.0, 150.0);
/// What Weir adds to a small request's time.
pub const LATENCY_P50: Figure = absolute("added latency, p50", "us", 60.0, 40.0);
/// The same, of the slowest.
pub const LATENCY_P99: Figure = absolute("added latency, p99", "us", 250.0, 150.0);
/// Whether time tells what is hidden. In a run it must be the noise of that run, of which this is the most.
pub const HIDDEN: Figure = absolute("hidden against absent, medians", "us", 1.0, 0.0);
/// Answered from the view.
pub const METADATA: Figure = absolute("Metadata of 500 x 10", "us", 150.0, 70.0);
/// Principals and grants.
pub const JUDGEMENT: Figure = absolute("judge one topic among 10,000", "us", 1.0, 0.2);
/// Policy reload.
pub const RELOAD: Figure = absolute("reload, one of 10,000 files changed", "ms", 100.0, 30.0);
/// Policy load.
pub const COLD_LOAD: Figure = absolute("load of 10,000 files, cold", "ms", 1000.0, 500.0);
/// Start.
pub const START: Figure = absolute("start to ready", "ms", 200.0, 50.0);
/// On real Kafka.
pub const END_TO_END: Figure = ratio("Weir and brokers against the brokers' own TLS", "CPU-s/GB", 0.85, 0.70);
/// What the edge costs the client.
pub const CLIENT_CPU: Figure = ratio("the client against itself on a bare relay", "CPU-s/GB", 1.05, 1.0);

/// From brokers that are far away, in one run and by pairs.
pub const FAR: Figure = at_least(absolute("throughput 40 ms from the brokers", "x direct", 0.90, 1.0));
/// The same from farther away.
pub const FARTHER: Figure = at_least(absolute("throughput 100 ms from the brokers", "x direct", 0.90, 1.0));

/// All of them.
pub const BAR: &[Figure] = &[
    BULK_FETCH,
    BULK_HAPROXY,
    BULK_HAPROXY_256K,
    BULK_ENVOY,
    SMALL_REQUEST,
    HANDSHAKE_HAPROXY,
    HANDSHAKE_ENVOY,
    IDLE,
    IDLE_UPSTREAM,
    SLOW_READERS,
    LATENCY_P50,
    LATENCY_P99,
    HIDDEN,
    METADATA,
    JUDGEMENT,
    RELOAD,
    COLD_LOAD,
    START,
    END_TO_END,
    CLIENT_CPU,
    FAR,
    FARTHER,
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

const fn ratio(name: &'static str, unit: &'static str, must: f64, aim: f64) -> Figure {
    Figure { is_ratio: true, ..absolute(name, unit, must, aim) }
}

const fn absolute(name: &'static str, unit: &'static str, must: f64, aim: f64) -> Figure {
    Figure { name, unit, is_ratio: false, sense: Sense::AtMost, must, aim }
}

const fn at_least(figure: Figure) -> Figure {
    Figure { sense: Sense::AtLeast, ..figure }
}
