//! `weir suspend` and `weir resume`: within a second on open connections, with every broker down, beside files that are
//! wrong, and past a restart.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{ApiVersionsRequest, FetchRequest, MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use weir_server::tls::certificate_facts;
use weir_testkit::kafka::wire;
use weir_testkit::{
    Acl, Advertise, Ended, Identity, Kafka, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions, wait,
};

/// What takes effect does so within this.
const BAR: Duration = Duration::from_secs(1);
/// What a machine that does ten things at once may add where only the outcome is of interest.
const PATIENT: Duration = Duration::from_secs(15);
const READER: &str = "suspend-reader";
const NEIGHBOUR: &str = "suspend-neighbour";
const TOPICS: [&str; 2] = ["suspend.a", "suspend.b"];
/// The time to effect is measured: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn acl() -> Acl {
    let principals = [READER, NEIGHBOUR].map(|name| PrincipalSpec::new(name, &TOPICS));
    principals.into_iter().fold(Acl::new(&TOPICS), Acl::principal)
}

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A Weir whose brokers are all down.
fn without_brokers() -> Weir {
    let options = WeirOptions::before(&["127.0.0.1:1".to_owned()], Advertise::Ports, acl()).untapped();
    let weir = Weir::start_unready(options);
    is_alive(&weir);
    weir
}

fn is_alive(weir: &Weir) {
    wait::until("weir runs", Duration::from_secs(30), || match weir.get("/livez")? {
        (200, _) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// Runs a command of Weir's: what it said, and what it remarked.
fn command(weir: &Weir, act: &str, what: &[&str]) -> (String, String) {
    run(act, what, "-c", &weir.config_file())
}

fn run(act: &str, what: &[&str], flag: &str, place: &Path) -> (String, String) {
    let output = Command::new(weir_testkit::weir_binary())
        .arg(act)
        .args(what)
        .args(["--reason", "a key was found in a public place", "--ticket", "T123"])
        .arg(flag)
        .arg(place)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (said, remarked) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{said}{remarked}");
    (said, remarked)
}

fn suspend(weir: &Weir, what: &[&str]) -> Instant {
    command(weir, "suspend", what);
    Instant::now()
}

fn resume(weir: &Weir, what: &[&str]) {
    command(weir, "resume", what);
}

fn connect(weir: &Weir, identity: &Identity) -> RawClient {
    RawClient::connect(&weir.target(&weir.bootstrap(), identity)).expect("a connection")
}

/// What is offered; this needs a broker.
fn offered(client: &mut RawClient) -> Result<Vec<i16>, String> {
    let answer = client.call(0, &ApiVersionsRequest::default())?;
    Ok(answer.api_keys.iter().map(|key| key.api_key).collect())
}

/// Whether a connection is open.
fn is_open(client: &mut RawClient) -> Result<(), String> {
    match client.ended(Duration::from_millis(150)) {
        Ended::Silent => Ok(()),
        ended => Err(format!("{ended:?}")),
    }
}

/// Whether somebody is let in now.
fn is_let_in(weir: &Weir, identity: &Identity) -> Result<(), String> {
    let mut client = RawClient::connect(&weir.target(&weir.bootstrap(), identity))?;
    is_open(&mut client)
}

/// A new connection gets a TLS alert.
fn is_refused(weir: &Weir, identity: &Identity) {
    if let Ok(mut client) = RawClient::connect(&weir.target(&weir.bootstrap(), identity)) {
        assert!(matches!(client.ended(PATIENT), Ended::Alert(_)));
    }
}

/// It takes effect within a second.
fn held(began: Instant) {
    wait::held("taking effect", BAR, began.elapsed());
}

/// Somebody is let in again within a second.
fn is_back(weir: &Weir, identity: &Identity) {
    wait::within("being let in", BAR, Instant::now(), || is_let_in(weir, identity));
}

fn closed(weir: &Weir, reason: &str) -> u64 {
    let metrics = weir.get("/metrics").unwrap().1;
    let line = metrics.lines().find(|line| line.contains("connections_closed") && line.contains(reason)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn serial(identity: &Identity) -> String {
    let certificate = CertificateDer::from_pem_slice(identity.issued.certificate_pem.as_bytes()).unwrap();
    certificate_facts(&certificate).unwrap().peer.serial.to_string()
}

#[test]
fn a_principal_is_stopped_within_a_second_while_every_broker_is_down() {
    wait::in_time(|| {
        let _alone = alone();
        let mut weir = without_brokers();
        let (reader, neighbour) = (Pki::shared().client(READER), Pki::shared().client(NEIGHBOUR));
        let mut clients: Vec<_> = (0..5).map(|_| connect(&weir, &reader)).collect();
        let mut beside = connect(&weir, &neighbour);
        for client in clients.iter_mut().chain([&mut beside]) {
            is_open(client).unwrap();
        }
        let began = suspend(&weir, &["principal", READER]);
        for client in &mut clients {
            assert_eq!(client.ended(PATIENT), Ended::Closed);
        }
        held(began);
        is_refused(&weir, &reader);
        is_open(&mut beside).expect("who is not suspended does not notice");
        assert_eq!((closed(&weir, "\"suspended-live\""), closed(&weir, "\"suspended\"")), (5, 1));
        // Past a restart.
        assert_eq!(weir.stop(), 0);
        weir.restart_unready();
        is_alive(&weir);
        is_refused(&weir, &reader);
        is_let_in(&weir, &neighbour).unwrap();
        assert!(weir.get("/readyz").unwrap().1.contains("suspended: 1 by principal"));
        assert!(weir.get("/metrics").unwrap().1.contains("weir_suspensions{kind=\"principal\"} 1"));
        resume(&weir, &["principal", READER]);
        is_back(&weir, &reader);
    });
}

#[test]
fn one_certificate_is_stopped_and_the_principals_others_go_on() {
    wait::in_time(|| {
        let _alone = alone();
        let weir = without_brokers();
        let (lost, kept) = (Pki::shared().client(READER), Pki::shared().client(READER));
        let (mut goes, mut stays) = (connect(&weir, &lost), connect(&weir, &kept));
        is_open(&mut goes).unwrap();
        is_open(&mut stays).unwrap();
        let began = suspend(&weir, &["serial", &serial(&lost)]);
        assert_eq!(goes.ended(PATIENT), Ended::Closed);
        held(began);
        is_open(&mut stays).expect("the principal's other certificate is as good as before");
        is_refused(&weir, &lost);
        is_let_in(&weir, &kept).unwrap();
        resume(&weir, &["serial", &serial(&lost).to_uppercase()]);
        is_back(&weir, &lost);
    });
}

#[test]
fn everybody_is_stopped_and_comes_back() {
    wait::in_time(|| {
        let _alone = alone();
        let weir = without_brokers();
        let identities = [READER, NEIGHBOUR].map(|name| Pki::shared().client(name));
        let mut clients = identities.each_ref().map(|identity| connect(&weir, identity));
        for client in &mut clients {
            is_open(client).unwrap();
        }
        let began = suspend(&weir, &["all"]);
        for client in &mut clients {
            assert_eq!(client.ended(PATIENT), Ended::Closed);
        }
        held(began);
        identities.iter().for_each(|identity| is_refused(&weir, identity));
        resume(&weir, &["all"]);
        for identity in &identities {
            is_back(&weir, identity);
        }
    });
}

#[test]
fn an_api_is_not_offered_any_more_and_closes() {
    wait::in_time(|| {
        let _alone = alone();
        let kafka = Kafka::shared(Version::V4);
        let weir = Weir::start(WeirOptions::new(&kafka, Advertise::Ports, acl()).untapped());
        let mut client = connect(&weir, &Pki::shared().client(READER));
        assert!(offered(&mut client).unwrap().contains(&3));
        let began = suspend(&weir, &["api", "metadata"]);
        wait::within("taking Metadata away", BAR, began, || match offered(&mut client)?.contains(&3) {
            true => Err("Metadata is offered".to_owned()),
            false => Ok(()),
        });
        client.send(&wire::frame(5, 8, &MetadataRequest::default()).unwrap()).unwrap();
        assert_eq!(client.ended(PATIENT), Ended::Closed);
        // The client sees the end a moment before it is counted.
        wait::until("the end is counted", PATIENT, || match closed(&weir, "api-suspended") {
            1 => Ok(()),
            count => Err(format!("{count}")),
        });
    });
}

#[test]
fn it_takes_effect_beside_files_that_are_wrong_and_they_are_told() {
    wait::in_time(|| {
        let _alone = alone();
        let weir = without_brokers();
        let reader = Pki::shared().client(READER);
        let mut client = connect(&weir, &reader);
        is_open(&mut client).unwrap();
        let told = |part: &str| {
            wait::until("the problem is told", PATIENT, || match weir.get("/readyz")?.1 {
                body if body.contains(part) => Ok(()),
                body => Err(body),
            });
        };
        let (tiers, config) = (weir.acl_dir().join("tiers.yaml"), weir.config_file());
        fs::write(&tiers, "tiers: 7\n").unwrap();
        told("tiers.yaml:1:8");
        let (_, remarked) = command(&weir, "suspend", &["principal", READER]);
        let began = Instant::now();
        assert!(remarked.contains("tiers.yaml:1:8"), "{remarked}");
        assert_eq!(client.ended(PATIENT), Ended::Closed);
        held(began);
        told("tiers.yaml:1:8");
        // Not even a configuration that cannot be read holds it up, and nothing else of that look comes into force.
        fs::write(&config, format!("{}\nnonsense: 1\n", fs::read_to_string(&config).unwrap())).unwrap();
        told("not YAML that can be read");
        run("resume", &["principal", READER], "--policy", &weir.acl_dir());
        is_back(&weir, &reader);
        // A suspension that nobody understands suspends nothing, lifts nothing, and is told.
        run("suspend", &["principal", READER], "--policy", &weir.acl_dir());
        let file = weir.acl_dir().join("suspended").join(format!("principal-{READER}.yaml"));
        wait::until("it is suspended", PATIENT, || match is_let_in(&weir, &reader) {
            Ok(()) => Err("let in".to_owned()),
            Err(_) => Ok(()),
        });
        fs::write(weir.acl_dir().join("suspended/other.yaml"), "suspend: everybody\n").unwrap();
        fs::write(&file, "suspend: principal\nname: {}\n").unwrap();
        // Longer than it takes to look.
        std::thread::sleep(Duration::from_millis(300));
        is_refused(&weir, &reader);
        is_let_in(&weir, &Pki::shared().client(NEIGHBOUR)).expect("nothing that was not understood is suspended");
    });
}

#[test]
fn whoever_types_it_twice_is_told_what_is_there() {
    let _alone = alone();
    let weir = without_brokers();
    let (first, _) = command(&weir, "suspend", &["principal", READER]);
    let path = weir.acl_dir().join("suspended").join(format!("principal-{READER}.yaml"));
    assert_eq!(first, format!("principal {READER} is suspended: {}\n", path.display()));
    let written = fs::read_to_string(&path).unwrap();
    let (second, _) = command(&weir, "suspend", &["principal", READER]);
    assert!(second.starts_with(&format!("principal {READER} is suspended already since 2")), "{second}");
    assert!(second.contains("(T123: a key was found in a public place)"), "{second}");
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
    let (third, _) = command(&weir, "resume", &["principal", READER]);
    assert_eq!(third, format!("principal {READER} is not suspended any more: {} is gone\n", path.display()));
    assert_eq!(command(&weir, "resume", &["principal", READER]).0, format!("principal {READER} is not suspended\n"));
    let (_, remarked) = command(&weir, "suspend", &["topic", "suspend.c"]);
    assert!(remarked.contains("the catalogue has no topic of this name"), "{remarked}");
    let history = fs::read_to_string(weir.acl_dir().join("suspended/.history.jsonl")).unwrap();
    assert_eq!(history.lines().count(), 3, "{history}");
}

/// The error code with which a topic is described.
fn named(client: &mut RawClient, topic: &str) -> Result<i16, String> {
    let name = TopicName(StrBytes::from_string(topic.to_owned()));
    let asked = MetadataRequestTopic::default().with_name(Some(name));
    Ok(client.call(9, &MetadataRequest::default().with_topics(Some(vec![asked])))?.topics[0].error_code)
}

#[test]
fn a_topic_is_stopped_under_a_parked_fetch() {
    wait::in_time(|| {
        let _alone = alone();
        let kafka = Kafka::shared(Version::V4);
        TOPICS.iter().for_each(|topic| kafka.create_placed(topic, &[vec![1]], &[]));
        let weir = Weir::start(WeirOptions::new(&kafka, Advertise::Ports, acl()).untapped());
        let target = weir.target(&weir.broker(1), &Pki::shared().client(READER));
        let (mut parked, mut asks) = (RawClient::connect(&target).unwrap(), RawClient::connect(&target).unwrap());
        assert_eq!(named(&mut asks, TOPICS[1]), Ok(0));
        let topic = |topic: &str| {
            let name = TopicName(StrBytes::from_string(topic.to_owned()));
            let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
            FetchTopic::default().with_topic(name).with_partitions(vec![partition])
        };
        let fetch = FetchRequest::default()
            .with_max_wait_ms(20_000)
            .with_min_bytes(1)
            .with_max_bytes(1 << 20)
            .with_session_epoch(-1)
            .with_topics(TOPICS.iter().map(|name| topic(name)).collect());
        parked.send(&wire::frame(5, 12, &fetch).unwrap()).unwrap();
        assert_eq!(parked.read_frame(Duration::from_millis(500)).unwrap_err(), Ended::Silent, "it waits");
        let began = suspend(&weir, &["topic", TOPICS[1]]);
        let frame = parked.read_frame(PATIENT).unwrap();
        held(began);
        let told = wire::open::<FetchRequest>(12, &frame).unwrap().1;
        let mut codes: Vec<_> =
            told.responses.iter().map(|t| (t.topic.to_string(), t.partitions[0].error_code)).collect();
        codes.sort();
        assert_eq!(codes, [(TOPICS[0].to_owned(), 0), (TOPICS[1].to_owned(), 29)]);
        assert_eq!((named(&mut asks, TOPICS[0]), named(&mut asks, TOPICS[1])), (Ok(0), Ok(29)));
        resume(&weir, &["topic", TOPICS[1]]);
        wait::within("the topic", BAR, Instant::now(), || match named(&mut asks, TOPICS[1])? {
            0 => Ok(()),
            code => Err(code.to_string()),
        });
    });
}
