//! The part of the configuration that says what is written down of who came and what was refused.
//!
//! Must never: judge a value: `audit` does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::At;
use super::units::TimeText;

/// The audit: who was let in, what was refused, what changed. Its lines are described in `docs/operate/audit.md`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAudit {
    /// A directory of this Weir alone, with a file for each day. It is made where it is not there.
    pub directory: At<String>,
    /// How long a day's file is kept, from the beginning of that day.
    #[serde(default = "default_keep")]
    pub keep: At<TimeText>,
    /// What is written of a client's address.
    #[serde(default)]
    pub addresses: RawAddresses,
    /// What becomes of new connections while lines cannot be written. Those that are open go on either way.
    #[serde(default)]
    pub when_full: RawWhenFull,
}

/// What is written of a client's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawAddresses {
    /// All of it.
    Full,
    /// Its network: a /24, or a /48 of IPv6.
    #[default]
    Truncated,
    /// A token that stands for it until midnight (UTC) or a restart: an HMAC with a key that only this process has.
    Hmac,
}

/// What becomes of new connections while lines cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawWhenFull {
    /// They are taken. Events for which there is no room are counted, in a metric and in the next line.
    #[default]
    Count,
    /// They are closed, with the reason `audit-blocked`.
    Block,
}

fn default_keep() -> At<TimeText> {
    At::unwritten(TimeText("90d".to_owned()))
}
