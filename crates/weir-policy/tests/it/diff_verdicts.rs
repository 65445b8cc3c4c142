//! `Diff::between` held against the judge: nothing is told just where no verdict changed, over small policies.

use proptest::prelude::*;
use weir_policy::{Compacted, Diff, Operation, Policy, PolicyFiles, Resource};

use crate::small;

/// Topics of a small alphabet, so that every difference of two prefixes is one of topics.
fn universe() -> Vec<String> {
    let mut all = vec![String::new()];
    for length in 1..=4 {
        let longer: Vec<_> = all.iter().filter(|name| name.len() == length - 1).cloned().collect();
        all.extend(longer.iter().flat_map(|name| ["a", "b", "-"].map(|letter| format!("{name}{letter}"))));
    }
    all.split_off(1)
}

/// A small policy with the grants that its catalogue has; of two principals with one namespace it does not compile.
fn drawn() -> impl Strategy<Value = PolicyFiles> {
    const TOPICS: [&str; 4] = ["aab", "aba", "b-b", "ba"];
    const PREFIXES: [&str; 4] = ["a", "ab", "b-", "aa"];
    let some = |names: [&'static str; 4]| prop::sample::subsequence(names.to_vec(), 0..=3);
    let grants = (some(TOPICS), some(PREFIXES)).prop_map(|(topics, prefixes)| {
        let topics = topics.into_iter().map(|topic| format!("{{topic: {topic}}}"));
        topics.chain(prefixes.into_iter().map(|prefix| format!("{{prefix: {prefix}}}"))).collect::<Vec<_>>()
    });
    let principal = |namespaces: [&'static str; 2]| {
        prop::option::weighted(0.9, (grants.clone(), prop::sample::select(namespaces.to_vec())))
    };
    let never = prop::sample::select(vec!["{suffix: bb, why: x}", "{glob: 'a*-*', why: x}", "{topic: zz, why: x}"]);
    (some(TOPICS), some(PREFIXES), never, principal(["n", "m"]), principal(["k", "n"])).prop_map(
        |(topics, prefixes, never, p, q)| {
            let catalogue = small::catalogue(topics, prefixes);
            let with = |principals| small::files(catalogue.clone(), format!("never: [{never}]\n"), principals);
            let sound = |grant: &String| {
                let alone = small::principal("p", "n", "{cn: p}", std::slice::from_ref(grant));
                small::compile(&with(vec![alone])).is_ok()
            };
            let file = |(name, drawn): (&str, Option<(Vec<String>, &str)>)| {
                let (read, namespace) = drawn?;
                let read: Vec<_> = read.into_iter().filter(sound).collect();
                Some(small::principal(name, namespace, &format!("{{cn: {name}}}"), &read))
            };
            with([("p", p), ("q", q)].into_iter().filter_map(file).collect())
        },
    )
}

/// All that a policy says, by asking it.
fn table(policy: &Policy, never: &str) -> Vec<String> {
    let mut table = vec![never.to_owned()];
    for topic in universe() {
        let named = policy.catalogue_entry(&topic).is_some();
        table.push(format!("{topic}: {named} {}", policy.catalogue_allows(&topic)));
        for name in ["p", "q"] {
            let Some(principal) = policy.principal(name) else { continue };
            let verdict = policy.judge(&principal, Operation::Read, Resource::Topic(&topic), Compacted::none()).is_ok();
            table.push(format!("{name} {} {topic}: {verdict}", principal.namespace));
        }
    }
    table
}

/// Every change of what is read is told by one line, and every line by a change.
fn tells_each_change_once(told: &[String], old: &Policy, new: &Policy) {
    let reads = |policy: &Policy, name: &str, topic: &str| {
        let principal = policy.principal(name);
        principal
            .is_some_and(|it| policy.judge(&it, Operation::Read, Resource::Topic(topic), Compacted::none()).is_ok())
    };
    let says = |line: &str, name: &str, topic: &str| {
        let Some(what) = line.strip_prefix(&format!("{name} may read ")) else { return false };
        let prefix = what.strip_prefix("every topic that begins with ").and_then(|rest| rest.split(' ').next());
        prefix.map_or(what == topic, |prefix| topic.starts_with(prefix))
    };
    let mut used = vec![false; told.len()];
    for name in ["p", "q"] {
        for topic in universe() {
            let sign = match (reads(old, name, &topic), reads(new, name, &topic)) {
                (false, true) => "+ ",
                (true, false) => "- ",
                _ => continue,
            };
            let with: Vec<usize> = (0..told.len())
                .filter(|at| told[*at].strip_prefix(sign).is_some_and(|line| says(line, name, &topic)))
                .collect();
            assert_eq!(with.len(), 1, "{sign}{name} {topic}: {told:?}");
            used[with[0]] = true;
        }
    }
    for (line, used) in told.iter().zip(used) {
        assert!(used || !line.contains(" may read "), "no verdict changed: {line} of {told:?}");
    }
}

proptest! {
    #![proptest_config(small::cases(200))]

    #[test]
    fn nothing_is_told_just_where_no_verdict_changed(old in drawn(), new in drawn(), keep in 0..4_u8) {
        // Often only one of the two keys moves, and mostly the never list stays.
        let mut new = new;
        if keep != 0 {
            new.never = old.never.clone();
        }
        if keep == 1 {
            new.catalogue = old.catalogue.clone();
        }
        if keep == 2 {
            new.principals = old.principals.clone();
        }
        let (before, after) = (small::compile(&old), small::compile(&new));
        prop_assume!(before.is_ok() && after.is_ok());
        let (before, after) = (before.unwrap(), after.unwrap());
        let told: Vec<_> = Diff::between(&before, &after).0.iter().map(ToString::to_string).collect();
        let same = table(&before, &old.never.text) == table(&after, &new.never.text);
        prop_assert_eq!(told.is_empty(), same, "{:?}", told);
        if keep != 0 {
            tells_each_change_once(&told, &before, &after);
        }
    }
}
