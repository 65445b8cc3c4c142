//! `weir groups` and `weir check --live` as a person mistypes them, and before brokers that are not there.

mod support;

use support::{TOOL, sound_directory, weir, write};

/// A sound configuration, before an address where nobody listens.
fn directory() -> tempfile::TempDir {
    let directory = sound_directory();
    write(directory.path(), "acl/principals/tool.yaml", TOOL);
    directory
}

#[test]
fn groups_are_somebodys_and_some_are_meant() {
    let directory = directory();
    let at = directory.path();
    for arguments in [
        &["groups", "list"][..],
        &["groups", "expire", "--principal", "tool"],
        &["groups", "expire", "--principal", "tool", "--all-empty", "one"],
        &["check", "--json"],
    ] {
        let (status, out, err) = weir(arguments, at);
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.contains("Usage: weir"), "{arguments:?}: {err}");
    }
    let (status, _, err) = weir(&["groups", "list", "--principal", "Tool"], at);
    assert_eq!((status, err.as_str()), (2, "there is no principal `Tool`; did you mean tool?\n"));
    let (status, _, err) = weir(&["groups", "list", "--principal", "tool", "-c", "absent.yaml"], at);
    assert!(status == 2 && err.contains("absent.yaml cannot be read"), "{err}");
}

#[test]
fn brokers_that_are_not_there_are_told_and_no_group_is_taken_for_none() {
    let directory = directory();
    let at = directory.path();
    let (status, out, err) = weir(&["groups", "list", "--principal", "tool"], at);
    assert_eq!(status, 1);
    assert_eq!(out, "at least 0 of 20 groups\nat least 0 of 200 partitions with a committed offset\n");
    assert!(err.starts_with("not told: upstream main: no broker has answered since the start"), "{err}");
    let (status, out, _) = weir(&["groups", "expire", "--principal", "tool", "--all-empty", "--yes"], at);
    assert_eq!((status, out.as_str()), (1, "no group without members was found\n"));
    let (status, out, _) = weir(&["groups", "expire", "--principal", "tool", "laptop", "--yes"], at);
    assert_eq!((status, out.as_str()), (1, "laptop: not deleted: no broker that answered has it\n"));
    let (status, out, err) = weir(&["check", "--live"], at);
    assert_eq!((status, err.as_str()), (1, ""));
    let last: Vec<&str> = out.lines().skip(2).collect();
    let [finding, count] = last[..] else { panic!("{out}") };
    assert!(finding.starts_with("error: upstream main: 127.0.0.1:1 cannot be reached: "), "{finding}");
    assert!(finding.ends_with("; start the broker, or open the way from here to it"), "{finding}");
    assert_eq!(count, "1 error, 0 warnings");
    let (status, out, _) = weir(&["check", "--live", "--json"], at);
    assert!(status == 1 && out.starts_with("{\"findings\":[{\"fix\":\"start the broker"), "{out}");
}
