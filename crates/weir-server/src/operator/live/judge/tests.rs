//! What is told of brokers that are not as they should be.

use std::collections::HashMap;

use weir_kafka::cluster::VersionRange;

use super::*;
use crate::snapshot::fixture::Fixture;

fn settings(caps: &[(i16, i16)]) -> UpstreamSettings {
    let mut settings = Fixture::new().snapshot().upstreams["main"].clone();
    settings.max_versions = caps.iter().copied().collect();
    settings
}

/// A broker that serves all that Weir speaks, but for some APIs, which it serves in one version each.
fn serving(but: &[(i16, i16)]) -> Ranges {
    let all = TABLE.iter().map(|row| (row.key, row.versions));
    let mut ranges: HashMap<_, _> = all.collect();
    for (key, version) in but {
        ranges.insert(*key, VersionRange { min: *version, max: *version });
    }
    ranges
}

fn told(judge: impl FnOnce(&mut Report)) -> Vec<String> {
    let mut report = Report::default();
    judge(&mut report);
    report.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_version_that_a_broker_lacks_is_told_with_the_broker_and_what_clients_lose() {
    let of = |brokers: &[(i32, Ranges)], caps: &[(i16, i16)]| {
        let brokers = brokers.iter().map(|(id, ranges)| (*id, ranges)).collect();
        told(|report| versions(&brokers, &settings(caps), report))
    };
    assert_eq!(of(&[(1, serving(&[]))], &[]), <[&str; 0]>::default());
    assert_eq!(of(&[], &[]), <[&str; 0]>::default(), "nobody said anything");
    assert_eq!(
        of(&[(1, serving(&[])), (2, serving(&[(table::FETCH, 3)]))], &[]),
        [
            "error: upstream main: broker 2 does not serve Fetch in versions 4 to 17: clients cannot do without it; update \
          the brokers"
        ]
    );
    let mut old = serving(&[]);
    old.remove(&table::CONSUMER_GROUP_HEARTBEAT);
    assert_eq!(
        of(&[(7, old)], &[]),
        ["warning: upstream main: broker 7 does not serve ConsumerGroupHeartbeat in versions 0 to 1: clients are not \
          offered it; update the brokers"]
    );
    // Each alone would do.
    let apart = [(1, serving(&[(table::FETCH, 5)])), (2, serving(&[(table::FETCH, 9)]))];
    assert!(of(&apart, &[])[0].contains("the brokers have no version in common of Fetch"), "{:?}", of(&apart, &[]));
    let capped = of(&[(1, serving(&[]))], &[(table::FETCH, 2)]);
    assert!(capped[0].ends_with("raise `max_versions.Fetch`"), "{capped:?}");
}

#[test]
fn topics_of_the_catalogue_are_looked_for() {
    let topics = RightsByName::from([
        ("a".to_owned(), Ok(None)),
        ("b".to_owned(), Err(3)),
        ("c".to_owned(), Err(29)),
        ("d".to_owned(), Err(5)),
    ]);
    assert_eq!(
        told(|report| topics_exist("main", false, &topics, report)),
        [
            "warning: upstream main: the topic b of the catalogue does not exist; create it, or take it out of \
             catalogue.yaml",
            "error: upstream main: the brokers do not let Weir describe c: for clients they do not exist; allow Describe \
             on them to the user of `certificate`",
            "warning: upstream main: the brokers describe the topic d with error code 5; look at its partitions and \
             their leaders",
        ]
    );
}

#[test]
fn nobody_is_told_to_create_what_the_mirror_creates() {
    let topics = RightsByName::from([("b".to_owned(), Err(3))]);
    let told = told(|report| topics_exist("main", true, &topics, report)).concat();
    assert!(told.contains("does not exist; look whether its source has it") && !told.contains("create"), "{told}");
}

#[test]
fn a_cleanup_policy_is_what_the_catalogue_declares_in_any_order() {
    let fixture = Fixture::new();
    fixture.grant("tool", "public.granted");
    let policy = fixture.snapshot().policy;
    let of = |kept: Result<&str, i16>| {
        let found = [("public.granted".to_owned(), kept.map(str::to_owned))].into();
        told(|report| cleanup_policies(&policy, "main", &found, report))
    };
    assert_eq!(of(Ok("delete")), <[&str; 0]>::default());
    assert!(
        of(Ok("compact,delete"))[0].contains("has `cleanup.policy` compact,delete, and the catalogue declares delete")
    );
    assert!(of(Err(29))[0].starts_with("warning: upstream main: the brokers do not tell"));
    assert_eq!(parts("delete, compact"), parts("compact,delete"));
}

#[test]
fn what_one_coordinator_says_counts_and_what_the_others_cannot_say_does_not() {
    let one = |code: Result<Option<Rights>, i16>| RightsByName::from([("g".to_owned(), code)]);
    for said in [[Err(16), Ok(None), Err(16)], [Err(15), Err(16), Ok(None)], [Ok(None), Err(16), Err(14)]] {
        assert_eq!(together(said.into_iter().map(one)), one(Ok(None)));
    }
    assert_eq!(together([one(Err(16)), one(Err(30))].into_iter()), one(Err(30)));
    assert_eq!(told(|report| own_groups("main", &one(Err(16)), report)), <[&str; 0]>::default());
    assert_eq!(told(|report| own_groups("main", &one(Err(30)), report)).len(), 1);
    let of_clients =
        |rights| told(|report| groups_of_clients("main", &As::Tier("small".to_owned()), &one(rights), report));
    assert_eq!(of_clients(Err(30)).len(), 2);
    assert!(
        of_clients(Err(30))[0].starts_with("error: upstream main: the brokers do not let Weir as tier `small` join")
    );
    assert_eq!(of_clients(Ok(None)), <[&str; 0]>::default());
}

#[test]
fn a_long_list_of_names_is_cut() {
    let names: Vec<String> = (0..7).map(|index| format!("t{index}")).collect();
    assert_eq!(some(&names), "t0, t1, t2, t3, t4 and 2 more");
    assert_eq!(some(&names[..2]), "t0, t1");
}
