//! docs/operate/policy.md: every command on it is run, and prints what the page shows. `WEIR_BLESS=1` writes the page.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::with_output;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The shipped policy, the example configuration, and `acl.new`: the change that the page speaks of.
fn stage() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::copy(root().join("weir.example.yaml"), at("weir.yaml")).unwrap();
    for policy in ["acl", "acl.new"] {
        fs::create_dir_all(at(policy).join("principals")).unwrap();
        for directory in ["acl", "acl/principals"] {
            let files = fs::read_dir(root().join(directory)).unwrap().map(|entry| entry.unwrap().path());
            for file in files.filter(|path| path.is_file()) {
                let to = at(&directory.replacen("acl", policy, 1)).join(file.file_name().unwrap());
                fs::copy(file, to).unwrap();
            }
        }
    }
    for (file, old, new) in [
        ("principals/toolforge-recent-tools.yaml", "codfw.mediawiki.recentchange", "eqiad.mediawiki.page-create"),
        ("principals/cloudvps-page-watch.yaml", "namespace: page-watch", "namespace: page-watchers"),
        ("tiers.yaml", "connections: 20", "connections: 30"),
    ] {
        let path = at("acl.new").join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} has no {old}");
        fs::write(path, text.replacen(old, new, 1)).unwrap();
    }
    directory
}

/// What a shell prints for a command.
fn printed(command: &str, directory: &Path) -> String {
    let weir = Path::new(env!("CARGO_BIN_EXE_weir")).parent().unwrap();
    let path = format!("{}:{}", weir.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh").args(["-c", command]).env("PATH", path).current_dir(directory).output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn the_page_of_the_policy_shows_what_is_printed() {
    let path = root().join("docs/operate/policy.md");
    let page = fs::read_to_string(&path).unwrap();
    let stage = stage();
    let (written, commands) = with_output(&page, |command| printed(command, stage.path()));
    assert!(commands >= 7, "the page has commands");
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(&path, &written).unwrap();
        return;
    }
    assert_eq!(page, written, "left: docs/operate/policy.md, right: what is printed; WEIR_BLESS=1 writes it");
}
