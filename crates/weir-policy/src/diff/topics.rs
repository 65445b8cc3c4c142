//! What changes for everybody: the catalogue, the never list, how groups and certificates are read.

use std::collections::BTreeSet;

use super::{Diff, Effect};
use crate::catalogue::{CatalogueEntry, CleanupPolicy, PiiDecision, PiiVerdict};
use crate::{GroupMode, IdentityRule, Policy, Suspended, Suspension};

/// The key that holds topics back while they are not compacted.
const CONDITION: &str = "only_while_compacted";

pub(super) fn compare(diff: &mut Diff, old: &Policy, new: &Policy) {
    compare_groups(diff, old, new);
    compare_identity(diff, old, new);
    compare_suspended(diff, old, new);
    compare_never(diff, old, new);
    compare_prefixes(diff, old, new);
    compare_conditions(diff, old, new);
    compare_named(diff, old, new);
}

/// Whether two policies judge every topic alike where the grants are the same. What a policy is made of besides does
/// not compile until it is looked at here.
pub(super) fn judge_alike(old: &Policy, new: &Policy) -> bool {
    let Policy { catalogue, never: _, identities: _, principals: _, tiers: _, suspended } = old;
    let same_names = catalogue.topics.len() == new.catalogue.topics.len()
        && catalogue.topics.keys().all(|topic| new.catalogue.topics.contains_key(topic));
    same_names
        && catalogue.prefixes == new.catalogue.prefixes
        && catalogue.conditional == new.catalogue.conditional
        && never_lines(old) == never_lines(new)
        && suspended.same_topics(&new.suspended)
}

fn suspended(policy: &Policy) -> BTreeSet<&Suspended> {
    policy.suspensions().iter().map(|suspension| &suspension.what).collect()
}

fn compare_suspended(diff: &mut Diff, old: &Policy, new: &Policy) {
    let (before, after) = (suspended(old), suspended(new));
    for what in before.difference(&after) {
        diff.add(Effect::Widens, format!("suspended: {what} is not suspended any more"));
    }
    for suspension in new.suspensions().iter().filter(|suspension| !before.contains(&suspension.what)) {
        let Suspension { what, reason, ticket, .. } = suspension;
        diff.add(Effect::Narrows, format!("suspended: {what} is suspended ({ticket}: {reason})"));
    }
}

fn compare_groups(diff: &mut Diff, old: &Policy, new: &Policy) {
    let mode = |policy: &Policy| policy.principals().next().map(|principal| principal.group_mode);
    let name = |mode: GroupMode| match mode {
        GroupMode::Namespaced => "namespaced",
        GroupMode::ExplicitPrefix => "explicit-prefix",
    };
    if let (Some(before), Some(after)) = (mode(old), mode(new))
        && before != after
    {
        let (before, after) = (name(before), name(after));
        let text = format!("groups: the mode changes from {before} to {after}: the offsets of all groups are lost");
        diff.add(Effect::Loses, text);
    }
}

fn compare_identity(diff: &mut Diff, old: &Policy, new: &Policy) {
    let (before, after) = (&old.identities.rules, &new.identities.rules);
    if before == after {
        return;
    }
    let names = |rules: &[IdentityRule]| rules.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(", ");
    let (before, after) = (names(before), names(after));
    let text = format!("identity: the rules change from {before} to {after}: certificates may be other principals");
    diff.add(Effect::Loses, text);
}

fn never_lines(policy: &Policy) -> BTreeSet<String> {
    policy.never.0.texts().collect()
}

fn compare_never(diff: &mut Diff, old: &Policy, new: &Policy) {
    let (before, after) = (never_lines(old), never_lines(new));
    for line in before.difference(&after) {
        diff.add(Effect::Widens, format!("never: {line} is not held back any more"));
    }
    for line in after.difference(&before) {
        diff.add(Effect::Narrows, format!("never: {line} is held back"));
    }
}

fn compare_prefixes(diff: &mut Diff, old: &Policy, new: &Policy) {
    let (before, after) = (&old.catalogue.prefixes, &new.catalogue.prefixes);
    for prefix in before.iter().filter(|prefix| !after.covers(prefix)) {
        diff.add(Effect::Narrows, format!("catalogue: every topic that begins with {prefix}"));
    }
    for prefix in after.iter().filter(|prefix| !before.covers(prefix)) {
        diff.add(Effect::Widens, format!("catalogue: every topic that begins with {prefix}"));
    }
}

fn compare_conditions(diff: &mut Diff, old: &Policy, new: &Policy) {
    let (before, after) = (&old.catalogue.conditional, &new.catalogue.conditional);
    for prefix in new.catalogue.prefixes.iter().filter(|prefix| old.catalogue.prefixes.covers(prefix)) {
        let (effect, now) = match (before.covers(prefix), after.covers(prefix)) {
            (false, true) => (Effect::Narrows, "true"),
            (true, false) => (Effect::Widens, "false"),
            _ => continue,
        };
        diff.add(effect, format!("catalogue: every topic that begins with {prefix}: {CONDITION} becomes {now}"));
    }
}

fn compare_named(diff: &mut Diff, old: &Policy, new: &Policy) {
    let topics: BTreeSet<&str> = old.catalogue_literals().chain(new.catalogue_literals()).collect();
    for topic in topics {
        match (old.catalogue_entry(topic), new.catalogue_entry(topic)) {
            (Some(before), Some(after)) => compare_entry(diff, topic, before, after),
            (Some(_), None) if new.catalogue_allows(topic) => {
                diff.add(Effect::Alters, format!("catalogue: topic {topic} is let out by a prefix alone"));
            }
            (None, Some(_)) if old.catalogue_allows(topic) => {
                diff.add(Effect::Alters, format!("catalogue: topic {topic} is named; a prefix let it out before"));
            }
            (Some(_), None) => diff.add(Effect::Narrows, format!("catalogue: topic {topic}")),
            (None, Some(_)) => diff.add(Effect::Widens, format!("catalogue: topic {topic}")),
            (None, None) => {}
        }
    }
}

fn compare_entry(diff: &mut Diff, topic: &str, before: &CatalogueEntry, after: &CatalogueEntry) {
    if before == after {
        return;
    }
    for ((key, before), (_, after)) in fields(before).into_iter().zip(fields(after)) {
        if before != after {
            let effect = match (key, after.as_str()) {
                (CONDITION, "true") => Effect::Narrows,
                (CONDITION, _) => Effect::Widens,
                _ => Effect::Alters,
            };
            diff.add(effect, format!("catalogue: topic {topic}: {key} changes from {before} to {after}"));
        }
    }
}

fn fields(entry: &CatalogueEntry) -> [(&'static str, String); 7] {
    let CatalogueEntry { stream, description, schema, schema_version, cleanup_policy, only_while_compacted, pii } =
        entry;
    let cleanup_policy = match cleanup_policy {
        CleanupPolicy::Delete => "delete",
        CleanupPolicy::Compact => "compact",
        CleanupPolicy::CompactDelete => "compact,delete",
    };
    let PiiDecision { verdict, by, on, ticket } = pii;
    let verdict = match verdict {
        PiiVerdict::None => "none",
        PiiVerdict::Reviewed => "reviewed",
    };
    [
        ("stream", stream.clone()),
        ("description", format!("`{description}`")),
        ("schema", schema.clone()),
        ("schema_version", schema_version.clone()),
        ("cleanup_policy", cleanup_policy.to_owned()),
        (CONDITION, only_while_compacted.to_string()),
        ("pii", format!("{verdict} by {by} on {on}, {ticket},")),
    ]
}
