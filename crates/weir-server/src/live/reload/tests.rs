//! Looking again and again, whatever a look came to.

use std::sync::mpsc::Receiver;

use super::*;
use crate::audit::Audit;
use crate::config::AuditSettings;
use crate::config::raw::{RawAddresses, RawWhenFull};
use crate::snapshot::fixture::{Fixture, HOST};

/// A reload of the fixture's files, and the generations that it publishes: of the second it breaks.
fn broken_at_the_second(fixture: &Fixture) -> (Reloader, Arc<ReloadStatus>, Receiver<u64>) {
    let mut loader = Loader::new(&fixture.path("weir.yaml"));
    loader.load().unwrap();
    let status = Arc::new(ReloadStatus::default());
    let (published, generations) = mpsc::sync_channel(8);
    let publish = move |snapshot: Arc<Snapshot>| {
        published.send(snapshot.generation).unwrap();
        assert!(snapshot.generation != 2, "a fault");
    };
    (Reloader::start(loader, Arc::clone(&status), publish).unwrap(), status, generations)
}

#[test]
fn hostile_o4_a_fault_of_weirs_own_is_not_the_last_look_and_is_told() {
    let fixture = Fixture::new();
    let (reloader, status, generations) = broken_at_the_second(&fixture);
    fixture.write_principal("second", "{cn: second}");
    reloader.look();
    assert_eq!(generations.recv_timeout(Duration::from_secs(20)), Ok(2));
    let began = Instant::now();
    while status.notes().refused.is_empty() && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(status.notes().refused.concat().contains("a fault of Weir's own"), "{:?}", status.notes());
    fixture.write_principal("third", "{cn: third}");
    reloader.look();
    assert_eq!(generations.recv_timeout(Duration::from_secs(20)), Ok(3));
}

#[test]
fn hostile_o1_a_pipe_among_the_principals_is_told_and_holds_up_nothing() {
    let fixture = Fixture::new();
    let (reloader, status, _generations) = broken_at_the_second(&fixture);
    let pipe = fixture.path("acl/principals/pipe.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    reloader.look();
    let began = Instant::now();
    while status.notes().refused.is_empty() && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(status.notes().refused.concat().contains("not a regular file"), "{:?}", status.notes());
}

#[test]
fn a_generation_is_in_the_audit_also_where_the_policy_is_as_it_was() {
    let fixture = Fixture::new();
    let mut loader = Loader::new(&fixture.path("weir.yaml"));
    loader.load().unwrap();
    let directory = fixture.path("audit");
    let (keep, addresses, when_full) = (Duration::MAX, RawAddresses::default(), RawWhenFull::default());
    let settings = AuditSettings { directory: directory.clone(), keep, addresses, when_full };
    let (audit, end) = Audit::start(Some(&settings)).unwrap();
    let (published, generations) = mpsc::sync_channel(8);
    let publish = move |snapshot: Arc<Snapshot>| published.send(snapshot.generation).unwrap();
    let reloader = Reloader::start(loader, Arc::new(ReloadStatus::with(audit.clone())), publish).unwrap();
    fixture.write_server(&fixture.servers.server(&[HOST, &format!("*.{HOST}")]).unwrap());
    reloader.look();
    assert_eq!(generations.recv_timeout(Duration::from_secs(20)), Ok(2));
    let text = || {
        let day = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
        let day = day.filter(|path| !path.ends_with("chain.jsonl")).max();
        day.map(|day| std::fs::read_to_string(day).unwrap()).unwrap_or_default()
    };
    // It is written down behind the moment at which it is in force.
    let began = Instant::now();
    while !text().contains("policy.reloaded") && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    end.finish(Event::DrainBegun);
    let text = text();
    assert!(text.contains(r#""event":"policy.reloaded","generation":2,"changes":[],"more":0"#), "{text}");
}
