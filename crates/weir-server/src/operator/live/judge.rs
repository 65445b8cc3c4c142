//! From what brokers said to what is wrong, and what to do about it.
//!
//! Must never: ask anything, or name a topic that the catalogue does not name.

mod administrator;
mod wall;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use administrator::{OfRules, access_rules, broker_settings, quotas};
pub(super) use wall::{Expected, sight};
use weir_kafka::cluster::{RealAddress, RealBrokerId};
use weir_kafka::discovery::{Rights, RightsByName};
use weir_kafka::table::{self, Disposition, Row, TABLE};
use weir_policy::{CleanupPolicy, Operation, Policy};

use super::cluster::As;
use super::{Report, Severity};
use crate::snapshot::Snapshot;
use crate::upstream::{Ranges, UpstreamSettings, served};

/// Kafka's codes.
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const TOPIC_AUTHORIZATION_FAILED: i16 = 29;
const GROUP_AUTHORIZATION_FAILED: i16 = 30;

/// Without these nobody reads, or nobody reads in a group.
const NEEDED: [i16; 9] = [
    table::FETCH,
    table::LIST_OFFSETS,
    table::FIND_COORDINATOR,
    table::JOIN_GROUP,
    table::SYNC_GROUP,
    table::HEARTBEAT,
    table::LEAVE_GROUP,
    table::OFFSET_COMMIT,
    table::OFFSET_FETCH,
];

/// As many names as one line has.
const NAMES: usize = 5;

/// Brokers that a listener cannot show.
pub(super) fn broker_ids(
    snapshot: &Snapshot,
    upstream: &str,
    brokers: &BTreeMap<RealBrokerId, RealAddress>,
    report: &mut Report,
) {
    for listener in snapshot.config.listeners.iter().filter(|listener| listener.upstream == upstream) {
        for id in brokers.keys().filter(|id| !listener.advertise.shows(**id)) {
            let what = format!(
                "broker {} is outside `ids` of listener {}: clients cannot reach what it leads",
                id.0, listener.name
            );
            report.add(Severity::Error, upstream, what, "widen `ids` of `advertise.ports`, and restart Weir");
        }
    }
}

/// APIs that some broker does not serve in a version that Weir speaks.
pub(super) fn versions(brokers: &BTreeMap<i32, &Ranges>, settings: &UpstreamSettings, report: &mut Report) {
    if brokers.is_empty() {
        return;
    }
    let served_by_all = served(brokers.values().copied(), settings);
    let speaks =
        |served: &Ranges, row: &Row| served.get(&row.key).and_then(|range| range.intersect(row.versions)).is_some();
    for row in TABLE.iter().filter(|row| row.disposition == Disposition::Forward && !speaks(&served_by_all, row)) {
        let lack = brokers.iter().filter(|(_, versions)| !speaks(&served([**versions], settings), row));
        let lack: Vec<String> = lack.map(|(id, _)| id.to_string()).collect();
        let spoken = format!("{} in versions {} to {}", row.name, row.versions.min, row.versions.max);
        let who = match lack.as_slice() {
            [] => "the brokers have no version in common of".to_owned(),
            lack => format!("broker {} does not serve", some(lack)),
        };
        let (severity, means) = match NEEDED.contains(&row.key) {
            true => (Severity::Error, "clients cannot do without it"),
            false => (Severity::Warning, "clients are not offered it"),
        };
        let capped = settings.max_versions.contains_key(&row.key);
        let fix = if capped { format!("raise `max_versions.{}`", row.name) } else { "update the brokers".to_owned() };
        report.add(severity, &settings.name, format!("{who} {spoken}: {means}"), fix);
    }
}

/// Topics of the catalogue that are not there, or of which Weir is told nothing.
pub(super) fn topics_exist(upstream: &str, is_mirrored: bool, topics: &RightsByName, report: &mut Report) {
    let with = |wanted: i16| -> Vec<String> {
        topics.iter().filter(|(_, rights)| **rights == Err(wanted)).map(|(topic, _)| topic.clone()).collect()
    };
    for topic in with(UNKNOWN_TOPIC_OR_PARTITION) {
        let what = format!("the topic {topic} of the catalogue does not exist");
        // A mirror makes it itself, with the partitions and settings of the source.
        let fix = if is_mirrored {
            "look whether its source has it and the mirror runs as rendered, or take it out of catalogue.yaml"
        } else {
            "create it, or take it out of catalogue.yaml"
        };
        report.add(Severity::Warning, upstream, what, fix);
    }
    let hidden = with(TOPIC_AUTHORIZATION_FAILED);
    if !hidden.is_empty() {
        let what = format!("the brokers do not let Weir describe {}: for clients they do not exist", some(&hidden));
        report.add(Severity::Error, upstream, what, "allow Describe on them to the user of `certificate`");
    }
    for (topic, code) in topics.iter().filter_map(|(topic, rights)| Some((topic, (*rights).err()?))) {
        if code != UNKNOWN_TOPIC_OR_PARTITION && code != TOPIC_AUTHORIZATION_FAILED {
            let what = format!("the brokers describe the topic {topic} with error code {code}");
            report.add(Severity::Warning, upstream, what, "look at its partitions and their leaders");
        }
    }
}

/// Topics that are not kept as the catalogue declares.
pub(super) fn cleanup_policies(
    policy: &Policy,
    upstream: &str,
    found: &BTreeMap<String, Result<String, i16>>,
    report: &mut Report,
) {
    let untold: Vec<String> = found.iter().filter(|(_, told)| told.is_err()).map(|(topic, _)| topic.clone()).collect();
    if !untold.is_empty() {
        let what = format!("the brokers do not tell the cleanup policy of {}", some(&untold));
        report.add(Severity::Warning, upstream, what, "allow DescribeConfigs on them to the user of `certificate`");
    }
    let unsure: Vec<String> = untold.into_iter().filter(|topic| policy.only_while_compacted(topic)).collect();
    if !unsure.is_empty() {
        let what = format!("{} may leave only while compacted, which the brokers do not tell", some(&unsure));
        report.add(Severity::Error, upstream, what, "allow DescribeConfigs on them to the user of `certificate`");
    }
    for (topic, kept) in found.iter().filter_map(|(topic, told)| Some((topic, told.as_ref().ok()?))) {
        if policy.only_while_compacted(topic) && !parts(kept).contains("compact") {
            let what = format!("the topic {topic} is not compacted, and the catalogue lets it leave only while it is");
            let fix = "set `cleanup.policy` to compact with kafka-configs.sh; until then clients are refused";
            report.add(Severity::Error, upstream, what, fix);
        }
        let Some(entry) = policy.catalogue_entry(topic) else { continue };
        let declared = match entry.cleanup_policy {
            CleanupPolicy::Delete => "delete",
            CleanupPolicy::Compact => "compact",
            CleanupPolicy::CompactDelete => "compact,delete",
        };
        if parts(kept) != parts(declared) {
            let what = format!("the topic {topic} has `cleanup.policy` {kept}, and the catalogue declares {declared}");
            let fix =
                "set the one that was decided on with kafka-configs.sh, or correct `cleanup_policy` in catalogue.yaml";
            report.add(Severity::Error, upstream, what, fix);
        }
    }
}

fn parts(policy: &str) -> BTreeSet<&str> {
    policy.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// What the coordinators said, whichever they are: one that does not coordinate a group knows nothing of it.
pub(super) fn together(said: impl Iterator<Item = RightsByName>) -> RightsByName {
    let mut all = RightsByName::new();
    for (group, rights) in said.flatten() {
        let says_something = matches!(rights, Ok(_) | Err(GROUP_AUTHORIZATION_FAILED));
        if says_something || !all.contains_key(&group) {
            all.insert(group, rights);
        }
    }
    all
}

/// Whether Weir can count groups.
pub(super) fn own_groups(upstream: &str, groups: &RightsByName, report: &mut Report) {
    if groups.values().any(|rights| *rights == Err(GROUP_AUTHORIZATION_FAILED)) {
        let what = "the brokers do not let Weir describe groups: it cannot count them, and nobody can make one";
        let fix = "allow Describe on groups that begin with `weir.` (with `groups: explicit-prefix`: with each \
                   namespace and a dot) to the user of `certificate`";
        report.add(Severity::Error, upstream, what, fix);
    }
}

/// Whether clients get at topics with the certificate that their requests come with.
pub(super) fn topics_of_clients(upstream: &str, who: &As, topics: &RightsByName, report: &mut Report) {
    let lack = |operation: Operation| -> Vec<String> {
        let lacks = |rights: &Result<Option<Rights>, i16>| match rights {
            Ok(Some(rights)) => !rights.hold(operation),
            // Of one that Weir itself may not describe it was told already.
            Err(TOPIC_AUTHORIZATION_FAILED) => matches!(who, As::Tier(_)),
            Ok(None) | Err(_) => false,
        };
        topics.iter().filter(|(_, rights)| lacks(rights)).map(|(topic, _)| topic.clone()).collect()
    };
    let not_read = lack(Operation::Read);
    if !not_read.is_empty() {
        let what = format!("the brokers do not let {} read {}", who.words(), some(&not_read));
        report.add(Severity::Error, upstream, what, "allow Read on them to the user of its certificate");
    }
    let mut unknown = lack(Operation::DescribeConfigs);
    unknown.retain(|topic| !not_read.contains(topic));
    if !unknown.is_empty() {
        let what = format!("the brokers tell {} no settings of {}", who.words(), some(&unknown));
        report.add(Severity::Warning, upstream, what, "allow DescribeConfigs on them to the user of its certificate");
    }
}

/// Whether clients get at groups with the certificate that their requests come with.
pub(super) fn groups_of_clients(upstream: &str, who: &As, groups: &RightsByName, report: &mut Report) {
    let lacks = |operation: Operation| {
        groups.values().any(|rights| match rights {
            Ok(Some(rights)) => !rights.hold(operation),
            Err(code) => *code == GROUP_AUTHORIZATION_FAILED,
            Ok(None) => false,
        })
    };
    let add = |severity, cannot: &str, operation: &str, report: &mut Report| {
        let what = format!("the brokers do not let {} {cannot} groups of principals", who.words());
        let fix = format!(
            "allow {operation} on groups that begin with `weir.`, or with each namespace, to the user of its certificate"
        );
        report.add(severity, upstream, what, fix);
    };
    if lacks(Operation::Read) {
        add(Severity::Error, "join, read or commit in", "Read", report);
    }
    if lacks(Operation::Delete) {
        add(Severity::Warning, "delete", "Delete", report);
    }
}

/// A few of the names, and how many more there are.
fn some(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES).map(String::as_str).collect();
    let more = names.len().saturating_sub(NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests;
