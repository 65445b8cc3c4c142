//! What a principal may read: topics that both keys name, one by one, and prefixes as prefixes.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use super::{Change, Effect, remark};
use crate::pattern::PrefixSet;
use crate::principal::Grants;
use crate::{Compacted, Operation, Policy, Principal, Resource};

/// Compares what principals may read. Equal lists of grants are compared once, however many principals have them.
pub(super) struct Readers<'a> {
    old: &'a Policy,
    new: &'a Policy,
    /// Every topic that a catalogue names.
    named: BTreeSet<&'a str>,
    known: HashMap<[usize; 2], Vec<Change>>,
}

impl<'a> Readers<'a> {
    pub(super) fn new(old: &'a Policy, new: &'a Policy) -> Self {
        let named = old.catalogue_literals().chain(new.catalogue_literals()).collect();
        Self { old, new, named, known: HashMap::new() }
    }

    /// The changes of one principal, which may be new or gone. Their texts begin behind its name.
    pub(super) fn changes(&mut self, old: Option<&'a Principal>, new: Option<&'a Principal>) -> &[Change] {
        let address = |principal: Option<&Principal>| principal.map_or(0, |it| Arc::as_ptr(&it.grants) as usize);
        let lists = [address(old), address(new)];
        let (before, after) = (Side::new(self.old, old), Side::new(self.new, new));
        let named = &self.named;
        self.known.entry(lists).or_insert_with(|| compare(named, &before, &after))
    }
}

/// One principal in one of the two policies.
struct Side<'a> {
    policy: &'a Policy,
    principal: Option<&'a Principal>,
    /// What it may read whatever appears there: where a prefix of the catalogue and one of its own meet.
    prefixes: PrefixSet,
}

impl<'a> Side<'a> {
    fn new(policy: &'a Policy, principal: Option<&'a Principal>) -> Self {
        let mut meet: Vec<Arc<str>> = Vec::new();
        for granted in principal.into_iter().flat_map(Principal::granted_prefixes) {
            if policy.catalogue.prefixes.covers(granted) {
                meet.push(granted.into());
            } else {
                meet.extend(policy.catalogue.prefixes.within(granted).map(Arc::from));
            }
        }
        meet.retain(|prefix| !policy.never.0.swallows(prefix));
        Self { policy, principal, prefixes: meet.into_iter().collect() }
    }

    fn reads(&self, topic: &str) -> bool {
        let (read, topic) = (Operation::Read, Resource::Topic(topic));
        let judge = |principal| self.policy.judge(principal, read, topic, Compacted::assumed());
        self.principal.is_some_and(|principal| judge(principal).is_ok())
    }

    /// The topics that the principal could read, as far as their names are known.
    fn may_name(&self, named: &BTreeSet<&'a str>, into: &mut BTreeSet<&'a str>) {
        let Some(Grants { topics, prefixes }) = self.principal.map(|principal| &*principal.grants) else { return };
        into.extend(topics.iter().map(|topic| &**topic));
        for prefix in prefixes.iter() {
            let from = named.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
            into.extend(from.take_while(|topic| topic.starts_with(prefix)));
        }
    }
}

fn compare<'a>(named: &BTreeSet<&'a str>, before: &Side<'a>, after: &Side<'a>) -> Vec<Change> {
    let mut topics = BTreeSet::new();
    before.may_name(named, &mut topics);
    after.may_name(named, &mut topics);
    let mut kept = Vec::new();
    let (mut lost, mut gained) = (Vec::new(), Vec::new());
    for topic in topics {
        match (before.reads(topic), after.reads(topic)) {
            (true, true) => kept.push(topic),
            (true, false) => lost.push(topic),
            (false, true) => gained.push(topic),
            (false, false) => {}
        }
    }
    let mut changes = one_way(Effect::Narrows, "still", before, after, &kept, &lost);
    changes.extend(one_way(Effect::Widens, "before:", after, before, &kept, &gained));
    changes
}

/// What is in one side and not in the other.
fn one_way(
    effect: Effect,
    rest: &str,
    here: &Side<'_>,
    there: &Side<'_>,
    both: &[&str],
    topics: &[&str],
) -> Vec<Change> {
    let only: PrefixSet = here.prefixes.iter().filter(|prefix| !there.prefixes.covers(prefix)).map(Arc::from).collect();
    let prefixes = only.iter().map(|prefix| {
        let within: Vec<String> = there.prefixes.within(prefix).map(|kept| format!("{kept}*")).collect();
        let named = both.iter().filter(|topic| topic.starts_with(prefix) && !there.prefixes.covers(topic)).copied();
        let kept: Vec<&str> = within.iter().map(String::as_str).chain(named).collect();
        format!("may read every topic that begins with {prefix}{}", remark(rest, &kept))
    });
    let topics = topics.iter().filter(|topic| !only.covers(topic)).map(|topic| format!("may read {topic}"));
    prefixes.chain(topics).map(|text| Change { effect, text }).collect()
}
