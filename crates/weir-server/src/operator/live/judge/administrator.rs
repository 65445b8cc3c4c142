//! From what an administrator saw at the brokers to what is wrong there.
//!
//! Must never: put the name of a topic, a group or an id that an access rule is on into a sentence: it goes into `Hidden`.

use std::collections::{BTreeMap, BTreeSet};

use weir_kafka::check::{AccessRule, BrokerSettings, Entity, Quota};
use weir_kafka::cluster::RealBrokerId;
use weir_kafka::discovery::operation_name;
use weir_policy::Policy;

use super::some;
use crate::operator::live::hidden::Hidden;
use crate::operator::live::{Report, Severity};
use crate::wall::UserBounds;

/// Kafka's numbers of resources, kinds of names and operations.
const TOPIC: i8 = 2;
const GROUP: i8 = 3;
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const READ: i8 = 3;
const DELETE: i8 = 6;
const DESCRIBE: i8 = 8;
const DESCRIBE_CONFIGS: i8 = 10;
/// A rule for everybody.
const EVERYBODY: &str = "User:*";
/// A rate of a quota is a number with a fraction: apart by less than this they are the same.
const SAME: f64 = 0.5;

/// What rules and quotas are judged by.
pub(in crate::operator::live) struct OfRules<'a> {
    pub(in crate::operator::live) upstream: &'a str,
    pub(in crate::operator::live) policy: &'a Policy,
    /// What the brokers' names of Weir's groups begin with.
    pub(in crate::operator::live) groups: &'a BTreeSet<String>,
    /// Weir's users, and the bounds that `weir render upstream` writes for them.
    pub(in crate::operator::live) users: &'a [UserBounds],
}

/// Brokers that make topics up, or let everything in.
pub(in crate::operator::live) fn broker_settings(
    upstream: &str,
    brokers: &BTreeMap<RealBrokerId, BrokerSettings>,
    report: &mut Report,
) {
    let with = |is: &dyn Fn(&BrokerSettings) -> bool| -> Vec<String> {
        brokers.iter().filter(|(_, settings)| is(settings)).map(|(id, _)| id.0.to_string()).collect()
    };
    let creates = with(&|settings| settings.creates_topics == Some(true));
    if !creates.is_empty() {
        let what = format!("broker {} creates topics that are asked for by name", some(&creates));
        report.add(Severity::Warning, upstream, what, "set `auto.create.topics.enable=false`");
    }
    let open = with(&|settings| settings.authorizer.as_deref() == Some(""));
    if !open.is_empty() {
        let what = format!("broker {} has no authorizer", some(&open));
        report.add(Severity::Warning, upstream, what, "set `authorizer.class.name`, on every broker and controller");
    }
}

/// Rules that allow one of Weir's users, or everybody, more than Weir needs.
pub(in crate::operator::live) fn access_rules(of: &OfRules<'_>, rules: &[AccessRule], report: &mut Report) {
    let mut wide: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for rule in rules.iter().filter(|rule| rule.allows && !is_needed(of, rule)) {
        let user = rule.principal.strip_prefix("User:").unwrap_or(&rule.principal);
        let whose = of.users.iter().find(|known| known.name == user).map(|known| known.name.as_str());
        if let Some(whose) = whose.or((rule.principal == EVERYBODY).then_some("*")) {
            wide.entry(whose).or_default().push(words(rule));
        }
    }
    for (user, rules) in wide {
        let count = if rules.len() == 1 {
            "1 access rule allows".to_owned()
        } else {
            format!("{} access rules allow", rules.len())
        };
        let what = format!("{count} User:{user} more than Weir needs");
        let fix = "take them away with `kafka-acls.sh --remove`: give it what `weir render upstream` writes, and nothing else";
        report.add_hidden(Severity::Error, of.upstream, what, fix, Hidden::new(rules));
    }
}

fn is_needed(of: &OfRules<'_>, rule: &AccessRule) -> bool {
    let within = |prefix: &str| rule.name.starts_with(prefix);
    match (rule.resource, rule.pattern) {
        (TOPIC, LITERAL) => of.policy.catalogue_allows(&rule.name) && of_topics(rule.operation),
        (TOPIC, PREFIXED) => of.policy.catalogue_prefixes().any(within) && of_topics(rule.operation),
        (GROUP, LITERAL | PREFIXED) => {
            of.groups.iter().any(|prefix| within(prefix)) && matches!(rule.operation, READ | DELETE | DESCRIBE)
        }
        _ => false,
    }
}

fn of_topics(operation: i8) -> bool {
    matches!(operation, READ | DESCRIBE | DESCRIBE_CONFIGS)
}

/// `Write on topics that begin with \`a.\``.
fn words(rule: &AccessRule) -> String {
    let kind = match rule.resource {
        TOPIC => "topic",
        GROUP => "group",
        4 => "cluster",
        5 => "transactional id",
        6 => "delegation token",
        7 => "user",
        _ => "resource",
    };
    let begins = if rule.pattern == PREFIXED { "prefix " } else { "" };
    format!("{} on {kind} {begins}{}", operation_name(rule.operation), rule.name)
}

/// Users of Weir's that nothing bounds at the brokers, or another figure than the one that is rendered.
pub(in crate::operator::live) fn quotas(of: &OfRules<'_>, quotas: &[Quota], report: &mut Report) {
    for user in of.users {
        let found = |key: &str| -> Option<f64> {
            let value = |entity: &Entity| {
                let values = quotas.iter().filter(|quota| quota.entity == *entity).flat_map(|quota| &quota.values);
                values.filter(|(name, _)| name == key).map(|(_, value)| *value).next()
            };
            value(&Entity::User(user.name.clone())).or_else(|| value(&Entity::DefaultUser))
        };
        for (key, rendered) in user.bounds() {
            let Some(rendered) = rendered else { continue };
            let told = match found(key) {
                None => Some((Severity::Error, format!("no {key} bounds User:{} at the brokers", user.name))),
                Some(value) if (value - rendered as f64).abs() < SAME => None,
                Some(value) => {
                    let what = format!("User:{} has {key} {value}, and {rendered} is rendered", user.name);
                    Some((Severity::Warning, what))
                }
            };
            if let Some((severity, what)) = told {
                report.add(severity, of.upstream, what, "run the `quotas.sh` that `weir render upstream` writes");
            }
        }
    }
}
