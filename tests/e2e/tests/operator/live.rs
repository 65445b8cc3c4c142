//! `weir check --live` before a real cluster with planted faults, one at a time and all at once.

use serde_json::{Value, json};
use weir_testkit::{Acl, Advertise, Kafka, KafkaOptions, Pki, PrincipalSpec, Version, Weir, WeirOptions};

use super::command::{self, Said};
use super::tiers;

const KEPT: &str = "check.kept";
const COMPACTED: &str = "check.compacted";
const MISSING: &str = "check.missing";

fn acl(topics: &[&str]) -> Acl {
    Acl::new(topics).principal(PrincipalSpec::new("check-reader", topics))
}

/// Runs `weir check --live` with this configuration; nothing needs to serve.
pub fn check(options: WeirOptions, words: &[&str]) -> Said {
    let mut weir = Weir::start_unready(options);
    weir.kill();
    command::run(&weir, &[&["check", "--live"], words].concat())
}

pub fn findings(said: &Said) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    assert_eq!(report["ok"], json!(said.status == 0), "{said:?}");
    let finding = |one: &Value| [&one["severity"], &one["what"]].map(|text| text.as_str().unwrap().to_owned()).into();
    report["findings"].as_array().unwrap().iter().map(finding).collect()
}

#[track_caller]
pub fn has(said: &Said, severity: &str, what: &str) {
    let all = findings(said);
    assert!(all.iter().any(|(of, told)| of == severity && told.contains(what)), "{severity} {what}: {all:#?}");
}

#[test]
fn what_would_fail_later_is_told_before_anybody_serves() {
    let kafka = Kafka::start(KafkaOptions::new(Version::V4));
    kafka.create_topic(KEPT, 1, 3, &[]);
    let sound = || WeirOptions::new(&kafka, Advertise::Ports, acl(&[KEPT])).untapped();
    let said = check(sound(), &[]);
    assert_eq!((said.status, said.err.as_str()), (0, ""), "{said:?}");
    let id = kafka.cluster_id();
    let seen = format!("  upstream main: cluster {id}, 3 of 3 brokers answered, 1 of 1 topics exist\n");
    assert!(said.out.contains(&seen), "{said:?}");
    assert!(
        said.out.contains("warning: upstream main: the brokers have no authorizer: Weir may do everything"),
        "{said:?}"
    );
    assert!(said.out.ends_with("ok, with 1 warning\n"), "{said:?}");
    // What is there, and may not leave, is an error whoever may see it.
    kafka.create_topic(COMPACTED, 1, 3, &[("cleanup.policy", "compact")]);
    let said = check(sound(), &["--json"]);
    has(&said, "error", "the brokers show Weir 1 topic that the catalogue does not name and let it read them");

    let topics = WeirOptions::new(&kafka, Advertise::Ports, acl(&[KEPT, COMPACTED, MISSING])).untapped();
    let said = check(topics, &["--json"]);
    assert_eq!(said.status, 1);
    assert_eq!(findings(&said).len(), 3, "{said:?}");
    has(&said, "warning", "the topic check.missing of the catalogue does not exist");
    has(&said, "error", "check.compacted has `cleanup.policy` compact, and the catalogue declares delete");

    let mut other = sound();
    other.config["upstreams"]["main"]["cluster_id"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    let said = check(other, &["--json"]);
    has(&said, "error", &format!("belongs to cluster {id}, not AAAAAAAAAAAAAAAAAAAAAA"));

    let mut capped = sound();
    capped.config["upstreams"]["main"]["max_versions"] = json!({ "Fetch": 3 });
    capped.config["listeners"][0]["advertise"]["ports"]["ids"] = json!([0, 2]);
    let said = check(capped, &["--json"]);
    has(&said, "error", "Fetch in versions 4 to 17: clients cannot do without it");
    has(&said, "error", "broker 3 is outside `ids` of listener outside");

    kafka.kill(2);
    let said = check(sound(), &["--json"]);
    has(&said, "error", &format!("broker 2: {} cannot be reached", kafka.plaintext(2)));
    has(&said, "warning", &format!("{} cannot be reached", kafka.plaintext(2)));
}

#[test]
fn what_the_brokers_do_not_let_weir_do_is_told_for_each_certificate() {
    let kafka = tiers::cluster();
    kafka.create_topic(KEPT, 1, 1, &[]);
    // The topic of offsets has to be there before a broker coordinates a group.
    kafka.commit_as("check-other", KEPT);
    let principal = |tier| PrincipalSpec { tier, ..PrincipalSpec::new("check-reader", &[KEPT]) };
    let options = || tiers::options(&kafka, Acl::new(&[KEPT]).principal(principal("small")));
    let said = check(options(), &["--json"]);
    has(&said, "error", "the brokers do not let Weir describe check.kept");
    has(&said, "error", "the brokers do not let Weir describe groups");
    has(&said, "error", "the brokers do not let Weir as tier `small` read check.kept");
    has(&said, "error", "the brokers do not let Weir as tier `small` join, read or commit in groups");

    // What docs/operate/brokers.md asks for, and nothing else.
    tiers::allow_all(&kafka, "weir", KEPT);
    tiers::allow_all(&kafka, "weir-small", KEPT);
    let said = check(options(), &["--json"]);
    assert_eq!((said.status, findings(&said)), (0, Vec::new()), "{said:?}");

    let mut misnamed = options();
    misnamed.config["upstreams"]["main"]["tls"]["server_name"] = json!("kafka.internal");
    let said = check(misnamed, &["--json"]);
    has(&said, "error", "shows a certificate that is not for the name that is dialled");

    let mut strange = options();
    let stranger = Pki::new("Nobody's CA").client("weir");
    strange.config["upstreams"]["main"]["tls"]["identities"]["small"] =
        json!({ "certificate": stranger.certificate, "key": stranger.key });
    let said = check(strange, &["--json"]);
    has(&said, "error", "broker 1, asked by Weir as tier `small`: ");
    has(&said, "error", "refuses Weir's certificate");
}

#[test]
fn a_listener_whose_certificate_lacks_a_name_is_told_before_the_brokers_are_asked() {
    let kafka = Kafka::shared(Version::V4);
    let mut options = WeirOptions::new(&kafka, Advertise::Sni, acl(&[KEPT])).untapped();
    let bare = Pki::shared().server(&[weir_testkit::names::HOST]);
    options.config["listeners"][0]["tls"]["certificate"] = json!(bare.certificate);
    options.config["listeners"][0]["tls"]["key"] = json!(bare.key);
    let said = check(options, &[]);
    assert_eq!((said.status, said.out.as_str()), (1, ""), "{said:?}");
    assert!(said.err.contains(&format!("`*.{}` is advertised", weir_testkit::names::HOST)), "{said:?}");
}
