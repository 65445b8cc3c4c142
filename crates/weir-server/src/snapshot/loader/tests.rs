//! A configuration that waits for a restart, and files that change meanwhile; looks at some files alone.

use std::fs;
use std::os::unix::fs::symlink;

use super::{Loaded, Loader, Look};
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

/// A process whose principals are plain files, and its files.
fn running() -> (Fixture, Loader) {
    let fixture = Fixture::new();
    let mut loader = Loader::new(&fixture.path("weir.yaml"));
    loader.load().unwrap();
    assert_eq!(loader.plain(), Some(&*fixture.path("acl/principals")));
    (fixture, loader)
}

/// A look at the files of these principals alone.
fn look_at(fixture: &Fixture, loader: &mut Loader, names: &[&str]) -> Loaded {
    let path = |name: &&str| fixture.path(&format!("acl/principals/{name}.yaml"));
    loader.look(&Look::Named(names.iter().map(path).collect())).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The principals of what came into force.
#[track_caller]
fn principals(loaded: Loaded) -> Vec<String> {
    let snapshot = loaded.snapshot.expect("something changed");
    let mut names: Vec<_> = snapshot.policy.principals().map(|principal| principal.name.clone()).collect();
    names.sort();
    names
}

#[test]
fn a_named_file_is_looked_at_alone_whether_it_is_new_replaced_or_gone() {
    let (fixture, mut loader) = running();
    fixture.write_principal("new", "{cn: new}");
    fixture.write_principal("unnamed", "{cn: unnamed}");
    assert_eq!(principals(look_at(&fixture, &mut loader, &["new"])), ["new", "tool"]);
    assert!(look_at(&fixture, &mut loader, &["new"]).snapshot.is_none(), "it is what it was");
    assert!(look_at(&fixture, &mut loader, &[]).snapshot.is_none(), "nothing was named");
    assert!(look_at(&fixture, &mut loader, &["never-there"]).snapshot.is_none());

    // Renamed over it, as whoever deploys does.
    let text = fs::read_to_string(fixture.path("acl/principals/new.yaml")).unwrap();
    fixture.write("acl/principals/new.part", &text.replace("principal: new", "principal: renamed"));
    fs::rename(fixture.path("acl/principals/new.part"), fixture.path("acl/principals/new.yaml")).unwrap();
    assert_eq!(principals(look_at(&fixture, &mut loader, &["new"])), ["renamed", "tool"]);

    fixture.remove("acl/principals/new.yaml");
    assert_eq!(principals(look_at(&fixture, &mut loader, &["new"])), ["tool"]);

    fixture.write_principal("one", "{cn: one}");
    fixture.remove("acl/principals/tool.yaml");
    assert_eq!(principals(look_at(&fixture, &mut loader, &["one", "tool"])), ["one"], "two at once");
    // What nobody named is found by the clock, and no generation is made for what was taken up already.
    assert_eq!(principals(loader.look(&Look::All).unwrap()), ["one", "unnamed"]);
    assert!(loader.look(&Look::All).unwrap().snapshot.is_none());
}

#[test]
fn a_file_written_twice_in_one_tick_is_read_each_time_it_is_named() {
    let (fixture, mut loader) = running();
    for name in ["aa", "bb", "cc"] {
        fixture.write_principal("x", "{cn: x}");
        let text = fs::read_to_string(fixture.path("acl/principals/x.yaml")).unwrap();
        fixture.write("acl/principals/x.yaml", &text.replace("principal: x", &format!("principal: {name}")));
        assert_eq!(principals(look_at(&fixture, &mut loader, &["x"])), [name, "tool"]);
    }
}

#[test]
fn after_a_problem_all_files_are_looked_at_until_all_are_sound() {
    let (fixture, mut loader) = running();
    fixture.write("acl/principals/bad.yaml", "principal: [\n");
    let bad = Look::Named([fixture.path("acl/principals/bad.yaml")].into());
    assert!(loader.look(&bad).is_err());
    assert_eq!(loader.plain(), None);
    fixture.write_principal("other", "{cn: other}");
    let other = Look::Named([fixture.path("acl/principals/other.yaml")].into());
    assert!(loader.look(&other).is_err(), "the bad one is not forgotten");
    fixture.remove("acl/principals/bad.yaml");
    assert_eq!(principals(look_at(&fixture, &mut loader, &["bad"])), ["other", "tool"]);
    assert!(loader.plain().is_some());
}

#[test]
fn hostile_o2_where_there_are_links_all_files_are_looked_at() {
    let (fixture, mut loader) = running();
    fixture.write_principal("first", "{cn: first}");
    // As Kubernetes does it: each file a link through one that is swapped.
    for data in ["..one", "..two"] {
        fs::create_dir(fixture.path(&format!("acl/principals/{data}"))).unwrap();
    }
    let moved = fs::read_to_string(fixture.path("acl/principals/first.yaml")).unwrap();
    fixture.remove("acl/principals/first.yaml");
    fixture.write("acl/principals/..one/first.yaml", &moved);
    fixture.write("acl/principals/..two/first.yaml", &moved.replace("principal: first", "principal: second"));
    symlink("..one", fixture.path("acl/principals/..data")).unwrap();
    symlink("..data/first.yaml", fixture.path("acl/principals/first.yaml")).unwrap();
    fixture.write_principal("unnamed", "{cn: unnamed}");
    assert_eq!(principals(look_at(&fixture, &mut loader, &["first"])), ["first", "tool", "unnamed"]);
    assert_eq!(loader.plain(), None, "no name can be trusted here");

    symlink("..two", fixture.path("acl/principals/..new")).unwrap();
    fs::rename(fixture.path("acl/principals/..new"), fixture.path("acl/principals/..data")).unwrap();
    assert_eq!(principals(loader.look(&Look::All).unwrap()), ["second", "tool", "unnamed"]);
}

#[test]
fn where_the_principals_directory_has_another_purpose_no_name_is_trusted() {
    let fixture = Fixture::new();
    fs::rename(fixture.path("clients-ca.pem"), fixture.path("acl/principals/clients-ca.pem")).unwrap();
    symlink(fixture.path("acl/principals"), fixture.path("certificates")).unwrap();
    fixture.configure("client_ca: clients-ca.pem", "client_ca: certificates/clients-ca.pem");
    let mut loader = Loader::new(&fixture.path("weir.yaml"));
    loader.load().unwrap();
    assert_eq!(loader.plain(), None);
    let own = Fixture::new();
    fs::rename(own.path("clients-ca.pem"), own.path("acl/principals/clients-ca.pem")).unwrap();
    own.configure("client_ca: clients-ca.pem", "client_ca: acl/principals/clients-ca.pem");
    let mut loader = Loader::new(&own.path("weir.yaml"));
    loader.load().unwrap();
    assert_eq!(loader.plain(), None, "the watch would pass over a name that is none of a principal's");
}

/// A policy of many files, of which only those of one of its two states fit each other, behind a link.
fn behind_a_link() -> Fixture {
    let fixture = Fixture::new();
    (0..100).for_each(|number| fixture.write_principal(&format!("p{number}"), &format!("{{cn: p{number}}}")));
    for topic in ["one", "two"] {
        fixture.write_principal("zz-last", "{cn: zz-last}");
        fixture.grant("zz-last", topic);
        let copy = std::process::Command::new("cp").arg("-R").args([fixture.path("acl"), fixture.path(topic)]).status();
        assert!(copy.unwrap().success());
    }
    fs::remove_dir_all(fixture.path("acl")).unwrap();
    symlink("one", fixture.path("acl")).unwrap();
    fixture
}

#[test]
fn w8_a_link_that_is_swapped_while_files_are_read_gives_the_old_or_the_new_and_no_mixture() {
    let fixture = behind_a_link();
    let mut loader = Loader::new(&fixture.path("weir.yaml"));
    loader.load().unwrap();
    let (link, beside) = (fixture.path("acl"), fixture.path("beside"));
    // One swap in each look, each time a little later in it.
    let (look, looks) = std::sync::mpsc::sync_channel::<usize>(0);
    let (swapped, swaps) = std::sync::mpsc::sync_channel(0);
    let swapper = std::thread::spawn(move || {
        for number in looks {
            symlink(["two", "one"][number % 2], &beside).unwrap();
            std::thread::sleep(std::time::Duration::from_micros(number as u64 * 50));
            fs::rename(&beside, &link).unwrap();
            swapped.send(()).unwrap();
        }
    });
    let mut generations = 0;
    for number in 0..40 {
        look.send(number).unwrap();
        let loaded = loader.reload().unwrap_or_else(|errors| panic!("half of each: {errors}"));
        generations += usize::from(loaded.snapshot.is_some());
        swaps.recv().unwrap();
    }
    drop(look);
    swapper.join().unwrap();
    assert!(generations > 5, "{generations} generations were seen");
}
