//! `Diff::between`: every kind of change, in words.

use weir_policy::{Diff, GroupMode, IdentityRule, Policy, PolicyFiles, PolicyOptions};

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
    let other = PolicyOptions {
        identity: vec![IdentityRule::Cn],
        groups: GroupMode::ExplicitPrefix,
        ..PolicyOptions::default()
    };
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
