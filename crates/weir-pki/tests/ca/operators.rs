//! Several operators at once, and one whose machine dies.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use weir_pki::{By, CaDirectory, ClientSubject, RevocationCause, Terms, Which};

use crate::support::{Root, crl, revoked, unlocked};

/// Where the operator of [`an_operator`] works; without it that is no test.
const DIRECTORY: &str = "WEIR_PKI_TEST_DIRECTORY";
const ROUNDS: &str = "WEIR_PKI_TEST_ROUNDS";

fn operator(name: &str) -> By {
    By { operator: name.to_owned(), ticket: None }
}

#[test]
fn threads_and_processes_at_once_lose_nothing_and_repeat_nothing() {
    const EACH: usize = 6;
    let root = Root::new();
    let mut processes: Vec<_> = (0..2).map(|_| spawn_operator(&root.path, EACH)).collect();
    thread::scope(|scope| {
        for number in 0..2 {
            let path = root.path.clone();
            scope.spawn(move || work(&path, &format!("thread {number}"), EACH, |_, _| {}));
        }
    });
    for process in &mut processes {
        assert!(process.wait().unwrap().success());
    }
    let directory = CaDirectory::open(&root.path).unwrap();
    let serials: BTreeSet<_> = directory.entries().iter().map(|entry| entry.serial.clone()).collect();
    assert_eq!(serials.len(), 4 * EACH);
    assert_eq!(revoked(&root.path).into_iter().collect::<BTreeSet<_>>(), serials);
    // One list at the beginning, and one for each revocation: none was written twice under one number.
    let numbers: BTreeSet<_> = directory
        .history()
        .iter()
        .filter(|event| event.what.starts_with("wrote"))
        .collect::<Vec<_>>()
        .iter()
        .map(|event| event.what.split(' ').nth(3).unwrap().to_owned())
        .collect();
    assert_eq!(numbers.len(), 1 + 4 * EACH);
    assert_eq!(directory.crl().unwrap().number, 1 + 4 * EACH as u64);
    assert!(directory.remarks(OffsetDateTime::now_utc()).is_empty());
}

#[test]
fn an_operator_that_dies_at_any_moment_leaves_what_it_was_told() {
    let mut root = Root::new();
    for round in 0..12 {
        let mut child = spawn_operator(&root.path, usize::MAX);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reader = thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<String>>());
        let started = Instant::now();
        let patience = Duration::from_secs(30);
        let before = CaDirectory::open(&root.path).unwrap().history().len();
        while CaDirectory::open(&root.path).unwrap().history().len() < before + 4 && started.elapsed() < patience {
            thread::sleep(Duration::from_millis(2));
        }
        // Somewhere in the next step or the one after it.
        thread::sleep(Duration::from_micros(1_300 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let told = reader.join().unwrap();
        let told = |did: &str| -> BTreeSet<String> {
            told.iter().filter_map(|line| line.split_once(did)).map(|(_, serial)| serial.to_owned()).collect()
        };
        let (issued, taken) = (told("issued "), told("revoked "));
        assert!(!issued.is_empty(), "it never worked");

        root.signer = unlocked(&root.path);
        let directory = root.signer.directory();
        let known: BTreeSet<_> = directory.entries().iter().map(|entry| entry.serial.to_string()).collect();
        assert!(issued.is_subset(&known), "a certificate is out that the index does not know");
        let listed: BTreeSet<_> = revoked(&root.path).iter().map(ToString::to_string).collect();
        assert!(taken.is_subset(&listed), "a revocation that was told is not in the list");
        let number = directory.crl().unwrap().number;
        assert_eq!(u64::from_str_radix(crl(&root.path).number.unwrap().as_str(), 16).unwrap(), number);
        // At most the one certificate that was about to be kept has no file.
        assert!(directory.remarks(OffsetDateTime::now_utc()).len() <= 1 + usize::try_from(round).unwrap());
    }
}

#[test]
fn a_full_disk_leaves_what_was_told_and_no_half_a_line() {
    for kib in [4, 5, 6] {
        let root = Root::new();
        // No file may grow beyond that; the signal that comes with it is ignored, so that the write fails, half done.
        let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" --exact operators::an_operator --nocapture");
        let ended = Command::new("bash")
            .args(["-c", &script, &std::env::current_exe().unwrap().display().to_string()])
            .env(DIRECTORY, &root.path)
            .env(ROUNDS, "1000")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&ended.stdout);
        let shown = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success() && shown.contains("File too large"), "{told}{shown}");
        let issued = |line: &str| line.split_once("issued ").map(|(_, serial)| serial.to_owned());
        let issued: BTreeSet<String> = told.lines().filter_map(issued).collect();
        assert!(!issued.is_empty(), "{told}{shown}");

        let directory = CaDirectory::open(&root.path).unwrap();
        let remarks = directory.remarks(OffsetDateTime::now_utc());
        assert!(!remarks.iter().any(|remark| remark.contains("never finished")), "{remarks:?}");
        let known: BTreeSet<_> = directory.entries().iter().map(|entry| entry.serial.to_string()).collect();
        assert!(issued.is_subset(&known));
        work(&root.path, "later", 1, |_, _| {});
    }
}

/// Not a test of its own: the operator of the two above, in a process of its own.
#[test]
fn an_operator() {
    let Ok(path) = std::env::var(DIRECTORY) else { return };
    let rounds = std::env::var(ROUNDS).unwrap().parse().unwrap();
    let mut out = std::io::stdout().lock();
    work(Path::new(&path), "process", rounds, |did, serial| {
        writeln!(out, "{did} {serial}").unwrap();
        out.flush().unwrap();
    });
}

fn work(path: &Path, name: &str, rounds: usize, mut tell: impl FnMut(&str, &str)) {
    let mut signer = unlocked(path);
    for _ in 0..rounds {
        let issued = signer.issue_client(&ClientSubject::named(name), Terms::default(), &operator(name)).unwrap();
        let serial = issued.entry.serial;
        tell("issued", serial.as_str());
        signer.revoke(Which::Serial(serial.as_str()), false, RevocationCause::Superseded, &operator(name)).unwrap();
        tell("revoked", serial.as_str());
    }
}

fn spawn_operator(path: &Path, rounds: usize) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "operators::an_operator", "--nocapture"])
        .env(DIRECTORY, path)
        .env(ROUNDS, rounds.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
