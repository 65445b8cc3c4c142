//! What operators see in numbers, of a running Weir before real Kafka: nothing is lost under load and aborts, the parts
//! of a request's time are the fault of whom they say, and clients make no series.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{
    ApiVersionsRequest, FetchRequest, FindCoordinatorRequest, GroupId, HeartbeatRequest, MetadataRequest,
    OffsetCommitRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use weir_testkit::kafka::wire;
use weir_testkit::{Acl, Advertise, Kafka, Pki, PrincipalSpec, RawClient, RawTarget, Version, Weir, WeirOptions, wait};

const LIMIT: Duration = Duration::from_secs(30);
const FETCH: i16 = 11;

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A Weir before a topic that nobody writes to, led by one broker.
struct Desk {
    weir: Weir,
    topic: String,
    leader: i32,
    kafka: Arc<Kafka>,
}

impl Desk {
    fn open(topic: &str, readers: &[&str]) -> Self {
        let kafka = Kafka::shared(Version::V4);
        kafka.create_topic(topic, 1, 3, &[]);
        let weir = Weir::start(WeirOptions::new(&kafka, Advertise::Ports, Self::acl(topic, readers)).untapped());
        let leader = kafka.leader_of(topic, 0);
        Self { weir, topic: topic.to_owned(), leader, kafka }
    }

    fn acl(topic: &str, readers: &[&str]) -> Acl {
        readers.iter().fold(Acl::new(&[topic]), |acl, reader| acl.principal(PrincipalSpec::new(reader, &[topic])))
    }

    fn target(&self, reader: &str) -> RawTarget {
        self.weir.target(&self.weir.broker(self.leader), &Pki::shared().client(reader))
    }

    fn scrape(&self) -> Scrape {
        let (status, page) = self.weir.get("/metrics").unwrap();
        assert_eq!(status, 200);
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        Scrape(
            samples
                .map(|line| line.rsplit_once(' ').unwrap())
                .map(|(k, v)| (k.to_owned(), v.parse().unwrap()))
                .collect(),
        )
    }

    /// Waits until numbers are as they should be, and gives them.
    fn scraped_when(&self, what: &str, is_so: impl Fn(&Scrape) -> bool) -> Scrape {
        wait::until(what, LIMIT, || {
            let scrape = self.scrape();
            if is_so(&scrape) { Ok(scrape) } else { Err(format!("{:?}", scrape.moving())) }
        })
    }

    fn fetch(&self, topics: &[&str], wait_ms: i32) -> FetchRequest {
        let partition = FetchPartition::default().with_partition_max_bytes(64 << 20);
        let topic = |name: &&str| {
            FetchTopic::default().with_topic(TopicName(text(name))).with_partitions(vec![partition.clone()])
        };
        FetchRequest::default()
            .with_max_wait_ms(wait_ms)
            .with_min_bytes(1)
            .with_max_bytes(64 << 20)
            .with_topics(topics.iter().map(topic).collect())
    }
}

/// The numbers of one instant.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    fn get(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or_else(|| panic!("there is no {series}"))
    }

    /// Over all series of a metric whose labels hold this text.
    fn sum(&self, metric: &str, label: &str) -> f64 {
        let series = self.0.iter().filter(|(series, _)| series.split('{').next() == Some(metric));
        series.filter(|(series, _)| series.contains(label)).map(|(_, value)| value).sum()
    }

    fn apis(&self) -> Vec<&str> {
        let taken = self.0.keys().filter_map(|series| series.strip_prefix("weir_requests_taken_total{"));
        taken.map(|labels| labels.trim_end_matches('}')).collect()
    }

    /// What ought to be nothing at rest.
    fn moving(&self) -> (f64, f64) {
        (self.get("weir_connections_open"), self.sum("weir_requests_in_flight", ""))
    }

    /// What holds at every instant.
    fn is_conserved(&self) {
        let [accepted, open] = ["weir_connections_accepted_total", "weir_connections_open"].map(|name| self.get(name));
        assert_eq!(accepted, open + self.sum("weir_connections_closed_total", ""), "connections");
        for api in self.apis() {
            let ended = self.sum("weir_requests_total", api);
            assert_eq!(
                self.sum("weir_requests_taken_total", api),
                ended + self.sum("weir_requests_in_flight", api),
                "{api}"
            );
        }
    }
}

/// What clients have done, by their own count.
#[derive(Default)]
struct Done {
    connections: AtomicU64,
    principals: AtomicU64,
    answered: Mutex<BTreeMap<&'static str, u64>>,
    /// Sent, and not waited for.
    left: Mutex<BTreeMap<&'static str, u64>>,
}

fn count(of: &Mutex<BTreeMap<&'static str, u64>>, api: &'static str) {
    *of.lock().unwrap().entry(api).or_default() += 1;
}

impl Done {
    fn connected(&self, target: &RawTarget) -> RawClient {
        let client = RawClient::connect(target).unwrap();
        self.connections.fetch_add(1, Ordering::Relaxed);
        client
    }

    fn stranger(&self, target: &RawTarget) -> TcpStream {
        let tcp = TcpStream::connect(&target.address).unwrap();
        self.connections.fetch_add(1, Ordering::Relaxed);
        tcp
    }

    /// A client as it should be.
    fn sound(&self, desk: &Desk, target: &RawTarget, turn: usize) {
        let mut client = self.connected(target);
        self.principals.fetch_add(1, Ordering::Relaxed);
        let versions = ApiVersionsRequest::default()
            .with_client_software_name(text(&format!("invented-{turn}")))
            .with_client_software_version(text("1.0"));
        client.call(3, &versions).unwrap();
        count(&self.answered, "ApiVersions");
        let names = [&desk.topic, "metrics.hidden"]
            .map(|name| MetadataRequestTopic::default().with_name(Some(TopicName(text(name)))));
        client.call(8, &MetadataRequest::default().with_topics(Some(names.to_vec()))).unwrap();
        count(&self.answered, "Metadata");
        client.call(4, &HeartbeatRequest::default().with_group_id(GroupId(text("nobody's")))).unwrap();
        count(&self.answered, "Heartbeat");
        client.call(FETCH, &desk.fetch(&[&desk.topic, "metrics.hidden"], 1)).unwrap();
        count(&self.answered, "Fetch");
    }

    /// One that leaves while requests are under way, or in the middle of one.
    fn leaving(&self, desk: &Desk, target: &RawTarget, bytes: usize) {
        let mut client = self.connected(target);
        for _ in 0..3 {
            let frame = wire::frame(7, FETCH, &desk.fetch(&[&desk.topic], 30_000)).unwrap();
            client.send(&frame).unwrap();
            count(&self.left, "Fetch");
        }
        client.send(&[0, 0, 0, 9, 1, 2, 3][..bytes]).unwrap();
    }

    fn act(&self, desk: &Desk, reader: &str, turn: usize) {
        let target = desk.target(reader);
        match turn % 8 {
            0..=2 => self.sound(desk, &target, turn),
            3 => self.leaving(desk, &target, 0),
            4 => self.leaving(desk, &target, 6),
            5 => drop(self.stranger(&target)),
            6 => self.stranger(&target).write_all(b"\0\0\0\x10\0\x12\0\0 without TLS").unwrap(),
            _ => {
                self.connections.fetch_add(1, Ordering::Relaxed);
                // With TLS 1.3 the client learns of the refusal later.
                drop(RawClient::connect(&RawTarget { identity: None, ..target }));
            }
        }
    }
}

#[test]
fn every_connection_and_every_request_has_its_end_under_load_and_aborts() {
    let desk = Desk::open("metrics.conserved", &["metrics-busy"]);
    let done = Done::default();
    let end = Instant::now() + Duration::from_secs(6);
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let (desk, done) = (&desk, &done);
            scope.spawn(move || {
                let mut turn = thread;
                while Instant::now() < end {
                    done.act(desk, "metrics-busy", turn);
                    turn += 1;
                }
            });
        }
        while Instant::now() < end {
            desk.scrape().is_conserved();
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let scrape = desk.scraped_when("rest", |scrape| scrape.moving() == (0.0, 0.0));
    scrape.is_conserved();
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
    assert_eq!(scrape.get("weir_connections_accepted_total"), of(&done.connections));
    assert!(scrape.get(r#"weir_handshakes_total{result="ok"}"#) >= of(&done.principals));
    let left = done.left.lock().unwrap();
    for (api, answered) in done.answered.lock().unwrap().iter() {
        let (label, answered) = (format!("api=\"{api}\""), *answered as f64);
        let taken = scrape.sum("weir_requests_taken_total", &label);
        let most = answered + left.get(api).copied().unwrap_or_default() as f64;
        assert!((answered..=most).contains(&taken), "{api}: {answered} were answered, {taken} taken, of {most}");
        let ended = |result| scrape.get(&format!("weir_requests_total{{{label},result=\"{result}\"}}"));
        assert_eq!(ended("ok") + ended("refused"), answered, "{api}: each answer was read by its client");
    }
    assert!(scrape.sum("weir_requests_total", "unanswered") > 0.0, "some left before their answers came");
    println!(
        "{} connections, {} requests",
        scrape.get("weir_connections_accepted_total"),
        scrape.sum("weir_requests_total", "")
    );
    the_parts_are_the_whole(&scrape);
    assert_eq!(scrape.get(r#"weir_principal_connections{principal="metrics-busy"}"#), 0.0);
    let own = scrape.get(r#"weir_principal_requests_total{principal="metrics-busy"}"#);
    assert_eq!(own, scrape.sum("weir_requests_total", ""), "there is nobody else");
    let hidden = scrape.get(r#"weir_principal_refused_total{principal="metrics-busy",class="topic"}"#);
    assert_eq!(hidden, scrape.sum("weir_refused_total", ""));
}

fn the_parts_are_the_whole(scrape: &Scrape) {
    for api in scrape.apis() {
        let of = |metric: &str, what| scrape.sum(&format!("weir_{metric}_seconds_{what}"), api);
        let parts = ["client", "upstream", "own"];
        let sum: f64 = parts.iter().map(|part| of(part, "sum")).sum();
        let ended = scrape.sum("weir_requests_total", api);
        // Each is counted in whole microseconds.
        assert!((of("request", "sum") - sum).abs() <= 3e-6 * ended + 1e-9, "{api}: {sum}");
        assert!(parts.iter().chain(&["request"]).all(|part| of(part, "count") == ended), "{api}");
    }
}

/// How the seconds of Fetch grow by what somebody does: the client's, upstream's, Weir's own.
fn fetch_seconds(desk: &Desk, what: &str, act: impl FnOnce()) -> [f64; 3] {
    let at_rest = || desk.scraped_when("rest", |scrape| scrape.moving() == (0.0, 0.0));
    let of = |scrape: &Scrape| {
        ["client", "upstream", "own"].map(|part| scrape.get(&format!("weir_{part}_seconds_sum{{api=\"Fetch\"}}")))
    };
    let before = of(&at_rest());
    act();
    let after = of(&at_rest());
    let grown = [0, 1, 2].map(|part| after[part] - before[part]);
    println!("{what}: {grown:.3?} seconds of client, upstream, Weir");
    grown
}

#[test]
fn the_time_of_a_request_is_told_to_be_the_fault_of_whose_it_is() {
    let desk = Desk::open("metrics.slow", &["metrics-slow"]);
    let fetch = wire::frame(1, FETCH, &desk.fetch(&[&desk.topic], 2_000)).unwrap();
    let fetched = |pause: u64| {
        let mut client = RawClient::connect(&desk.target("metrics-slow")).unwrap();
        client.send(&fetch).unwrap();
        std::thread::sleep(Duration::from_secs(pause));
        client.read_frame(LIMIT).unwrap().len()
    };
    let [client, upstream, own] = fetch_seconds(&desk, "no records", || assert!(fetched(0) < 1_000));
    assert!(client < 0.2 && (1.9..3.0).contains(&upstream) && own < 0.2);
    (0..24).for_each(|_| desk.kafka.produce(&desk.topic, 0, &[7; 900_000]));
    let [client, upstream, own] = fetch_seconds(&desk, "read at once", || assert!(fetched(0) > 20_000_000));
    assert!(client < 1.0 && upstream < 2.0 && (0.001..1.0).contains(&own), "20 MB are not passed on in no time");
    let [client, upstream, own] = fetch_seconds(&desk, "read after 3 s", || assert!(fetched(3) > 20_000_000));
    assert!((2.5..5.0).contains(&client) && upstream < 2.0 && own < 1.0);
}

#[test]
fn hostile_q20_clients_make_no_series_and_principals_go_with_the_policy() {
    let (topic, readers) = ("metrics.series", ["metrics-stays", "metrics-goes"]);
    let desk = Desk::open(topic, &readers);
    let done = Done::default();
    readers.iter().for_each(|reader| done.sound(&desk, &desk.target(reader), 0));
    let series = |scrape: &Scrape| scrape.0.len();
    let before = series(&desk.scraped_when("rest", |scrape| scrape.moving() == (0.0, 0.0)));
    for turn in 0..50 {
        let mut client = done.connected(&desk.target("metrics-stays"));
        let group = text(&format!("group-{turn}"));
        client.call(3, &FindCoordinatorRequest::default().with_key(group)).unwrap();
        done.sound(&desk, &desk.target("metrics-stays"), turn);
    }
    let held = RawClient::connect(&desk.target("metrics-stays")).unwrap();
    let scrape = desk.scraped_when("one connection", |scrape| scrape.moving() == (1.0, 0.0));
    assert_eq!(series(&scrape), before);
    assert_eq!(scrape.get(r#"weir_principal_connections{principal="metrics-stays"}"#), 1.0);
    let days = scrape.get(r#"weir_principal_certificate_expires_in_seconds{principal="metrics-stays"}"#) / 86_400.0;
    assert!((0.5..10_000.0).contains(&days), "{days}");
    drop(held);
    let top = desk.weir.get("/top").unwrap().1;
    let top: serde_json::Value = serde_json::from_str(&top).unwrap();
    let stays = top["principals"].as_array().unwrap().iter().find(|one| one["principal"] == "metrics-stays").unwrap();
    let names: Vec<_> = stays["software"].as_array().unwrap().iter().map(|said| said["name"].clone()).collect();
    assert_eq!(names, ["invented-49", "invented-48", "invented-47", "invented-46"]);
    desk.weir.write_acl(&Desk::acl(topic, &["metrics-stays"]));
    let of = |scrape: &Scrape, reader: &str| scrape.0.keys().filter(|series| series.contains(reader)).count();
    let scrape = desk.scraped_when("the policy", |scrape| of(scrape, "metrics-goes") == 0);
    assert!(of(&scrape, "metrics-stays") > 0);
}

#[test]
fn commits_are_told_as_the_brokers_have_them() {
    let desk = Desk::open("metrics.commits", &["metrics-commits"]);
    let broker = desk.kafka.coordinator_of("weir.metrics-commits.g");
    let target = desk.weir.target(&desk.weir.broker(broker), &Pki::shared().client("metrics-commits"));
    let mut client = RawClient::connect(&target).unwrap();
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(1);
    let topic = |name: &str| {
        OffsetCommitRequestTopic::default().with_name(TopicName(text(name))).with_partitions(vec![partition.clone()])
    };
    let commit = OffsetCommitRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic(&desk.topic), topic("metrics.hidden")]);
    let mut sent = 0;
    wait::until("a commit", LIMIT, || {
        sent += 1;
        match client.call(8, &commit)?.topics[0].partitions[0].error_code {
            0 => Ok(()),
            code => Err(format!("error {code}")),
        }
    });
    assert_eq!(desk.kafka.committed("weir.metrics-commits.g").len(), 1);
    let scrape = desk.scrape();
    let of = |metric: &str| scrape.get(&format!("weir_principal_{metric}{{principal=\"metrics-commits\"}}"));
    assert_eq!(of("committed_partitions_total"), f64::from(sent), "the refused topic is none");
    assert_eq!((of("groups"), of("partitions_with_offset")), (1.0, 1.0));
}

/// The page is held against the code by a test of `weir-server`; this is what runs.
#[test]
fn the_page_of_metrics_knows_all_that_a_running_weir_tells() {
    let desk = Desk::open("metrics.page", &["metrics-page"]);
    let page = std::fs::read_to_string(weir_testkit::paths::root().join("docs/operate/metrics.md")).unwrap();
    let (_, scraped) = desk.weir.get("/metrics").unwrap();
    let families: Vec<_> = scraped.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(families.len() > 25, "{families:?}");
    let unknown: Vec<_> = families.iter().filter(|name| !page.contains(&format!("| `{name}"))).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
