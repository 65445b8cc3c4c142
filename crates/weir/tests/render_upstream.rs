//! `weir render upstream` as an operator types it: files that are the same again, programs that a shell understands, and
//! exit statuses.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use support::{CONFIG, sound_directory, weir, write};
use weir_pki::{Authority, ClientSubject, Validity};

const CATALOGUE: &str = "\
streams:
  - stream: a.stream
    topics: [b.topic, a.topic]
    description: x
    schema: /x
    schema_version: 1.0.0
    cleanup_policy: delete
    pii: {verdict: none, by: test, on: 2026-11-01, ticket: T1}
";

/// A Weir that comes to the brokers with a certificate.
fn directory() -> tempfile::TempDir {
    let directory = sound_directory();
    let at = directory.path();
    let subject = ClientSubject::named("it's $(weir)");
    let identity = Authority::new("Brokers").unwrap().client(&subject, Validity::days(2)).unwrap();
    identity.write(at, "weir").unwrap();
    let tls = "{bootstrap: ['kafka1.internal:9093'], tls: {ca: ca.pem, certificate: weir.pem, key: weir.key}}";
    write(at, "weir.yaml", &CONFIG.replace("{bootstrap: ['127.0.0.1:1']}", tls));
    write(&at.join("acl"), "catalogue.yaml", CATALOGUE);
    directory
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_same_files_give_the_same_wall_and_what_is_the_same_is_not_written_again() {
    let directory = directory();
    let at = directory.path();
    let words = ["render", "upstream", "--from", "192.0.2.0/28", "--out", "wall"];
    let (status, out, err) = weir(&words, at);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert_eq!(out, "wall/server.properties\nwall/acls.sh\nwall/quotas.sh\nwall/weir.nft\n");
    let read = |name: &str| fs::read_to_string(at.join("wall").join(name)).unwrap();
    let names = ["server.properties", "acls.sh", "quotas.sh", "weir.nft"];
    let first = names.map(read);
    let written = names.map(|name| fs::metadata(at.join("wall").join(name)).unwrap().modified().unwrap());
    assert_eq!(names.map(|name| mode(&at.join("wall").join(name))), [0o644, 0o755, 0o755, 0o644]);
    assert_eq!(weir(&words, at).0, 0);
    assert_eq!(names.map(read), first);
    assert_eq!(names.map(|name| fs::metadata(at.join("wall").join(name)).unwrap().modified().unwrap()), written);
    let key = fs::read_to_string(at.join("weir.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    assert!(first.iter().all(|text| !text.contains(secret)), "a key is in what was rendered");
    // Printed, it is the same, in one piece.
    let (status, out, _) = weir(&["render", "upstream", "--from", "192.0.2.0/28"], at);
    assert!(status == 0 && first.iter().all(|text| out.contains(text.as_str())), "{out}");
    let (status, out, err) = weir(&["render", "upstream"], at);
    assert!(status == 0 && !out.contains("weir.nft\n"), "{out}");
    assert_eq!(err, "no weir.nft: it needs the addresses from which Weir comes, `--from CIDR`\n");
}

/// With tools that print their words: what a shell makes of a name that is meant to be more than one word.
#[test]
fn hostile_a_name_is_one_word_of_a_command_whatever_is_in_it() {
    let directory = directory();
    let at = directory.path();
    assert_eq!(weir(&["render", "upstream", "--out", "wall"], at).0, 0);
    for tool in ["kafka-acls", "kafka-configs"] {
        write(at, tool, "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done\n");
        fs::set_permissions(at.join(tool), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let run = |program: &str, settings: &[(&str, &str)]| {
        let mut command = Command::new("sh");
        let bin = format!("{}/", at.display());
        command.arg(at.join("wall").join(program)).env("KAFKA_BIN", bin).envs(settings.iter().copied());
        let output = command.env_remove("COMMAND_CONFIG").output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (succeeded, said) = run("acls.sh", &[("BOOTSTRAP", "b:1")]);
    let head = "--bootstrap-server\nb:1\n--add\n--allow-principal\nUser:CN=it's $(weir)\n--operation\nDescribe\n";
    assert!(succeeded && said.starts_with(head), "{said}");
    assert!(said.contains("--operation\nRead\n--topic\na.topic\n--topic\nb.topic\n--bootstrap-server\n"), "{said}");
    let (succeeded, said) = run("quotas.sh", &[("BOOTSTRAP", "b:1")]);
    assert!(succeeded && said.contains("--entity-name\nCN=it's $(weir)\n--add-config\nconsumer_byte_rate="), "{said}");
    assert_eq!(run("acls.sh", &[]), (false, String::new()), "nobody said where the brokers are");
}

#[test]
fn what_is_missing_is_said_and_nothing_is_written() {
    let directory = sound_directory();
    let at = directory.path();
    let (status, out, err) = weir(&["render", "upstream", "--out", "wall"], at);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(err.starts_with("upstream main has neither `certificate` nor `sasl`: "), "{err}");
    assert!(!at.join("wall").exists());
    let (status, _, err) = weir(&["render", "upstream", "--user", "weir", "--from", "0.0.0.0/0"], at);
    assert_eq!(status, 2);
    assert!(
        err.starts_with("`0.0.0.0/0` is not a network or an address that keeps anybody out: write one like"),
        "{err}"
    );
    let (status, _, err) = weir(&["render", "upstream", "-c", "none.yaml"], at);
    assert!(status == 2 && err.contains("none.yaml cannot be read"), "{err}");
}
