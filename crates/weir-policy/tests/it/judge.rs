//! The one judge, against a second one that is slow and simple.

use std::collections::BTreeSet;

use proptest::prelude::*;
use weir_policy::{Compacted, ConfigErrors, Operation, Policy, Reason, Resource};

use crate::small;

const ALL_READ: [Operation; 3] = [Operation::Read, Operation::Describe, Operation::DescribeConfigs];

fn example() -> Policy {
    let catalogue = small::catalogue(["eqiad.a", "eqiad.b", "codfw.a"], ["auto."]);
    let never = "never:\n  - {contains: secret, why: w}\n";
    let a = small::principal("a", "a", "{cn: a}", &["{topic: eqiad.a}".to_owned(), "{prefix: auto.x}".to_owned()]);
    let b = small::principal("b", "b", "{cn: b}", &["{prefix: eqiad.}".to_owned()]);
    small::policy(&small::files(catalogue, never, vec![a, b]))
}

#[test]
fn a_topic_needs_both_keys() {
    let policy = example();
    let (a, b) = (policy.principal("a").unwrap(), policy.principal("b").unwrap());
    for operation in ALL_READ {
        let judge = |principal, topic| policy.judge(principal, operation, Resource::Topic(topic), Compacted::none());
        assert_eq!(judge(&a, "eqiad.a"), Ok(()));
        assert_eq!(judge(&a, "eqiad.b"), Err(Reason::TopicNotGranted));
        assert_eq!(judge(&b, "eqiad.b"), Ok(()));
        assert_eq!(judge(&b, "codfw.a"), Err(Reason::TopicNotGranted));
        assert_eq!(judge(&b, "eqiad.c"), Err(Reason::TopicNotInCatalogue));
        assert_eq!(judge(&a, "auto.xy"), Ok(()));
        assert_eq!(judge(&a, "auto.y"), Err(Reason::TopicNotGranted));
        assert_eq!(judge(&a, "auto.x-secret"), Err(Reason::TopicNever));
        assert_eq!(judge(&a, "EQIAD.a"), Err(Reason::TopicNotInCatalogue));
    }
}

#[test]
fn hostile_f16_names_that_no_topic_can_have_are_refused_as_such() {
    let policy = example();
    let a = policy.principal("a").unwrap();
    let long = format!("auto.x{}", "y".repeat(244));
    for topic in ["", ".", "..", "a\0", "eqiad.a/", "%2e", "\u{202e}a", "eqiad.\u{430}", &long] {
        let verdict = policy.judge(&a, Operation::Describe, Resource::Topic(topic), Compacted::none());
        assert_eq!(verdict, Err(Reason::TopicNameInvalid), "{topic:?}");
        assert!(!policy.catalogue_allows(topic));
    }
    assert!(policy.catalogue_allows(&long[..249]));
}

#[test]
fn trap_l25_kafkas_own_topics_never_leave_even_with_an_empty_never_list() {
    let files =
        small::files(small::catalogue(["a"], []), "never: []\n", vec![small::principal("p", "p", "{cn: p}", &[])]);
    let policy = small::policy(&files);
    let p = policy.principal("p").unwrap();
    for topic in ["__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"] {
        assert_eq!(
            policy.judge(&p, Operation::Read, Resource::Topic(topic), Compacted::none()),
            Err(Reason::TopicNever)
        );
        let errors = small::compile(&small::files(small::catalogue([topic], []), "never: []\n", vec![])).unwrap_err();
        assert!(errors.to_string().contains("must never leave"), "{errors}");
    }
}

#[test]
fn a_grant_gives_read_describe_and_describe_configs_and_nothing_else() {
    let policy = example();
    let a = policy.principal("a").unwrap();
    for operation in Operation::ALL {
        let expected = if ALL_READ.contains(&operation) { Ok(()) } else { Err(Reason::TopicReadOnly) };
        assert_eq!(
            policy.judge(&a, operation, Resource::Topic("eqiad.a"), Compacted::none()),
            expected,
            "{operation:?}"
        );
        // What is hidden is refused as hidden, whatever was asked.
        let hidden = policy.judge(&a, operation, Resource::Topic("eqiad.b"), Compacted::none());
        assert_eq!(hidden, Err(Reason::TopicNotGranted), "{operation:?}");
    }
}

#[test]
fn what_was_granted_can_be_listed() {
    let policy = example();
    let (a, b) = (policy.principal("a").unwrap(), policy.principal("b").unwrap());
    assert_eq!(a.granted_topics().collect::<Vec<_>>(), ["eqiad.a"]);
    assert_eq!(a.granted_prefixes().collect::<Vec<_>>(), ["auto.x"]);
    assert_eq!((b.granted_topics().count(), b.granted_prefixes().collect::<Vec<_>>()), (0, vec!["eqiad."]));
}

#[test]
fn own_groups_can_be_read_described_and_deleted() {
    let policy = example();
    let a = policy.principal("a").unwrap();
    for operation in Operation::ALL {
        let allowed = matches!(operation, Operation::Read | Operation::Describe | Operation::Delete);
        let expected = if allowed { Ok(()) } else { Err(Reason::GroupOperation) };
        assert_eq!(policy.judge(&a, operation, Resource::Group("g"), Compacted::none()), expected, "{operation:?}");
        assert_eq!(policy.judge(&a, operation, Resource::Group(""), Compacted::none()), Err(Reason::GroupNameInvalid));
    }
}

#[test]
fn nothing_is_done_to_transactions_and_the_cluster() {
    let policy = example();
    let a = policy.principal("a").unwrap();
    for operation in Operation::ALL {
        let transaction = policy.judge(&a, operation, Resource::TransactionalId("t"), Compacted::none());
        assert_eq!(transaction, Err(Reason::TransactionalIdNotServed));
        assert_eq!(policy.judge(&a, operation, Resource::Cluster, Compacted::none()), Err(Reason::ClusterOperation));
    }
}

#[test]
fn all_topics_metadata_shows_what_both_keys_open() {
    let policy = example();
    let existing = ["eqiad.a", "eqiad.b", "auto.x1", "auto.y", "auto.x.secret", "hidden", "__consumer_offsets"];
    let readable =
        |name| policy.readable(&policy.principal(name).unwrap(), existing.into_iter()).collect::<Vec<_>>().join(" ");
    assert_eq!(readable("a"), "eqiad.a auto.x1");
    assert_eq!(readable("b"), "eqiad.a eqiad.b");
}

/// A never line, as the naive evaluator reads it.
#[derive(Clone, Debug)]
struct Never(&'static str, String);

impl Never {
    fn matches(&self, topic: &str) -> bool {
        match self.0 {
            "topic" => topic == self.1,
            "prefix" => topic.starts_with(&self.1),
            "suffix" => topic.ends_with(&self.1),
            "contains" => topic.contains(&self.1),
            _ => glob(self.1.as_bytes(), topic.as_bytes()),
        }
    }
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|from| glob(rest, &text[from..])),
        (Some((a, pattern)), Some((b, text))) => a == b && glob(pattern, text),
        _ => false,
    }
}

/// A policy, as the naive evaluator holds it.
#[derive(Clone, Debug)]
struct Naive {
    topics: BTreeSet<String>,
    autos: BTreeSet<String>,
    never: Vec<Never>,
    grants: BTreeSet<String>,
    prefixes: BTreeSet<String>,
}

impl Naive {
    fn denied(&self, topic: &str) -> bool {
        topic == "__consumer_offsets" || self.never.iter().any(|line| line.matches(topic))
    }

    fn listed(&self, topic: &str) -> bool {
        self.topics.contains(topic) || self.autos.iter().any(|prefix| topic.starts_with(prefix))
    }

    fn granted(&self, topic: &str) -> bool {
        self.grants.contains(topic) || self.prefixes.iter().any(|prefix| topic.starts_with(prefix))
    }

    fn judge(&self, topic: &str) -> Result<(), Reason> {
        match topic {
            "" | "." | ".." => Err(Reason::TopicNameInvalid),
            _ if self.denied(topic) => Err(Reason::TopicNever),
            _ if !self.listed(topic) => Err(Reason::TopicNotInCatalogue),
            _ if !self.granted(topic) => Err(Reason::TopicNotGranted),
            _ => Ok(()),
        }
    }

    /// Whether a never line speaks of topics that this prefix would let out, or refuses all of them.
    fn prefix_meets_never(&self, prefix: &str) -> bool {
        prefix.starts_with('_')
            || self.never.iter().any(|Never(kind, text)| match *kind {
                "topic" => text.starts_with(prefix),
                "prefix" => text.starts_with(prefix) || prefix.starts_with(text.as_str()),
                _ => ["", "x", "xx"].iter().all(|rest| self.denied(&format!("{prefix}{rest}"))),
            })
    }

    /// The same without what must not compile.
    fn made_sound(mut self) -> Self {
        let all = self.clone();
        self.topics.retain(|topic| !matches!(topic.as_str(), "." | "..") && !all.denied(topic));
        self.autos.retain(|prefix| !all.prefix_meets_never(prefix));
        let listed = self.clone();
        self.grants.retain(|topic| !matches!(topic.as_str(), "." | "..") && listed.listed(topic) && !all.denied(topic));
        let meets = |prefix: &String| {
            let mut names = listed.topics.iter().chain(&listed.autos);
            names.any(|name| name.starts_with(prefix.as_str()))
                || listed.autos.iter().any(|auto| prefix.starts_with(auto))
        };
        self.prefixes.retain(meets);
        self
    }

    fn compile(&self) -> Result<Policy, ConfigErrors> {
        let lines: String =
            self.never.iter().map(|Never(kind, text)| format!("  - {{{kind}: '{text}', why: w}}\n")).collect();
        let lines = if lines.is_empty() { "never: []\n".to_owned() } else { format!("never:\n{lines}") };
        let catalogue = small::catalogue(self.topics.iter().map(String::as_str), self.autos.iter().map(String::as_str));
        let topics = self.grants.iter().map(|topic| format!("{{topic: '{topic}'}}"));
        let prefixes = self.prefixes.iter().map(|prefix| format!("{{prefix: '{prefix}'}}"));
        let read: Vec<_> = topics.chain(prefixes).collect();
        small::compile(&small::files(catalogue, lines, vec![small::principal("p", "p", "{cn: p}", &read)]))
    }
}

fn any_never() -> impl Strategy<Value = Never> {
    let kind = prop_oneof![Just("topic"), Just("prefix"), Just("suffix"), Just("contains")];
    prop_oneof![
        (kind, "[ab.]{2,4}").prop_map(|(kind, text)| Never(kind, text)),
        "[ab.*]{0,2}[ab][*][ab.*]{0,2}[ab]".prop_map(|text| Never("glob", text)),
    ]
}

fn any_policy() -> impl Strategy<Value = Naive> {
    let set = |pattern: &'static str, most| prop::collection::btree_set(pattern, 0..most);
    let parts = (set("[ab.]{1,5}", 12), set("[ab.]{1,3}", 3), prop::collection::vec(any_never(), 0..3));
    let rest = (set("[ab.]{1,5}", 6), set("[ab.]{1,3}", 3), any::<prop::sample::Index>());
    (parts, rest).prop_map(|((topics, autos, never), (mut grants, prefixes, index))| {
        // Grants that hit are as likely as those that miss.
        let from = index.index(topics.len().max(1));
        grants.extend(topics.iter().skip(from).take(3).cloned());
        Naive { topics, autos, never, grants, prefixes }
    })
}

proptest! {
    #![proptest_config(small::cases(2000))]

    #[test]
    fn the_judge_agrees_with_a_naive_one(
        naive in any_policy(), asked in prop::collection::vec("[ab.]{0,6}|__consumer_offsets", 12),
    ) {
        let naive = naive.made_sound();
        let policy = naive.compile();
        prop_assert!(policy.is_ok(), "{}", policy.unwrap_err());
        let policy = policy.unwrap();
        let p = policy.principal("p").unwrap();
        for topic in asked.iter().chain(&naive.topics).chain(&naive.grants) {
            let verdict = naive.judge(topic);
            prop_assert_eq!(policy.judge(&p, Operation::Read, Resource::Topic(topic), Compacted::none()), verdict, "{}", topic);
            let allows = verdict.is_ok() || verdict == Err(Reason::TopicNotGranted);
            prop_assert_eq!(policy.catalogue_allows(topic), allows, "{}", topic);
        }
    }

    #[test]
    fn what_compiles_is_sound(naive in any_policy()) {
        if naive.compile().is_ok() {
            let sound = naive.clone().made_sound();
            prop_assert_eq!(&naive.topics, &sound.topics);
            prop_assert_eq!(&naive.autos, &sound.autos);
            prop_assert_eq!(&naive.grants, &sound.grants);
            prop_assert_eq!(&naive.prefixes, &sound.prefixes);
        }
    }
}
