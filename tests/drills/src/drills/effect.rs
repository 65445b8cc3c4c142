//! What is taken away is gone within a second, on open connections and under a Fetch that waits at the broker.
//!
//! The time begins before the file is written or the command is started, and ends where the client sees it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{ApiVersionsRequest, FetchRequest, MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use weir_pki::{ClientSubject, Validity};
use weir_testkit::kafka::wire;
use weir_testkit::{Ended, Identity, Pki, RawClient, wait};
use x509_parser::pem::parse_x509_pem;

use crate::Form;
use crate::cluster::{OTHER, READER, Stage};
use crate::figure::{Figure, Report};

const BAR: Duration = Duration::from_secs(1);
/// How long an effect is waited for.
const LIMIT: Duration = Duration::from_secs(3);
const SETTLE: Duration = Duration::from_secs(20);
const VERSION: i16 = 12;
const TOPIC_AUTHORIZATION_FAILED: i16 = 29;
const METADATA: i16 = 3;
/// How long a certificate that is to expire is good for yet.
const LIFE: Duration = Duration::from_secs(3);
/// How long past its end a certificate is good, for clocks differ.
const SKEW: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// One way to take something away, or to give it: how long it took at the client, where it was done at all.
type Kind = (&'static str, fn(&Stage, bool) -> Duration);

const KINDS: [Kind; 10] = [
    ("certificate revoked", revoked),
    ("certificate expired, and a minute past it", expired),
    ("principal suspended", principal_suspended),
    ("serial suspended", serial_suspended),
    ("topic suspended under a parked Fetch", topic_suspended),
    ("API suspended", api_suspended),
    ("all suspended", all_suspended),
    ("grant narrowed under a parked Fetch", narrowed),
    ("principal taken out under a parked Fetch", taken_out),
    ("topic granted", granted),
];

/// The drill.
#[must_use]
pub fn run(form: Form) -> Vec<Report> {
    let stage = Stage::open_with("effect", |options| {
        put_list(&[]);
        options.config["listeners"][0]["tls"]["client_crl"] = json!([list()]);
    });
    let report = |(name, time): Kind| {
        // Whoever waits for a certificate to expire waits for seconds each time.
        let rounds = if name.contains("expired") { form.pick(5, 1) } else { form.pick(20, 2) };
        let figure = |done: bool, rounds: usize| {
            let slowest = (0..rounds).map(|_| time(&stage, done)).max().unwrap_or(Duration::MAX);
            vec![Figure::within(format!("the slowest of {rounds}"), slowest, BAR)]
        };
        Report { name, figures: figure(true, rounds), control: form.control(|| figure(false, 1)) }
    };
    KINDS.into_iter().map(report).collect()
}

fn revoked(stage: &Stage, done: bool) -> Duration {
    let identity = stage.identity(OTHER);
    let mut client = parked(stage, &identity);
    let began = Instant::now();
    if done {
        put_list(&[&serial(&identity)]);
    }
    ends(&mut client, began)
}

/// Counts from a minute after the last second of the certificate: so much clocks may differ.
fn expired(stage: &Stage, done: bool) -> Duration {
    let day = Validity::days(1);
    // It began an hour ago.
    let short = Validity { not_after: day.not_before + (HOUR - SKEW + LIFE), ..day };
    let end = u64::try_from(short.not_after.unix_timestamp()).expect("a time of today");
    let end = Duration::from_secs(end) + SKEW;
    let identity = Pki::shared().client_with(&ClientSubject::named(OTHER), if done { short } else { day });
    let mut client = parked(stage, &identity);
    let left = end.checked_sub(now()).expect("less than a life to connect");
    match client.ended(left + LIMIT) {
        Ended::Silent => LIMIT,
        Ended::Closed | Ended::Alert(_) => now().checked_sub(end).expect("nobody is cut off while the right lasts"),
    }
}

fn principal_suspended(stage: &Stage, done: bool) -> Duration {
    let mut client = parked(stage, &stage.identity(OTHER));
    let began = suspend(stage, done, &["principal", OTHER]);
    let took = ends(&mut client, began);
    resume(stage, done, &["principal", OTHER]);
    took
}

fn serial_suspended(stage: &Stage, done: bool) -> Duration {
    let identity = stage.identity(OTHER);
    let mut client = parked(stage, &identity);
    let hex: String = serial(&identity).iter().map(|byte| format!("{byte:02X}")).collect();
    let began = suspend(stage, done, &["serial", &hex]);
    let took = ends(&mut client, began);
    resume(stage, done, &["serial", &hex]);
    took
}

fn topic_suspended(stage: &Stage, done: bool) -> Duration {
    let mut client = parked(stage, &stage.identity(OTHER));
    let began = suspend(stage, done, &["topic", &stage.quiet]);
    let took = is_told_its_loss(&mut client, began);
    resume(stage, done, &["topic", &stage.quiet]);
    took
}

/// It is not offered any more, and closes whoever uses it.
fn api_suspended(stage: &Stage, done: bool) -> Duration {
    let mut client = connect(stage, &stage.identity(OTHER));
    let began = suspend(stage, done, &["api", "metadata"]);
    let took = loop {
        let offered = client.call(0, &ApiVersionsRequest::default()).expect("an answer");
        if !offered.api_keys.iter().any(|key| key.api_key == METADATA) || began.elapsed() > LIMIT {
            break began.elapsed();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    if done {
        client.send(&wire::frame(5, 8, &MetadataRequest::default()).expect("a frame")).expect("sent");
        assert_eq!(client.ended(LIMIT), Ended::Closed, "whoever uses it is closed");
    }
    resume(stage, done, &["api", "metadata"]);
    took
}

fn all_suspended(stage: &Stage, done: bool) -> Duration {
    let mut clients = [READER, OTHER].map(|who| parked(stage, &stage.identity(who)));
    let began = suspend(stage, done, &["all"]);
    let took = clients.iter_mut().map(|client| ends(client, began)).max();
    resume(stage, done, &["all"]);
    took.unwrap_or(Duration::MAX)
}

fn narrowed(stage: &Stage, done: bool) -> Duration {
    let mut client = parked(stage, &stage.identity(OTHER));
    let began = Instant::now();
    if done {
        stage.weir.write_acl(&stage.acl(&[&stage.topic]));
    }
    let took = is_told_its_loss(&mut client, began);
    restore(stage);
    took
}

fn taken_out(stage: &Stage, done: bool) -> Duration {
    let mut client = parked(stage, &stage.identity(OTHER));
    let began = Instant::now();
    if done {
        stage.weir.write_acl(&stage.acl(&[]));
    }
    let took = ends(&mut client, began);
    restore(stage);
    took
}

fn granted(stage: &Stage, done: bool) -> Duration {
    stage.weir.write_acl(&stage.acl(&[&stage.topic]));
    let mut client = connect(stage, &stage.identity(OTHER));
    wait::until("the grant to be gone", SETTLE, || match fetched(stage, &mut client)? {
        TOPIC_AUTHORIZATION_FAILED => Ok(()),
        code => Err(format!("error {code}")),
    });
    let began = Instant::now();
    if done {
        stage.weir.write_acl(&stage.acl(&[&stage.topic, &stage.quiet]));
    }
    while fetched(stage, &mut client) != Ok(0) && began.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(2));
    }
    let took = began.elapsed();
    restore(stage);
    took
}

/// Suspends as an operator does, where it is to be done. Gives when the command was started.
fn suspend(stage: &Stage, done: bool, what: &[&str]) -> Instant {
    let began = Instant::now();
    if done {
        command(stage, "suspend", what);
    }
    began
}

fn resume(stage: &Stage, done: bool, what: &[&str]) {
    if done {
        command(stage, "resume", what);
        is_served(stage);
    }
}

fn command(stage: &Stage, act: &str, what: &[&str]) {
    let mut command = Command::new(weir_testkit::weir_binary());
    command.arg(act).args(what).args(["--reason", "a drill", "--ticket", "DRILL-1"]);
    let output = command.arg("-c").arg(stage.weir.config_file()).output().expect("weir runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The file with the newest list of the clients' authority.
fn list() -> PathBuf {
    Pki::shared().dir().join("drill.crl")
}

/// Puts the next list in place, as an authority's tools should: whole.
fn put_list(revoked: &[&[u8]]) {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let text = Pki::shared().authority().revocation_list(number, revoked, Validity::days(1)).expect("a list");
    let part = list().with_extension("part");
    std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, list())).expect("a list can be written");
}

fn serial(identity: &Identity) -> Vec<u8> {
    let (_, pem) = parse_x509_pem(identity.issued.certificate_pem.as_bytes()).expect("PEM");
    let bytes = pem.parse_x509().expect("a certificate").tbs_certificate.raw_serial().to_vec();
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time of today")
}

/// Everything is as it was, and in force.
fn restore(stage: &Stage) {
    stage.weir.write_acl(&stage.acl(&[&stage.topic, &stage.quiet]));
    is_served(stage);
}

fn is_served(stage: &Stage) {
    let identity = stage.identity(OTHER);
    let target = stage.weir.target(&leader(stage), &identity);
    wait::until("all to be as it was", SETTLE, || {
        let mut client = RawClient::connect(&target)?;
        let offered = client.call(0, &ApiVersionsRequest::default())?;
        let is_offered = offered.api_keys.iter().any(|key| key.api_key == METADATA);
        match fetched(stage, &mut client)? {
            0 if is_offered => Ok(()),
            code => Err(format!("error {code}, metadata offered: {is_offered}")),
        }
    });
}

/// How long after `began` a connection ended.
fn ends(client: &mut RawClient, began: Instant) -> Duration {
    match client.ended(LIMIT.saturating_sub(began.elapsed())) {
        Ended::Silent => LIMIT,
        Ended::Closed | Ended::Alert(_) => began.elapsed(),
    }
}

/// How long after `began` a Fetch that waited was answered with what was lost.
fn is_told_its_loss(client: &mut RawClient, began: Instant) -> Duration {
    let Ok(answer) = client.read_frame(LIMIT.saturating_sub(began.elapsed())) else { return LIMIT };
    let took = began.elapsed();
    let (_, told) = wire::open::<FetchRequest>(VERSION, &answer).expect("an answer");
    let code = told.responses[0].partitions[0].error_code;
    assert_eq!(code, TOPIC_AUTHORIZATION_FAILED, "it says what was lost");
    took
}

fn leader(stage: &Stage) -> String {
    stage.weir.broker(stage.kafka.leader_of(&stage.quiet, 0))
}

fn connect(stage: &Stage, identity: &Identity) -> RawClient {
    RawClient::connect(&stage.weir.target(&leader(stage), identity)).expect("a connection")
}

/// A connection with a Fetch that waits at the broker.
fn parked(stage: &Stage, identity: &Identity) -> RawClient {
    let mut client = connect(stage, identity);
    assert_eq!(fetched(stage, &mut client), Ok(0));
    client.send(&wire::frame(7, VERSION, &fetch(&stage.quiet, 20_000)).expect("a frame")).expect("sent");
    assert_eq!(client.read_frame(Duration::from_millis(300)), Err(Ended::Silent), "it waits");
    client
}

/// With which code the quiet topic is fetched now.
fn fetched(stage: &Stage, client: &mut RawClient) -> Result<i16, String> {
    let answer = client.call(VERSION, &fetch(&stage.quiet, 0))?;
    Ok(answer.responses.first().map_or(0, |topic| topic.partitions[0].error_code))
}

fn fetch(topic: &str, wait_ms: i32) -> FetchRequest {
    let name = TopicName(StrBytes::from_string(topic.to_owned()));
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic(name).with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(wait_ms)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}
