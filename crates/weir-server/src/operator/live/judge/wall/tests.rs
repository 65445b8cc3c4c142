//! What is told of what an identity saw and could do.

use weir_kafka::check::Everything;
use weir_kafka::cluster::RealBrokerId;

use super::*;
use crate::operator::live::cluster::As;
use crate::snapshot::fixture::Fixture;
use crate::upstream::ExchangeError;

fn sight(trials: impl IntoIterator<Item = (Trial, Tried)>, topics: &[&str]) -> Sight {
    let topic = |name: &&str| EveryTopic { name: (*name).to_owned(), is_internal: false, rights: None };
    let topics = topics.iter().map(topic).collect();
    Sight {
        who: As::Weir,
        everything: Ok(Everything { controller: RealBrokerId(1), topics, cluster: None }),
        trials: trials.into_iter().collect(),
        groups: Vec::new(),
        transactions: Vec::new(),
        unlisted: Vec::new(),
    }
}

fn all(verdict: Verdict) -> impl Iterator<Item = (Trial, Tried)> {
    Trial::ALL.into_iter().map(move |trial| (trial, Tried::Told(verdict)))
}

fn judged(seen: &Sight) -> Report {
    judged_with(seen, &RightsByName::new(), &BTreeSet::new())
}

fn judged_with(seen: &Sight, rights: &RightsByName, of_mirror: &BTreeSet<String>) -> Report {
    let snapshot = Fixture::new().snapshot();
    let groups = ["weir.".to_owned()];
    let expected = Expected { upstream: "main", policy: &snapshot.policy, groups: &groups, of_mirror };
    let mut report = Report::default();
    super::sight(&expected, seen, rights, &mut report);
    report
}

fn told(seen: &Sight) -> Vec<String> {
    judged(seen).findings.iter().map(ToString::to_string).collect()
}

#[test]
fn where_all_is_refused_and_nothing_is_seen_there_is_nothing_to_tell() {
    assert_eq!(told(&sight(all(Verdict::Refused), &[])), <[&str; 0]>::default());
}

#[test]
fn who_may_do_everything_is_told_once_and_so_is_a_cluster_without_an_authorizer() {
    let [one] = &told(&sight(all(Verdict::Allowed), &[]))[..] else { panic!("one finding") };
    assert!(one.starts_with("error: upstream main: the brokers let Weir do everything that was tried; "), "{one}");
    assert!(one.contains("`allow.everyone.if.no.acl.found`") && one.contains("`super.users`"), "{one}");
    let open = all(Verdict::Allowed).filter(|(trial, _)| *trial != Trial::AccessRules);
    let open = open.chain([(Trial::AccessRules, Tried::Told(Verdict::NoAuthorizer))]);
    let [one] = &told(&sight(open, &[]))[..] else { panic!("one finding") };
    assert!(one.starts_with("warning: upstream main: the brokers have no authorizer"), "{one}");
}

#[test]
fn what_the_configured_mirror_keeps_in_a_cluster_without_an_authorizer_is_no_hole_and_what_looks_like_it_is() {
    let topics = ["mm2-configs.a.internal", "heartbeats", "mm2-configs.b.internal", "salaries.internal"];
    let open = [(Trial::AccessRules, Tried::Told(Verdict::NoAuthorizer))];
    let open = all(Verdict::Allowed).filter(|(trial, _)| *trial != Trial::AccessRules).chain(open);
    let open = sight(open, &topics);
    let told = |seen: &Sight, of_mirror: &[&str]| {
        let of_mirror = of_mirror.iter().map(ToString::to_string).collect();
        let report = judged_with(seen, &RightsByName::new(), &of_mirror);
        report.findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (all_four, two) =
        ("4 topics that MirrorMaker 2 keeps for itself", "2 topics that MirrorMaker 2 keeps for itself");
    let says = |told: &[String], what: &str| told.iter().any(|one| one.starts_with("error: ") && one.contains(what));
    assert!(says(&told(&open, &[]), all_four));
    assert!(says(&told(&open, &topics[..2]), two));
    assert!(!says(&told(&open, &topics), ""), "{:?}", told(&open, &topics));
    // Where there is a wall, nobody needs to see them.
    assert!(says(&told(&sight(all(Verdict::Refused), &topics), &topics), all_four));
}

#[test]
fn what_could_not_be_tried_is_never_taken_for_refused() {
    let mut seen = sight(all(Verdict::Refused), &[]);
    seen.trials.insert(Trial::CreateTopic, Tried::Told(Verdict::Untold(41)));
    seen.trials.insert(Trial::Produce, Tried::NotServed);
    seen.trials.insert(Trial::DeleteGroup, Tried::Failed("it closed the connection".to_owned()));
    seen.trials.remove(&Trial::Quotas);
    seen.everything = Err(ExchangeError::TimedOut);
    seen.unlisted = vec![(RealBrokerId(3), "it did not answer in time".to_owned())];
    let told = told(&seen);
    for what in [
        "CreateTopics (create topics): error code 41",
        "Produce (write to topics that the catalogue does not name): no version of it that is harmless is served",
        "DeleteGroups (delete groups that are not Weir's): it closed the connection",
        "DescribeClientQuotas (see the brokers' quotas): no broker answered",
        "which groups and transactional ids there are: broker 3: it did not answer in time",
    ] {
        assert!(told.iter().any(|one| one.starts_with("warning: ") && one.contains(what)), "{what}: {told:#?}");
    }
    let topics = "error: upstream main: not seen as Weir: which topics there are: it did not answer in time";
    assert!(told.iter().any(|one| one.starts_with(topics)), "{told:#?}");
}

#[test]
fn hostile_brokers_that_say_nothing_to_any_trial_do_not_pass() {
    let failed = Trial::ALL.map(|trial| (trial, Tried::Failed("it closed the connection".to_owned())));
    for silent in [sight(failed, &[]), sight([], &[])] {
        let report = judged(&silent);
        assert!(report.has_errors(), "{:?}", report.findings);
    }
}

#[test]
fn what_is_seen_and_must_not_leave_is_counted_in_words_and_named_for_the_terminal_alone() {
    let topics = ["mm2-configs.a.internal", "a.heartbeats", "__consumer_offsets", "planted.secret"];
    let mut seen = sight(all(Verdict::Refused), &topics);
    seen.groups = ["weir.tool.own", "planted-group"].map(str::to_owned).to_vec();
    seen.transactions = vec!["planted-id".to_owned()];
    let report = judged(&seen);
    let words: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    for what in [
        "the brokers show Weir 2 topics that MirrorMaker 2 keeps for itself",
        "the brokers show Weir 1 topic that Kafka keeps for itself",
        "the brokers show Weir 1 topic that the catalogue does not name",
        "the brokers show Weir 1 group that is not Weir's",
        "the brokers show Weir 1 transactional id",
    ] {
        assert!(words.iter().any(|one| one.starts_with("error: ") && one.contains(what)), "{what}: {words:#?}");
    }
    assert!(!format!("{words:?}{report:?}").contains("planted"), "{report:?}");
    let named: Vec<String> = report.findings.iter().flat_map(|finding| finding.names.for_terminal()).collect();
    for name in ["planted.secret", "planted-group", "planted-id", "a.heartbeats"] {
        assert!(named.iter().any(|one| one == name), "{name}: {named:?}");
    }
    assert!(!named.iter().any(|name| name.starts_with("weir.")), "{named:?}");
}
