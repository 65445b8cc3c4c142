//! What `weir top` shows, as one page of JSON: what each principal did since the start, and has now.
//!
//! Must never: hold text of a client's beyond the few names of software that `principals` keeps.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::principals::{CLASSES, Standing};

/// All principals that were here since the start, by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TopPage {
    /// For how long the process has run, in milliseconds: what is less than before is of another process.
    pub uptime_ms: u64,
    /// One for each principal.
    pub principals: Vec<TopPrincipal>,
}

/// What one principal did since the start, and has now.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TopPrincipal {
    /// As its file names it.
    pub principal: String,
    /// Open now.
    pub connections: u64,
    /// Bytes that went to its sockets.
    pub bytes_out: u64,
    /// Requests that ended.
    pub requests: u64,
    /// Partitions that it committed.
    pub committed_partitions: u64,
    /// Refused items of requests, by class.
    pub refused: RefusedItems,
    /// For how long its connections took no request, in milliseconds, all together.
    pub throttled_ms: u64,
    /// Groups at the brokers, as far as they are counted.
    pub groups: u64,
    /// Partitions with an offset in its groups.
    pub partitions_with_offset: u64,
    /// When a request ended last, in seconds since 1970; 0 where none has.
    pub last_request: u64,
    /// What its clients said that they are, the newest first; four at the most.
    pub software: Vec<TopSoftware>,
}

/// Refused items, by class of reasons.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct RefusedItems {
    /// Of topics.
    pub topic: u64,
    /// Of groups.
    pub group: u64,
    /// By a quota.
    pub quota: u64,
    /// All others.
    pub other: u64,
}

impl RefusedItems {
    /// All together.
    #[must_use]
    pub fn all(self) -> u64 {
        [self.group, self.quota, self.other].into_iter().fold(self.topic, u64::saturating_add)
    }
}

/// What clients said that they are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TopSoftware {
    /// The library.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Connections that said so.
    pub connections: u64,
}

impl TopPage {
    pub(super) fn new(uptime: Duration, standings: Vec<Standing>) -> Self {
        Self { uptime_ms: millis(uptime), principals: standings.into_iter().map(TopPrincipal::from).collect() }
    }
}

impl From<Standing> for TopPrincipal {
    fn from(one: Standing) -> Self {
        let refused = |class| {
            let place = CLASSES.iter().position(|known| *known == class);
            place.and_then(|place| one.totals.refused.get(place)).copied().unwrap_or_default()
        };
        Self {
            principal: one.name.to_string(),
            connections: one.connections,
            bytes_out: one.totals.bytes_out,
            requests: one.totals.requests,
            committed_partitions: one.committed,
            refused: RefusedItems {
                topic: refused("topic"),
                group: refused("group"),
                quota: refused("quota"),
                other: refused("other"),
            },
            throttled_ms: millis(Duration::from_micros(one.totals.throttled_micros)),
            groups: one.groups,
            partitions_with_offset: one.with_offset,
            last_request: one.totals.last_request,
            software: one.software.into_iter().map(TopSoftware::from).collect(),
        }
    }
}

impl From<super::principals::Said> for TopSoftware {
    fn from(said: super::principals::Said) -> Self {
        Self { name: said.software.name, version: said.software.version, connections: said.connections }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
