//! The policy while Weir runs: a change takes effect within a second, on open connections too, a bad file changes nothing,
//! and who lost nothing does not notice.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex, MutexGuard, Once};
use std::time::{Duration, Instant};

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{FetchRequest, FetchResponse, MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use serde_json::json;
use weir_testkit::kafka::wire;
use weir_testkit::{Acl, Advertise, Ended, Kafka, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions, wait};

/// What takes effect does so within this.
const BAR: Duration = Duration::from_secs(1);
/// What a machine that does ten things at once may add where only the outcome is of interest.
const PATIENT: Duration = Duration::from_secs(15);
const FETCH: i16 = 12;
const TOPICS: [&str; 3] = ["live.a", "live.b", "live.c"];
const NEIGHBOUR: &str = "live-neighbour";
/// The time to effect is measured: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A Weir with a reader of `live.a` and `live.b`, and a neighbour whom nothing ever happens to.
struct Desk {
    kafka: Arc<Kafka>,
    weir: Weir,
    reader: &'static str,
    neighbour: RawClient,
    _alone: MutexGuard<'static, ()>,
}

impl Desk {
    fn open(reader: &'static str) -> Self {
        let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let kafka = Kafka::shared(Version::V4);
        make_topics(&kafka);
        let options = WeirOptions::new(&kafka, Advertise::Ports, acl(reader, &TOPICS[..2])).untapped();
        let weir = Weir::start(options);
        let mut neighbour = connect(&weir, NEIGHBOUR);
        named(&mut neighbour, TOPICS[0]).unwrap();
        Self { kafka, weir, reader, neighbour, _alone: alone }
    }

    /// A connection of the reader's to the broker that leads everything.
    fn client(&self) -> RawClient {
        connect(&self.weir, self.reader)
    }

    fn grant(&self, topics: &[&str]) {
        self.weir.write_acl(&acl(self.reader, topics));
    }

    /// The neighbour's connection is the one that it was.
    fn ends(mut self) {
        named(&mut self.neighbour, TOPICS[0]).expect("who lost nothing does not notice");
    }
}

fn make_topics(kafka: &Kafka) {
    static MADE: Once = Once::new();
    MADE.call_once(|| TOPICS.iter().for_each(|topic| kafka.create_placed(topic, &[vec![1]], &[])));
}

fn acl(reader: &str, topics: &[&str]) -> Acl {
    let acl = Acl::new(&TOPICS).principal(PrincipalSpec::new(NEIGHBOUR, &TOPICS));
    if topics.is_empty() { acl } else { acl.principal(PrincipalSpec::new(reader, topics)) }
}

fn connect(weir: &Weir, who: &str) -> RawClient {
    let target = weir.target(&weir.broker(1), &Pki::shared().client(who));
    RawClient::connect(&target).expect("a connection")
}

/// The error code with which a topic is described, and how many partitions it has.
fn named(client: &mut RawClient, topic: &str) -> Result<(i16, usize), String> {
    let name = TopicName(StrBytes::from_string(topic.to_owned()));
    let asked =
        MetadataRequest::default().with_topics(Some(vec![MetadataRequestTopic::default().with_name(Some(name))]));
    let answer = client.call(9, &asked)?;
    Ok((answer.topics[0].error_code, answer.topics[0].partitions.len()))
}

/// A Fetch from the end, which waits at the broker.
fn park(client: &mut RawClient, session: (i32, i32), topics: &[&str]) {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = |topic: &&str| {
        let name = TopicName(StrBytes::from_string((*topic).to_owned()));
        FetchTopic::default().with_topic(name).with_partitions(vec![partition.clone()])
    };
    let (id, epoch) = session;
    let fetch = FetchRequest::default()
        .with_max_wait_ms(20_000)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_id(id)
        .with_session_epoch(epoch)
        .with_topics(topics.iter().map(topic).collect());
    client.send(&wire::frame(5, FETCH, &fetch).unwrap()).unwrap();
}

fn fetched(client: &mut RawClient, limit: Duration) -> Result<FetchResponse, Ended> {
    let frame = client.read_frame(limit)?;
    Ok(wire::open::<FetchRequest>(FETCH, &frame).unwrap().1)
}

/// The code of each topic, by name.
fn codes(answer: &FetchResponse) -> Vec<(String, i16)> {
    let mut codes: Vec<_> =
        answer.responses.iter().map(|topic| (topic.topic.to_string(), topic.partitions[0].error_code)).collect();
    codes.sort();
    codes
}

#[test]
fn who_is_taken_out_is_out_within_a_second() {
    wait::in_time(|| {
        let desk = Desk::open("live-taken-out");
        let mut clients: Vec<_> = (0..5).map(|_| desk.client()).collect();
        for client in &mut clients {
            named(client, TOPICS[0]).unwrap();
        }
        // One of them is parked at the broker.
        park(&mut clients[0], (0, -1), &TOPICS[..1]);
        let began = Instant::now();
        desk.grant(&[]);
        for client in &mut clients {
            assert_eq!(client.ended(PATIENT), Ended::Closed);
        }
        wait::held("closing who is taken out", BAR, began.elapsed());
        let again = RawClient::connect(&desk.weir.target(&desk.weir.broker(1), &Pki::shared().client(desk.reader)));
        if let Ok(mut client) = again {
            assert!(matches!(client.ended(PATIENT), Ended::Alert(_)), "it is nobody's certificate now");
        }
        desk.ends();
    });
}

#[test]
fn trap_c17_a_parked_fetch_that_lost_a_topic_is_answered_within_a_second() {
    wait::in_time(|| {
        let desk = Desk::open("live-parked");
        let mut client = desk.client();
        park(&mut client, (0, -1), &TOPICS[..2]);
        assert_eq!(fetched(&mut client, Duration::from_millis(500)).unwrap_err(), Ended::Silent, "it waits");
        desk.grant(&TOPICS[..1]);
        let granted = Instant::now();
        let told = fetched(&mut client, PATIENT).unwrap();
        wait::held("the answer", BAR, granted.elapsed());
        assert_eq!(codes(&told), [(TOPICS[0].to_owned(), 0), (TOPICS[1].to_owned(), 29)]);
        // What is left goes on, on the same connection, although the broker still has an answer for nobody.
        park(&mut client, (0, -1), &TOPICS[..1]);
        desk.kafka.produce(TOPICS[0], 0, b"for the reader");
        let got = fetched(&mut client, PATIENT).unwrap();
        assert_eq!(codes(&got), [(TOPICS[0].to_owned(), 0)]);
        assert!(got.responses[0].partitions[0].records.as_ref().is_some_and(|records| !records.is_empty()));
        desk.ends();
    });
}

#[test]
fn trap_c17_in_a_session_the_client_is_sent_back_to_its_full_list() {
    let desk = Desk::open("live-session");
    let mut client = desk.client();
    // From the start of what is there, so that the session is given out at once.
    desk.kafka.produce(TOPICS[1], 0, b"something");
    park(&mut client, (0, 0), &TOPICS[..2]);
    let session = fetched(&mut client, PATIENT).unwrap().session_id;
    assert_ne!(session, 0);
    desk.grant(&TOPICS[..1]);
    wait::until("the reader has lost a topic", PATIENT, || match named(&mut client, TOPICS[1])? {
        (29, _) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    park(&mut client, (session, 1), &[]);
    assert_eq!(fetched(&mut client, PATIENT).unwrap().error_code, 70);
    desk.ends();
}

#[test]
fn what_is_granted_is_there_within_a_second() {
    wait::in_time(|| {
        let desk = Desk::open("live-granted");
        let mut client = desk.client();
        assert_eq!(named(&mut client, TOPICS[2]).unwrap(), (29, 0));
        desk.grant(&TOPICS);
        wait::within("the grant", BAR, Instant::now(), || match named(&mut client, TOPICS[2])? {
            (0, 1) => Ok(()),
            other => Err(format!("{other:?}")),
        });
        desk.ends();
    });
}

#[test]
fn hostile_o1_a_bad_file_changes_nothing_and_is_told() {
    let desk = Desk::open("live-bad-file");
    let mut client = desk.client();
    let tiers = desk.weir.acl_dir().join("tiers.yaml");
    let sound = fs::read_to_string(&tiers).unwrap();
    fs::write(&tiers, "tiers:\n  - tier: large\n    connectoins: 500\n").unwrap();
    let told = wait::until("the problem is told", PATIENT, || match desk.weir.get("/readyz")? {
        (200, body) if body.contains("not in force") => Ok(body),
        other => Err(format!("{other:?}")),
    });
    let place = format!("{}:3:5", tiers.display());
    assert!(told.starts_with("ready\n") && told.contains(&place) && told.contains("connectoins"), "{told}");
    let metrics = desk.weir.get("/metrics").unwrap().1;
    assert!(!metrics.contains("weir_files_problems 0"), "{metrics}");
    // Not even what is sound in the same look.
    let more = tempfile::tempdir().unwrap();
    acl(desk.reader, &TOPICS).write(more.path());
    let grant = format!("principals/{}.yaml", desk.reader);
    fs::copy(more.path().join(&grant), desk.weir.acl_dir().join(&grant)).unwrap();
    fs::write(&tiers, "tiers: {}\n").unwrap();
    wait::until("the other problem is told", PATIENT, || match desk.weir.get("/readyz")? {
        (200, body) if body.contains("not in force") && !body.contains("connectoins") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(named(&mut client, TOPICS[0]).unwrap(), (0, 1));
    assert_eq!(named(&mut client, TOPICS[2]).unwrap(), (29, 0), "the grant waits for the other file");
    fs::write(&tiers, sound).unwrap();
    wait::until("the files are in force", PATIENT, || match named(&mut client, TOPICS[2])? {
        (0, 1) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(desk.weir.get("/readyz"), Ok((200, "ready\n".to_owned())));
    desk.ends();
}

#[test]
fn hostile_o2_a_directory_that_is_a_link_may_be_pointed_elsewhere() {
    wait::in_time(|| {
        let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let kafka = Kafka::shared(Version::V4);
        make_topics(&kafka);
        let releases = tempfile::tempdir().unwrap();
        acl("live-link", &TOPICS[..1]).write(&releases.path().join("one"));
        acl("live-link", &TOPICS[..2]).write(&releases.path().join("two"));
        let link = releases.path().join("current");
        symlink(releases.path().join("one"), &link).unwrap();
        let mut options = WeirOptions::new(&kafka, Advertise::Ports, acl("live-link", &TOPICS[..1])).untapped();
        options.config["policy"] = json!(link);
        let weir = Weir::start(options);
        let mut client = connect(&weir, "live-link");
        assert_eq!(named(&mut client, TOPICS[1]).unwrap(), (29, 0));
        let next = releases.path().join("next");
        symlink(releases.path().join("two"), &next).unwrap();
        fs::rename(&next, &link).unwrap();
        wait::within("the other directory", BAR, Instant::now(), || match named(&mut client, TOPICS[1])? {
            (0, 1) => Ok(()),
            other => Err(format!("{other:?}")),
        });
        drop(alone);
    });
}

#[test]
fn a_certificate_authority_that_is_not_trusted_any_more_takes_its_clients_along() {
    wait::in_time(|| {
        let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let kafka = Kafka::shared(Version::V4);
        make_topics(&kafka);
        let (pki, other) = (Pki::shared(), Pki::new("Another CA"));
        let dir = tempfile::tempdir().unwrap();
        let trusted = dir.path().join("clients.pem");
        let read = |pki: &Pki| fs::read_to_string(pki.ca()).unwrap();
        fs::write(&trusted, format!("{}{}", read(pki), read(&other))).unwrap();
        let mut options = WeirOptions::new(&kafka, Advertise::Ports, acl("live-ca", &TOPICS)).untapped();
        options.config["listeners"][0]["tls"]["client_ca"] = json!(trusted);
        let weir = Weir::start(options);
        let connect = |pki: &Pki, who: &str| {
            let mut identity = pki.client(who);
            identity.ca = Pki::shared().ca();
            RawClient::connect(&weir.target(&weir.bootstrap(), &identity)).expect("a connection")
        };
        let (mut stays, mut goes) = (connect(pki, NEIGHBOUR), connect(&other, "live-ca"));
        named(&mut stays, TOPICS[0]).unwrap();
        named(&mut goes, TOPICS[0]).unwrap();
        fs::write(&trusted, read(pki)).unwrap();
        let began = Instant::now();
        assert_eq!(goes.ended(PATIENT), Ended::Closed);
        wait::held("closing whose authority went", BAR, began.elapsed());
        named(&mut stays, TOPICS[0]).expect("its authority is trusted as before");
        drop(alone);
    });
}
