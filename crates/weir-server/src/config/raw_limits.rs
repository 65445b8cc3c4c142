//! The limits as they are written, with their defaults.
//!
//! Must never: judge a value: `validate` does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catch_up::RawCatchUp;
use super::place::At;
use super::units::{SizeText, TimeText};

/// What one client, one address and the whole process may use.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawLimits {
    /// The whole TLS handshake, the PROXY header before it included. Then the connection closes.
    pub tls_handshake: At<TimeText>,
    /// From the handshake to the end of the first request. Then the connection closes.
    pub first_frame: At<TimeText>,
    /// From the first byte of a request to its last. Then the connection closes.
    pub frame: At<TimeText>,
    /// The slowest that a request may come, in bytes per second, where that allows more time than `frame`.
    pub frame_min_rate: At<SizeText>,
    /// A connection on which nothing is sent and nothing is waited for closes after this. Kafka's own is 10 minutes.
    pub idle: At<TimeText>,
    /// How long a client may read more slowly than `reader_min_rate` while answers wait for it. Then it closes.
    pub slow_reader: At<TimeText>,
    /// The slowest that a client may read, in bytes per second.
    pub reader_min_rate: At<SizeText>,
    /// The longest request.
    pub request: At<SizeText>,
    /// The longest JoinGroup and SyncGroup request.
    pub request_group: At<SizeText>,
    /// The longest ApiVersions and FindCoordinator request.
    pub request_small: At<SizeText>,
    /// Topics in one request.
    pub topics: At<u32>,
    /// Partitions in one request.
    pub partitions: At<u32>,
    /// Tagged fields in one request.
    pub tagged_fields: At<u32>,
    /// Requests of one connection that wait for their answers. At the limit Weir stops reading.
    pub in_flight: At<u16>,
    /// Connections of one address that are not authenticated yet; of one /64 with IPv6. More close before TLS.
    pub unauthenticated_per_address: At<u32>,
    /// Connections in all that are not authenticated yet. More close before TLS.
    pub unauthenticated: At<u32>,
    /// TLS handshakes that may begin, in all. More close before TLS.
    pub handshakes: At<RawRate>,
    /// TLS handshakes that may begin from one address; from one /64 with IPv6. More close before TLS.
    pub handshakes_per_address: At<RawRate>,
    /// Networks whose addresses each have another rate than `handshakes_per_address`, such as those of which one address
    /// stands for many machines. Of several that hold an address, the smallest counts.
    pub networks: Vec<At<RawNetwork>>,
    /// Reading far behind the high watermark, of all principals.
    pub catch_up: RawCatchUp,
    /// Client connections in all. More close before TLS. Each may need two file descriptors. Without it: 10,000, or as
    /// many as the process may have descriptors for.
    pub connections: Option<At<u32>>,
}

/// So many in a second, and so many at once.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRate {
    /// So many in a second.
    pub per_second: At<u32>,
    /// So many at once, after a quiet time.
    pub burst: At<u32>,
}

/// A network with a rate of its own.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawNetwork {
    /// The network, like `192.0.2.0/24`, or one address.
    pub network: At<String>,
    /// TLS handshakes that may begin from each of its addresses in a second.
    pub per_second: At<u32>,
    /// So many at once, after a quiet time.
    pub burst: At<u32>,
}

impl Default for RawLimits {
    fn default() -> Self {
        Self {
            tls_handshake: time("5s"),
            first_frame: time("10s"),
            frame: time("10s"),
            frame_min_rate: size("1KiB"),
            idle: time("10m"),
            slow_reader: time("60s"),
            reader_min_rate: size("1KiB"),
            request: size("1MiB"),
            request_group: size("256KiB"),
            request_small: size("16KiB"),
            topics: At::unwritten(2_000),
            partitions: At::unwritten(20_000),
            tagged_fields: At::unwritten(256),
            in_flight: At::unwritten(16),
            unauthenticated_per_address: At::unwritten(64),
            unauthenticated: At::unwritten(1_024),
            handshakes: rate(500, 2_000),
            handshakes_per_address: rate(50, 500),
            networks: Vec::new(),
            catch_up: RawCatchUp::default(),
            connections: None,
        }
    }
}

fn rate(per_second: u32, burst: u32) -> At<RawRate> {
    At::unwritten(RawRate { per_second: At::unwritten(per_second), burst: At::unwritten(burst) })
}

fn time(text: &str) -> At<TimeText> {
    At::unwritten(TimeText(text.to_owned()))
}

fn size(text: &str) -> At<SizeText> {
    At::unwritten(SizeText(text.to_owned()))
}
