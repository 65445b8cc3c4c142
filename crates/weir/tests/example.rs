//! The example configuration is one that Weir takes: beside the shipped policy, with certificates where it names them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use weir_pki::{Authority, ClientSubject, Validity};
use weir_server::snapshot::Snapshot;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// Compiles a configuration in a directory with the shipped policy and every certificate that the example names.
fn load(config: &str) -> Snapshot {
    load_with(config, None)
}

/// The same with one principal's file replaced.
fn load_with(config: &str, replaced: Option<(&str, &str)>) -> Snapshot {
    let directory = tempfile::tempdir().unwrap();
    let tls = directory.path().join("tls");
    fs::create_dir(&tls).unwrap();
    copy(&root().join("acl"), &directory.path().join("acl"));
    if let Some((file, principal)) = replaced {
        let file = directory.path().join("acl/principals").join(file);
        assert!(file.exists());
        fs::write(file, principal).unwrap();
    }
    let authority = Authority::new("Example CA").unwrap();
    authority.server(&["kafka.example.org", "*.kafka.example.org"]).unwrap().write(&tls, "server").unwrap();
    let weir = authority.client(&ClientSubject::named("weir"), Validity::days(90)).unwrap();
    weir.write(&tls, "weir").unwrap();
    for ca in ["clients-ca.pem", "brokers-ca.pem"] {
        fs::write(tls.join(ca), authority.certificate_pem()).unwrap();
    }
    let path = directory.path().join("weir.yaml");
    fs::write(&path, config).unwrap();
    Snapshot::load(&path).unwrap_or_else(|errors| panic!("{errors}"))
}

fn example() -> String {
    fs::read_to_string(root().join("weir.example.yaml")).unwrap()
}

#[test]
fn the_example_is_a_whole_configuration() {
    let snapshot = load(&example());
    assert_eq!(snapshot.config.listeners.len(), 1);
    assert_eq!(snapshot.policy.principals().count(), 3, "those of the shipped acl/");
    assert!(snapshot.warnings.is_empty(), "{:?}", snapshot.warnings);
}

#[test]
fn the_keys_in_its_comments_are_taken_too() {
    let uncommented = |line: &str| {
        let is_key = ["# cluster_id:", "# tls:"].iter().any(|key| line.trim_start().starts_with(key));
        if is_key { line.replacen("# ", "", 1) + "\n" } else { format!("{line}\n") }
    };
    let snapshot = load(&example().lines().map(uncommented).collect::<String>());
    let upstream = &snapshot.upstreams["main"];
    assert!(upstream.tls.is_some() && upstream.cluster_id.is_some());
}

#[test]
fn what_the_readme_shows_is_taken() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown: Vec<&str> = readme.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    let [config, principal] = shown.as_slice() else { panic!("a configuration and a principal: {shown:?}") };
    let snapshot = load_with(config, Some(("toolforge-recent-tools.yaml", principal)));
    assert!(snapshot.policy.principal("toolforge-recent-tools").is_some());
}
