//! Groups are private: no two principals ever meet in one.

use std::sync::Arc;

use proptest::prelude::*;
use weir_policy::{GroupMode, Namespace, OwnGroups, Policy, PolicyOptions, Principal, Reason};

use crate::small;

fn principal(namespace: &str, groups: GroupMode) -> Arc<Principal> {
    let file = small::principal("p", namespace, "{cn: p}", &[]);
    let files = small::files(small::catalogue([], []), "never: []\n", vec![file]);
    let policy = Policy::compile(&files, &PolicyOptions { groups, ..PolicyOptions::default() }).unwrap();
    policy.principal("p").unwrap()
}

fn real(principal: &Principal, shown: &str) -> Result<String, Reason> {
    principal.real_group(shown).map(|group| group.as_str().to_owned())
}

fn any_mode() -> impl Strategy<Value = GroupMode> {
    prop_oneof![Just(GroupMode::Namespaced), Just(GroupMode::ExplicitPrefix)]
}

/// Namespaces that lie in wait for each other.
fn any_namespace() -> impl Strategy<Value = String> {
    prop_oneof!["[ab-]{1,3}", "[a-z0-9-]{1,63}", Just("weir-a".to_owned()), Just("-".to_owned())]
        .prop_filter("not Weir's own", |text| text != "weir")
}

/// Group ids that try to look like somebody else's.
fn any_group() -> impl Strategy<Value = String> {
    prop_oneof!["[ab.-]{0,6}", "(weir[.])?[ab-]{1,3}[.][ab.-]{0,4}", "[ -~]{0,20}", "\\PC{0,8}"]
}

proptest! {
    #![proptest_config(small::cases(4000))]

    #[test]
    fn trap_s7_the_mapping_is_injective_over_principals_and_groups(
        mode in any_mode(), left in any_namespace(), right in any_namespace(), a in any_group(), b in any_group(),
    ) {
        let (left_p, right_p) = (principal(&left, mode), principal(&right, mode));
        if let (Ok(left_real), Ok(right_real)) = (real(&left_p, &a), real(&right_p, &b)) {
            prop_assert_eq!(left_real == right_real, left == right && a == b);
        }
    }

    #[test]
    fn a_real_group_is_shown_to_its_own_principal_alone(
        mode in any_mode(), owner in any_namespace(), other in any_namespace(), group in any_group(),
    ) {
        let (owner_p, other_p) = (principal(&owner, mode), principal(&other, mode));
        if let Ok(real_group) = owner_p.real_group(&group) {
            let shown = owner_p.shown_group(real_group.as_str());
            prop_assert_eq!(shown.map(|shown| shown.as_str().to_owned()), Some(group));
            prop_assert_eq!(other_p.shown_group(real_group.as_str()).is_some(), owner == other);
        }
    }

    #[test]
    fn what_is_shown_leads_back_to_the_same_real_group(
        mode in any_mode(), namespace in any_namespace(), upstream in any_group(),
    ) {
        let principal = principal(&namespace, mode);
        if let Some(shown) = principal.shown_group(&upstream) {
            prop_assert_eq!(real(&principal, shown.as_str()), Ok(upstream));
        }
    }
}

#[test]
fn any_group_id_just_works() {
    let principal = principal("recent-tools", GroupMode::Namespaced);
    for id in ["my group", "a.b", "weir.other.x", "console-consumer-12345", "{}[]:*?#!", &"x".repeat(249)] {
        assert_eq!(real(&principal, id), Ok(format!("weir.recent-tools.{id}")));
    }
}

#[test]
fn trap_c50_the_empty_group_id_is_refused() {
    assert_eq!(real(&principal("a", GroupMode::Namespaced), ""), Err(Reason::GroupNameInvalid));
    // As with Kafka, whose right to a prefix is asked for first.
    assert_eq!(real(&principal("a", GroupMode::ExplicitPrefix), ""), Err(Reason::GroupOutsideNamespace));
    assert_eq!(real(&principal("a", GroupMode::ExplicitPrefix), "a."), Err(Reason::GroupOutsideNamespace));
    assert_eq!(principal("a", GroupMode::Namespaced).shown_group("weir.a."), None);
}

#[test]
fn trap_s8_ids_that_could_deceive_a_reader_are_refused() {
    let principal = principal("a", GroupMode::Namespaced);
    for id in ["a\0b", "a\nb", "a\u{7f}", "a/b", "../a", "e\u{301}", "\u{e9}", "\u{202e}a", "\u{430}", &"x".repeat(250)]
    {
        assert_eq!(real(&principal, id), Err(Reason::GroupNameInvalid), "{id:?}");
    }
}

#[test]
fn a_written_prefix_needs_its_delimiter() {
    let principal = principal("a", GroupMode::ExplicitPrefix);
    assert_eq!(real(&principal, "a.g"), Ok("a.g".to_owned()));
    for id in ["a", "ab.g", "a-b.g", "A.g", ".a.g", "weir.a.g", "kafka-mirror-x"] {
        assert_eq!(real(&principal, id), Err(Reason::GroupOutsideNamespace), "{id}");
    }
}

#[test]
fn namespaces() {
    for text in ["a", "0", "-", "a-b", "weir-a", &"x".repeat(63)] {
        assert!(Namespace::new(text).is_some(), "{text}");
    }
    for text in ["", "A", "a.", "a b", "weir", "ä", "a_b", &"x".repeat(64)] {
        assert!(Namespace::new(text).is_none(), "{text}");
    }
}

#[test]
fn own_groups_are_all_or_those_of_the_prefix() {
    assert_eq!(principal("ab", GroupMode::Namespaced).own_groups(), OwnGroups::Any);
    assert_eq!(principal("ab", GroupMode::ExplicitPrefix).own_groups(), OwnGroups::Prefix("ab.".into()));
}

#[test]
fn the_namespace_of_a_group_is_known_by_its_form_in_both_modes() {
    let found = ["weir.tool.a.b", "tool.a", "weir.tool", "internal"].map(Namespace::of_group);
    // `weir.tool` is `tool` of a namespace that nobody can have.
    assert_eq!(found, [Some("tool"), Some("tool"), None, None]);
}
