//! What a user does once after unpacking: install libraries, compile. Nothing of a bundle is changed by that.
//!
//! Libraries come from where the client programs of `tests/clients/` have theirs, of the same versions.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use weir_testkit::{clients, paths};

use super::pool::{self, Named};
use super::readers::{Need, Reader, jdk};
use super::stage::{Stage, run};

/// The reader in whose bundle the Java program is compiled.
const JAVA: &str = "java-pem";
/// The workspace around the bundle's Rust program, only for this: what Weir's own workspace has built of librdkafka and
/// OpenSSL is found again where features and profile are the same. If they are not, it is built once more.
const RUST_WORKSPACE: &str = r#"
[workspace]
resolver = "3"
members = ["rust/rust", "features"]

[profile.dev]
debug = "line-tables-only"

[profile.dev.package."*"]
opt-level = 1
debug = false
"#;
const RUST_FEATURES: &str = r#"
[package]
name = "features"
version = "1.0.0"
edition = "2024"

[build-dependencies]
cc = { version = "1", features = ["parallel"] }
syn = { version = "2", features = ["extra-traits", "full", "visit", "visit-mut"] }

[dependencies]
serde_core = { version = "1", features = ["alloc", "default"] }
"#;

/// The readers that can run, and why the others cannot. Panics where something of a bundle does not compile.
pub fn all(stage: &Stage, readers: &[Reader]) -> (Vec<Reader>, Vec<String>) {
    let mut needs: Vec<Need> = Vec::new();
    for need in readers.iter().flat_map(|reader| reader.needs) {
        if !needs.contains(need) {
            needs.push(*need);
        }
    }
    let lacking = pool::all(&needs, |need| prepare(stage, *need));
    let lacks =
        |reader: &Reader| lacking.iter().any(|line| reader.needs.iter().any(|need| line.starts_with(&need.name())));
    let ready = readers.iter().filter(|reader| !lacks(reader)).copied().collect();
    (ready, lacking)
}

impl Named for Need {
    fn name(&self) -> String {
        format!("{self:?}")
    }
}

fn prepare(stage: &Stage, need: Need) -> Result<(), String> {
    match need {
        Need::Client(client) => clients::ready(client).map(|_| same_requirements(stage, client)),
        Need::NodeModules(reader) => {
            clients::ready("kafkajs").map(|_| link_node_modules(&stage.bundle(reader).join("node")))
        }
        Need::Go(program) => tool("go").map(|()| build_go(&go_directory(stage, program))),
        Need::Rust => {
            build_rust(stage);
            Ok(())
        }
        Need::Java => clients::ready("java").map(|_| compile_java(stage)),
        Need::Jdk(version) => jdk(version).map(drop),
        Need::Kcat => tool("kcat"),
    }
}

/// Where a Go program of a bundle is.
pub fn go_directory(stage: &Stage, program: &str) -> PathBuf {
    stage.bundle(program).join("go").join(if program == "confluent-go" { "confluent" } else { program })
}

/// Where the Java program of a bundle is compiled.
pub fn java_directory(stage: &Stage) -> PathBuf {
    stage.bundle(JAVA).join("java")
}

fn tool(name: &str) -> Result<(), String> {
    let found =
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(name).exists()));
    found.then_some(()).ok_or_else(|| format!("{name} is not installed: run tests/setup.sh"))
}

/// The virtual environment has what the bundle asks for.
fn same_requirements(stage: &Stage, client: &str) {
    let library = if client == "confluent-python" { "confluent" } else { client };
    let reader = if client == "confluent-python" { "python" } else { client };
    let asked = stage.bundle(reader).join("python").join(library).join("requirements.txt");
    if asked.parent().is_some_and(Path::exists) {
        let installed = paths::root().join("tests/clients").join(client).join("requirements.txt");
        assert_eq!(text(&asked), text(&installed), "{} is not what the tests install", asked.display());
    }
}

/// What `npm ci` leaves.
fn link_node_modules(node: &Path) {
    let modules = paths::target().join("clients/kafkajs/node_modules");
    let asked: Value = serde_json::from_str(&text(&node.join("package-lock.json"))).expect("a lock file is JSON");
    let found: Value = serde_json::from_str(&text(&modules.join("kafkajs/package.json"))).expect("a package is JSON");
    assert_eq!(
        asked["packages"]["node_modules/kafkajs"]["version"], found["version"],
        "the lock file and what is installed"
    );
    symlink(&modules, node.join("node_modules")).expect("a link can be made");
}

/// What `go run .` builds, from what is on this machine.
fn build_go(directory: &Path) {
    let mut go = Command::new("go");
    go.args(["build", "-mod=readonly", "-o", "consume", "."]).current_dir(directory);
    run(go.env("GOPROXY", "off").env("GOWORK", "off"));
}

/// What `cargo build` builds, among what the workspace has built.
fn build_rust(stage: &Stage) {
    let (root, program) = (&stage.clean, stage.bundle("rust").join("rust"));
    lock_file_fits(&program);
    let put = |path: PathBuf, text: &str| {
        fs::create_dir_all(path.parent().expect("a directory"))
            .and_then(|()| fs::write(path, text))
            .expect("a file can be written");
    };
    put(root.join("Cargo.toml"), RUST_WORKSPACE);
    put(root.join("features/Cargo.toml"), RUST_FEATURES);
    put(root.join("features/build.rs"), "fn main() {}");
    put(root.join("features/src/lib.rs"), "");
    put(root.join("Cargo.lock"), &text(&paths::root().join("Cargo.lock")));
    let mut cargo = Command::new("timeout");
    cargo.args(["900", "cargo", "build", "--quiet", "--offline", "--workspace"]).current_dir(root);
    run(cargo.env("CARGO_TARGET_DIR", paths::target()));
}

/// The bundle's own lock file is whole, and its versions are those of the workspace.
fn lock_file_fits(program: &Path) {
    let alone = tempfile::tempdir().expect("a temporary directory");
    let copy = ["-r", "Cargo.toml", "Cargo.lock", "src"];
    run(Command::new("cp").args(copy).arg(alone.path()).current_dir(program));
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--quiet", "--locked", "--offline", "--format-version", "1"]).current_dir(alone.path());
    run(&mut cargo);
    let ours = text(&paths::root().join("Cargo.lock"));
    let theirs = text(&program.join("Cargo.lock"));
    for package in theirs.split("[[package]]\n").filter(|package| package.contains("\nchecksum = ")) {
        let head: Vec<&str> = package.lines().take(2).collect();
        assert!(ours.contains(&head.join("\n")), "tests know no {head:?}, which the bundle's Cargo.lock has");
    }
}

/// `mvn -f java compile`, as the program's own text says.
fn compile_java(stage: &Stage) {
    run(Command::new("timeout")
        .args(["600", "mvn", "-q", "-B", "-ntp", "-f", "java", "compile"])
        .current_dir(stage.bundle(JAVA)));
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
