//! The brokers' own wall behind Weir, with a hole at a time: `weir check --live` names each, and nothing where there is
//! none.
//!
//! Two real clusters with Kafka's authorizer, and one more that lets in whoever it has no rule for.

use std::time::Duration;

use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::{AlterClientQuotasRequest, DeleteAclsRequest};
use kafka_protocol::protocol::StrBytes;
use serde_json::{Value, json};
use weir_testkit::kafka::{OldKafka, OldVersion, ZooKeeper, wire};
use weir_testkit::{Acl, Advertise, Kafka, KafkaOptions, PrincipalSpec, Version, Weir, WeirOptions, wait};

use super::command::{self, Said};
use super::live::{check, findings};
use super::tiers;

const LISTED: &str = "wall.listed";
const LOOSE: &str = "wall.loose";
const MISSING: &str = "wall.missing";
const SECRET: &str = "hidden.secret";
const NEVER: &str = "hidden.never-leaves";
const MIRROR: &str = "mm2-offset-syncs.source.internal";
const LIMIT: Duration = Duration::from_secs(30);

/// Kafka's numbers for kinds of resources, kinds of names and operations.
const TOPIC: i8 = 2;
const GROUP: i8 = 3;
const CLUSTER: i8 = 4;
const TRANSACTIONS: i8 = 5;
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const READ: i8 = 3;
const WRITE: i8 = 4;
const CREATE: i8 = 5;
const DELETE: i8 = 6;
const ALTER: i8 = 7;
const DESCRIBE: i8 = 8;
const CLUSTER_ACTION: i8 = 9;
const DESCRIBE_CONFIGS: i8 = 10;
const ALTER_CONFIGS: i8 = 11;
const ANY: i8 = 1;

/// A right that Weir's user should not have: kind, name, kind of name, operation.
type Right = (i8, &'static str, i8, i8);

struct Walled {
    kafka: Kafka,
    /// Its configuration is what is checked. Nothing needs to serve.
    weir: Weir,
}

fn with(version: Version, more: &[(&str, &str)]) -> KafkaOptions {
    let authorizer = [
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("super.users", "User:ANONYMOUS"),
    ];
    let properties = authorizer.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    KafkaOptions { brokers: 1, properties: properties.collect(), ..KafkaOptions::new(version) }
}

impl Walled {
    /// Everything is there that is hidden, and Weir's two users have what `docs/operate/brokers.md` says.
    fn start(options: KafkaOptions) -> Self {
        let kafka = Kafka::start(options);
        for topic in [LISTED, SECRET, NEVER, MIRROR] {
            kafka.create_topic(topic, 1, 1, &[]);
        }
        // A group that is not Weir's; and a broker coordinates groups from now on.
        kafka.commit_as("somebody-elses-group", LISTED);
        for user in ["weir", "weir-small"] {
            tiers::allow_all(&kafka, user, LISTED);
        }
        let mut weir = Weir::start_unready(tiers::options(&kafka, Self::acl(&[LISTED])));
        weir.kill();
        Self { kafka, weir }
    }

    fn acl(topics: &[&str]) -> Acl {
        let principal = PrincipalSpec { tier: "small", ..PrincipalSpec::new("wall-reader", topics) };
        Acl::new(topics).never_contains("never-leaves").principal(principal)
    }

    fn options(&self) -> WeirOptions {
        tiers::options(&self.kafka, Self::acl(&[LISTED]))
    }

    fn check(&self) -> Said {
        command::run(&self.weir, &["check", "--live", "--json", "--names"])
    }

    fn remove(&self, user: &str, (kind, name, pattern, operation): Right) {
        let filter = DeleteAclsFilter::default()
            .with_resource_type_filter(kind)
            .with_resource_name_filter(Some(text(name)))
            .with_pattern_type_filter(pattern)
            .with_principal_filter(Some(text(&format!("User:{user}"))))
            .with_host_filter(None)
            .with_operation(operation)
            .with_permission_type(ANY);
        let asked = DeleteAclsRequest::default().with_filters(vec![filter]);
        let answer = wire::call(&self.kafka.any(), 2, &asked).expect("the broker answers");
        assert!(answer.filter_results.iter().all(|one| one.error_code == 0), "{answer:?}");
        assert_eq!(answer.filter_results[0].matching_acls.len(), 1, "{answer:?}");
    }

    /// Plants a right that is too much, waits until it is named, and takes it away again.
    fn plant(&self, user: &str, right: Right, named: &[&str]) -> Said {
        tiers::allow(&self.kafka, user, &[right]);
        let said = self.until(named);
        self.remove(user, right);
        said
    }

    /// Checks until each of these is named: the brokers take a moment to learn of a rule.
    fn until(&self, named: &[&str]) -> Said {
        until(named, || self.check())
    }

    fn set_quotas(&self, user: &str, quotas: &[(&'static str, f64)], remove: bool) {
        let entity = EntityData::default()
            .with_entity_type(StrBytes::from_static_str("user"))
            .with_entity_name(Some(text(user)));
        let op = |(key, value): &(&'static str, f64)| {
            OpData::default().with_key(StrBytes::from_static_str(key)).with_value(*value).with_remove(remove)
        };
        let entry = EntryData::default().with_entity(vec![entity]).with_ops(quotas.iter().map(op).collect());
        let asked = AlterClientQuotasRequest::default().with_entries(vec![entry]);
        let answer = wire::call(&self.kafka.any(), 0, &asked).expect("the broker answers");
        assert!(answer.entries.iter().all(|entry| entry.error_code == 0), "{answer:?}");
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Errors of a check that hold this text are there, each.
fn until(named: &[&str], run: impl Fn() -> Said) -> Said {
    wait::until("the planted fault", LIMIT, || {
        let said = run();
        let errors: Vec<String> =
            findings(&said).into_iter().filter(|(severity, _)| severity == "error").map(|(_, what)| what).collect();
        let missing: Vec<_> = named.iter().filter(|one| !errors.iter().any(|what| what.contains(**one))).collect();
        if missing.is_empty() && said.status == 1 { Ok(said) } else { Err(format!("{missing:?} in {errors:#?}")) }
    })
}

/// The names that findings keep for the operator's eyes.
fn names(said: &Said) -> Vec<String> {
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let all = report["findings"].as_array().unwrap().iter().filter_map(|finding| finding["names"].as_array());
    all.flatten().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn is_sound(walled: &Walled) {
    wait::until("a wall without a hole", LIMIT, || {
        let said = walled.check();
        let found = findings(&said);
        if (said.status, found.len()) == (0, 0) { Ok(()) } else { Err(format!("{found:#?}")) }
    });
}

#[test]
fn a_hole_in_the_brokers_wall_is_named_and_nothing_is_where_there_is_none() {
    let walled = Walled::start(with(Version::V4, &[]));
    is_sound(&walled);
    let weir = |right: Right, named: &[&str]| walled.plant("weir", right, named);

    // Too wide on topics.
    weir(
        (TOPIC, LISTED, LITERAL, WRITE),
        &["the brokers give Weir more than Read on wall.listed: Write", "the brokers let Weir write to some topic"],
    );
    let said = weir(
        (TOPIC, "hidden.s", PREFIXED, READ),
        &["the brokers show Weir 1 topic that the catalogue does not name and let it read them"],
    );
    assert_eq!(names(&said), [SECRET]);
    let said =
        weir((TOPIC, NEVER, LITERAL, READ), &["the brokers show Weir 1 topic of the never list and let it read them"]);
    assert_eq!(names(&said), [NEVER]);
    let said = weir((TOPIC, MIRROR, LITERAL, DESCRIBE), &["1 topic that MirrorMaker 2 keeps for itself"]);
    assert_eq!(names(&said), [MIRROR]);
    weir((TOPIC, "__", PREFIXED, DESCRIBE), &["1 topic that Kafka keeps for itself"]);
    weir((TOPIC, "*", LITERAL, DELETE), &["delete topics that the catalogue does not name, and delete records"]);
    weir((TOPIC, "*", LITERAL, ALTER), &["add partitions to topics that the catalogue does not name"]);
    weir((TOPIC, "*", LITERAL, WRITE), &["write to topics that the catalogue does not name, and write to some topic"]);

    // The cluster.
    weir(
        (CLUSTER, "kafka-cluster", LITERAL, DESCRIBE),
        &["see the brokers' access rules", "see the brokers' log directories"],
    );
    weir((CLUSTER, "kafka-cluster", LITERAL, ALTER), &["have Alter on the cluster"]);
    weir((CLUSTER, "kafka-cluster", LITERAL, CREATE), &["the brokers let Weir create topics"]);
    weir((CLUSTER, "kafka-cluster", LITERAL, CLUSTER_ACTION), &["read every topic as a broker's replica does"]);
    weir(
        (CLUSTER, "kafka-cluster", LITERAL, DESCRIBE_CONFIGS),
        &["see the brokers' settings, and see the brokers' quotas"],
    );
    weir(
        (CLUSTER, "kafka-cluster", LITERAL, ALTER_CONFIGS),
        &["change the brokers' settings, and change the brokers' quotas"],
    );

    // Groups and transactions of others.
    let said = weir(
        (GROUP, "*", LITERAL, DESCRIBE),
        &[
            "describe groups that are not Weir's, and see the offsets of groups that are not Weir's",
            "the brokers show Weir 1 group that is not Weir's",
        ],
    );
    assert_eq!(names(&said), ["somebody-elses-group"]);
    weir((GROUP, "*", LITERAL, DELETE), &["delete groups that are not Weir's"]);
    weir((TRANSACTIONS, "*", LITERAL, WRITE), &["the brokers let Weir begin transactions"]);

    // A tier's own identity.
    let small = (TOPIC, LISTED, LITERAL, WRITE);
    walled.plant("weir-small", small, &["the brokers give Weir as tier `small` more than Read on wall.listed: Write"]);

    // Too little.
    let needed = (TOPIC, LISTED, LITERAL, READ);
    walled.remove("weir-small", needed);
    walled.until(&["the brokers do not let Weir as tier `small` read wall.listed"]);
    tiers::allow(&walled.kafka, "weir-small", &[needed]);
    is_sound(&walled);
}

#[test]
fn many_holes_at_once_are_each_named_and_their_names_stay_on_the_terminal() {
    let walled = Walled::start(with(Version::V3, &[("auto.create.topics.enable", "true")]));
    is_sound(&walled);
    let kafka = &walled.kafka;
    kafka.create_topic(LOOSE, 1, 1, &[("cleanup.policy", "delete")]);
    for user in ["weir", "weir-small"] {
        tiers::allow_all(kafka, user, LOOSE);
        tiers::allow_all(kafka, user, MISSING);
    }
    let holes = [
        (TOPIC, LISTED, LITERAL, WRITE),
        (TOPIC, "hidden.", PREFIXED, READ),
        (TOPIC, "mm2-", PREFIXED, DESCRIBE),
        (GROUP, "some", PREFIXED, DESCRIBE),
        (CLUSTER, "kafka-cluster", LITERAL, DESCRIBE),
        (CLUSTER, "kafka-cluster", LITERAL, CREATE),
    ];
    tiers::allow(kafka, "weir", &holes);
    let administrator = kafka.dir().join("administrator.yaml");
    std::fs::write(&administrator, format!("upstreams: {{main: {{bootstrap: {}}}}}\n", json!(kafka.bootstrap())))
        .unwrap();
    let administrator = administrator.display().to_string();
    let asked = ["--administrator", &administrator, "--user", "weir", "--user", "small=weir-small"];
    let options = || {
        let mut options = tiers::options(kafka, Walled::acl(&[LISTED, LOOSE, MISSING]).only_while_compacted(LOOSE));
        options.config["listeners"][0]["advertise"]["ports"]["ids"] = json!([2, 9]);
        options
    };
    let said = until(
        &[
            "the brokers give Weir more than Read on wall.listed: Write",
            "1 topic that the catalogue does not name and let it read them",
            "1 topic of the never list and let it read them",
            "1 topic that MirrorMaker 2 keeps for itself",
            "the brokers show Weir 1 group that is not Weir's",
            "see the brokers' access rules",
            "the brokers let Weir create topics",
            "the topic wall.loose is not compacted, and the catalogue lets it leave only while it is",
            "broker 1 is outside `ids` of listener outside",
            "6 access rules allow User:weir more than Weir needs",
            "no consumer_byte_rate bounds User:weir-small",
            "no request_percentage bounds User:weir",
        ],
        || check(options(), &[&["--json"], &asked[..]].concat()),
    );
    let warned =
        |what: &str| findings(&said).iter().any(|(severity, told)| severity == "warning" && told.contains(what));
    assert!(warned("the topic wall.missing of the catalogue does not exist"), "{said:?}");
    assert!(warned("broker 1 creates topics that are asked for by name"), "{said:?}");
    // Not at a terminal and not asked for: no hidden name, in either form.
    let plain = check(options(), &asked);
    for hidden in [SECRET, NEVER, MIRROR, "somebody-elses", "hidden."] {
        assert!(!format!("{said:?}{plain:?}").contains(hidden), "{hidden} in {said:?} {plain:?}");
    }
    assert!(plain.out.contains("    the names are shown at a terminal, and with --names\n"), "{plain:?}");
    let shown = check(options(), &[&["--names"], &asked[..]].concat());
    assert!(
        shown.out.contains("    hidden.secret\n") && shown.out.contains("    Read on topic prefix hidden.\n"),
        "{shown:?}"
    );

    // With the quotas that are rendered, and without the holes, nothing is left.
    for hole in holes {
        walled.remove("weir", hole);
    }
    let quota = |key| (key, 1.0);
    walled.set_quotas("weir-small", &["consumer_byte_rate", "request_percentage"].map(quota), false);
    let said = check(walled.options(), &[&["--json"], &asked[..]].concat());
    let told: Vec<String> = findings(&said).into_iter().map(|(_, what)| what).collect();
    assert!(told.iter().any(|what| what.contains("User:weir-small has consumer_byte_rate 1, and")), "{told:#?}");
}

#[test]
fn brokers_that_allow_whatever_they_have_no_rule_for_are_named_and_so_is_another_cluster() {
    let walled = Walled::start(with(Version::V4, &[("allow.everyone.if.no.acl.found", "true")]));
    let said =
        walled.until(&["the brokers let Weir do everything that was tried", "topic that the catalogue does not name"]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let fix = report["findings"].as_array().unwrap().iter().map(|finding| finding["fix"].as_str().unwrap());
    assert!(fix.into_iter().any(|fix| fix.contains("`allow.everyone.if.no.acl.found` is true")), "{said:?}");
    let mut other = walled.options();
    other.config["upstreams"]["main"]["cluster_id"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    let said = check(other, &["--json"]);
    let told = findings(&said);
    assert!(told.iter().any(|(_, what)| what.contains("not AAAAAAAAAAAAAAAAAAAAAA")), "{told:?}");
}

#[test]
fn what_old_brokers_cannot_be_asked_without_harm_is_told_and_not_taken_for_refused() {
    let zookeeper = ZooKeeper::start();
    let old = OldKafka::start(OldVersion::V1_1, &zookeeper);
    old.create_topic(LISTED, 1, &[]);
    old.create_topic(SECRET, 1, &[]);
    // Nothing but where its brokers are is of this cluster.
    let other = Kafka::shared(Version::V4);
    let mut options = WeirOptions::new(&other, Advertise::Ports, Walled::acl(&[LISTED])).untapped();
    options.config["upstreams"]["main"] = json!({ "bootstrap": [old.bootstrap()] });
    let said = check(options, &["--json", "--names"]);
    let told = findings(&said);
    let is_told = |wanted: &str, what: &str| {
        let found = told.iter().any(|(severity, told)| severity == wanted && told.contains(what));
        assert!(found, "{wanted} {what}: {told:#?}");
    };
    is_told("warning", "IncrementalAlterConfigs (change the brokers' settings)");
    is_told("warning", "no version of it that is harmless is served");
    is_told("warning", "what may be done with topics: the brokers are too old to tell");
    is_told("warning", "the brokers let Weir do everything that was tried");
    is_told("error", "the brokers show Weir 1 topic that the catalogue does not name");
    assert_eq!(names(&said), [SECRET], "Kafka's own topics are open in every cluster without an authorizer");
    // Nothing was made by trying: these brokers create what is asked for carelessly.
    assert!(
        old.topics().iter().all(|topic| topic == LISTED || topic == SECRET || topic.starts_with("__")),
        "{:?}",
        old.topics()
    );
}
