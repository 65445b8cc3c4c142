//! How much a principal may use: its tier's limits, with those of its own file in their place.
//!
//! Must never: hold a limit that is none. What a file does not say has the value of `Limits::default()`.

use std::num::NonZeroU32;
use std::time::Duration;

/// What becomes of what is beyond a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is counted and told, and nothing else.
    Observe,
    /// It is slowed down. Where that would take longer than `LONGEST_DEBT`, it is refused.
    Throttle,
    /// It is refused.
    Deny,
}

/// What may be used in a time, and how much of it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So much in a minute, evenly.
    pub per_minute: u64,
    /// So much beyond that at once.
    pub burst: u64,
    /// What becomes of more.
    pub mode: Mode,
}

impl Rate {
    /// So much in a second.
    #[must_use]
    pub const fn per_second(amount: u64, burst: u64) -> Self {
        Self { per_minute: amount.saturating_mul(60), burst, mode: Mode::Throttle }
    }

    /// The share of one of so many replicas, which do not tell each other what they gave out.
    #[must_use]
    pub fn of_one_in(self, nodes: NonZeroU32) -> Self {
        let share = |amount: u64| amount.div_ceil(u64::from(nodes.get())).max(1);
        Self { per_minute: share(self.per_minute), burst: share(self.burst), mode: self.mode }
    }
}

/// How many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// So many.
    pub most: u32,
    /// What becomes of more: `Throttle` is none of its modes.
    pub mode: Mode,
}

impl Count {
    /// So many and no more.
    #[must_use]
    pub const fn of(most: u32) -> Self {
        Self { most, mode: Mode::Deny }
    }

    /// Whether one more than `now` is too many.
    #[must_use]
    pub fn is_reached(self, now: usize) -> bool {
        self.mode == Mode::Deny && self.is_exceeded(now)
    }

    /// Whether one more than `now` is beyond it, whatever its mode.
    #[must_use]
    pub fn is_exceeded(self, now: usize) -> bool {
        u32::try_from(now).unwrap_or(u32::MAX) >= self.most
    }
}

/// Whether a principal may leave offsets on the brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Offsets {
    /// Commits go to the brokers.
    Forward,
    /// Commits are refused. Reading works all the same: a client keeps its own offsets.
    Deny,
}

/// All limits of one principal. The defaults are those of a tool with one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: u32,
    /// Connections that are opened: TLS handshakes that succeeded.
    pub connects: Rate,
    /// Whether offsets may be committed.
    pub offsets: Offsets,
    /// Partitions committed, over all groups: each is a record that the brokers keep.
    pub commit_partitions: Rate,
    /// Bytes of metadata with one committed partition.
    pub commit_metadata_bytes: Count,
    /// Distinct partitions with a committed offset, over all groups.
    pub committed_partitions: Count,
    /// Groups.
    pub groups: Count,
    /// Members of one group.
    pub group_members: Count,
    /// Requests to join a group.
    pub joins: Rate,
    /// The longest that a group may wait for a silent member.
    pub session_timeout_max: Duration,
    /// The longest that a rebalance may take.
    pub rebalance_timeout_max: Duration,
    /// Requests.
    pub requests: Rate,
    /// Refused items of requests: who asks for what it may not have is slowed down.
    pub denied: Rate,
    /// Bytes of answers.
    pub bytes_out: Rate,
    /// Look-ups of offsets by time, which brokers answer from disk.
    pub timestamp_lookups: Rate,
    /// Bytes of records that are read far behind the high watermark.
    pub catch_up: Rate,
    /// Partitions that are read far behind at once.
    pub catch_up_partitions: Count,
    /// Fetches that wait at the brokers at once.
    pub parked_fetches: Count,
    /// Fetch sessions at the brokers.
    pub fetch_sessions: Count,
}

const MB: u64 = 1_000_000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20,
            connects: Rate::per_second(2, 60),
            offsets: Offsets::Forward,
            commit_partitions: Rate::per_second(20, 200),
            commit_metadata_bytes: Count::of(256),
            committed_partitions: Count::of(200),
            groups: Count::of(20),
            group_members: Count::of(20),
            joins: Rate { per_minute: 60, burst: 60, mode: Mode::Throttle },
            session_timeout_max: Duration::from_secs(300),
            rebalance_timeout_max: Duration::from_secs(600),
            requests: Rate::per_second(500, 2_000),
            denied: Rate::per_second(50, 2_000),
            bytes_out: Rate::per_second(2 * MB, 10 * MB),
            timestamp_lookups: Rate::per_second(20, 200),
            catch_up: Rate::per_second(MB, 20 * MB),
            catch_up_partitions: Count::of(8),
            parked_fetches: Count::of(20),
            fetch_sessions: Count::of(10),
        }
    }
}

impl Limits {
    /// The share of one of so many replicas: rates are divided, counts are those of what is at the brokers.
    #[must_use]
    pub fn of_one_in(&self, nodes: NonZeroU32) -> Self {
        let share = |rate: Rate| rate.of_one_in(nodes);
        Self {
            connects: share(self.connects),
            commit_partitions: share(self.commit_partitions),
            joins: share(self.joins),
            requests: share(self.requests),
            denied: share(self.denied),
            bytes_out: share(self.bytes_out),
            timestamp_lookups: share(self.timestamp_lookups),
            catch_up: share(self.catch_up),
            ..self.clone()
        }
    }
}
