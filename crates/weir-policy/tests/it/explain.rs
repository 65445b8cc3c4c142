//! `Policy::explain`: the verdict of the one judge, the lines behind it, and what to write.

use weir_policy::{Compacted, Explanation, Operation, Places, Policy, PolicyFiles, Reason, Resource};

use crate::small;

const NEVER: &str = "never:\n  - suffix: .private\n    why: x\n";

fn sample() -> PolicyFiles {
    let catalogue = small::catalogue(["eqiad.page", "eqiad.edit", "codfw.other"], ["auto."]);
    let tool = "principal: tool\nnamespace: tools\ncertificate: [{cn: tool}]\ntier: tool\ncontact: c@d.example\n\
                review_by: 2027-05-03\nread:\n  - topic: eqiad.page\n  - prefix: eqiad.\n  - prefix: auto.\n\
                cidrs: [192.0.2.0/24, '2001:db8::/32']\nlimits: {groups: {most: 3}}\n";
    small::files(
        catalogue,
        NEVER,
        vec![small::principal("other", "tool", "{cn: other}", &[]), small::file("principals/tool.yaml", tool)],
    )
}

fn with_suspended(name: &str, kind: &str) -> PolicyFiles {
    let name = if name.is_empty() { String::new() } else { format!("name: {name}\n") };
    let text = format!("suspend: {kind}\n{name}reason: it leaks\nticket: T7\n");
    PolicyFiles { suspended: vec![small::file("suspended/x.yaml", text)], ..sample() }
}

fn explained(files: &PolicyFiles, operation: Operation, resource: Resource<'_>) -> Explanation {
    let policy = small::policy(files);
    let places = Places::read(files, "tool").unwrap();
    policy.explain(&places, &policy.principal("tool").unwrap(), operation, resource)
}

/// What is printed of it.
fn said(files: &PolicyFiles, operation: Operation, resource: Resource<'_>) -> Vec<String> {
    let explained = explained(files, operation, resource);
    let mut said = vec![match explained.verdict {
        Ok(()) => format!("allowed by {}", explained.rule),
        Err(reason) => format!("{reason} by {}", explained.rule),
    }];
    said.extend(explained.lines.iter().map(|line| {
        let place = line.place.as_ref().map_or_else(|| "nowhere".to_owned(), ToString::to_string);
        format!("{} {place} {}", line.part, line.text)
    }));
    said.extend(explained.real_group.map(|group| format!("group {}", group.as_str())));
    said.extend(explained.fix);
    said
}

fn read(topic: &str) -> Vec<String> {
    said(&sample(), Operation::Read, Resource::Topic(topic))
}

#[test]
fn what_is_allowed_names_each_line_that_gives_it() {
    assert_eq!(
        read("eqiad.page"),
        [
            "allowed by read-only",
            "grant principals/tool.yaml:8:12 topic eqiad.page",
            "grant principals/tool.yaml:9:13 prefix eqiad.",
            "catalogue catalogue.yaml:2:15 topic eqiad.page, stream s",
        ]
    );
    assert_eq!(
        read("auto.tomorrow"),
        [
            "allowed by read-only",
            "grant principals/tool.yaml:10:13 prefix auto.",
            "catalogue catalogue.yaml:5:14 prefix auto.",
        ]
    );
}

#[test]
fn what_is_refused_says_what_to_write() {
    assert_eq!(
        read("codfw.other"),
        [
            "topic-not-granted by grant",
            "catalogue catalogue.yaml:4:15 topic codfw.other, stream s",
            "add `- topic: codfw.other` to the list `read:` at principals/tool.yaml:8:3",
        ]
    );
    assert_eq!(
        read("eqiad.new"),
        [
            "topic-not-in-catalogue by catalogue",
            "grant principals/tool.yaml:9:13 prefix eqiad.",
            "have the topic reviewed and added to catalogue.yaml, then grant it in principals/tool.yaml: \
             `- topic: eqiad.new` under `read:`",
        ]
    );
    assert_eq!(read("page"), ["topic-not-in-catalogue by catalogue", "did you mean `eqiad.page`?"]);
    assert_eq!(
        read("auto.private"),
        [
            "topic-never by never",
            "never never.yaml:2:13 suffix: .private",
            "grant principals/tool.yaml:10:13 prefix auto.",
            "catalogue catalogue.yaml:5:14 prefix auto.",
            "the line at never.yaml:2:13 holds it back: without it, the topic would still need an entry in \
             catalogue.yaml and a grant",
        ]
    );
    assert_eq!(
        read("__consumer_offsets"),
        [
            "topic-never by never",
            "never nowhere Kafka's own topics, whatever the files say",
            "nothing allows it: Kafka's own topics never leave",
        ]
    );
    assert_eq!(
        read("a b"),
        ["topic-name-invalid by topic-name", "write 1 to 249 letters, digits, dots, underscores or dashes"]
    );
    let write = said(&sample(), Operation::Write, Resource::Topic("eqiad.edit"));
    assert_eq!(write.first().unwrap(), "topic-read-only by read-only");
    assert!(write.last().unwrap().starts_with("nothing allows it"), "{write:?}");
}

#[test]
fn groups_are_told_with_the_name_that_the_brokers_have() {
    let group = |operation, name| said(&sample(), operation, Resource::Group(name));
    let namespace = "namespace principals/tool.yaml:2:12 tools";
    assert_eq!(group(Operation::Delete, "g"), ["allowed by group", namespace, "group weir.tools.g"]);
    assert_eq!(
        group(Operation::Alter, "g"),
        [
            "group-operation by group",
            namespace,
            "group weir.tools.g",
            "nothing allows it: own groups can be read, described and deleted, not alter",
        ]
    );
    assert_eq!(
        group(Operation::Read, "a/b"),
        [
            "group-name-invalid by group",
            namespace,
            "name the group with 1 to 249 printable ASCII characters, none a slash",
        ]
    );
}

#[test]
fn who_or_what_is_suspended_is_told_with_its_file() {
    assert_eq!(
        said(&with_suspended("tool", "principal"), Operation::Read, Resource::Topic("eqiad.page")),
        [
            "principal-suspended by suspended",
            "suspended suspended/x.yaml:2:7 principal tool (T7: it leaks)",
            "`weir resume principal tool --reason TEXT --ticket ID`, or take suspended/x.yaml away",
        ]
    );
    let topic = said(&with_suspended("eqiad.page", "topic"), Operation::Read, Resource::Topic("eqiad.page"));
    assert_eq!(
        topic[..2],
        ["topic-suspended by catalogue", "suspended suspended/x.yaml:2:7 topic eqiad.page (T7: it leaks)"]
    );
    assert_eq!(
        topic.last().unwrap(),
        "`weir resume topic eqiad.page --reason TEXT --ticket ID`, or take suspended/x.yaml away"
    );
    let all = said(&with_suspended("", "all"), Operation::Read, Resource::Topic("eqiad.page"));
    assert_eq!(all.last().unwrap(), "`weir resume all --reason TEXT --ticket ID`, or take suspended/x.yaml away");
}

#[test]
fn an_address_is_held_against_the_networks_of_the_principal() {
    let files = sample();
    let (policy, places) = (small::policy(&files), Places::read(&files, "tool").unwrap());
    let tool = policy.principal("tool").unwrap();
    let (verdict, lines) = tool.explain_address(&places, "::ffff:192.0.2.7".parse().unwrap());
    assert_eq!((verdict, lines[0].text.as_str()), (Ok(()), "192.0.2.0/24"));
    assert_eq!(lines[0].place.as_ref().unwrap().to_string(), "principals/tool.yaml:11:9");
    let (verdict, lines) = tool.explain_address(&places, "198.51.100.1".parse().unwrap());
    assert_eq!((verdict, lines[0].text.as_str()), (Err(Reason::AddressNotAllowed), "192.0.2.0/24, 2001:db8::/32"));
    let places = Places::read(&files, "other").unwrap();
    let (verdict, lines) = policy.principal("other").unwrap().explain_address(&places, "::1".parse().unwrap());
    assert_eq!((verdict, lines[0].place.clone()), (Ok(()), None));
}

#[test]
fn a_limit_is_told_where_it_stands() {
    let files = sample();
    let (policy, places) = (small::policy(&files), Places::read(&files, "tool").unwrap());
    let lines = policy.principal("tool").unwrap().explain_limits(&places);
    let at = |text: &str| {
        let line = lines.iter().find(|line| line.text == text).unwrap_or_else(|| panic!("{text}: {lines:?}"));
        line.place.as_ref().unwrap().to_string()
    };
    assert_eq!(at("groups: 3, deny"), "principals/tool.yaml:12:18");
    assert_eq!(at("connections: 20"), "tiers.yaml:2:11");
    assert_eq!(at("joins: 1 per second, 60 more at once, throttle"), "tiers.yaml:2:11");
}

#[test]
fn every_verdict_is_the_judges_own() {
    let files = sample();
    let policy: Policy = small::policy(&files);
    let topics = ["eqiad.page", "codfw.other", "nothing", "auto.x", "auto.private", "__consumer_offsets", "", "g"];
    for name in ["tool", "other"] {
        let (principal, places) = (policy.principal(name).unwrap(), Places::read(&files, name).unwrap());
        for operation in Operation::ALL {
            let resources = topics.into_iter().flat_map(|text| {
                [Resource::Topic(text), Resource::Group(text), Resource::TransactionalId(text), Resource::Cluster]
            });
            for resource in resources {
                let explained = policy.explain(&places, &principal, operation, resource);
                assert_eq!(explained.verdict, policy.judge(&principal, operation, resource, Compacted::assumed()));
                assert_eq!(explained.fix.is_some(), explained.verdict.is_err(), "{resource:?}");
            }
        }
    }
    assert!(Places::read(&files, "too").is_none(), "a part of a name is nobody's");
}
