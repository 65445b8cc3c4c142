//! Parts of a policy in words, as `explain`, `diff` and the log of a reload share them.
//!
//! Must never: leave out a limit. One that is new does not compile until it is told here.

use std::time::Duration;

use crate::identity::Fact;
use crate::limits::{Count, Limits, Mode, Offsets, Rate};

/// One limit, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitInWords {
    /// Its key in the files.
    pub key: &'static str,
    /// How much it is.
    pub words: String,
    /// What grows where the limit widens.
    pub(crate) width: [u64; 3],
}

impl Limits {
    /// Every limit, for people, in the order of the files' documentation.
    #[must_use]
    pub fn in_words(&self) -> Vec<LimitInWords> {
        let Self {
            connections,
            connects,
            offsets,
            commit_partitions,
            commit_metadata_bytes,
            committed_partitions,
            groups,
            group_members,
            joins,
            session_timeout_max,
            rebalance_timeout_max,
            requests,
            denied,
            bytes_out,
            timestamp_lookups,
            catch_up,
            catch_up_partitions,
            parked_fetches,
            fetch_sessions,
        } = self;
        vec![
            number("connections", *connections),
            rate("connects", *connects),
            offsets_in_words(*offsets),
            rate("commit_partitions", *commit_partitions),
            count("commit_metadata_bytes", *commit_metadata_bytes),
            count("committed_partitions", *committed_partitions),
            count("groups", *groups),
            count("group_members", *group_members),
            rate("joins", *joins),
            time("session_timeout_max", *session_timeout_max),
            time("rebalance_timeout_max", *rebalance_timeout_max),
            rate("requests", *requests),
            rate("denied", *denied),
            rate("bytes_out", *bytes_out),
            rate("timestamp_lookups", *timestamp_lookups),
            rate("catch_up", *catch_up),
            count("catch_up_partitions", *catch_up_partitions),
            count("parked_fetches", *parked_fetches),
            count("fetch_sessions", *fetch_sessions),
        ]
    }
}

fn number(key: &'static str, value: u32) -> LimitInWords {
    LimitInWords { key, words: value.to_string(), width: [value.into(), 0, 0] }
}

fn offsets_in_words(value: Offsets) -> LimitInWords {
    let (words, width) = match value {
        Offsets::Forward => ("forward", 1),
        Offsets::Deny => ("deny", 0),
    };
    LimitInWords { key: "offsets", words: words.to_owned(), width: [width, 0, 0] }
}

fn rate(key: &'static str, rate: Rate) -> LimitInWords {
    let each = match (rate.per_minute / 60, rate.per_minute % 60) {
        (second, 0) => format!("{second} per second"),
        _ => format!("{} per minute", rate.per_minute),
    };
    let (mode, wide) = mode(rate.mode);
    LimitInWords {
        key,
        words: format!("{each}, {} more at once, {mode}", rate.burst),
        width: [rate.per_minute, rate.burst, wide],
    }
}

fn count(key: &'static str, count: Count) -> LimitInWords {
    let (mode, wide) = mode(count.mode);
    LimitInWords { key, words: format!("{}, {mode}", count.most), width: [count.most.into(), wide, 0] }
}

fn time(key: &'static str, value: Duration) -> LimitInWords {
    LimitInWords { key, words: format!("{} s", value.as_secs()), width: [value.as_secs(), 0, 0] }
}

fn mode(mode: Mode) -> (&'static str, u64) {
    match mode {
        Mode::Deny => ("deny", 0),
        Mode::Throttle => ("throttle", 1),
        Mode::Observe => ("observe", 2),
    }
}

/// A fact of a certificate, by its key in the files.
pub(crate) fn fact(fact: &Fact) -> String {
    match fact {
        Fact::Fingerprint(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("fingerprint {digits}")
        }
        Fact::SanUri(uri) => format!("san_uri {uri}"),
        Fact::SanDns(name) => format!("san_dns {name}"),
        Fact::SanEmail(address) => format!("san_email {address}"),
        Fact::Dn(name) => format!("dn {name}"),
        Fact::Cn(name) => format!("cn {name}"),
    }
}
