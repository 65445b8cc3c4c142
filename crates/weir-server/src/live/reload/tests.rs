//! Looking again and again, whatever a look came to.

use std::sync::mpsc::Receiver;

use super::*;
use crate::snapshot::fixture::Fixture;

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
