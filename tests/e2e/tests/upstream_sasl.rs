//! Weir before brokers that ask for SASL over TLS, and ask again every few seconds: SCRAM and OAUTHBEARER as operators
//! configure them, with Kafka's own server side.
//!
//! One broker for all of it; its listener `SSL` speaks SASL_SSL. Each test has users of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{CreateAclsRequest, FetchRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::{Value, json};
use weir_testkit::kafka::{Chain, Record, wire};
use weir_testkit::{
    Acl, Advertise, Kafka, KafkaOptions, Pki, PrincipalSpec, RawClient, Version, Weir, WeirOptions, wait, weir_binary,
};

const LIMIT: Duration = Duration::from_secs(40);
/// How long the brokers take a connection for authenticated.
const LEASE: Duration = Duration::from_secs(3);
/// Planted: it must be in no log, no answer and no page.
const PASSWORD: &str = "planted-pass,word=1";
/// Kafka's code for a topic that may not be read.
const DENIED: i16 = 29;

fn kafka() -> &'static Kafka {
    static KAFKA: OnceLock<Kafka> = OnceLock::new();
    KAFKA.get_or_init(|| {
        let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
        let bearer = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
                      unsecuredLoginStringClaim_sub=\"broker\";";
        let validator = "org.apache.kafka.common.security.oauthbearer.internals.unsecured.\
                         OAuthBearerUnsecuredValidatorCallbackHandler";
        let lease = LEASE.as_millis().to_string();
        let of_listener = |key: &str, value: &str| (format!("listener.name.ssl.{key}"), value.to_owned());
        let mut properties = vec![
            of_listener("ssl.client.auth", "none"),
            of_listener("sasl.enabled.mechanisms", "SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER"),
            of_listener("oauthbearer.sasl.jaas.config", bearer),
            of_listener("oauthbearer.sasl.server.callback.handler.class", validator),
        ];
        for mechanism in ["scram-sha-256", "scram-sha-512"] {
            properties.push(of_listener(&format!("{mechanism}.sasl.jaas.config"), scram));
        }
        for mechanism in ["scram-sha-256", "scram-sha-512", "oauthbearer"] {
            properties.push(of_listener(&format!("{mechanism}.connections.max.reauth.ms"), &lease));
        }
        let map = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SASL_SSL,FAR:SSL";
        properties.push(("listener.security.protocol.map".to_owned(), map.to_owned()));
        let authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
        properties.push(("authorizer.class.name".to_owned(), authorizer.to_owned()));
        properties.push(("super.users".to_owned(), "User:ANONYMOUS".to_owned()));
        Kafka::start(KafkaOptions { brokers: 1, properties, ..KafkaOptions::new(Version::V4) })
    })
}

/// What a user may at the broker: topics that it may read, and all groups of Weir's.
fn allow(who: &str, topics: &[&str]) {
    let one = |kind: i8, name: &str, pattern: i8, operation: i8| {
        AclCreation::default()
            .with_resource_type(kind)
            .with_resource_name(StrBytes::from_string(name.to_owned()))
            .with_resource_pattern_type(pattern)
            .with_principal(StrBytes::from_string(format!("User:{who}")))
            .with_host(StrBytes::from_static_str("*"))
            .with_operation(operation)
            .with_permission_type(3)
    };
    // Read, Describe and DescribeConfigs; Read, Delete and Describe.
    let of_topics = topics.iter().flat_map(|topic| [3, 8, 10].map(|operation| one(2, topic, 3, operation)));
    let of_groups = [3, 6, 8].map(|operation| one(3, "weir.", 4, operation));
    let asked = CreateAclsRequest::default().with_creations(of_topics.chain(of_groups).collect());
    let answer = wire::call(&kafka().any(), 2, &asked).expect("the broker answers");
    assert!(answer.results.iter().all(|result| result.error_code == 0), "{answer:?}");
}

/// Makes a user, or takes it away, with Kafka's own tool.
fn alter_user(name: &str, change: [&str; 2]) {
    let broker = kafka().any();
    let of_user = ["--bootstrap-server", &broker, "--entity-type", "users", "--entity-name", name, "--alter"];
    kafka().tool("kafka.admin.ConfigCommand", &[&of_user[..], &change].concat());
}

fn make_user(name: &str, mechanism: &str) {
    // The tool splits at commas, but not in brackets.
    alter_user(name, ["--add-config", &format!("{mechanism}=[iterations=8192,password={}]", PASSWORD)]);
}

fn secret(options: &WeirOptions, name: &str, content: &str) -> PathBuf {
    let path = options.dir().join(name);
    put(&path, content);
    path
}

/// Puts a file in its place at once, as whoever renews tokens does.
fn put(path: &Path, content: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, content).unwrap();
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&beside, path).unwrap();
}

/// A Weir that comes so.
fn options(acl: Acl, sasl: impl FnOnce(&WeirOptions) -> Value) -> WeirOptions {
    let mut options = WeirOptions::new(kafka(), Advertise::Ports, acl).untapped();
    let sasl = sasl(&options);
    let tls = json!({ "ca": Pki::shared().ca() });
    options.config["upstreams"]["main"] = json!({ "bootstrap": kafka().bootstrap_ssl(), "tls": tls, "sasl": sasl });
    options
}

fn scram(options: &WeirOptions, mechanism: &str, user: &str) -> Value {
    let file = secret(options, &format!("{user}.password"), &format!("{PASSWORD}\n"));
    json!({ "mechanism": mechanism, "username": user, "password_file": file })
}

/// A token without a signature, which the broker's validator for tests takes.
fn token(user: &str, valid_for: Duration) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let claims = json!({ "sub": user, "iat": now.as_secs(), "exp": (now + valid_for).as_secs_f64() });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(json!({ "alg": "none" })), part(claims))
}

/// A topic with some records, and a principal that may read it.
fn topic(name: &str) -> (Chain, Acl) {
    kafka().create_topic(name, 1, 1, &[]);
    let acl = Acl::new(&[name]).principal(PrincipalSpec::new("sasl-reader", &[name]));
    (Chain::new(name, 1), acl)
}

fn series(weir: &Weir, name: &str) -> u64 {
    let page = weir.get("/metrics").expect("a scrape").1;
    let line = page.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}\n{page}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn logins(weir: &Weir, result: &str) -> u64 {
    series(weir, &format!("weir_upstream_logins_total{{upstream=\"main\",tier=\"\",result=\"{result}\"}}"))
}

fn no_secret(weir: &Weir) {
    let log = weir.log();
    assert!(!log.contains("planted-pass") && !log.contains("eyJ"), "{log}");
}

/// A real client that reads all there is, in a group, from the beginning on.
struct Reader {
    consumer: BaseConsumer,
    seen: Vec<Record>,
}

impl Reader {
    fn new(weir: &Weir, topic: &str) -> Self {
        let mut config: ClientConfig = Pki::shared().client("sasl-reader").rdkafka_settings().into_iter().collect();
        config
            .set("bootstrap.servers", weir.bootstrap())
            .set("auto.offset.reset", "earliest")
            .set("auto.commit.interval.ms", "500")
            .set("group.id", "readers");
        let consumer: BaseConsumer = config.create().unwrap();
        consumer.subscribe(&[topic]).unwrap();
        Self { consumer, seen: Vec::new() }
    }

    fn until(&mut self, count: usize) {
        let end = Instant::now() + LIMIT;
        while self.seen.len() < count {
            assert!(Instant::now() < end, "{} of {count} records", self.seen.len());
            if let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(100)) {
                self.seen.push(Record::received(&message));
            }
        }
    }
}

/// A client reads while records come, for as long as several leases last: none is lost, and nothing is dialled again.
fn reads_through_leases(weir: &Weir, mut chain: Chain) {
    let mut reader = Reader::new(weir, chain.topic());
    chain.append(kafka(), 20);
    reader.until(chain.len());
    let (accepted, before) = (series(weir, "weir_connections_accepted_total"), logins(weir, "ok"));
    let end = Instant::now() + 3 * LEASE + LEASE / 2;
    while Instant::now() < end {
        chain.append(kafka(), 5);
        reader.until(chain.len());
    }
    chain.check_run(0, 0, &reader.seen).unwrap();
    // The client's two connections, each as often as its lease came to an end, and those of Weir itself that asked something.
    let renewed = logins(weir, "ok") - before;
    assert!(renewed >= 6, "{renewed} logins in three leases\n{}", weir.log());
    assert_eq!(series(weir, "weir_connections_accepted_total"), accepted, "no client came again\n{}", weir.log());
    assert_eq!(logins(weir, "refused"), 0, "{}", weir.log());
    no_secret(weir);
}

#[test]
fn a_reader_does_not_notice_that_brokers_ask_again_and_again_who_weir_is() {
    make_user("weir", "SCRAM-SHA-512");
    allow("weir", &["sasl.scram"]);
    let (chain, acl) = topic("sasl.scram");
    let weir = Weir::start(options(acl, |options| scram(options, "SCRAM-SHA-512", "weir")));
    reads_through_leases(&weir, chain);
}

#[test]
fn a_token_is_read_anew_for_each_login_and_one_that_has_expired_is_told() {
    allow("weir-token", &["sasl.token"]);
    let (chain, acl) = topic("sasl.token");
    let options = options(acl, |options| {
        let file = secret(options, "token", &token("weir-token", 4 * LEASE));
        json!({ "mechanism": "OAUTHBEARER", "token_file": file })
    });
    let file = options.dir().join("token");
    let weir = Weir::start(options);
    let (read, is_read) = mpsc::sync_channel::<()>(0);
    std::thread::scope(|scope| {
        let renew = || put(&file, &token("weir-token", LEASE));
        scope.spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = is_read.recv_timeout(LEASE / 4) {
                renew();
            }
        });
        // Whatever comes of it, the renewing ends.
        let _read = read;
        reads_through_leases(&weir, chain);
    });
    // Nobody renews it any more.
    wait::until("that it has expired", LIMIT, || match weir.get("/readyz")? {
        (503, page) if page.contains("which has expired (OAUTHBEARER)") => Ok(()),
        (status, page) => Err(format!("{status} {page}")),
    });
    put(&file, &token("weir-token", Duration::from_secs(60)));
    weir.wait_ready();
    no_secret(&weir);
}

#[test]
fn tiers_come_to_the_brokers_as_users_of_their_own() {
    make_user("weir-tiers", "SCRAM-SHA-256");
    make_user("weir-small", "SCRAM-SHA-256");
    for name in ["sasl.a", "sasl.b"] {
        kafka().create_topic(name, 1, 1, &[]);
    }
    allow("weir-tiers", &["sasl.a", "sasl.b"]);
    allow("weir-small", &["sasl.b"]);
    let reader = |name, tier| PrincipalSpec { tier, ..PrincipalSpec::new(name, &["sasl.a", "sasl.b"]) };
    let acl = Acl::new(&["sasl.a", "sasl.b"]).principal(reader("sasl-large", "large"));
    let weir = Weir::start(options(acl.principal(reader("sasl-small", "small")), |options| {
        let mut sasl = scram(options, "SCRAM-SHA-256", "weir-tiers");
        let file = secret(options, "small.password", PASSWORD);
        sasl["identities"] = json!({ "small": { "username": "weir-small", "password_file": file } });
        sasl
    }));
    let said = |who: &str| {
        let target = weir.target(&weir.broker(1), &Pki::shared().client(who));
        let mut client = RawClient::connect(&target).expect("a connection");
        ["sasl.a", "sasl.b"].map(|topic| {
            let wanted = FetchTopic::default()
                .with_topic(TopicName(StrBytes::from_string(topic.to_owned())))
                .with_partitions(vec![FetchPartition::default().with_partition_max_bytes(1 << 20)]);
            let asked = FetchRequest::default().with_max_bytes(1 << 20).with_topics(vec![wanted]);
            client.call(11, &asked).map(|answer| answer.responses[0].partitions[0].error_code)
        })
    };
    wait::until("the access lists", LIMIT, || match (said("sasl-large"), said("sasl-small")) {
        ([Ok(0), Ok(0)], [Ok(DENIED), Ok(0)]) => Ok(()),
        other => Err(format!("{other:?}\n{}", weir.log())),
    });
}

#[test]
fn a_wrong_password_is_told_in_words_and_the_right_one_is_taken_without_a_restart() {
    make_user("weir-wrong", "SCRAM-SHA-512");
    allow("weir-wrong", &["sasl.wrong"]);
    let (_, acl) = topic("sasl.wrong");
    let options = options(acl, |options| {
        let sasl = scram(options, "SCRAM-SHA-512", "weir-wrong");
        secret(options, "weir-wrong.password", "planted-password-that-is-wrong");
        sasl
    });
    let file = options.dir().join("weir-wrong.password");
    let config = options.dir().join("weir.yaml");
    let weir = Weir::start_unready(options);
    let refused = "a login at a broker failed: it refuses user `weir-wrong` with the password in `";
    wait::until("that it is refused", LIMIT, || match weir.get("/readyz")? {
        (503, page) if page.contains(refused) => Ok(()),
        (status, page) => Err(format!("{status} {page}")),
    });
    let live =
        Command::new("timeout").arg("60").arg(weir_binary()).args(["check", "--live", "-c"]).arg(&config).output();
    let live = live.expect("weir starts");
    let told = String::from_utf8_lossy(&[live.stdout, live.stderr].concat()).into_owned();
    assert!(!live.status.success() && told.contains("does not let Weir in: it refuses user `weir-wrong`"), "{told}");
    assert!(told.contains("write the right password") && !told.contains("planted-pass"), "{told}");
    // The broker is asked less and less often, and still.
    let tried = logins(&weir, "refused");
    wait::until("another try", LIMIT, || {
        let now = logins(&weir, "refused");
        if now > tried { Ok(()) } else { Err(format!("{now} logins were refused")) }
    });
    put(&file, &format!("{PASSWORD}\n"));
    weir.wait_ready();
    assert!(logins(&weir, "ok") > 0);
    // Whoever runs the brokers takes the user away: what is connected ends when it has to be shown again.
    alter_user("weir-wrong", ["--delete-config", "SCRAM-SHA-512"]);
    wait::until("that the user is gone", LIMIT, || match weir.get("/readyz")? {
        (503, page) if page.contains(refused) => Ok(()),
        (status, page) => Err(format!("{status} {page}")),
    });
    no_secret(&weir);
}
