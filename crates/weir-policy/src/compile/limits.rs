//! The limits of a tier or of one principal, as files write them. What stands in no file has the value of what it
//! replaces: a tier's default, or the principal's tier. Must never: take a rate that never runs off, or a count that is
//! throttled.

use std::time::Duration;

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::fields::{Fields, Text};
use super::plain::{Number, given};
use crate::limits::{Count, Limits, Mode, Offsets, Rate};

macro_rules! raw_limits {
    ($($(#[doc = $doc:literal])* $name:ident: $kind:ty,)*) => {
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct RawLimits {
            $($(#[doc = $doc])* #[serde(default, deserialize_with = "given")] $name: Option<Spanned<$kind>>,)*
        }

        /// A tier: its name, and its limits beside it.
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct RawTier {
            pub(super) tier: Text,
            $($(#[doc = $doc])* #[serde(default, deserialize_with = "given")] $name: Option<Spanned<$kind>>,)*
        }

        impl RawTier {
            /// The limits alone.
            pub(super) fn into_limits(self) -> RawLimits {
                RawLimits { $($name: self.$name,)* }
            }
        }

        impl RawLimits {
            /// Puts what stands here in the place of what was there.
            pub(super) fn replace_in(self, fields: &mut Fields<'_>, limits: &mut Limits) {
                $(if let Some(raw) = self.$name {
                    raw.value.replace(fields, raw.referenced, stringify!($name), &mut limits.$name);
                })*
            }
        }
    };
}

raw_limits! {
    /// Connections at once, over all brokers.
    connections: Number,
    /// Connections that are opened.
    connects: RawRate,
    /// `forward` or `deny`: whether offsets may be committed.
    offsets: Offsets,
    /// Partitions committed, over all groups.
    commit_partitions: RawRate,
    /// Bytes of metadata with one committed partition.
    commit_metadata_bytes: RawCount,
    /// Distinct partitions with a committed offset, over all groups.
    committed_partitions: RawCount,
    /// Groups.
    groups: RawCount,
    /// Members of one group.
    group_members: RawCount,
    /// Requests to join a group.
    joins: RawRate,
    /// The longest that a group may wait for a silent member, in seconds.
    session_timeout_max: RawSeconds,
    /// The longest that a rebalance may take, in seconds.
    rebalance_timeout_max: RawSeconds,
    /// Requests.
    requests: RawRate,
    /// Refused items of requests.
    denied: RawRate,
    /// Bytes of answers.
    bytes_out: RawRate,
    /// Look-ups of offsets by time.
    timestamp_lookups: RawRate,
    /// Bytes of records that are read far behind the high watermark.
    catch_up: RawRate,
    /// Partitions that are read far behind at once.
    catch_up_partitions: RawCount,
    /// Fetches that wait at the brokers at once.
    parked_fetches: RawCount,
    /// Fetch sessions at the brokers.
    fetch_sessions: RawCount,
}

impl RawTier {
    /// Whether it says how many connections there may be: no tier leaves that open.
    pub(super) fn says_connections(&self) -> bool {
        self.connections.is_some()
    }
}

/// A value as a file writes it.
trait Written<T> {
    fn replace(self, fields: &mut Fields<'_>, at: Location, key: &str, value: &mut T);
}

/// Either of the first two, and the others.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRate {
    #[serde(default, deserialize_with = "given")]
    per_second: Option<Number>,
    #[serde(default, deserialize_with = "given")]
    per_minute: Option<Number>,
    /// So much beyond that at once.
    #[serde(default, deserialize_with = "given")]
    burst: Option<Number>,
    #[serde(default, deserialize_with = "given")]
    mode: Option<Mode>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCount {
    most: Number,
    #[serde(default, deserialize_with = "given")]
    mode: Option<Mode>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSeconds {
    seconds: Number,
}

impl Written<Rate> for RawRate {
    fn replace(self, fields: &mut Fields<'_>, at: Location, key: &str, value: &mut Rate) {
        let per_minute = match (self.per_second, self.per_minute) {
            (Some(_), Some(_)) => {
                fields.problem(at, format!("`{key}` has two rates"), "keep `per_second` or `per_minute`");
                return;
            }
            (Some(Number(second)), None) => u64::from(second).saturating_mul(60),
            (None, Some(Number(minute))) => u64::from(minute),
            (None, None) => value.per_minute,
        };
        if per_minute == 0 {
            let what = format!("a rate of 0 for `{key}` never ends to be owed");
            fields.problem(at, what, "write 1 or more, and `mode: deny` with a small `burst` to allow next to nothing");
            return;
        }
        let mode = self.mode.unwrap_or(value.mode);
        if mode == Mode::Deny && key == "catch_up" {
            let what = "what is far behind is read later, and never refused";
            fields.problem(at, what, "write `mode: throttle` or `mode: observe`");
            return;
        }
        let burst = self.burst.map_or(value.burst, |burst| u64::from(burst.0));
        *value = Rate { per_minute, burst, mode };
    }
}

impl Written<Count> for RawCount {
    fn replace(self, fields: &mut Fields<'_>, at: Location, key: &str, value: &mut Count) {
        let mode = self.mode.unwrap_or(value.mode);
        if mode == Mode::Throttle {
            let what = format!("a count such as `{key}` cannot be throttled");
            fields.problem(at, what, "write `mode: deny` or `mode: observe`");
            return;
        }
        if self.most.0 == 0 && key == "catch_up_partitions" {
            let what = "a reader that is far behind would never come nearer";
            fields.problem(at, what, "write 1 or more, and a small `catch_up` to allow next to nothing");
            return;
        }
        *value = Count { most: self.most.0, mode };
    }
}

impl Written<u32> for Number {
    fn replace(self, fields: &mut Fields<'_>, at: Location, _: &str, value: &mut u32) {
        if self.0 == 0 {
            fields.problem(at, "a tier without connections lets nobody in", "write 1 or more");
        }
        *value = self.0;
    }
}

impl Written<Duration> for RawSeconds {
    fn replace(self, fields: &mut Fields<'_>, at: Location, key: &str, value: &mut Duration) {
        // Brokers take no session shorter than 6 s unless they are told to.
        if self.seconds.0 < 6 {
            fields.problem(at, format!("`{key}` is shorter than clients can keep"), "write 6 seconds or more");
        }
        *value = Duration::from_secs(u64::from(self.seconds.0));
    }
}

impl Written<Offsets> for Offsets {
    fn replace(self, _: &mut Fields<'_>, _: Location, _: &str, value: &mut Offsets) {
        *value = self;
    }
}
