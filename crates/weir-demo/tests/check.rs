//! `weir-demo --check` with the real Weir: it passes, and it fails where it must.
//!
//! A check that cannot fail shows nothing, so each test but the first takes one thing away.

// The helpers below stop at the first surprise, as the tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const DEMO: &str = env!("CARGO_BIN_EXE_weir-demo");
const ACL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../acl");
/// An entry that must never be written.
const SUPPRESSED: &str = "
  - stream: mediawiki.page-suppress
    topics: [eqiad.mediawiki.page-suppress]
    description: What nobody may see.
    schema: /mediawiki/page/delete
    schema_version: 1.0.0
    cleanup_policy: delete
    pii: {verdict: reviewed, by: example, on: 2025-11-03, ticket: EXAMPLE-1}
";
/// Longer than the demo's own limits.
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn the_check_passes_with_the_shipped_policy() {
    let output = demo(&["--check"]);
    assert_eq!(output.text.lines().last(), Some("demo: ok"), "{}", output.text);
    assert_eq!(output.code, Some(0));
}

#[test]
fn the_check_fails_when_weir_does_not_start() {
    let output = demo(&["--check", "--weir", "/bin/false"]);
    assert_failed(&output, "weir stopped (exit status: 1)");
}

#[test]
fn the_check_fails_when_weir_ends_under_it() {
    assert_failed(&demo_with_weir_sent("KILL"), "weir stopped (signal: 9");
}

#[test]
fn the_check_fails_when_weir_hangs_under_it() {
    assert_failed(&demo_with_weir_sent("STOP"), "toolforge-recent-tools did not get 3 records");
}

#[test]
fn the_check_fails_when_the_grant_is_removed() {
    let acl = acl_with("principals/toolforge-recent-tools.yaml", |text| {
        without(text, "  - topic: eqiad.mediawiki.recentchange\n")
    });
    let output = demo(&["--check", "--acl", text(acl.path())]);
    assert_failed(&output, "toolforge-recent-tools is not shown eqiad.mediawiki.recentchange");
}

#[test]
fn the_check_fails_when_too_much_is_granted() {
    let acl = acl_with("principals/toolforge-recent-tools.yaml", |text| {
        text.replace("read:\n", "read:\n  - topic: eqiad.mediawiki.page_change.v1\n")
    });
    let output = demo(&["--check", "--acl", text(acl.path())]);
    assert_failed(&output, "is shown eqiad.mediawiki.page_change.v1, which is not granted");
}

#[test]
fn the_check_fails_when_the_private_topic_leaves() {
    let acl = acl_with("never.yaml", |text| {
        without(
            text,
            "  - contains: mediawiki.page-suppress\n    why: \"Suppressed pages: that they exist is private.\"\n",
        )
    });
    let catalogue = acl.path().join("catalogue.yaml");
    let listed = fs::read_to_string(&catalogue).unwrap() + SUPPRESSED;
    fs::write(&catalogue, listed).unwrap();
    let output = demo(&["--check", "--acl", text(acl.path())]);
    assert_failed(&output, "wikimedia-enterprise is shown eqiad.mediawiki.page-suppress, which is not public");
}

#[test]
fn the_demo_says_how_to_connect_and_leaves_nothing_behind() {
    let dir = TempDir::new().unwrap();
    let log = fs::File::create(dir.path().join("demo.out")).unwrap();
    let _one = one_at_a_time();
    let files = dir.path().join("run");
    let mut child = Command::new(DEMO)
        .args(["--weir", text(&built_weir()), "--dir", text(&files)])
        .stdout(log)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let said = until(&mut child, || {
        fs::read_to_string(dir.path().join("demo.out")).ok().filter(|text| text.contains("Ctrl-C"))
    });
    let run = fs::canonicalize(&files).unwrap();
    for file in ["ca.pem", "toolforge-recent-tools.pem", "toolforge-recent-tools.key", "tool.conf", "consume.py"] {
        let path = run.join(file);
        assert!(said.contains(text(&path)), "{file} is not named in full in:\n{said}");
        assert!(path.is_file(), "{file} is named and not there");
    }
    let admin = said.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    assert!(TcpStream::connect(&admin).is_ok(), "Weir's admin address {admin} is there");

    send("TERM", &child.id().to_string());
    assert!(waited(&mut child).success(), "an end that was asked for is no failure");
    assert!(TcpStream::connect(&admin).is_err(), "Weir has ended with the demo");
}

/// What a demo said and how it ended.
struct Ended {
    text: String,
    code: Option<i32>,
}

/// Runs the demo to its end, with the real Weir unless the arguments name another.
fn demo(arguments: &[&str]) -> Ended {
    let _one = one_at_a_time();
    let weir = built_weir();
    let mut command = Command::new(DEMO);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    if !arguments.contains(&"--weir") {
        command.args(["--weir", text(&weir)]);
    }
    let mut child = command.spawn().unwrap();
    waited(&mut child);
    let Output { status, stdout, .. } = child.wait_with_output().unwrap();
    Ended { text: String::from_utf8(stdout).unwrap(), code: status.code() }
}

/// Runs the check and sends Weir a signal once a client was answered, before records are consumed.
fn demo_with_weir_sent(signal: &str) -> Ended {
    let _one = one_at_a_time();
    let dir = TempDir::new().unwrap();
    let (weir, pid, said) = (dir.path().join("weir"), dir.path().join("pid"), dir.path().join("said"));
    let body = format!("#!/bin/sh\necho $$ > {}\nexec {} \"$@\"\n", pid.display(), built_weir().display());
    fs::write(&weir, body).unwrap();
    fs::set_permissions(&weir, fs::Permissions::from_mode(0o755)).unwrap();

    let mut child = Command::new(DEMO)
        .args(["--check", "--weir", text(&weir)])
        .stdin(Stdio::null())
        .stdout(fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    until(&mut child, || fs::read_to_string(&said).ok().filter(|text| text.contains("wikimedia-enterprise sees")));
    send(signal, fs::read_to_string(&pid).unwrap().trim());
    let status = waited(&mut child);
    Ended { text: fs::read_to_string(&said).unwrap(), code: status.code() }
}

fn assert_failed(output: &Ended, why: &str) {
    assert_eq!(output.code, Some(1), "{}", output.text);
    let failed = output.text.split_once("demo: failed: ").map(|(_, reason)| reason);
    assert!(failed.is_some_and(|reason| reason.contains(why)), "{why:?} is not the reason in:\n{}", output.text);
    assert!(!output.text.contains("demo: ok"), "{}", output.text);
}

/// The demos share two cores with brokers, clients and Weir: side by side they would only wait for each other.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The Weir of this source tree. Cargo builds no other package's binary for a test by itself.
fn built_weir() -> PathBuf {
    let weir = Path::new(DEMO).with_file_name("weir");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "weir", "--manifest-path"]);
    build.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"));
    if weir.parent().is_some_and(|dir| dir.ends_with("release")) {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "weir could not be built");
    weir
}

/// A copy of the shipped policy with one file changed, and truly changed.
fn acl_with(file: &str, change: impl Fn(&str) -> String) -> TempDir {
    let copy = TempDir::new().unwrap();
    copy_dir(Path::new(ACL), copy.path());
    let path = copy.path().join(file);
    let before = fs::read_to_string(&path).unwrap();
    let after = change(&before);
    assert_ne!(before, after, "{file} was not changed");
    fs::write(&path, after).unwrap();
    copy
}

fn without(text: &str, part: &str) -> String {
    text.replace(part, "")
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn send(signal: &str, pid: &str) {
    assert!(Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status().unwrap().success());
}

/// Waits for a value, for as long as the child lives and the limit allows.
fn until<T>(child: &mut Child, mut value: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(value) = value() {
            return value;
        }
        if Instant::now() > deadline || child.try_wait().unwrap().is_some() {
            let _ = child.kill();
            panic!("the demo ended, or was not ready within {LIMIT:?}");
        }
        sleep(Duration::from_millis(100));
    }
}

fn waited(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("the demo did not end within {LIMIT:?}");
        }
        sleep(Duration::from_millis(100));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
