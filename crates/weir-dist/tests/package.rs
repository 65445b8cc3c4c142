//! What `make dist` packs, short of compiling it and of running it elsewhere: that is `make dist CHECK=1`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use weir_testkit::{paths, skip};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const EPOCH: &str = "1700000000";

fn weir_dist(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir-dist"));
    let output = command.args(arguments).env("SOURCE_DATE_EPOCH", EPOCH).current_dir(paths::root()).output().unwrap();
    prints(&output)
}

fn prints(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

#[test]
fn every_command_has_a_man_page_with_all_its_options() {
    let directory = TempDir::new().unwrap();
    weir_dist(&["man", directory.path().to_str().unwrap()]);
    let mut pages = 0;
    let mut left = vec![("weir".to_owned(), weir::commands())];
    while let Some((name, command)) = left.pop() {
        let page = fs::read_to_string(directory.path().join(format!("{name}.1"))).expect(&name);
        // In roff a hyphen that is typed is escaped.
        let page = page.replace("\\-", "-");
        for option in command.get_arguments().filter(|found| !found.is_hide_set()).filter_map(clap::Arg::get_long) {
            assert!(page.contains(&format!("--{option}")), "{name}.1 does not have --{option}");
        }
        let inner = command.get_subcommands().filter(|found| !found.is_hide_set() && found.get_name() != "help");
        left.extend(inner.map(|found| (format!("{name}-{}", found.get_name()), found.clone())));
        pages += 1;
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), pages, "and there is no other page");
    assert!(pages > 10);
}

#[test]
fn completions_have_every_command_and_can_be_read_by_their_shells() {
    let directory = TempDir::new().unwrap();
    weir_dist(&["completions", directory.path().to_str().unwrap()]);
    for (shell, name) in [("bash", "weir"), ("zsh", "_weir"), ("fish", "weir.fish")] {
        let path = directory.path().join(name);
        let script = fs::read_to_string(&path).unwrap();
        for command in weir::commands().get_subcommands() {
            assert!(script.contains(command.get_name()), "{shell} does not complete {}", command.get_name());
        }
        // Where a shell is not installed, `make dist CHECK=1` says so.
        if has(shell) {
            prints(&Command::new(shell).arg("-n").arg(&path).output().unwrap());
        }
    }
}

#[test]
fn the_bill_of_materials_has_every_crate_that_weir_links_and_no_path() {
    let bill = weir_dist(&["sbom", "--target", TARGET, "--sha256", "00ff", "--musl", "1.2.5"]);
    for private in [paths::root(), PathBuf::from(std::env::var_os("HOME").unwrap())] {
        assert!(!bill.contains(private.to_str().unwrap()), "{} is nobody's business", private.display());
    }
    let bill: Value = serde_json::from_str(&bill).unwrap();
    assert_eq!(bill["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
    let listed = |scope: &str| -> BTreeSet<String> {
        let all = bill["components"].as_array().unwrap().iter().filter(|found| found["scope"] == scope);
        all.map(|found| format!("{} v{}", found["name"].as_str().unwrap(), found["version"].as_str().unwrap()))
            .collect()
    };
    let linked = tree("normal,no-proc-macro");
    let mut expected = linked.clone();
    expected.extend([format!("rust-std v{}", rust_release()), "musl v1.2.5".to_owned()]);
    let (required, excluded) = (listed("required"), listed("excluded"));
    assert_eq!(required, expected);
    assert_eq!(excluded, tree("normal,build").difference(&linked).cloned().collect());
    assert!(
        required.iter().any(|name| name.starts_with("aws-lc-sys "))
            && excluded.iter().any(|name| name.starts_with("cc "))
    );
    for found in bill["components"].as_array().unwrap().iter().filter(|found| found["purl"].is_string()) {
        let has_hash = found["hashes"][0]["content"].as_str().is_some_and(|hash| hash.len() == 64);
        assert!(has_hash || found["name"] == "rust-std", "{found}");
    }
}

/// `name vVERSION` of all but `weir` itself, as Cargo tells them.
fn tree(edges: &str) -> BTreeSet<String> {
    let arguments = ["tree", "--locked", "-p", "weir", "--target", TARGET, "--prefix", "none", "-e", edges];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(paths::root()).output().unwrap();
    let all = prints(&output);
    let names = all.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "));
    names.filter(|name| !name.starts_with("weir v")).collect()
}

fn rust_release() -> String {
    let told = prints(&Command::new("rustc").arg("-vV").current_dir(paths::root()).output().unwrap());
    told.lines().find_map(|line| line.strip_prefix("release: ")).unwrap().to_owned()
}

#[test]
fn the_licences_of_what_is_linked_go_with_it() {
    let notices = weir_dist(&["notices", "--target", TARGET]);
    for line in ["rustls 0.23", "aws-lc-sys 0.", "kafka-protocol 0."] {
        assert!(notices.lines().any(|found| found.starts_with(line)), "{line}");
    }
    assert!(notices.contains("Permission is hereby granted, free of charge"), "the text of MIT");
    assert!(!notices.contains("weir-kafka"), "its own code has its own licence");
    assert!(!notices.lines().any(|line| line.starts_with("cc 1.")), "a tool of the build is not linked");
}

/// A stand-in for the binary is packed: what it is, `make dist CHECK=1` looks at.
fn pack(into: &Path) {
    let binary = into.join("binary");
    fs::write(&binary, "a stand-in\n").unwrap();
    let mut command = Command::new(paths::root().join("deploy/dist.sh"));
    command.arg("pack").arg(into.join("dist")).arg(&binary).args(["x86_64", "1"]);
    command.env("WEIR_DIST", env!("CARGO_BIN_EXE_weir-dist")).env("SOURCE_DATE_EPOCH", EPOCH);
    prints(&command.output().unwrap());
}

#[test]
fn the_package_has_what_it_should_and_comes_out_the_same_twice() {
    if !has("dpkg-deb") {
        skip!("dpkg-deb is not installed: apt-get install dpkg");
    }
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    pack(first.path());
    pack(second.path());
    let mut made: Vec<PathBuf> =
        fs::read_dir(first.path().join("dist")).unwrap().map(|entry| entry.unwrap().path()).collect();
    made.sort();
    let version = env!("CARGO_PKG_VERSION");
    let names: Vec<_> = made.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let stem = format!("weir-{version}-x86_64-linux");
    assert_eq!(names, [format!("{stem}.cdx.json"), format!("{stem}.tar.gz"), format!("weir_{version}_amd64.deb")]);
    for (path, name) in made.iter().zip(&names) {
        assert!(fs::read(path).unwrap() == fs::read(second.path().join("dist").join(name)).unwrap(), "{name} differs");
    }
    the_package_holds_what_it_should(&made[2], version);
    let listed = prints(&Command::new("tar").arg("tzf").arg(&made[1]).output().unwrap());
    for file in
        ["weir", "man/weir-check.1", "completions/_weir", "examples/acl/never.yaml", "systemd/weir.service", "LICENSE"]
    {
        assert!(listed.lines().any(|line| line == format!("{stem}/{file}")), "{file} is not in {listed}");
    }
}

fn the_package_holds_what_it_should(package: &Path, version: &str) {
    let ask = |arguments: &[&str]| prints(&Command::new("dpkg-deb").args(arguments).arg(package).output().unwrap());
    let fields = ask(&["-f"]);
    for field in ["Package: weir\n".to_owned(), format!("Version: {version}\n"), "Architecture: amd64\n".to_owned()] {
        assert!(fields.contains(&field), "{field} is not in {fields}");
    }
    let contents = ask(&["-c"]);
    for file in [
        "/usr/bin/weir",
        "/usr/share/man/man1/weir-serve.1.gz",
        "/usr/share/bash-completion/completions/weir",
        "/usr/share/zsh/vendor-completions/_weir",
        "/usr/share/fish/vendor_completions.d/weir.fish",
        "/usr/lib/systemd/system/weir.service",
        "/usr/lib/systemd/system/weir.socket",
        "/usr/lib/systemd/system/weir-mirror@.service",
        "/usr/share/doc/weir/examples/configuration-management/apply.sh",
        "/usr/share/doc/weir/copyright",
        "/usr/share/doc/weir/weir.cdx.json",
        "/usr/share/doc/weir/third-party-licences.txt.gz",
        "/usr/share/doc/weir/examples/weir.yaml",
        "/usr/share/doc/weir/examples/acl/catalogue.yaml",
        "/etc/weir/tls/",
    ] {
        assert!(contents.lines().any(|line| line.ends_with(&format!(" .{file}"))), "{file} is not in {contents}");
    }
    for line in contents.lines() {
        assert!(line.contains(" root/root "), "all is root's: {line}");
        assert!(
            !line.contains("/etc/weir/") || line.starts_with('d'),
            "nothing in /etc is overwritten by an upgrade: {line}"
        );
    }
    let directory = TempDir::new().unwrap();
    let scripts = directory.path().join("control");
    prints(&Command::new("dpkg-deb").arg("-e").arg(package).arg(&scripts).output().unwrap());
    for script in ["postinst", "prerm", "postrm"] {
        prints(&Command::new("sh").arg("-n").arg(scripts.join(script)).output().unwrap());
    }
}
