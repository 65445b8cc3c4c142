//! The part of the configuration that says where Weir tells how it is.
//!
//! Must never: judge a value: `admin` does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::At;

/// Where Weir tells how it is.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAdmin {
    /// `IP:PORT` of `/livez`, `/readyz`, `/metrics` and `/top`. Loopback only.
    pub bind: At<String>,
    /// A second address for `/metrics` alone, where what reads it is no process of this machine, as in a cluster of
    /// containers. Without it, loopback alone is told anything.
    pub metrics: Option<RawAdminMetrics>,
}

impl Default for RawAdmin {
    fn default() -> Self {
        Self { bind: At::unwritten("127.0.0.1:9180".to_owned()), metrics: None }
    }
}

/// `/metrics` for other machines, over plain HTTP and without authentication: they hold the names of principals, and what
/// each of them does.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAdminMetrics {
    /// `IP:PORT`. No address that clients can reach.
    pub bind: At<String>,
    /// The networks that may read them. Connections from others close before a byte is read.
    pub allow: At<Vec<At<String>>>,
}
