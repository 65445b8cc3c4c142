//! Breaks guards, one after the other, and demands that the test of each fails.
//!
//! Must never: take a test that does not compile, does not run or does not end for one that fails.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Output};

use crate::copy::{self, Copy};
use crate::rows::{Row, Shown};
use crate::tests::{self, Target};
use crate::{patch, root};

/// Seconds for a build that begins with nothing, and for one run of tests.
const BUILD: &str = "2400";
const RUN: &str = "300";

/// A trap, the test that holds it, and the target with that test.
struct Proof<'a> {
    row: &'a Row,
    test: &'a str,
    target: Target,
}

/// What became of a test.
enum Became {
    Passed,
    Failed,
    DidNotCompile(String),
    DidNotRun(String),
}

/// Breaks the guard of each of these traps in the copy, with a line for each on standard output. Returns for how many the
/// test failed, as it should.
///
/// # Errors
/// A test that is not there or fails without a patch; a patch that is not there or does not apply; a tree that cannot be
/// copied. What one trap's broken guard does is no error.
pub fn all(rows: &[&Row]) -> Result<usize, String> {
    let places = tests::all(&root())?;
    let proofs: Vec<Proof<'_>> = rows.iter().map(|row| proof(row, &places)).collect::<Result<_, _>>()?;
    let copy = copy::make()?;
    for proof in &proofs {
        patch::of(&proof.row.id)?.apply(&copy.tree).map_err(|wrong| format!("{}: {wrong}", proof.row.id))?;
    }
    all_pass(&copy, &proofs)?;
    let mut noticed = 0;
    for proof in &proofs {
        let line = match broken(&copy, proof)? {
            Became::Failed => {
                noticed += 1;
                "fails, as it should".to_owned()
            }
            Became::Passed => "PASSES although the guard is broken".to_owned(),
            Became::DidNotCompile(why) => format!("DOES NOT COMPILE, which proves nothing:\n{why}"),
            Became::DidNotRun(why) => format!("DID NOT RUN to its end, which proves nothing:\n{why}"),
        };
        println!("{}: {} {line}", proof.row.id, proof.test);
    }
    Ok(noticed)
}

fn proof<'a>(row: &'a Row, places: &BTreeMap<String, Vec<std::path::PathBuf>>) -> Result<Proof<'a>, String> {
    let Shown::Test(test) = row.shown()? else { return Err(format!("{}: no test holds it", row.id)) };
    let place = places.get(test).and_then(|found| found.first()).ok_or(format!("{}: no test {test}", row.id))?;
    Ok(Proof { row, test, target: tests::target(place)? })
}

/// The tests pass as long as nothing is broken.
fn all_pass(copy: &Copy, proofs: &[Proof<'_>]) -> Result<(), String> {
    let mut by_target: BTreeMap<&Target, Vec<&str>> = BTreeMap::new();
    for proof in proofs {
        by_target.entry(&proof.target).or_default().push(proof.test);
    }
    for (target, names) in by_target {
        if let Some(why) = does_not_compile(copy, target)? {
            return Err(format!("{} does not compile as it is:\n{why}", target.package));
        }
        let output = run(copy, target, &names)?;
        for name in names {
            if !matches!(verdict(&output, name), Became::Passed) {
                return Err(format!("{name} does not pass as it is:\n{}", last_lines(&output)));
            }
        }
    }
    Ok(())
}

/// What becomes of the test when the guard is broken. Afterwards the copy is whole again.
fn broken(copy: &Copy, proof: &Proof<'_>) -> Result<Became, String> {
    let changed = patch::of(&proof.row.id)?.apply(&copy.tree)?;
    let mut whole = BTreeMap::new();
    for (file, text) in &changed {
        let path = copy.tree.join(file);
        whole.insert(path.clone(), fs::read(&path).map_err(|error| format!("{file}: {error}"))?);
        fs::write(&path, text).map_err(|error| format!("{file}: {error}"))?;
    }
    let became = match does_not_compile(copy, &proof.target) {
        Ok(Some(why)) => Ok(Became::DidNotCompile(why)),
        Ok(None) => run(copy, &proof.target, &[proof.test]).map(|output| verdict(&output, proof.test)),
        Err(wrong) => Err(wrong),
    };
    for (path, text) in whole {
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    became
}

/// What the compiler says, where it does not compile: the tests, and the program where the tests start it.
fn does_not_compile(copy: &Copy, target: &Target) -> Result<Option<String>, String> {
    let tests = cargo(copy, BUILD, &["test", "--no-run"], target)?;
    if !tests.status.success() {
        return Ok(Some(last_lines(&tests)));
    }
    if !target.starts_weir {
        return Ok(None);
    }
    let program = bounded(copy, BUILD, &["build", "--quiet", "--workspace", "--bin", "weir"])?;
    Ok((!program.status.success()).then(|| last_lines(&program)))
}

fn run(copy: &Copy, target: &Target, names: &[&str]) -> Result<Output, String> {
    cargo(copy, RUN, &[&["test"], &["--"], names].concat(), target)
}

/// `cargo test` of one target; what follows `--` goes to the tests.
fn cargo(copy: &Copy, seconds: &str, words: &[&str], target: &Target) -> Result<Output, String> {
    let chosen = ["-p", &target.package].into_iter().chain(target.choice.iter().map(String::as_str));
    let (before, after) = words.split_at(words.iter().position(|word| *word == "--").unwrap_or(words.len()));
    let all: Vec<&str> = before.iter().copied().chain(chosen).chain(after.iter().copied()).collect();
    bounded(copy, seconds, &all)
}

fn bounded(copy: &Copy, seconds: &str, words: &[&str]) -> Result<Output, String> {
    Command::new("timeout")
        .args(["-k", "10", seconds, "cargo"])
        .args(words)
        .current_dir(&copy.tree)
        .env("CARGO_TARGET_DIR", &copy.target)
        .env("WEIR_BIN", copy.target.join("debug/weir"))
        .output()
        .map_err(|error| format!("timeout cargo: {error}"))
}

/// What libtest says of the test: `test a::b::name ... FAILED`.
fn verdict(output: &Output, name: &str) -> Became {
    let text = String::from_utf8_lossy(&output.stdout);
    let said = text.lines().find_map(|line| {
        let (path, said) = line.strip_prefix("test ")?.split_once(" ... ")?;
        (path.rsplit("::").next() == Some(name)).then_some(said)
    });
    match said {
        Some("ok") => Became::Passed,
        Some("FAILED") => Became::Failed,
        _ => Became::DidNotRun(last_lines(output)),
    }
}

fn last_lines(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&all);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
