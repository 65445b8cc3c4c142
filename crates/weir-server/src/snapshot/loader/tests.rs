//! A configuration that waits for a restart, and files that change meanwhile.

use std::fs;

use super::Loader;
use crate::snapshot::fixture::Fixture;

/// A process that runs with the fixture, whose file then asks for something that only a restart can give.
fn waiting(change: impl FnOnce(&Fixture)) -> (Fixture, Loader) {
    let fixture = Fixture::new();
    let mut loader = Loader::new(&fixture.path("weir.yaml"));
    loader.load().unwrap();
    fixture.configure("policy: acl", "policy: acl\nworkers: 7");
    change(&fixture);
    (fixture, loader)
}

#[test]
fn while_a_configuration_waits_its_paths_wait_too() {
    let (fixture, mut loader) = waiting(|fixture| {
        // Sound files that nobody has asked to be put in force.
        fs::rename(fixture.path("server.pem"), fixture.path("moved.pem")).unwrap();
        fs::copy(fixture.path("moved.pem"), fixture.path("server.pem")).unwrap();
        fixture.configure("certificate: server.pem", "certificate: moved.pem");
        fs::create_dir_all(fixture.path("other/principals")).unwrap();
        for name in ["catalogue.yaml", "never.yaml", "tiers.yaml"] {
            fs::copy(fixture.path("acl").join(name), fixture.path("other").join(name)).unwrap();
        }
        fixture.configure("policy: acl", "policy: other");
    });
    let loaded = loader.reload().unwrap();
    assert_eq!(loaded.waits_for_restart, ["workers"]);
    let snapshot = loaded.snapshot.expect("what stands in the file has changed");
    assert!(snapshot.policy.principal("tool").is_some(), "the policy is that of the running configuration");
    // A change of the running policy takes effect all the same.
    fixture.write_principal("another", "{cn: another}");
    let loaded = loader.reload().unwrap();
    assert_eq!(loaded.waits_for_restart, ["workers"]);
    assert!(loaded.snapshot.expect("the policy has changed").policy.principal("another").is_some());
    assert!(loader.reload().unwrap().snapshot.is_none(), "nothing has changed since");
}

#[test]
fn what_waits_is_taken_back_by_writing_what_was_there() {
    let (fixture, mut loader) = waiting(|_| {});
    assert_eq!(loader.reload().unwrap().waits_for_restart, ["workers"]);
    fixture.configure("\nworkers: 7", "");
    assert!(loader.reload().unwrap().waits_for_restart.is_empty());
}
