//! Topics that may leave only while their cluster compacts them.

use weir_policy::{Compacted, Diff, Operation, Places, Policy, PolicyFiles, Reason, Resource};

use crate::small;

const CONDITION: &str = ", only_while_compacted: true";
const GIVEN: [Operation; 3] = [Operation::Read, Operation::Describe, Operation::DescribeConfigs];

/// `a` is free, `b` has this condition, and so has what begins with `auto.`; `auto.named` stands there by its name, too.
fn files(condition: &str) -> PolicyFiles {
    let entry = |names: &str, condition: &str| {
        format!(
            "  - {{{names}, stream: s, description: d, schema: /s, schema_version: 1.0.0, cleanup_policy: 'compact,delete', \
             pii: {{verdict: none, by: example, on: 2026-11-02, ticket: T1}}{condition}}}\n"
        )
    };
    let entries = [
        entry("topics: [a]", ""),
        entry("topics: [b]", condition),
        entry("prefix: auto., auto: true", condition),
        entry("topics: [auto.named]", ""),
        entry("topics: [not-granted]", condition),
    ];
    let read = ["{topic: a}", "{topic: b}", "{prefix: auto.}"].map(str::to_owned);
    let p = small::principal("p", "p", "{cn: p}", &read);
    small::files(format!("streams:\n{}", entries.concat()), "never: [{topic: b.never, why: x}]\n", vec![p])
}

fn judge(policy: &Policy, operation: Operation, topic: &str, compacted: &Compacted) -> Result<(), Reason> {
    policy.judge(&policy.principal("p").unwrap(), operation, Resource::Topic(topic), compacted)
}

#[test]
fn a_topic_with_the_condition_is_closed_until_its_cluster_confirms_it_and_no_other_topic_is() {
    let policy = small::policy(&files(CONDITION));
    let closed = Err(Reason::TopicNotCompacted);
    for operation in GIVEN {
        let verdicts = |compacted: &Compacted| {
            ["a", "b", "auto.x", "auto.named"].map(|topic| judge(&policy, operation, topic, compacted))
        };
        assert_eq!(verdicts(Compacted::none()), [Ok(()), closed, closed, closed], "{operation}");
        assert_eq!(verdicts(&Compacted::these(["b"])), [Ok(()), Ok(()), closed, closed]);
        assert_eq!(verdicts(&Compacted::these(["auto.x", "auto.named", "auto."])), [Ok(()), closed, Ok(()), Ok(())]);
        assert_eq!(verdicts(Compacted::assumed()), [Ok(()); 4]);
    }
    assert!(policy.asks_for_compaction());
    let asks = ["a", "b", "auto.x", "auto.named", "nowhere"].map(|topic| policy.only_while_compacted(topic));
    assert_eq!(asks, [false, true, true, true, false]);
}

#[test]
fn both_keys_come_first_and_what_no_grant_gives_is_refused_for_that() {
    let policy = small::policy(&files(CONDITION));
    for compacted in [Compacted::none(), Compacted::assumed(), &Compacted::these(["not-granted", "nowhere"])] {
        let read = |topic| judge(&policy, Operation::Read, topic, compacted);
        assert_eq!(read("not-granted"), Err(Reason::TopicNotGranted));
        assert_eq!(read("nowhere"), Err(Reason::TopicNotInCatalogue));
        assert_eq!(read("b.never"), Err(Reason::TopicNever));
        for operation in Operation::ALL.into_iter().filter(|operation| !GIVEN.contains(operation)) {
            assert_eq!(judge(&policy, operation, "b", compacted), Err(Reason::TopicReadOnly), "{operation}");
        }
    }
    let mut suspended = files(CONDITION);
    let stop = "suspend: topic\nname: b\nreason: x\nticket: T1\n";
    suspended.suspended = vec![small::file("suspended/b.yaml", stop)];
    let policy = small::policy(&suspended);
    for compacted in [Compacted::none(), &Compacted::these(["b"])] {
        assert_eq!(judge(&policy, Operation::Read, "b", compacted), Err(Reason::TopicSuspended));
    }
}

#[test]
fn without_the_condition_nothing_depends_on_what_a_cluster_says() {
    for condition in ["", ", only_while_compacted: false"] {
        let policy = small::policy(&files(condition));
        assert!(!policy.asks_for_compaction());
        assert_eq!(judge(&policy, Operation::Read, "b", Compacted::none()), Ok(()));
    }
}

#[test]
fn explain_says_that_it_depends_on_the_brokers() {
    let files = files(CONDITION);
    let policy = small::policy(&files);
    let (places, p) = (Places::read(&files, "p").unwrap(), policy.principal("p").unwrap());
    let conditions = |topic| {
        let explained = policy.explain(&places, &p, Operation::Read, Resource::Topic(topic));
        assert_eq!(explained.verdict, Ok(()));
        let lines = explained.lines.into_iter().filter(|line| line.part == "compacted");
        lines.map(|line| format!("{} {}", line.place.unwrap(), line.text)).collect::<Vec<_>>()
    };
    assert_eq!(conditions("a"), [""; 0]);
    let said = "only while the brokers confirm that the topic is compacted; else topic-not-compacted";
    assert_eq!(conditions("b"), [format!("catalogue.yaml:3:15 {said}")]);
    assert_eq!(conditions("auto.x"), [format!("catalogue.yaml:4:14 {said}")]);
}

#[test]
fn diff_tells_the_condition_as_what_it_is_a_right_less_or_more() {
    let (free, held) = (small::policy(&files("")), small::policy(&files(CONDITION)));
    let diff = |old, new| Diff::between(old, new).0.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        diff(&free, &held),
        [
            "- catalogue: every topic that begins with auto.: only_while_compacted becomes true",
            "- catalogue: topic b: only_while_compacted changes from false to true",
            "- catalogue: topic not-granted: only_while_compacted changes from false to true",
        ]
    );
    assert!(diff(&held, &free).iter().all(|line| line.starts_with("+ catalogue: ")));
    assert_eq!(diff(&held, &free).len(), 3);
    assert_eq!(diff(&held, &held), [""; 0]);
}
