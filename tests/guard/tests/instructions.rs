//! Gate and judgement, counted in instructions under callgrind and held against `figures.yaml` and the CHANGELOG.
//!
//! Not a library for it: iai-callgrind and gungraun need a runner installed with `cargo install`, of the version of the
//! library, and know a relative limit between two runs on one machine but no committed figure with a reason.
//!
//! What makes the counts the same everywhere: only what `counted` does is collected, glibc is told to use the string
//! functions that every x86-64 has, and the shipped profile is built. Keys of hash maps are random: under 1 % of spread.
//! Must never: assert a time, or write the CHANGELOG.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use weir_guard::{Figures, unexplained};
use weir_testkit::paths;
use weir_testkit::process::Leashed;

/// How often each operation is done: enough for the random keys of hash maps to even out.
const TIMES: u64 = 300;
/// Cold, and beside other builds. Alone it takes a minute on two cores: only the pure crates are built.
const BUILD: Duration = Duration::from_secs(900);
/// Ten thousand principals are compiled under callgrind in about ten seconds.
const RUN: Duration = Duration::from_secs(180);
/// Without what only some processors have.
const PLAIN_X86_64: &str =
    "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-AVX_Fast_Unaligned_Load,-AVX512VL,-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2";

#[test]
fn gate_and_judge_stay_within_five_percent_of_their_figures() {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu")) {
        weir_testkit::skip!("the instruction counts are those of x86_64 Linux with glibc: other code counts otherwise");
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        weir_testkit::skip!("valgrind is not installed: apt-get install valgrind");
    }
    let directory = paths::run_dir("guard");
    let program = built(&directory);
    let committed = committed();
    let counted = Figures {
        counted_with: compiler(),
        operations: operations(&program).into_iter().map(|name| count(&program, name, &directory)).collect(),
    };
    if std::env::var_os("WEIR_BLESS").is_some() {
        return bless(&committed.blessed(&counted));
    }
    let problems = committed.problems(&counted);
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn the_changelog_says_why_each_figure_is_what_it_is() {
    // The figures are about to change, and `bless` tells what the CHANGELOG lacks.
    if std::env::var_os("WEIR_BLESS").is_some() {
        return;
    }
    let problems = unexplained(&committed(), &changelog());
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// Writes the figures. The reasons are written by people.
fn bless(figures: &Figures) {
    fs::write(figures_file(), figures.text()).expect("figures.yaml can be written");
    let mut said = figures.text();
    for problem in unexplained(figures, &changelog()) {
        said.push_str(&problem);
        said.push('\n');
    }
    // `println!` would be captured by libtest.
    let _ = std::io::stderr().write_all(said.as_bytes());
}

/// Builds the program with the profile of what ships.
fn built(directory: &Path) -> PathBuf {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--release", "--package", "weir-guard", "--bin", "weir-guard"]);
    command.current_dir(paths::root());
    run("the release build of weir-guard", &command, &directory.join("build.log"), BUILD);
    paths::target().join("release/weir-guard")
}

/// Asked of the program itself, so that none is forgotten here.
fn operations(program: &Path) -> Vec<String> {
    let listed = Command::new(program).arg("list").output().expect("weir-guard runs");
    let names: Vec<String> = String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect();
    assert!(!names.is_empty(), "weir-guard lists no operation");
    names
}

/// Instructions of one operation.
fn count(program: &Path, operation: String, directory: &Path) -> (String, u64) {
    let out = directory.join(format!("{operation}.callgrind"));
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--toggle-collect=*weir_guard*counted*"]);
    command.arg(format!("--callgrind-out-file={}", out.display()));
    command.arg(program).args([&operation, &TIMES.to_string()]);
    command.env("GLIBC_TUNABLES", PLAIN_X86_64);
    run(&operation, &command, &directory.join(format!("{operation}.log")), RUN);
    let written = fs::read_to_string(&out).expect("callgrind writes its file");
    let total: Option<u64> = written.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
    let total = total.unwrap_or_else(|| panic!("{} has no totals", out.display()));
    assert!(total > TIMES, "{operation}: nothing was collected: is `counted` still a function of its own?");
    (operation, total / TIMES)
}

fn run(what: &str, command: &Command, log: &Path, limit: Duration) {
    let mut process = Leashed::start(what, command, log);
    let status = process.wait(limit);
    assert_eq!(status, 0, "{what}: {}", process.tail(20));
}

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("--version").output().expect("there is a rustc").stdout;
    let version = String::from_utf8_lossy(&said).split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    format!("{version}, x86_64")
}

fn committed() -> Figures {
    let text = fs::read_to_string(figures_file()).expect("tests/guard/figures.yaml is there");
    Figures::parse(&text).unwrap_or_else(|error| panic!("figures.yaml: {error}"))
}

fn changelog() -> String {
    fs::read_to_string(paths::root().join("CHANGELOG.md")).expect("CHANGELOG.md is there")
}

fn figures_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("figures.yaml")
}
