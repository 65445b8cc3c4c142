//! The example configuration, filled in, and the Weir that it starts: as the unit's user, before a real broker.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;

use weir_testkit::kafka::Chain;
use weir_testkit::ports::Block;
use weir_testkit::process::Leashed;
use weir_testkit::{Kafka, KafkaOptions, Pki, Version, paths, wait};

use crate::bare_root::{BareRoot, told};
use crate::{client, names, ok};

pub(crate) const CONFIG: &str = "/etc/weir/weir.yaml";
/// As the example has them.
const HOST: &str = "kafka.example.org";
const PRINCIPAL: &str = "toolforge-recent-tools";
const TOPIC: &str = "eqiad.mediawiki.recentchange";
const BROKER: &str = "kafka1.internal";
/// What an operator brings: certificates and a key.
const TO_FILL_IN: [&str; 3] = ["tls/server.pem", "tls/server.key", "tls/clients-ca.pem"];
const SOON: Duration = Duration::from_secs(60);

pub(crate) fn serves(bare: &BareRoot) {
    the_example_lacks_only_certificates(bare);
    let kafka = Kafka::start(KafkaOptions { brokers: 1, ..KafkaOptions::new(Version::V4) });
    kafka.create_topic(TOPIC, 1, 1, &[]);
    Chain::new(TOPIC, 1).append(&kafka, 1);
    let ports = Block::claim();
    let (listener, admin) = (format!("127.0.0.1:{}", ports.first), format!("127.0.0.1:{}", ports.first + 1));
    let broker: SocketAddrV4 = kafka.plaintext(1).parse().expect("an address and a port");
    fill_in(bare, broker.port(), &listener, &admin);
    let asked = names::serve(*broker.ip());
    let mut weir = start(bare);
    let get = |path: &str| get(&admin, path).map_err(|error| format!("{error}\n{}", weir.tail(10)));
    wait::until("/livez", SOON, || is(get("/livez")?, "ok\n"));
    ok("weir serve answers on /livez, as the user `weir`, in a root file system that has nothing else");
    wait::until("/readyz", SOON, || is(get("/readyz")?, "ready\n"));
    let asked: Vec<String> = asked.try_iter().collect();
    assert!(asked.iter().any(|name| name == BROKER), "the name server was asked: {asked:?}");
    ok("it asks the name server of /etc/resolv.conf, and is ready");
    runs_alone(bare, &weir);
    let identity = Pki::shared().client(PRINCIPAL);
    wait::until("a record", SOON, || client::reads_a_record(&listener, HOST, TOPIC, &identity));
    ok("a client from outside reads a record");
    assert_eq!(weir.stop(SOON), 0, "{}", weir.tail(20));
}

/// What else `weir check` says of the shipped example is a fault of the example.
fn the_example_lacks_only_certificates(bare: &BareRoot) {
    bare.prints(&[
        "/bin/cp",
        "-R",
        "/usr/share/doc/weir/examples/weir.yaml",
        "/usr/share/doc/weir/examples/acl",
        "/etc/weir/",
    ]);
    let output = bare.run(&["/usr/bin/weir", "check", "-c", CONFIG]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for name in TO_FILL_IN {
        assert!(text.contains(name), "`weir check` asks for {name}: {text}");
    }
    let problems = format!("{} problems", TO_FILL_IN.len());
    assert!(text.contains(&problems), "`weir check` finds nothing else: {text}");
    ok("`weir check` asks for certificates, and for nothing else of the example");
}

fn fill_in(bare: &BareRoot, port: u16, listener: &str, admin: &str) {
    let server = Pki::shared().server(&[HOST, &format!("*.{HOST}")]);
    let certificates =
        [(&server.certificate, TO_FILL_IN[0]), (&server.key, TO_FILL_IN[1]), (&Pki::shared().ca(), TO_FILL_IN[2])];
    for (from, name) in certificates {
        fs::copy(from, bare.path(&format!("/etc/weir/{name}"))).expect("certificates can be copied");
    }
    bare.prints(&["/bin/chown", "root:weir", "/etc/weir/tls/server.key"]);
    bare.prints(&["/bin/chmod", "0640", "/etc/weir/tls/server.key"]);
    // What `StateDirectory=` does.
    bare.prints(&["/usr/bin/install", "-d", "-o", "weir", "-g", "weir", "-m", "0750", "/var/lib/weir"]);
    let mut text = bare.text(CONFIG);
    let changes = [
        ("0.0.0.0:9093".to_owned(), listener.to_owned()),
        (format!("{BROKER}:9092, kafka2.internal:9092, kafka3.internal:9092"), format!("{BROKER}:{port}")),
        ("127.0.0.1:9180".to_owned(), admin.to_owned()),
    ];
    for (from, to) in changes {
        assert_eq!(text.matches(&from).count(), 1, "the example has `{from}` once");
        text = text.replace(&from, &to);
    }
    fs::write(bare.path(CONFIG), text).expect("the configuration can be written");
    fs::write(bare.path("/etc/resolv.conf"), format!("nameserver {}\n", names::ADDRESS)).expect("it can be written");
    let output = bare.command(&as_weir(&["check", "-c", CONFIG])).output().expect("chroot starts");
    assert!(output.status.success(), "{}", told(&output));
}

/// The unit's user, without any right of root.
fn as_weir<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let before = ["/usr/bin/setpriv", "--reuid=weir", "--regid=weir", "--clear-groups", "--no-new-privs"];
    before
        .into_iter()
        .chain(["--inh-caps=-all", "--bounding-set=-all", "/usr/bin/weir"])
        .chain(arguments.iter().copied())
        .collect()
}

fn start(bare: &BareRoot) -> Leashed {
    let log = paths::run_dir("bare-root").join("weir.log");
    Leashed::start("weir", &bare.command(&as_weir(&["serve", "-c", CONFIG])), &log)
}

/// It is the user `weir`, and no library is loaded.
fn runs_alone(bare: &BareRoot, weir: &Leashed) {
    let user = bare.prints(&["/usr/bin/id", "-u", "weir"]);
    let proc = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", weir.pid())).expect("it runs");
    let status = proc("status");
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).expect("a process has a user");
    assert!(uid.split_whitespace().all(|id| id == user.trim()), "{uid} and {user}");
    let maps = proc("maps");
    assert!(maps.contains("/weir"), "this is its memory: {maps}");
    let library = maps.lines().find(|line| line.contains(".so"));
    assert_eq!(library, None, "no library is loaded");
    ok("no library is loaded");
}

fn is((status, body): (String, String), wanted: &str) -> Result<(), String> {
    if body == wanted { Ok(()) } else { Err(format!("{status}: {body}")) }
}

/// The status line and the body.
fn get(address: &str, path: &str) -> Result<(String, String), String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(failed)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n").map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(failed)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    Ok((head.lines().next().unwrap_or_default().to_owned(), body.to_owned()))
}
