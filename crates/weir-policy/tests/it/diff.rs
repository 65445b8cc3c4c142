//! `Diff::between`: every kind of change, in words, and nothing where no verdict changed.

use proptest::prelude::*;
use weir_policy::{Diff, GroupMode, IdentityRule, Operation, Policy, PolicyFiles, PolicyOptions, Resource};

use crate::small;

const NEVER: &str = "never:\n  - {suffix: .private, why: x}\n  - {topic: secret, why: x}\n";

fn base() -> PolicyFiles {
    let catalogue = small::catalogue(["a.page", "a.edit", "b.page"], ["auto."]);
    let read = ["{topic: a.page}".to_owned(), "{prefix: auto.}".to_owned()];
    small::files(
        catalogue,
        NEVER,
        vec![
            small::principal("p", "n", "{cn: p}", &read),
            small::principal("q", "m", "{cn: q}", &["{topic: b.page}".to_owned()]),
        ],
    )
}

fn replaced(file: &str, old: &str, new: &str) -> PolicyFiles {
    let mut files = base();
    let PolicyFiles { catalogue, never, tiers, principals, suspended: _ } = &mut files;
    let source = [catalogue, never, tiers].into_iter().chain(principals).find(|source| source.path == file).unwrap();
    assert!(source.text.contains(old), "{file} has no {old}");
    source.text = source.text.replace(old, new).into();
    files
}

fn between(old: &PolicyFiles, new: &PolicyFiles) -> Vec<String> {
    told(&Diff::between(&small::policy(old), &small::policy(new)))
}

fn told(diff: &Diff) -> Vec<String> {
    diff.0.iter().map(ToString::to_string).collect()
}

/// What is told of a change, and of its undoing.
#[track_caller]
fn both_ways(file: &str, old: &str, new: &str, there: &[&str], back: &[&str]) {
    let changed = replaced(file, old, new);
    assert_eq!(between(&base(), &changed), there);
    assert_eq!(between(&changed, &base()), back);
}

const P: &str = "principals/p.yaml";

#[test]
fn nothing_is_told_of_no_change() {
    assert!(between(&base(), &base()).is_empty());
    both_ways(P, "tier: tool", "tier: tool # since May", &[], &[]);
}

#[test]
fn grants_are_told_as_topics() {
    both_ways(
        P,
        "{topic: a.page}",
        "{topic: a.edit}",
        &["- p may read a.page", "+ p may read a.edit"],
        &["- p may read a.edit", "+ p may read a.page"],
    );
    both_ways(P, "{topic: a.page}", "{prefix: a.}", &["+ p may read a.edit"], &["- p may read a.edit"]);
}

#[test]
fn prefixes_are_told_as_prefixes_with_what_stays() {
    both_ways(
        P,
        "{prefix: auto.}",
        "{prefix: auto.x.}, {topic: auto.one}",
        &["- p may read every topic that begins with auto. (still auto.x.*, auto.one)"],
        &["+ p may read every topic that begins with auto. (before: auto.x.*, auto.one)"],
    );
    both_ways(P, "{prefix: auto.}", "{prefix: a}", &["+ p may read a.edit"], &["- p may read a.edit"]);
}

#[test]
fn the_catalogue_is_the_other_key() {
    let without = replaced("catalogue.yaml", "prefix: 'auto.', auto: true", "topics: ['c.page']");
    let without = PolicyFiles { principals: replaced(P, ", {prefix: auto.}", "").principals, ..without };
    assert_eq!(
        between(&base(), &without),
        [
            "- catalogue: every topic that begins with auto.",
            "+ catalogue: topic c.page",
            "- p may read every topic that begins with auto.",
        ]
    );
    both_ways(
        "catalogue.yaml",
        "prefix: 'auto.'",
        "prefix: 'auto'",
        &["+ catalogue: every topic that begins with auto"],
        &["- catalogue: every topic that begins with auto"],
    );
    let narrower = replaced("catalogue.yaml", "prefix: 'auto.'", "prefix: 'auto.b.'");
    let told = between(&base(), &narrower);
    assert_eq!(
        told,
        [
            "- catalogue: every topic that begins with auto.",
            "- p may read every topic that begins with auto. (still auto.b.*)"
        ]
    );
    both_ways(
        "catalogue.yaml",
        "topics: ['b.page'], stream: s, description: d, schema: /s, schema_version: 1.0.0",
        "topics: ['b.page'], stream: s, description: d, schema: /s, schema_version: 1.1.0",
        &["~ catalogue: topic b.page: schema_version changes from 1.0.0 to 1.1.0"],
        &["~ catalogue: topic b.page: schema_version changes from 1.1.0 to 1.0.0"],
    );
}

#[test]
fn the_never_list_is_told_as_globs() {
    both_ways(
        "never.yaml",
        "  - {suffix: .private, why: x}\n",
        "  - {contains: web, why: x}\n",
        &["+ never: *.private is not held back any more", "- never: *web* is held back"],
        &["+ never: *web* is not held back any more", "- never: *.private is held back"],
    );
    // Not one topic is left under the prefix.
    let mut swallowed = replaced("never.yaml", ".private", ".private, why: x}\n  - {glob: '*o.y*'");
    swallowed.principals = replaced(P, "prefix: auto.", "prefix: auto.y").principals;
    let mut before = base();
    before.principals.clone_from(&swallowed.principals);
    assert_eq!(
        between(&before, &swallowed),
        ["- never: *o.y* is held back", "- p may read every topic that begins with auto.y"]
    );
}

#[test]
fn a_namespace_is_not_changed_lightly() {
    let lost = ["! p: namespace changes from n to k: the offsets of its groups are lost"];
    let back = ["! p: namespace changes from k to n: the offsets of its groups are lost"];
    both_ways(P, "namespace: 'n'", "namespace: 'k'", &lost, &back);
    let mut heir = base();
    heir.principals.remove(0);
    let diff = Diff::between(&small::policy(&base()), &small::policy(&heir));
    assert!(!diff.needs_confirmation(), "{:?}", told(&diff));
    heir.principals.push(small::principal("r", "n", "{cn: r}", &[]));
    assert_eq!(
        between(&base(), &heir),
        [
            "- p: the principal of namespace n is gone",
            "- p is the certificate with cn p",
            "- p may read every topic that begins with auto.",
            "- p may read a.page",
            "+ r: a new principal of namespace n and tier tool, from anywhere",
            "! r: takes the namespace n of p, and with it its groups and offsets",
            "+ r is the certificate with cn r",
        ]
    );
}

#[test]
fn limits_are_told_once_for_a_tier_and_else_for_each() {
    both_ways(
        "tiers.yaml",
        "connections: 20",
        "connections: 30",
        &["+ tier tool: connections changes from 20 to 30"],
        &["- tier tool: connections changes from 30 to 20"],
    );
    both_ways(
        P,
        "tier: tool",
        "tier: tool\nlimits: {groups: {most: 5}, joins: {per_minute: 90, mode: observe}}",
        &[
            "- p: groups changes from 20, deny to 5, deny",
            "+ p: joins changes from 1 per second, 60 more at once, throttle to 90 per minute, 60 more at once, observe",
        ],
        &[
            "+ p: groups changes from 5, deny to 20, deny",
            "- p: joins changes from 90 per minute, 60 more at once, observe to 1 per second, 60 more at once, throttle",
        ],
    );
    let mut moved = replaced(P, "tier: tool", "tier: big");
    moved.tiers.text = format!("{}  - tier: big\n    connections: 99\n", moved.tiers.text).into();
    assert_eq!(
        between(&base(), &moved),
        ["~ p: tier changes from tool to big", "+ p: connections changes from 20 to 99"]
    );
}

#[test]
fn networks_certificates_and_the_rest_of_a_file() {
    let from = |nets: &str| replaced(P, "tier: tool", &format!("tier: tool\ncidrs: [{nets}]"));
    assert_eq!(between(&base(), &from("192.0.2.0/24")), ["- p may connect from anywhere (still from 192.0.2.0/24)"]);
    assert_eq!(between(&from("192.0.2.0/24"), &base()), ["+ p may connect from anywhere (before: from 192.0.2.0/24)"]);
    assert_eq!(
        between(&from("192.0.2.0/24"), &from("192.0.2.0/25, 198.51.100.0/24")),
        ["- p may connect from 192.0.2.0/24 (still 192.0.2.0/25)", "+ p may connect from 198.51.100.0/24"]
    );
    assert!(between(&from("192.0.2.0/24"), &from("192.0.2.0/25, 192.0.2.128/25")).is_empty());
    both_ways(
        P,
        "{cn: p}",
        "{cn: p, issuer: CN=Root}, {san_dns: p.example}",
        &[
            "- p is the certificate with cn p",
            "+ p is the certificate with cn p issued by CN=Root",
            "+ p is the certificate with san_dns p.example",
        ],
        &[
            "- p is the certificate with cn p issued by CN=Root",
            "- p is the certificate with san_dns p.example",
            "+ p is the certificate with cn p",
        ],
    );
    both_ways(
        P,
        "c@d.example\nreview_by: 2027-05-03",
        "e@f.example\nreview_by: 2028-05-03",
        &[
            "~ p: contact changes from c@d.example to e@f.example",
            "~ p: review_by changes from 2027-05-03 to 2028-05-03",
        ],
        &[
            "~ p: contact changes from e@f.example to c@d.example",
            "~ p: review_by changes from 2028-05-03 to 2027-05-03",
        ],
    );
}

#[test]
fn suspensions_and_options() {
    let text = "suspend: topic\nname: a.page\nreason: it leaks\nticket: T7\n";
    let stopped = PolicyFiles { suspended: vec![small::file("suspended/x.yaml", text)], ..base() };
    assert_eq!(
        between(&base(), &stopped),
        ["- suspended: topic a.page is suspended (T7: it leaks)", "- p may read a.page"]
    );
    assert_eq!(
        between(&stopped, &base()),
        ["+ suspended: topic a.page is not suspended any more", "+ p may read a.page"]
    );
    let other = PolicyOptions { identity: vec![IdentityRule::Cn], groups: GroupMode::ExplicitPrefix };
    let diff = Diff::between(&small::policy(&base()), &Policy::compile(&base(), &other).unwrap());
    assert_eq!(
        told(&diff),
        [
            "! groups: the mode changes from namespaced to explicit-prefix: the offsets of all groups are lost",
            "! identity: the rules change from fingerprint, san-uri, san-dns, san-email, dn, cn to cn: certificates \
             may be other principals",
        ]
    );
    assert!(diff.needs_confirmation());
}

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
            let verdict = policy.judge(&principal, Operation::Read, Resource::Topic(&topic)).is_ok();
            table.push(format!("{name} {} {topic}: {verdict}", principal.namespace));
        }
    }
    table
}

/// Every change of what is read is told by one line, and every line by a change.
fn tells_each_change_once(told: &[String], old: &Policy, new: &Policy) {
    let reads = |policy: &Policy, name: &str, topic: &str| {
        let principal = policy.principal(name);
        principal.is_some_and(|it| policy.judge(&it, Operation::Read, Resource::Topic(topic)).is_ok())
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
        let told = told(&Diff::between(&before, &after));
        let same = table(&before, &old.never.text) == table(&after, &new.never.text);
        prop_assert_eq!(told.is_empty(), same, "{:?}", told);
        if keep != 0 {
            tells_each_change_once(&told, &before, &after);
        }
    }
}
