//! What changes for each principal beside what it may read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;

use super::access::Readers;
use super::topics::judge_alike;
use super::{Change, Diff, Effect, remark};
use crate::limits::Limits;
use crate::principal::Principal;
use crate::{Namespace, Policy, words};

pub(super) fn compare(diff: &mut Diff, old: &Policy, new: &Policy) {
    compare_tiers(diff, old, new);
    let mut all = Principals {
        readers: Readers::new(old, new),
        alike: judge_alike(old, new),
        namespaces: old.principals().map(|it| (&it.namespace, it.name.as_str())).collect(),
        certificates: [old, new]
            .map(|policy| if old.identifies_as(new) { BTreeMap::new() } else { certificates(policy) }),
    };
    let names: BTreeSet<&str> = old.principals.keys().chain(new.principals.keys()).map(String::as_str).collect();
    for name in names {
        all.compare(diff, name, old.principals.get(name), new.principals.get(name));
    }
}

/// Limits that a tier gives are told once, not for each of its principals.
fn compare_tiers(diff: &mut Diff, old: &Policy, new: &Policy) {
    let tiers = |policy: &'_ Policy| -> BTreeMap<String, Arc<Limits>> {
        policy.principals().map(|it| (it.tier.name.clone(), Arc::clone(&it.tier.share))).collect()
    };
    let after = tiers(new);
    for (name, before) in tiers(old) {
        if let Some(after) = after.get(&name) {
            compare_limits(diff, &format!("tier {name}"), &before, after);
        }
    }
}

fn compare_limits(diff: &mut Diff, whose: &str, old: &Limits, new: &Limits) {
    if old == new {
        return;
    }
    for (old, new) in old.in_words().into_iter().zip(new.in_words()) {
        if old == new {
            continue;
        }
        let grows = old.width.iter().zip(&new.width).any(|(old, new)| new > old);
        let effect = if grows { Effect::Widens } else { Effect::Narrows };
        diff.add(effect, format!("{whose}: {} changes from {} to {}", new.key, old.words, new.words));
    }
}

/// By principal: the certificates that it is.
type Certificates<'a> = BTreeMap<&'a str, BTreeSet<String>>;

fn certificates(policy: &Policy) -> Certificates<'_> {
    let mut certificates = Certificates::new();
    for (fact, holders) in &policy.identities.holders {
        for holder in holders {
            let issuer = holder.issuer.as_ref().map(|issuer| format!(" issued by {issuer}")).unwrap_or_default();
            certificates.entry(&holder.principal).or_default().insert(format!("{}{issuer}", words::fact(fact)));
        }
    }
    certificates
}

/// What the principals of both policies are compared by.
struct Principals<'a> {
    readers: Readers<'a>,
    /// The same grants are the same topics in both.
    alike: bool,
    /// Who had each namespace.
    namespaces: BTreeMap<&'a Namespace, &'a str>,
    certificates: [Certificates<'a>; 2],
}

impl<'a> Principals<'a> {
    fn compare(
        &mut self,
        diff: &mut Diff,
        name: &str,
        old: Option<&'a Arc<Principal>>,
        new: Option<&'a Arc<Principal>>,
    ) {
        let unchanged = old.zip(new).is_some_and(|(old, new)| Arc::ptr_eq(old, new));
        match (old, new) {
            (Some(old), Some(new)) if !unchanged => compare_settings(diff, old, new),
            (None, Some(new)) => appears(diff, new),
            (Some(old), None) => {
                diff.add(Effect::Narrows, format!("{name}: the principal of namespace {} is gone", old.namespace));
            }
            _ => {}
        }
        if let Some(new) = new {
            self.compare_owner(diff, new);
        }
        self.compare_certificates(diff, name);
        let same_grants = old.zip(new).is_some_and(|(old, new)| old.grants == new.grants);
        if !(self.alike && same_grants) {
            let changes = self.readers.changes(old.map(|it| &**it), new.map(|it| &**it));
            diff.0.extend(
                changes.iter().map(|change| Change { effect: change.effect, text: format!("{name} {}", change.text) }),
            );
        }
    }

    /// Groups are kept apart by namespace: who gets another's gets its groups.
    fn compare_owner(&self, diff: &mut Diff, new: &Principal) {
        let (name, namespace) = (&new.name, &new.namespace);
        if let Some(owner) = self.namespaces.get(namespace).filter(|owner| **owner != name) {
            let text =
                format!("{name}: takes the namespace {namespace} of {owner}, and with it its groups and offsets");
            diff.add(Effect::Loses, text);
        }
    }

    fn compare_certificates(&self, diff: &mut Diff, name: &str) {
        let none = BTreeSet::new();
        let [before, after] = self.certificates.each_ref().map(|all| all.get(name).unwrap_or(&none));
        for gone in before.difference(after) {
            diff.add(Effect::Narrows, format!("{name} is the certificate with {gone}"));
        }
        for new in after.difference(before) {
            diff.add(Effect::Widens, format!("{name} is the certificate with {new}"));
        }
    }
}

fn appears(diff: &mut Diff, new: &Principal) {
    let Principal { name, namespace, tier, limits, cidrs, .. } = new;
    let from = match cidrs.as_slice() {
        [] => "anywhere".to_owned(),
        nets => nets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let text = format!("{name}: a new principal of namespace {namespace} and tier {}, from {from}", tier.name);
    diff.add(Effect::Widens, text);
    compare_limits(diff, name, &tier.limits, limits);
}

fn compare_settings(diff: &mut Diff, old: &Principal, new: &Principal) {
    let name = &new.name;
    let mut changes = |effect, key: &str, before: &str, after: &str, so: &str| {
        if before != after {
            diff.add(effect, format!("{name}: {key} changes from {before} to {after}{so}"));
        }
    };
    let (before, after) = (old.namespace.as_str(), new.namespace.as_str());
    changes(Effect::Loses, "namespace", before, after, ": the offsets of its groups are lost");
    changes(Effect::Alters, "tier", &old.tier.name, &new.tier.name, "");
    changes(Effect::Alters, "contact", &old.contact, &new.contact, "");
    changes(Effect::Alters, "review_by", &old.review_by.to_string(), &new.review_by.to_string(), "");
    let told_by_tier = old.tier.name == new.tier.name && [old, new].iter().all(|it| it.limits == it.tier.share);
    if !told_by_tier {
        compare_limits(diff, name, &old.limits, &new.limits);
    }
    compare_networks(diff, name, &old.cidrs, &new.cidrs);
}

fn compare_networks(diff: &mut Diff, name: &str, old: &[IpNet], new: &[IpNet]) {
    let told = |nets: &[IpNet]| nets.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (before, after) = (IpNet::aggregate(&old.to_vec()), IpNet::aggregate(&new.to_vec()));
    match (before.as_slice(), after.as_slice()) {
        ([], []) => {}
        ([], nets) => {
            let text = format!("{name} may connect from anywhere (still from {})", told(nets).join(", "));
            diff.add(Effect::Narrows, text);
        }
        (nets, []) => {
            let text = format!("{name} may connect from anywhere (before: from {})", told(nets).join(", "));
            diff.add(Effect::Widens, text);
        }
        (before, after) => {
            one_way(diff, Effect::Narrows, name, before, after);
            one_way(diff, Effect::Widens, name, after, before);
        }
    }
}

/// The networks that are in one list and not in the other.
fn one_way(diff: &mut Diff, effect: Effect, name: &str, here: &[IpNet], there: &[IpNet]) {
    let rest = if effect == Effect::Narrows { "still" } else { "before:" };
    for net in here.iter().filter(|net| !there.iter().any(|wider| wider.contains(*net))) {
        let within: Vec<_> = there.iter().filter(|other| net.contains(*other)).map(ToString::to_string).collect();
        let within: Vec<_> = within.iter().map(String::as_str).collect();
        diff.add(effect, format!("{name} may connect from {net}{}", remark(rest, &within)));
    }
}
