//! `weir doctor` before Weir and real Kafka: where all is well, at each planted fault, before servers that are none.
//!
//! Each fault is named at the step where it is. One cluster and one Weir stand for all cases.

#[path = "doctor/bundle.rs"]
mod bundle;
#[path = "doctor/hostile.rs"]
mod hostile;
#[path = "doctor/stage.rs"]
mod stage;

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use weir_pki::{ClientSubject, Validity};
use weir_testkit::{Pki, RawClient, wait};

use bundle::Told;
// Examinations of one principal join one group: tests that come so far and run side by side are of several.
use stage::{EMPTY, FULL, LONELY, LONELY_BROKER, STOPPED, Stage, principal};

/// As long may an examination take whose steps may take three seconds each: a plain port is tried three times.
const BOUND: Duration = Duration::from_secs(20);

#[test]
fn where_all_is_well_every_step_is_gone_and_nothing_is_left_behind() {
    let (stage, _calm) = Stage::calm();
    let bundle = stage.bundle("good", &[FULL, EMPTY]);
    let told = bundle.examine(&["--topic", FULL]);
    assert_eq!(told.code, 0, "{told:?}");
    let steps = ["bundle", "dns", "tcp", "tls", "dates", "principal", "topics", "group", "record", "commit"];
    assert_eq!(told.passed(), steps);
    assert_eq!((&told.json["well"], &told.json["principal"]), (&true.into(), &principal("good").into()));
    assert_eq!(told.details("record")["topic"], FULL);
    assert_eq!(told.details("tls")["version"], "TLS 1.3");
    assert_eq!(told.details("principal")["granted"].as_array().unwrap().len(), 4, "without the suspended one");
    // For people; the first topic of the bundle that holds anything is read.
    let (code, text) = stage.bundle("good", &[EMPTY, FULL]).examine_for_people(&[]);
    assert!(code == 0 && text.ends_with("all well: this machine reads and commits\n"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("passed  ")).count(), steps.len(), "{text}");
    assert!(!stage.groups("good").contains(&"weir-doctor".to_owned()), "the group is deleted again");
}

#[test]
fn the_offsets_of_a_group_that_is_there_stay() {
    let (stage, _calm) = Stage::calm();
    let group = format!("weir.{}.mine", principal("good"));
    stage.kafka.commit_as(&group, FULL);
    let before = stage.kafka.committed(&group);
    let told = stage.bundle("good", &[FULL]).examine(&["--group", "mine"]);
    assert_eq!(told.code, 0, "{told:?}");
    let mut after = stage.kafka.committed(&group);
    // The partition that was read may be another one, without an offset until now.
    after.retain(|partition, _| before.contains_key(partition));
    assert_eq!(after, before);
    assert!(stage.groups("good").contains(&"mine".to_owned()), "a group that was there is not deleted");
}

#[test]
fn a_group_in_which_programs_read_is_not_disturbed() {
    let (stage, _calm) = Stage::calm();
    let bundle = stage.bundle("good", &[FULL]);
    let mut config: ClientConfig = bundle.identity.rdkafka_settings().into_iter().collect();
    config.set("bootstrap.servers", stage.weir.bootstrap()).set("group.id", "busy");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&[FULL]).unwrap();
    let assigned = || {
        let _ = consumer.poll(Duration::from_millis(50));
        let count = consumer.assignment().unwrap().count();
        if count == 3 { Ok(()) } else { Err(format!("{count} partitions")) }
    };
    wait::until("an assignment", Duration::from_secs(30), assigned);
    bundle.examine(&["--group", "busy"]).failed(1, "group", "group-in-use");
    wait::until("an assignment", Duration::from_secs(1), assigned);
}

#[test]
fn servers_are_told_apart_by_name_where_they_have_names() {
    weir_testkit::require!(weir_testkit::names::resolve());
    let (stage, _calm) = Stage::calm();
    let told = stage.bundle("fifth", &[FULL]).to(&[&stage.named]).examine(&[]);
    assert_eq!(told.code, 0, "{told:?}");
    let address = stage.named.replace(weir_testkit::names::HOST, "127.0.0.1");
    stage.bundle("fifth", &[FULL]).to(&[&address]).examine(&[]).failed(1, "tls", "server-name-refused");
}

#[test]
fn what_is_wrong_with_the_bundle_is_told_before_anything_is_asked() {
    let (stage, _calm) = Stage::calm();
    let bundle = stage.bundle("second", &[FULL]);
    let key = bundle.take_away("client.key");
    bundle.examine(&[]).failed(2, "bundle", "key-missing");
    let told = bundle.examine(&["--key", key.to_str().unwrap(), "--topic", FULL]);
    assert_eq!(told.code, 0, "{told:?}");
    let foreign = Pki::shared().client("doctor-foreign");
    bundle.examine(&["--key", foreign.key.to_str().unwrap()]).failed(2, "bundle", "key-mismatch");
    bundle.write("bundle.json", "{\"version\": 2}");
    bundle.examine(&[]).failed(2, "bundle", "bundle-unreadable");
    bundle.take_away("bundle.json");
    bundle.examine(&[]).failed(2, "bundle", "bundle-unreadable");
}

#[test]
fn a_server_that_is_not_there_or_not_it_is_named() {
    let (stage, _calm) = Stage::calm();
    // The second of two servers does where the first is down, as for any consumer.
    let down = format!("127.0.0.1:{}", stage.spare_port);
    let told = stage.bundle("third", &[FULL]).to(&[&down, &stage.weir.bootstrap()]).examine(&[]);
    assert_eq!(told.code, 0, "{told:?}");
    let at = |server: &str| stage.bundle("third", &[FULL]).to(&[server]).examine(&[]);
    // Wrong port.
    at(&down).failed(1, "tcp", "connection-refused");
    at(&stage.admin()).failed(1, "tls", "plain-http");
    // Plaintext port.
    at(&stage.kafka.plaintext(1)).failed(1, "tls", "plaintext-kafka");
    at("doctor.invalid:9093").failed_with(1, "dns", &["name-unknown", "dns-silent"]);
    // Name mismatch: the certificate is for 127.0.0.1 and 127.0.0.2.
    let told = at(&stage.elsewhere);
    told.failed(1, "tls", "server-name");
    assert!(told.seen().contains("127.0.0.3"), "{told:?}");
}

#[test]
fn certificates_that_are_not_trusted_are_named_from_both_ends() {
    let (stage, _calm) = Stage::calm();
    let stranger = Pki::new("Strangers CA");
    // Wrong CA: the server is not known to us, then we are not known to the server.
    let bundle = stage.bundle("good", &[FULL]);
    bundle.write("ca.pem", stranger.authority().certificate_pem());
    let told = bundle.examine(&[]);
    told.failed(1, "tls", "server-untrusted");
    assert!(told.seen().contains("Weir tests CA") && told.seen().contains("Strangers CA"), "{told:?}");
    let foreign = stranger.client(&principal("good"));
    stage.bundle_of(&foreign, "good", &[FULL]).examine(&[]).failed(1, "tls", "certificate-untrusted");
    stage.bundle_of(&stage.revoked, "good", &[FULL]).examine(&[]).failed(1, "tls", "certificate-revoked");
}

#[test]
fn an_expired_certificate_is_told_from_a_wrong_clock() {
    let (stage, _calm) = Stage::calm();
    let day = 86_400;
    let valid = |from: i64, until: i64| {
        let subject = ClientSubject::named(&principal("good"));
        let identity = Pki::shared().client_with(&subject, Validity::seconds(from, until));
        stage.bundle_of(&identity, "good", &[FULL])
    };
    valid(-2 * day, -day).examine(&[]).failed(1, "dates", "certificate-expired");
    valid(day, 2 * day).examine(&[]).failed(1, "dates", "certificate-not-yet-valid");
    // Clock off: the server finds valid what this clock does not.
    for now in ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"] {
        valid(-day, day).examine(&["--now", now]).failed(1, "dates", "clock-off");
    }
    // By a clock that is ahead of the server's own certificate, and not of ours: the newest record says which is wrong.
    let now = stage.in_days(200);
    valid(-day, 300 * day).examine(&["--now", &now]).failed(1, "dates", "clock-off");
    // And by one behind, of a certificate that has expired and that the server refuses: both are told as they are.
    valid(-2 * day, -day).examine(&["--now", &stage.in_days(-1)]).failed(1, "dates", "clock-off");
}

#[test]
fn who_is_not_let_in_is_told_all_that_it_may_be() {
    let (stage, _calm) = Stage::calm();
    // Address not allowed: by the listener, before TLS; by the principal's file, behind it.
    let told = stage.bundle("good", &[FULL]).to(&[&stage.closed]).examine(&[]);
    told.failed(1, "tls", "closed-before-tls");
    assert!(told.reasons().contains(&"address-not-allowed".to_owned()), "{told:?}");
    let explain = format!("weir explain {} read {FULL} --ip 127.0.0.1", principal("far"));
    let told = stage.bundle("far", &[FULL]).examine(&[]);
    told.failed(1, "principal", "closed-after-tls");
    assert!(told.json["to_do"].as_str().unwrap().contains(&explain), "{told:?}");
    // Quota reached: connections. By design the same to a client, so both are named.
    let narrow = stage.bundle("narrow", &[FULL]);
    let target = stage.weir.target(&stage.weir.bootstrap(), &narrow.identity);
    let held = RawClient::connect(&target).unwrap();
    let told = narrow.examine(&[]);
    told.failed(1, "principal", "closed-after-tls");
    assert_eq!(told.reasons(), ["principal-address", "principal-conns", "principal-rate"]);
    drop(held);
    let told = narrow.examine_until(&[], |told| told.code == 0);
    assert_eq!(told.code, 0, "one connection at a time is enough: {told:?}");
    // Suspended principal; a certificate that is nobody's; one that is somebody else's.
    stage.bundle("suspended", &[FULL]).examine(&[]).failed(1, "principal", "suspended");
    stage.bundle("unknown", &[FULL]).examine(&[]).failed(1, "principal", "principal-unknown");
    let other = Pki::shared().client(&principal("good"));
    let told = stage.bundle_of(&other, "somebody", &[FULL]).examine(&[]);
    told.failed(1, "principal", "principal-other");
}

#[test]
fn topics_that_may_not_be_read_are_told_from_those_without_records() {
    let (stage, _calm) = Stage::calm();
    // No grant; suspended topic. By design the same to a client, so both are named.
    let refused = |who: &str, topic: &str| {
        let told = stage.bundle(who, &[topic]).examine(&[]);
        told.failed(1, "topics", "topic-refused");
        let named = ["topic-not-granted", "topic-suspended"].map(str::to_owned);
        assert!(named.iter().all(|reason| told.reasons().contains(reason)), "{told:?}");
        let explain = format!("weir explain {} read {topic}", principal(who));
        assert!(told.json["to_do"].as_str().unwrap().contains(&explain), "{told:?}");
        told
    };
    refused("poor", FULL);
    refused("fourth", STOPPED);
    // One of several.
    let told = stage.bundle("fourth", &[EMPTY, STOPPED, FULL]).examine(&[]);
    told.failed(1, "topics", "topic-refused");
    let states: Vec<_> =
        told.details("topics")["topics"].as_array().unwrap().iter().map(|topic| &topic["state"]).collect();
    assert_eq!(states, ["granted", "refused", "granted"]);
    stage.bundle("fourth", &["doctor.not-there"]).examine(&["--timeout", "1"]).failed(1, "topics", "topic-absent");
    // No records.
    let told = stage.bundle("fourth", &[EMPTY]).examine(&[]);
    told.failed(1, "record", "no-records");
    assert_eq!(told.passed().last(), Some(&"group"));
    assert!(
        !stage.groups("fourth").contains(&"weir-doctor".to_owned()),
        "it leaves the group where a later step fails"
    );
}

#[test]
fn quotas_of_groups_and_offsets_are_named() {
    let (stage, _calm) = Stage::calm();
    stage.bundle("crowded", &[FULL]).examine(&[]).failed(1, "group", "quota-groups");
    stage.bundle("keeper", &[FULL]).examine(&[]).failed(1, "commit", "offsets-denied");
    stage.bundle("good", &[FULL]).examine(&["--group", "a/b"]).failed(1, "group", "group-name");
}

#[test]
fn a_broker_that_is_down_is_named() {
    let (stage, _storm) = Stage::storm();
    stage.kafka.kill(LONELY_BROKER);
    // Once the other brokers have noticed.
    let told = stage.bundle("good", &[LONELY]).examine_until(&["--timeout", "3"], |told| told.json["step"] == "topics");
    stage.kafka.restart(LONELY_BROKER);
    told.failed(1, "topics", "broker-unavailable");
}

#[test]
fn hostile_servers_end_by_the_deadline_and_are_named() {
    let (stage, _calm) = Stage::calm();
    let examine = |server: &hostile::Server| {
        let address = hostile::start(*server, &stage.server);
        let began = Instant::now();
        let told: Told = stage.bundle("good", &[FULL]).to(&[&address]).examine(&["--timeout", "3"]);
        (told, began.elapsed())
    };
    std::thread::scope(|scope| {
        let all = hostile::SERVERS.iter().map(|row| (row, scope.spawn(|| examine(&row.0)))).collect::<Vec<_>>();
        for ((server, step, faults), examined) in all {
            let (told, took) = examined.join().unwrap();
            told.failed_with(1, step, faults);
            assert!(took < BOUND, "{server:?}: {took:?}");
        }
    });
}
