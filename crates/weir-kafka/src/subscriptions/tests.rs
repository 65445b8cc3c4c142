use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Known, MemberKey, Subscription, SubscriptionLimits, Subscriptions, TopicPattern};

fn key(principal: &str, member: &str) -> MemberKey {
    MemberKey { principal: principal.into(), group: "weir.a.g".into(), member: member.into() }
}

fn known(name_bytes: usize) -> Known {
    let names: Arc<[Box<str>]> = [Box::from("x".repeat(name_bytes))].into();
    Known::Subscription(Arc::new(Subscription { names, ..Subscription::default() }))
}

fn limits(per_principal: usize, in_all: usize) -> SubscriptionLimits {
    SubscriptionLimits { per_principal, in_all, ..SubscriptionLimits::default() }
}

fn count(subscriptions: &Subscriptions) -> usize {
    subscriptions.lock().count()
}

#[test]
fn the_member_that_was_heard_least_recently_is_forgotten_first_of_its_principal() {
    let (subscriptions, now) = (Subscriptions::new(limits(4000, 1_000_000)), Instant::now());
    subscriptions.keep(key("other", "1"), known(400), now);
    for member in ["1", "2", "3", "4"] {
        subscriptions.keep(key("one", member), known(400), now);
        assert!(subscriptions.recall(&key("one", "1"), now).is_some(), "it speaks all the time");
    }
    let kept = ["1", "2", "3", "4"].map(|member| subscriptions.recall(&key("one", member), now).is_some());
    assert_eq!(kept, [true, true, true, true]);
    subscriptions.keep(key("one", "5"), known(400), now);
    // 1 was just heard first of all.
    assert!(subscriptions.recall(&key("one", "1"), now).is_none());
    assert!(subscriptions.recall(&key("other", "1"), now).is_some(), "another's room is its own");
    assert_eq!(count(&subscriptions), 5);
}

#[test]
fn trap_a21_what_all_principals_have_is_bounded_and_so_is_one_entry() {
    let (subscriptions, now) = (Subscriptions::new(limits(4000, 10_000)), Instant::now());
    for principal in 0..100 {
        subscriptions.keep(key(&format!("p{principal}"), "1"), known(400), now);
    }
    assert_eq!(count(&subscriptions), 10);
    assert!(subscriptions.recall(&key("p99", "1"), now).is_some());
    subscriptions.keep(key("p99", "1"), known(5000), now);
    assert_eq!(subscriptions.recall(&key("p99", "1"), now), None, "it does not fit, and nobody else gives way");
    assert_eq!(count(&subscriptions), 9);
    for turn in 0..1000 {
        subscriptions.keep(key("p98", "1"), known(turn), now);
    }
    assert_eq!(count(&subscriptions), 9, "one member is one entry");
}

#[test]
fn who_is_silent_or_leaves_is_forgotten() {
    let (subscriptions, start) = (Subscriptions::default(), Instant::now());
    for member in ["speaks", "silent", "leaves"] {
        subscriptions.keep(key("one", member), Known::Asked, start);
    }
    subscriptions.forget(&key("one", "leaves"));
    let minutes = |minutes: u64| start + Duration::from_secs(60 * minutes);
    assert_eq!(subscriptions.recall(&key("one", "leaves"), start), None);
    assert_eq!(subscriptions.recall(&key("one", "speaks"), minutes(9)), Some(Known::Asked));
    assert_eq!(subscriptions.recall(&key("one", "speaks"), minutes(11)), Some(Known::Asked));
    assert_eq!(count(&subscriptions), 1);
    assert_eq!(subscriptions.recall(&key("one", "silent"), minutes(11)), None);
}

#[test]
fn principals_and_groups_do_not_share_members() {
    let (subscriptions, now) = (Subscriptions::default(), Instant::now());
    subscriptions.keep(key("one", "m"), Known::Asked, now);
    assert_eq!(subscriptions.recall(&key("two", "m"), now), None);
    assert_eq!(subscriptions.recall(&MemberKey { group: "weir.a.h".into(), ..key("one", "m") }, now), None);
}

#[test]
fn a_pattern_is_matched_against_the_whole_name() {
    for (pattern, topic, matches) in [
        ("events", "events", true),
        ("events", "events.more", false),
        ("events", "my.events", false),
        ("a|ab", "ab", true),
        ("^events.*$", "events.more", true),
        (r"(^eqiad\.a)|(^eqiad\.b)", "eqiad.b", true),
        ("(?i)EVENTS", "events", true),
        (r"events\.\w+\d{2}", "events.abc12", true),
        (r"\Qa.b+\E\.c", "a.b+.c", true),
        (r"\Qa.b\E", "axb", false),
        (r"a\Q.", "a.", true),
        (r"\pL+\.\p{Ll}*", "events.more", true),
        (r"[[:alpha:]]+\.[\w&&-]+", "events.a-b&", true),
        ("[[a]b", "[b", true),
        ("[--a]", "a", true),
        (r"[]a]\]", "]]", true),
        (r"[^\]]x", "ax", true),
        ("a{2,3}?b", "aab", true),
        ("a{2}b{,3}", "aab{,3}", true),
        (r"\x{61}+(?P<n>b)(?<m>c)(?i:D)", "aabcd", true),
        (r"\\Qa", r"\Qa", true),
        (r"\pL+\.\p{Ll}", "open.a", true),
        (r"\pL+\.\p{Lu}", "open.a", false),
        (".*", "anything", true),
        ("", "anything", false),
    ] {
        let compiled = TopicPattern::compile(pattern).unwrap();
        assert_eq!(compiled.matches(topic), matches, "{pattern} over {topic}");
    }
}

#[test]
fn trap_a21_what_is_no_pattern_or_too_large_a_one_is_not_taken() {
    let long = "a".repeat(32 * 1024);
    let deep = format!("{}a{}", "(".repeat(200), ")".repeat(200));
    for pattern in [
        "(",
        "*",
        "[",
        "a)|(b",
        "a)(?:b",
        r"\1",
        "\\",
        r"\pX",
        "(?=a)",
        &long,
        &deep,
        "(.{1000}){1000}",
        "((a{100}){100}){100}",
    ] {
        assert!(TopicPattern::compile(pattern).is_none(), "{:.40}", pattern);
    }
    assert!(TopicPattern::compile(&"a".repeat(4096)).is_some(), "as long as may be");
}

#[test]
fn trap_a21_a_pattern_that_makes_other_engines_stand_still_costs_next_to_nothing() {
    let began = Instant::now();
    let topic = format!("{}c", "a".repeat(248));
    for pattern in ["(a*)*b", "(a|a)*b", "(a+)+b", "(.*)*(.*)*(.*)*b", "(a?){100}a{100}b"] {
        let compiled = TopicPattern::compile(pattern).unwrap();
        (0..100).for_each(|_| assert!(!compiled.matches(&topic)));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn hostile_p11_a_pattern_full_of_unicodes_classes_is_not_taken_and_costs_nothing() {
    let began = Instant::now();
    let repeated = |class: &str| format!("(?i){}", class.repeat(4000 / class.len()));
    let in_one = format!("(?i)[{}]", r"\pL".repeat(1300));
    let patterns = [r"\pL", r"\PL", r"[\pL]", r"[^\pL]", r"[^é]", r"[é]\w", r"[é]\W"].map(repeated);
    for pattern in patterns.iter().chain([&in_one]) {
        assert!(TopicPattern::compile(pattern).is_none(), "{:.40}", pattern);
    }
    // A handful of times, debug or not; each of them alone took a second and more.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(TopicPattern::compile(r"(eqiad|codfw)\.\p{Ll}+\..*").is_some_and(|few| few.matches("codfw.events.v1")));
}
