//! `weir check` and `weir serve` as a person types them.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{CONFIG, sound_directory, weir};

#[test]
fn check_says_ok_where_all_is_well() {
    let directory = sound_directory();
    let (status, said, problems) = weir(&["check"], directory.path());
    assert_eq!(status, 0, "{problems}");
    assert_eq!(
        said,
        "  listener public: 127.0.0.1:9093, upstream main\n  policy: 0 principals, 0 topics in the catalogue\nok\n"
    );
}

#[test]
fn check_and_serve_name_every_problem_and_fail() {
    let directory = sound_directory();
    fs::write(directory.path().join("weir.yaml"), CONFIG.replace("upstream: main", "upstream: mian") + "workers: 0\n")
        .unwrap();
    let problems = "weir.yaml:5:15: there is no upstream `mian`; write one of main\n\
                    weir.yaml:11:10: `workers` is 0; write a number from 1 to 512, or leave it out\n";
    assert_eq!(
        weir(&["check", "-c", "weir.yaml"], directory.path()),
        (1, String::new(), format!("{problems}2 problems\n"))
    );
    assert_eq!(weir(&["serve", "-c", "weir.yaml"], directory.path()), (1, String::new(), problems.to_owned()));
}

#[test]
fn a_topic_that_no_source_of_the_mirror_gives_is_told_and_keeps_nothing_from_being_served() {
    let directory = sound_directory();
    let at = directory.path();
    let mirror =
        "  main:\n    bootstrap: ['127.0.0.1:1']\n    mirror:\n      from: {eqiad: {bootstrap: ['127.0.0.1:2']}}\n";
    let config = CONFIG.replace("  main: {bootstrap: ['127.0.0.1:1']}\n", mirror);
    fs::write(at.join("weir.yaml"), &config).unwrap();
    let (status, _, told) = weir(&["check"], at);
    let nothing = "warning: `weir render mirror` refuses this: weir.yaml:11:21: `eqiad` gives none of the topics";
    assert!(status == 0 && told.starts_with(nothing), "{told}");
}

#[test]
fn a_time_to_come_sets_no_offsets() {
    let (status, said, told) = weir(&["offsets", "--group", "g", "--at", "2999-05-03T12:00:00Z"], Path::new("/"));
    let why = "--at 2999-05-03T12:00:00Z is to come, by this machine's clock: correct it, or write `latest` for what comes \
               next\n";
    assert_eq!((status, said.as_str(), told.as_str()), (2, "", why));
}

/// The shipped unit is that of the shipped configuration, whose listener is this one.
#[test]
fn the_socket_unit_names_every_address_and_is_the_shipped_one() {
    let directory = sound_directory();
    let write = |text: &str| fs::write(directory.path().join("weir.yaml"), text).unwrap();
    write(&CONFIG.replace("127.0.0.1:9093", "0.0.0.0:9093"));
    let (status, unit, problems) = weir(&["systemd-socket"], directory.path());
    assert_eq!(status, 0, "{problems}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    assert_eq!(unit, fs::read_to_string(root.join("deploy/systemd/weir.socket")).unwrap());
    let example = fs::read_to_string(root.join("weir.example.yaml")).unwrap();
    assert!(example.contains("bind: 0.0.0.0:9093") && example.matches("bind:").count() == 2, "and the admin address");

    let ports = "{ports: {host: kafka.example.org, bootstrap_port: 9000, base_port: 9001, ids: [1, 3]}}";
    write(&CONFIG.replace("127.0.0.1:9093", "127.0.0.1").replace("{sni: {host: kafka.example.org}}", ports));
    let (_, unit, problems) = weir(&["systemd-socket"], directory.path());
    let streams: Vec<_> = unit.lines().filter_map(|line| line.strip_prefix("ListenStream=")).collect();
    let all = ["127.0.0.1:9000", "127.0.0.1:9002", "127.0.0.1:9003", "127.0.0.1:9004"];
    assert_eq!(streams, all, "{problems}");
}

#[test]
fn the_version_is_told() {
    let version = format!("weir {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(weir(&["--version"], Path::new("/")), (0, version, String::new()));
}

#[test]
fn an_error_says_what_to_write_instead() {
    let directory = tempfile::tempdir().unwrap();
    let there = directory.path();
    for (arguments, fix) in [
        (&["check"][..], "; name the configuration file: -c weir.yaml\n1 problem\n"),
        (&["systemd-socket"], "; name the configuration file: -c weir.yaml\n"),
        (
            &["suspend", "all", "--reason", "why", "--ticket", "T1"],
            "; `-c FILE` names the configuration, or `--policy DIR` the policy directory itself\n",
        ),
        (&["audit", "verify", "."], ".: no audit is here; name the directory of `audit.directory`\n"),
        (
            &["audit", "verify", "gone"],
            "; name the directory of `audit.directory`, and run this as a user who may read it\n",
        ),
    ] {
        let (status, said, problems) = weir(arguments, there);
        assert!(status != 0 && said.is_empty() && problems.ends_with(fix), "{arguments:?}: {said}{problems}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_complain() {
    let directory = sound_directory();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut check = Command::new(env!("CARGO_BIN_EXE_weir"));
    let ended = check.arg("check").current_dir(directory.path()).stdout(writer).output().unwrap();
    assert_eq!((ended.status.success(), String::from_utf8(ended.stderr).unwrap()), (false, String::new()));
}
