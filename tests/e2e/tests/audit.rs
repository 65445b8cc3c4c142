//! The audit of a running Weir: it is complete, its counts are those of the metrics, nobody's address or words stand in
//! it, and neither a full disk nor a crash breaks it or holds anybody up.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{
    ApiVersionsRequest, DeleteGroupsRequest, FindCoordinatorRequest, GroupId, MetadataRequest, OffsetCommitRequest,
    TopicName,
};
use kafka_protocol::protocol::StrBytes;
use serde_json::{Value, json};
use tempfile::TempDir;
use weir_testkit::{
    Acl, Advertise, Ended, Identity, Kafka, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions, wait,
};

const PATIENT: Duration = Duration::from_secs(20);
const READER: &str = "audit-reader";
const GOES: &str = "audit-goes";
const TOPIC: &str = "audit.granted";
const GROUP: &str = "audit-group";
/// What a stranger asks for: words of its own choice.
const WORDS: &str = "a-strangers-own-words";

fn acl() -> Acl {
    acl_of(&[READER, GOES])
}

fn acl_of(principals: &[&str]) -> Acl {
    let principals = principals.iter().map(|name| PrincipalSpec::new(name, &[TOPIC]));
    principals.fold(Acl::new(&[TOPIC]), Acl::principal)
}

/// A Weir with an audit of its own.
struct Desk {
    weir: Weir,
    directory: PathBuf,
    _dir: TempDir,
}

impl Desk {
    /// Before brokers that are all down, which nobody needs to be let in.
    fn without_brokers(more: &str) -> Self {
        let desk = Self::start(WeirOptions::before(&["127.0.0.1:1".to_owned()], Advertise::Ports, acl()), more);
        wait::until("weir runs", PATIENT, || match desk.weir.get("/livez")? {
            (200, _) => Ok(()),
            other => Err(format!("{other:?}")),
        });
        desk
    }

    fn start(options: WeirOptions, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let directory = dir.path().join("audit");
        let mut options = options.untapped();
        options.config["audit"] = serde_json::from_str(more).unwrap();
        options.config["audit"]["directory"] = json!(directory);
        Self { weir: Weir::start_unready(options), directory, _dir: dir }
    }

    fn connect(&self, identity: &Identity) -> Result<RawClient, String> {
        RawClient::connect(&self.weir.target(&self.weir.bootstrap(), identity))
    }

    fn let_in(&self, principal: &str) -> RawClient {
        let mut client = self.connect(&Pki::shared().client(principal)).unwrap();
        is_open(&mut client).unwrap();
        client
    }

    /// The one file of the audit.
    fn file(&self) -> PathBuf {
        let files = fs::read_dir(&self.directory).unwrap().map(|entry| entry.unwrap().path());
        let is_day = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("audit-");
        files.filter(is_day).max().unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        let mut files: Vec<_> = fs::read_dir(&self.directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.retain(|path| !path.ends_with("chain.jsonl"));
        let text: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn metric(&self, series: &str) -> u64 {
        let metrics = self.weir.get("/metrics").unwrap().1;
        let line = metrics.lines().find(|line| line.starts_with(&format!("{series} "))).unwrap_or_default();
        line.rsplit(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{series} in\n{metrics}"))
    }

    fn waits_for(&self, series: &str, value: u64) {
        wait::until(series, PATIENT, || match self.metric(series) {
            now if now == value => Ok(()),
            now => Err(format!("{now}")),
        });
    }
}

fn is_open(client: &mut RawClient) -> Result<(), String> {
    match client.ended(Duration::from_millis(150)) {
        Ended::Silent => Ok(()),
        ended => Err(format!("{ended:?}")),
    }
}

/// What `weir audit verify` says, and its exit status.
fn verify(directory: &Path) -> (String, i32) {
    let output = Command::new(weir_testkit::weir_binary()).args(["audit", "verify"]).arg(directory).output().unwrap();
    (String::from_utf8([output.stdout, output.stderr].concat()).unwrap(), output.status.code().unwrap())
}

fn is_whole(directory: &Path) {
    let (said, status) = verify(directory);
    assert!(status == 0 && said.contains("\nwhole: "), "{said}");
}

fn of<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

fn described(client: &mut RawClient, topic: &str) -> i16 {
    let name = TopicName(StrBytes::from_string(topic.to_owned()));
    let asked = MetadataRequestTopic::default().with_name(Some(name));
    client.call(9, &MetadataRequest::default().with_topics(Some(vec![asked]))).unwrap().topics[0].error_code
}

/// Counts by reason, as the metrics have them.
fn counted(metrics: &str, metric: &str) -> BTreeMap<String, u64> {
    let series = format!("{metric}{{reason=\"");
    let lines = metrics.lines().filter_map(|line| line.strip_prefix(&series));
    let counts = lines.map(|line| {
        let (reason, rest) = line.split_once('"').unwrap();
        (reason.to_owned(), rest.rsplit(' ').next().unwrap().parse().unwrap())
    });
    counts.filter(|(_, count)| *count > 0).collect()
}

/// The same by the audit.
fn audited<'a>(lines: impl Iterator<Item = &'a Value>, count: impl Fn(&Value) -> u64) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(line["reason"].as_str().unwrap().to_owned()).or_default() += count(line);
    }
    counts
}

#[test]
fn what_happened_is_in_the_audit_as_often_as_in_the_metrics_and_no_address_and_no_strangers_word_is() {
    let kafka = Kafka::shared(Version::V4);
    kafka.create_topic(TOPIC, 1, 1, &[]);
    let options = WeirOptions::new(&kafka, Advertise::Ports, acl());
    let mut desk = Desk::start(options, r#"{"addresses": "hmac"}"#);
    desk.weir.wait_ready();
    // Served, and refused a topic; twice what nobody may, once what it may.
    let mut client = desk.let_in(READER);
    assert_eq!([TOPIC, WORDS, WORDS].map(|topic| described(&mut client, topic))[1..], [29, 29]);
    groups(&desk, &mut client);
    drop(client);
    // A certificate of nobody, none at all, and no TLS.
    let nobody = Pki::shared().client("audit-nobody");
    if let Ok(mut client) = desk.connect(&nobody) {
        assert!(matches!(client.ended(PATIENT), Ended::Alert(_)));
    }
    let door = desk.weir.target(&desk.weir.bootstrap(), &nobody).address;
    TcpStream::connect(door).unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    // Revoked while it is connected, by a reload; and a reload that is refused.
    let mut goes = desk.let_in(GOES);
    desk.weir.write_acl(&acl_of(&[READER]));
    assert_eq!(goes.ended(PATIENT), Ended::Closed);
    fs::write(desk.weir.acl_dir().join("tiers.yaml"), "tiers: 7\n").unwrap();
    wait::until("the problem is told", PATIENT, || match desk.weir.get("/readyz")?.1 {
        body if body.contains("tiers.yaml:1:8") => Ok(()),
        body => Err(body),
    });
    desk.waits_for("weir_connections_open", 0);
    let metrics = desk.weir.get("/metrics").unwrap().1;
    assert_eq!(desk.weir.stop(), 0);
    is_whole(&desk.directory);

    let lines = desk.lines();
    let began: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!((began[0], began[began.len() - 1]), ("process.started", "drain.ended"), "{began:?}");
    let accepted = of(&lines, "connection.accepted");
    assert_eq!(accepted.iter().map(|line| &line["principal"]).collect::<Vec<_>>(), [READER, READER, GOES]);
    assert!(accepted.iter().all(|line| line["fingerprint"].as_str().unwrap().len() == 64));
    let revoked = of(&lines, "access.revoked");
    assert_eq!(revoked.iter().map(|line| &line["connection"]).collect::<Vec<_>>(), [&accepted[2]["connection"]]);
    let failed = of(&lines, "authn.failed");
    assert_eq!((failed.len(), &failed[0]["reason"]), (1, &json!("principal-unknown")));
    assert!(failed[0]["fingerprint"].as_str().unwrap().len() == 64, "{failed:?}");
    assert_eq!(of(&lines, "connection.refused")[0]["reason"], "not-tls-http");
    let denied = of(&lines, "authz.denied");
    assert_eq!((denied.len(), &denied[0]["requests"], &denied[0]["api"]), (1, &json!(2), &json!("Metadata")));
    for event in ["group.created", "group.deleted"] {
        let group = of(&lines, event);
        let name = format!("weir.{READER}.{GROUP}");
        assert_eq!((group.len(), &group[0]["group"]), (1, &json!(name)), "{event}");
    }
    let change = &of(&lines, "policy.reloaded")[0]["changes"];
    assert!(change.to_string().contains(GOES), "{change}");
    assert!(of(&lines, "policy.refused")[0]["problems"][0].as_str().unwrap().contains("tiers.yaml:1:8"));

    let ends = lines.iter().filter(|line| {
        ["connection.closed", "connection.refused", "authn.failed"].iter().any(|event| line["event"] == *event)
    });
    let each = |line: &Value| line["count"].as_u64().unwrap_or(1);
    assert_eq!(audited(ends, each), counted(&metrics, "weir_connections_closed_total"));
    let items = |line: &Value| line["items"].as_u64().unwrap();
    assert_eq!(audited(denied.into_iter(), items), counted(&metrics, "weir_refused_total"));
    let tokens: std::collections::BTreeSet<_> =
        lines.iter().filter_map(|line| line["address"].as_str().map(str::to_owned)).collect();
    assert!(tokens.len() == 1 && tokens.iter().all(|token| token.starts_with("hmac:")), "{tokens:?}");
    holds_nothing_of(&desk.directory, &["127.0.0.1", WORDS]);
}

/// Makes a group by a commit, and deletes it.
fn groups(desk: &Desk, client: &mut RawClient) {
    let group = GroupId(StrBytes::from_static_str(GROUP));
    let found = wait::until("a coordinator", PATIENT, || {
        let asked = FindCoordinatorRequest::default().with_coordinator_keys(vec![group.0.clone()]);
        let found = client.call(4, &asked)?.coordinators.remove(0);
        if found.error_code == 0 { Ok(found.node_id.0) } else { Err(found.error_code.to_string()) }
    });
    let target = desk.weir.target(&desk.weir.broker(found), &Pki::shared().client(READER));
    let mut coordinator = RawClient::connect(&target).unwrap();
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(1);
    let name = TopicName(StrBytes::from_static_str(TOPIC));
    let topic = OffsetCommitRequestTopic::default().with_name(name).with_partitions(vec![partition]);
    let commit = OffsetCommitRequest::default()
        .with_group_id(group.clone())
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    wait::until("a commit", PATIENT, || match coordinator.call(8, &commit)?.topics[0].partitions[0].error_code {
        0 => Ok(()),
        code => Err(code.to_string()),
    });
    let delete = DeleteGroupsRequest::default().with_groups_names(vec![group]);
    assert_eq!(coordinator.call(2, &delete).unwrap().results[0].error_code, 0);
}

/// Every byte of every file.
fn holds_nothing_of(directory: &Path, planted: &[&str]) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for word in planted {
            let is_there = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!is_there, "{word} is in {}", path.display());
        }
    }
}

#[test]
fn the_network_alone_is_written_by_default_and_the_whole_address_where_it_is_wanted() {
    for (more, address) in [("{}", "127.0.0.0/24"), (r#"{"addresses": "full"}"#, "127.0.0.1")] {
        let mut desk = Desk::without_brokers(more);
        drop(desk.let_in(READER));
        desk.waits_for("weir_connections_open", 0);
        assert_eq!(desk.weir.stop(), 0);
        let lines = desk.lines();
        let closed = of(&lines, "connection.closed");
        assert_eq!((closed.len(), &closed[0]["address"]), (1, &json!(address)));
        if address.ends_with("/24") {
            holds_nothing_of(&desk.directory, &["127.0.0.1"]);
        }
    }
}

/// Takes the disk away: the file of the day is where nothing can be written.
fn fill_up(desk: &Desk) -> (PathBuf, PathBuf) {
    let (file, aside) = (desk.file(), desk.directory.join("aside"));
    fs::rename(&file, &aside).unwrap();
    symlink("/dev/full", &file).unwrap();
    (file, aside)
}

#[test]
fn hostile_o6_a_full_disk_is_counted_and_told_while_everybody_is_served_and_nothing_is_lost() {
    let mut desk = Desk::without_brokers("{}");
    desk.waits_for("weir_audit_failed", 0);
    desk.waits_for("weir_audit_written_total", 1);
    let (file, aside) = fill_up(&desk);
    let mut clients: Vec<_> = (0..5).map(|_| desk.let_in(READER)).collect();
    desk.waits_for("weir_audit_failed", 1);
    assert!(desk.weir.get("/readyz").unwrap().1.contains("the audit cannot be written: No space left on device"));
    clients.push(desk.let_in(READER));
    fs::rename(&aside, &file).unwrap();
    desk.waits_for("weir_audit_failed", 0);
    desk.waits_for("weir_audit_written_total", 7);
    assert_eq!(desk.metric("weir_audit_dropped_total"), 0);
    assert_eq!(desk.weir.stop(), 0);
    is_whole(&desk.directory);
    assert_eq!(of(&desk.lines(), "connection.accepted").len(), 6);
}

#[test]
fn hostile_o6_a_full_disk_blocks_new_connections_where_that_is_wanted_and_no_open_one() {
    let options = WeirOptions::new(&Kafka::shared(Version::V4), Advertise::Ports, acl());
    let mut desk = Desk::start(options, r#"{"when_full": "block"}"#);
    desk.weir.wait_ready();
    desk.waits_for("weir_audit_written_total", 1);
    let mut stays = desk.let_in(READER);
    desk.waits_for("weir_audit_written_total", 2);
    let (file, aside) = fill_up(&desk);
    // The one that finds out.
    let mut found = desk.let_in(READER);
    desk.waits_for("weir_audit_failed", 1);
    assert!(desk.connect(&Pki::shared().client(READER)).is_err());
    assert!(desk.metric(r#"weir_connections_closed_total{reason="audit-blocked",fault="weir"}"#) >= 1);
    is_open(&mut stays).unwrap();
    is_open(&mut found).unwrap();
    assert!(stays.call(0, &ApiVersionsRequest::default()).is_ok(), "it is served as before");
    fs::rename(&aside, &file).unwrap();
    desk.waits_for("weir_audit_failed", 0);
    drop(desk.let_in(READER));
    assert_eq!(desk.weir.stop(), 0);
    is_whole(&desk.directory);
    let lines = desk.lines();
    assert_eq!(of(&lines, "connection.accepted").len(), 3);
    assert!(of(&lines, "connection.refused").iter().any(|line| line["reason"] == "audit-blocked"));
}

#[test]
fn hostile_o11_after_a_crash_the_chain_goes_on_and_whoever_edits_a_line_is_found() {
    let mut desk = Desk::without_brokers("{}");
    desk.waits_for("weir_audit_written_total", 1);
    let _client = desk.let_in(READER);
    desk.waits_for("weir_audit_written_total", 2);
    desk.weir.kill();
    wait::until("it is gone", PATIENT, || desk.weir.ended().map(drop).ok_or_else(|| "it runs".to_owned()));
    let file = desk.file();
    let half = r#"{"schema":1,"seq":3,"ti"#;
    fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(half.as_bytes()).unwrap();
    assert!(verify(&desk.directory).0.contains("half a line at the end"));
    desk.weir.restart_unready();
    wait::until("weir runs", PATIENT, || desk.weir.get("/livez").map(drop));
    desk.waits_for("weir_audit_written_total", 2);
    assert_eq!(desk.weir.stop(), 0);
    is_whole(&desk.directory);
    let lines = desk.lines();
    assert_eq!(of(&lines, "audit.recovered")[0]["bytes"], json!(half.len()));
    assert_eq!(of(&lines, "process.started").len(), 2);

    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen(READER, "audit-nobody", 1)).unwrap();
    let (said, status) = verify(&desk.directory);
    let place = format!("{}:2: the line is not the one that was written", file.file_name().unwrap().display());
    assert!(status == 1 && said.starts_with(&place), "{said}");
}
