//! One Weir in each data centre, under one name: the name leads elsewhere, the first drains, and a Java consumer that knows
//! nothing but the name goes on in the other, by time.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use weir_testkit::names::{HOST, LAST};
use weir_testkit::{Acl, Advertise, Pki, PrincipalSpec, Weir, WeirOptions, clients, require};

use super::bundle::Bundle;
use super::offsets::{time_of, write};
use super::program::{Event, Program};
use super::stage::Stage;
use super::*;

const TOPIC: &str = "centres.moving";
const MOVER: &str = "centres-mover";
const GROUP: &str = "moving";

/// What came, by its number, and how often more than once.
#[derive(Default)]
struct Came {
    numbers: BTreeSet<i64>,
    again: usize,
}

fn acl() -> Acl {
    Acl::new(&[TOPIC]).principal(PrincipalSpec::new(MOVER, &[TOPIC]))
}

/// Where the names lead from now on, for a JVM that reads this file.
fn names_lead_to(file: &Path, address: &str) {
    let brokers = (0..=LAST).map(|id| format!("{address} b{id}.{HOST}\n"));
    let lines: String = std::iter::once(format!("{address} {HOST}\n")).chain(brokers).collect();
    let fresh = file.with_extension("fresh");
    fs::write(&fresh, lines).expect("a file can be written");
    fs::rename(fresh, file).expect("a file can be renamed");
}

/// By names at 127.0.0.1.
fn first(stage: &Stage) -> WeirOptions {
    let mut options = WeirOptions::new(&stage.eqiad, Advertise::Sni, acl()).untapped();
    options.config["drain"] = json!({ "spread": "2s" });
    options
}

/// By ports at 127.0.0.1, and by the same names and port as the first at 127.0.0.2.
fn second(stage: &Stage, port: &str) -> WeirOptions {
    let mut options = WeirOptions::new(&stage.codfw, Advertise::Ports, acl()).untapped();
    let mut named = options.config["listeners"][0].clone();
    named["name"] = json!("named");
    named["bind"] = json!(format!("127.0.0.2:{port}"));
    named["advertise"] = json!({ "sni": { "host": HOST } });
    options.config["listeners"].as_array_mut().expect("a list").push(named);
    options
}

#[test]
fn a_consumer_goes_on_in_the_other_data_centre_by_time() {
    let run = require!(clients::ready("java"));
    let stage = Stage::shared();
    let _turn = stage.turn();
    for kafka in [&stage.eqiad, &stage.codfw] {
        kafka.create_topic(TOPIC, 1, 1, &[]);
    }
    // The same records, at other offsets.
    write(&stage.eqiad, TOPIC, 0, 0..200);
    write(&stage.codfw, TOPIC, 0, -30..200);
    let mut here = Weir::start(first(stage));
    let port = here.bootstrap().rsplit_once(':').expect("a port").1.to_owned();
    let there = Weir::start(second(stage, &port));

    let directory = tempfile::tempdir().expect("a directory");
    let hosts = directory.path().join("hosts");
    names_lead_to(&hosts, "127.0.0.1");
    let identity = Pki::shared().client(MOVER);
    let path = |path: &Path| path.display().to_string();
    let environment = [
        // As a resolver without a cache: an operator's TTL, at once.
        ("JAVA_TOOL_OPTIONS", format!("-Djdk.net.hosts.file={} -Dsun.net.inetaddr.ttl=0", path(&hosts))),
        ("BOOTSTRAP", format!("{HOST}:{port}")),
        ("CA", path(&identity.ca)),
        ("CERT", path(&identity.certificate)),
        ("KEY", path(&identity.key)),
        ("TOPICS", TOPIC.to_owned()),
        ("GROUP", GROUP.to_owned()),
    ];
    let came = Arc::<Mutex<Came>>::default();
    let log = directory.path().join("consumer.log");
    let start = || {
        let sink = Arc::clone(&came);
        Program::start(&run, &environment, log.clone(), move |event| {
            let Event::Record(_, _, record) = event else { return };
            let number = record.value.and_then(|value| String::from_utf8(value).ok()?.parse().ok()).expect("a number");
            let mut came = sink.lock().unwrap_or_else(PoisonError::into_inner);
            if !came.numbers.insert(number) {
                came.again += 1;
            }
        })
    };
    let mut consumer = start();
    let came_until = |last: i64| {
        wait::until("records", LIMIT, || {
            let came = came.lock().unwrap_or_else(PoisonError::into_inner);
            let missing = (0..last).find(|number| !came.numbers.contains(number));
            let tail =
                || fs::read_to_string(&log).unwrap_or_default().lines().rev().take(8).collect::<Vec<_>>().join("\n");
            missing.map_or(Ok(()), |missing| Err(format!("{missing} has not come\n{}", tail())))
        });
    };
    came_until(200);
    let real = format!("weir.{MOVER}.{GROUP}");
    wait::until("a commit", LIMIT, || match stage.eqiad.committed(&real).get(&(TOPIC.to_owned(), 0)) {
        Some(200) => Ok(()),
        other => Err(format!("{other:?}")),
    });

    assert_eq!(consumer.stop(LIMIT), Ok(0), "{}", fs::read_to_string(&log).unwrap_or_default());
    // What came last here, and ten seconds of overlap for what a mirror had not brought there yet.
    let bundle = Bundle::new(&identity, MOVER, &there.bootstrap(), &[TOPIC]);
    let (status, said) = bundle.say("offsets", &["--group", GROUP, "--at", &time_of(190)]);
    assert_eq!(status, 0, "{said}");
    assert_eq!(stage.codfw.committed(&real), [((TOPIC.to_owned(), 0), 220)].into());
    names_lead_to(&hosts, "127.0.0.2");
    assert_eq!(here.stop(), 0, "it drains");
    let mut consumer = start();
    write(&stage.codfw, TOPIC, 0, 200..260);
    came_until(260);
    wait::until("a commit in the other", LIMIT, || match stage.codfw.committed(&real).get(&(TOPIC.to_owned(), 0)) {
        Some(290) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(consumer.stop(LIMIT), Ok(0), "{}", fs::read_to_string(&log).unwrap_or_default());
    let came = came.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(came.numbers.first() == Some(&0), "nothing older than the time came: {:?}", came.numbers.first());
    assert_eq!(came.again, 10, "what overlaps comes again, and nothing else");
    assert_eq!(stage.eqiad.committed(&real)[&(TOPIC.to_owned(), 0)], 200, "the first keeps what was committed to it");
}
