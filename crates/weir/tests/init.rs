//! `weir init`: what it writes is a configuration that Weir takes once there are certificates and a decision.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use weir_pki::Authority;

const SAID: [&str; 11] = [
    "init",
    "--host",
    "kafka.example.net",
    "--bootstrap",
    "k1.example.net:9092,k2.example.net:9092",
    "--principal",
    "Some_Tool",
    "--contact",
    "tools@example.net: \"#1\"",
    "--topic",
    "east.garden.plant,west.garden.plant,single",
];

fn weir(arguments: &[&str], directory: &Path) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    let output = command.args(arguments).current_dir(directory).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Every file below, by its path.
fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else {
            found.push(entry.display().to_string());
        }
    }
    found.sort();
    found
}

fn certificates(directory: &Path) {
    let tls = directory.join("tls");
    fs::create_dir(&tls).unwrap();
    let authority = Authority::new("Example CA").unwrap();
    authority.server(&["kafka.example.net", "*.kafka.example.net"]).unwrap().write(&tls, "server").unwrap();
    fs::write(tls.join("clients-ca.pem"), authority.certificate_pem()).unwrap();
}

#[test]
fn what_it_writes_is_taken_once_there_are_certificates_and_a_decision() {
    let directory = tempfile::tempdir().unwrap();
    let there = directory.path();
    let (status, printed, said) = weir(&SAID, there);
    assert_eq!((status, said.as_str()), (0, ""), "{printed}");
    let config = fs::read_to_string(there.join("weir.yaml")).unwrap();
    assert!(config.contains("bootstrap: [k1.example.net:9092, k2.example.net:9092]"), "{config}");
    assert!(!config.contains("example.org") && config.matches("kafka.example.net").count() >= 3, "{config}");
    let comments = config.lines().filter(|line| line.trim_start().starts_with('#')).count();
    assert!(comments >= 12, "the comments of the example are there: {comments}");
    for file in files(there) {
        assert!(!fs::read_to_string(&file).unwrap().contains("An example, and no review"), "{file}");
    }

    let (status, _, said) = weir(&["check"], there);
    let open: Vec<_> = said.lines().filter(|line| line.contains("nobody has decided on personal data")).collect();
    assert!(status == 1 && open.len() == 2, "one for each stream: {said}");
    let catalogue = there.join("acl/catalogue.yaml");
    let text = fs::read_to_string(&catalogue).unwrap();
    for line in &open {
        let number: usize = line.split(':').nth(1).unwrap().parse().unwrap();
        assert!(line.starts_with("acl/catalogue.yaml:"), "{line}");
        assert_eq!(text.lines().nth(number - 1), Some("    pii: {verdict: open}"), "{line}");
    }
    let rest = said.lines().filter(|line| !open.contains(line));
    assert!(rest.clone().all(|line| line.starts_with("weir.yaml:") || line.ends_with("problems")), "{said}");

    fs::write(&catalogue, text.replace("{verdict: open}", "{verdict: none, by: me, on: 2026-11-22, ticket: T-1}"))
        .unwrap();
    certificates(there);
    let crl = "client_crl: [tls/clients-crl.pem]";
    assert!(config.contains(crl), "{config}");
    fs::write(there.join("weir.yaml"), config.replace(crl, "")).unwrap();
    let (status, printed, said) = weir(&["check"], there);
    assert_eq!((status, said.as_str()), (0, ""), "{printed}");
    assert!(printed.contains("policy: 1 principals, 3 topics in the catalogue"), "{printed}");
    let (status, printed, said) = weir(&["explain", "Some_Tool", "read", "west.garden.plant"], there);
    assert_eq!(status, 0, "{printed}{said}");
}

#[test]
fn nothing_is_replaced_and_nothing_is_left_half() {
    let directory = tempfile::tempdir().unwrap();
    let there = directory.path();
    fs::create_dir_all(there.join("w/acl")).unwrap();
    fs::write(there.join("w/acl/tiers.yaml"), "mine\n").unwrap();
    let order = [&SAID[..], &["--dir", "w"]].concat();
    let (status, printed, said) = weir(&order, there);
    assert_eq!((status, printed.as_str()), (2, ""));
    let expected = "w/acl/tiers.yaml is there already; nothing was written: name another directory with `--dir`, or move \
                    them away\n";
    assert_eq!(said, expected);
    assert_eq!(files(there).len(), 1);
    fs::remove_file(there.join("w/acl/tiers.yaml")).unwrap();
    std::os::unix::fs::symlink("/nowhere", there.join("w/weir.yaml")).unwrap();
    assert!(weir(&order, there).2.starts_with("w/weir.yaml is there already; "));
    fs::remove_file(there.join("w/weir.yaml")).unwrap();
    fs::write(there.join("w/acl/principals"), "in the way\n").unwrap();
    let (status, _, said) = weir(&order, there);
    assert!(status == 2 && said.starts_with("w/acl/principals: "), "{said}");
    assert_eq!(files(there).len(), 1);
    fs::remove_file(there.join("w/acl/principals")).unwrap();
    assert_eq!(weir(&order, there).0, 0);
}

/// Nobody makes a file in /proc, not even root.
#[test]
fn what_was_written_goes_again_where_the_rest_cannot_be() {
    let directory = tempfile::tempdir().unwrap();
    let there = directory.path();
    fs::create_dir(there.join("acl")).unwrap();
    std::os::unix::fs::symlink("/proc/self/fd", there.join("acl/principals")).unwrap();
    let (status, _, said) = weir(&SAID, there);
    assert!(status == 2 && said.starts_with("./acl/principals"), "{said}");
    assert!(!there.join("weir.yaml").exists() && !there.join("acl/catalogue.yaml").exists(), "{said}");
}

#[test]
fn what_makes_no_sense_is_said_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let there = directory.path();
    for (flag, value, expected) in [
        ("--host", "localhost", "is no name that brokers can have names below"),
        ("--host", "weir.localhost", "is the client's own machine: write the name that others dial"),
        ("--host", "192.0.2.1", "is no name that brokers can have names below"),
        ("--host", "a.b\nadmin: x", "is no name that brokers can have names below"),
        ("--host", "a..b", "is no name that brokers can have names below"),
        ("--bootstrap", "k1", "is no broker; write HOST:PORT"),
        ("--bootstrap", "k1:0", "is no broker; write HOST:PORT"),
        ("--bootstrap", "k1], x: [y:1", "is no broker; write HOST:PORT"),
        ("--listen", "9093", "is no address and port"),
        ("--admin", "0.0.0.0:9180", "is no loopback address and port"),
        ("--principal", "a b", "is no name for a principal"),
        ("--principal", "../x", "is no name for a principal"),
        ("--contact", " ", "no contact"),
        ("--topic", "a b", "is no topic name"),
        ("--topic", "eqiad.mediawiki.job.x", "must never leave: `contains: mediawiki.job.` at acl/never.yaml:"),
    ] {
        let mut order: Vec<&str> = SAID.to_vec();
        match order.iter().position(|word| *word == flag) {
            Some(at) => order[at + 1] = value,
            None => order.extend([flag, value]),
        }
        let (status, printed, said) = weir(&order, there);
        assert_eq!((status, printed.as_str()), (2, ""), "{flag} {value:?}");
        assert!(said.contains(expected) && said.lines().count() == 1, "{flag} {value:?}: {said}");
    }
    for missing in ["--host", "--bootstrap", "--contact"] {
        let at = SAID.iter().position(|word| *word == missing).unwrap();
        let order: Vec<&str> =
            SAID.iter().enumerate().filter(|(place, _)| !(at..at + 2).contains(place)).map(|(_, word)| *word).collect();
        let (status, _, said) = weir(&order, there);
        assert_eq!((status, said), (2, format!("`{missing}` is missing, and nobody is here to ask; add it\n")));
    }
    assert!(files(there).is_empty());
}

/// IPv6, no principal and no topic: the least that can be said.
#[test]
fn the_least_that_can_be_said_is_enough() {
    let directory = tempfile::tempdir().unwrap();
    let there = directory.path();
    let least =
        ["init", "--host", "Kafka.Example.net", "--bootstrap", "[2001:db8::1]:9092", "--listen", "[::]:9093", "--yes"];
    let (status, printed, said) = weir(&least, there);
    assert_eq!(status, 0, "{said}");
    assert!(!printed.contains("bundle"), "{printed}");
    certificates(there);
    let config = fs::read_to_string(there.join("weir.yaml")).unwrap();
    fs::write(there.join("weir.yaml"), config.replace("client_crl: [tls/clients-crl.pem]", "")).unwrap();
    let (status, printed, said) = weir(&["check"], there);
    assert_eq!((status, said.as_str()), (0, ""), "{printed}");
    assert!(printed.contains("listener public: [::]:9093") && printed.contains("0 principals, 0 topics"), "{printed}");
}
