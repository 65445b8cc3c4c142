//! From what an identity of Weir's saw and could do at the brokers to where their wall has a hole.
//!
//! Must never: put into a sentence a name that the catalogue does not let leave (it goes into `Hidden`), or pass over what
//! could not be tried.

use std::collections::{BTreeMap, BTreeSet};

use weir_kafka::check::{EveryTopic, On, Trial, Verdict};
use weir_kafka::discovery::RightsByName;
use weir_policy::{Operation, Policy};

use super::{NAMES, some};
use crate::operator::live::hidden::Hidden;
use crate::operator::live::wall::{Sight, Tried};
use crate::operator::live::{Report, Severity};

/// What whoever reads for clients needs of a topic and of a group, and so the most that an identity should have.
const OF_TOPICS: [Operation; 3] = [Operation::Read, Operation::Describe, Operation::DescribeConfigs];
const OF_GROUPS: [Operation; 3] = [Operation::Read, Operation::Describe, Operation::Delete];
const RENDERED: &str = "give it what `weir render upstream` writes, and nothing else";

/// What is expected of a cluster.
pub(in crate::operator::live) struct Expected<'a> {
    pub(in crate::operator::live) upstream: &'a str,
    pub(in crate::operator::live) policy: &'a Policy,
    /// What the brokers' names of Weir's groups begin with.
    pub(in crate::operator::live) groups: &'a [String],
    /// What the mirror that fills this cluster keeps here for itself.
    pub(in crate::operator::live) of_mirror: &'a BTreeSet<String>,
}

/// Why a topic should not be seen. The first that fits holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Kafka,
    Mirror,
    Never,
    Unlisted,
}

impl Kind {
    fn of(topic: &EveryTopic, policy: &Policy) -> Option<Self> {
        let name = topic.name.as_str();
        if policy.catalogue_allows(name) {
            None
        } else if topic.is_internal || name.starts_with("__") {
            Some(Self::Kafka)
        } else if is_of_mirror(name) {
            Some(Self::Mirror)
        } else if policy.is_never(name) {
            Some(Self::Never)
        } else {
            Some(Self::Unlisted)
        }
    }

    fn words(self, count: usize) -> String {
        let topics = if count == 1 { "topic" } else { "topics" };
        match self {
            Self::Kafka => format!("{count} {topics} that Kafka keeps for itself"),
            Self::Mirror => format!("{count} {topics} that MirrorMaker 2 keeps for itself"),
            Self::Never => format!("{count} {topics} of the never list"),
            Self::Unlisted => format!("{count} {topics} that the catalogue does not name"),
        }
    }
}

/// `heartbeats`, `SOURCE.heartbeats`, `SOURCE.checkpoints.internal`, `mm2-offset-syncs.SOURCE.internal`...
fn is_of_mirror(name: &str) -> bool {
    name == "heartbeats" || name.ends_with(".heartbeats") || name.ends_with(".internal") || name.starts_with("mm2-")
}

/// All that one identity should not see or do. `groups` is what it may do with groups of principals.
pub(in crate::operator::live) fn sight(
    expected: &Expected<'_>,
    sight: &Sight,
    groups: &RightsByName,
    report: &mut Report,
) {
    let no_authorizer = sight.trials.values().any(|tried| *tried == Tried::Told(Verdict::NoAuthorizer));
    // Whether there is an authorizer at all, the oldest brokers do not tell in a form that Weir speaks.
    let may_have_none = allows_all(sight) && sight.trials.get(&Trial::AccessRules) == Some(&Tried::NotServed);
    topics(expected, sight, no_authorizer || may_have_none, report);
    untold(expected, sight, report);
    if no_authorizer {
        let what = format!("the brokers have no authorizer: {} may do everything there", sight.who.words());
        let fix = "set `authorizer.class.name` and give its user what `weir render upstream` writes; until then nothing but \
                   Weir and the network keeps clients from what this cluster holds";
        report.add(Severity::Warning, expected.upstream, what, fix);
        return;
    }
    rights_on_topics(expected, sight, report);
    rights_on_groups(expected, sight, groups, report);
    if allows_all(sight) {
        let severity = if may_have_none { Severity::Warning } else { Severity::Error };
        let what = format!("the brokers let {} do everything that was tried", sight.who.words());
        let fix = "it is in `super.users`, or `allow.everyone.if.no.acl.found` is true, or ACLs allow all to `User:*`, or old \
                   brokers have no authorizer: mend that, and give it what `weir render upstream` writes";
        report.add(severity, expected.upstream, what, fix);
        return;
    }
    forbidden(expected, sight, report);
    foreign(expected, sight, report);
}

/// Topics that should not be there for this identity.
fn topics(expected: &Expected<'_>, sight: &Sight, is_open: bool, report: &mut Report) {
    let Ok(everything) = &sight.everything else { return };
    let mut by_kind: BTreeMap<Kind, Vec<&EveryTopic>> = BTreeMap::new();
    for topic in &everything.topics {
        match Kind::of(topic, expected.policy) {
            // They cannot be elsewhere, and nobody is kept from them there.
            Some(Kind::Kafka) if is_open => {}
            Some(Kind::Mirror) if is_open && expected.of_mirror.contains(&topic.name) => {}
            Some(kind) => by_kind.entry(kind).or_default().push(topic),
            None => {}
        }
    }
    for (kind, topics) in by_kind {
        let readable = topics.iter().filter(|topic| topic.rights.is_some_and(|rights| rights.hold(Operation::Read)));
        let readable = match readable.count() {
            0 => String::new(),
            all if all == topics.len() => " and let it read them".to_owned(),
            some => format!(" and let it read {some} of them"),
        };
        let what = format!("the brokers show {} {}{readable}", sight.who.words(), kind.words(topics.len()));
        let fix = match is_open {
            true => "take them out of this cluster, or put an authorizer before them",
            false => "take the rights on them, and on prefixes that cover them, from the user of its certificate",
        };
        let names = Hidden::new(topics.iter().map(|topic| topic.name.clone()));
        report.add_hidden(Severity::Error, expected.upstream, what, fix, names);
    }
}

/// Rights on topics of the catalogue that nobody needs who reads.
fn rights_on_topics(expected: &Expected<'_>, sight: &Sight, report: &mut Report) {
    let Ok(everything) = &sight.everything else { return };
    let mut by_rights: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for topic in everything.topics.iter().filter(|topic| expected.policy.catalogue_allows(&topic.name)) {
        let beyond = topic.rights.map(|rights| rights.beyond(&OF_TOPICS)).unwrap_or_default();
        if !beyond.is_empty() {
            by_rights.entry(beyond).or_default().push(topic.name.clone());
        }
    }
    for (rights, topics) in by_rights {
        let rights = rights.join(", ");
        let what = format!("the brokers give {} more than Read on {}: {rights}", sight.who.words(), some(&topics));
        let fix = format!("take {rights} from the user of its certificate: {RENDERED}");
        report.add(Severity::Error, expected.upstream, what, fix);
    }
}

/// Rights on groups of principals that nobody needs who reads.
fn rights_on_groups(expected: &Expected<'_>, sight: &Sight, groups: &RightsByName, report: &mut Report) {
    let told = groups.values().filter_map(|rights| rights.as_ref().ok().copied().flatten());
    let rights: BTreeSet<String> = told.flat_map(|rights| rights.beyond(&OF_GROUPS)).collect();
    if rights.is_empty() {
        return;
    }
    let rights = rights.into_iter().collect::<Vec<_>>().join(", ");
    let what = format!("the brokers give {} more than it needs on groups of principals: {rights}", sight.who.words());
    let fix = format!("take {rights} from the user of its certificate: {RENDERED}");
    report.add(Severity::Error, expected.upstream, what, fix);
}

/// Nothing that was decided was refused. One trial or two say little.
fn allows_all(sight: &Sight) -> bool {
    // There may be no token to see.
    let of_all = sight.trials.iter().filter(|(trial, _)| **trial != Trial::Tokens);
    let (mut allowed, mut refused) = (0_usize, 0_usize);
    for (_, tried) in of_all {
        match tried {
            Tried::Told(Verdict::Allowed) => allowed = allowed.saturating_add(1),
            Tried::Told(Verdict::Refused) => refused = refused.saturating_add(1),
            _ => {}
        }
    }
    refused == 0 && allowed > 2
}

/// What was tried and is allowed, a finding for each right, and rights on the cluster that are told.
fn forbidden(expected: &Expected<'_>, sight: &Sight, report: &mut Report) {
    let mut by_right: BTreeMap<(On, String), Vec<&'static str>> = BTreeMap::new();
    let allowed = sight.trials.iter().filter(|(_, tried)| **tried == Tried::Told(Verdict::Allowed));
    for (trial, _) in allowed {
        let (right, on) = trial.right();
        by_right.entry((on, right.to_owned())).or_default().push(trial.words());
    }
    let of_cluster = sight.everything.as_ref().ok().and_then(|seen| seen.cluster).map(|rights| rights.beyond(&[]));
    for right in of_cluster.into_iter().flatten() {
        by_right.entry((On::Cluster, right)).or_default();
    }
    for ((on, right), words) in by_right {
        let on = match on {
            On::Topics => "topics (by `*`, by a prefix, or on the cluster)",
            On::Groups => "groups (by `*` or by a prefix that is not Weir's)",
            On::Transactions => "transactional ids",
            On::Cluster => "the cluster",
        };
        let may = match words.as_slice() {
            [] => format!("have {right} on {on}"),
            words => words.join(", and "),
        };
        let what = format!("the brokers let {} {may}", sight.who.words());
        let fix = format!("take {right} on {on} from the user of its certificate: {RENDERED}");
        report.add(Severity::Error, expected.upstream, what, fix);
    }
}

/// Groups and transactional ids of others.
fn foreign(expected: &Expected<'_>, sight: &Sight, report: &mut Report) {
    let is_foreign = |group: &&String| !expected.groups.iter().any(|prefix| group.starts_with(prefix));
    let groups = Hidden::new(sight.groups.iter().filter(is_foreign).cloned());
    let transactions = Hidden::new(sight.transactions.iter().cloned());
    for (names, one, things, right) in [
        (groups, "group that is not Weir's", "groups that are not Weir's", "Describe on groups, and on the cluster,"),
        (transactions, "transactional id", "transactional ids", "Describe on transactional ids"),
    ] {
        if names.count() > 0 {
            let things = if names.count() == 1 { one } else { things };
            let what = format!("the brokers show {} {} {things}", sight.who.words(), names.count());
            let fix = format!("take {right} from the user of its certificate: {RENDERED}");
            report.add_hidden(Severity::Error, expected.upstream, what, fix, names);
        }
    }
}

/// What could not be tried or seen is told, never taken for good.
fn untold(expected: &Expected<'_>, sight: &Sight, report: &mut Report) {
    let who = sight.who.words();
    let mut not_tried: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for trial in Trial::ALL {
        let why = match sight.trials.get(&trial) {
            Some(Tried::Told(Verdict::Untold(code))) => format!("error code {code}"),
            Some(Tried::Told(_)) => continue,
            Some(Tried::NotServed) => "no version of it that is harmless is served".to_owned(),
            Some(Tried::Failed(error)) => error.clone(),
            None => "no broker answered".to_owned(),
        };
        not_tried.entry(why).or_default().push(format!("{} ({})", trial.name(), trial.words()));
    }
    // Of what said nothing at all nothing is known.
    let severity = if sight.trials.values().any(Tried::is_decided) { Severity::Warning } else { Severity::Error };
    for (why, trials) in not_tried {
        let what = format!("not tried as {who}: {}: {why}", trials.join(", "));
        report.add(severity, expected.upstream, what, "look at the ACLs of its user with kafka-acls.sh");
    }
    let unseen = match &sight.everything {
        Err(error) => Some((Severity::Error, format!("which topics there are: {error}"))),
        Ok(seen) if seen.topics.iter().any(|topic| topic.rights.is_none()) => {
            Some((Severity::Warning, "what may be done with topics: the brokers are too old to tell".to_owned()))
        }
        Ok(_) => None,
    };
    if let Some((severity, what)) = unseen {
        let what = format!("not seen as {who}: {what}");
        report.add(severity, expected.upstream, what, "look at the ACLs of its user with kafka-acls.sh");
    }
    let unlisted: Vec<String> = sight.unlisted.iter().map(|(id, why)| format!("broker {}: {why}", id.0)).collect();
    if !unlisted.is_empty() {
        let shown: Vec<&str> = unlisted.iter().take(NAMES).map(String::as_str).collect();
        let what = format!("not seen as {who}: which groups and transactional ids there are: {}", shown.join("; "));
        report.add(Severity::Warning, expected.upstream, what, "look at that broker, and try again");
    }
}

#[cfg(test)]
mod tests;
