//! The Java program that sends, reads and compares: compiled here, run with a bound.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::json;
use weir_testkit::{Version, paths};

use crate::Setups;

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One broker on each side: every case, all scenarios, programs.
    One,
    /// The same programs through a Weir whose namespaces are not seen, against groups with a prefix at the control.
    Plain,
    /// Three brokers on each side: some cases of each API and version, sent to every broker; scenarios; programs.
    Three,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::One, Self::Plain, Self::Three];

    /// As a person types it.
    pub fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Plain => "plain",
            Self::Three => "three",
        }
    }
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Chooses which cases run, and in what order those run that have none of their own.
    pub seed: u64,
    /// What it consists of. Only a run of all parts, cases and keys asks for unused declared rows and for enough cases.
    pub parts: Vec<Part>,
    /// How many cases; all without it.
    pub cases: Option<usize>,
    /// Only APIs of these keys; every advertised one where it is empty.
    pub keys: Vec<i16>,
    /// Whether programs of Java's own Consumer and Admin run, too.
    pub traces: bool,
    /// The longest that it may take, in seconds.
    pub limit: u32,
}

impl Run {
    fn is_whole(&self) -> bool {
        self.cases.is_none()
            && self.keys.is_empty()
            && self.traces
            && Part::ALL.iter().all(|part| self.parts.contains(part))
    }
}

/// Runs the comparer to its end. `Ok` is its last line, when all that was compared is equal or declared.
///
/// # Errors
/// Its last lines, when it found a difference or did not end well; or what the machine lacks.
pub fn compare(setups: &Setups, run: &Run) -> Result<String, String> {
    let classes = compiled()?;
    let out = paths::target().join("parity");
    let mut plan = setups.plan();
    plan["seed"] = json!(run.seed);
    plan["cases"] = json!(run.cases);
    plan["keys"] = json!(run.keys);
    plan["traces"] = json!(run.traces);
    plan["whole"] = json!(run.is_whole());
    plan["out"] = json!(out);
    plan["declared"] = json!(paths::root().join("tests/parity/declared.yaml"));
    let file = out.join(format!("plan-{}.json", std::process::id()));
    fs::write(&file, plan.to_string()).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut java = Command::new("timeout");
    java.args(["-k", "10", &run.limit.to_string(), "java", "-XX:+UseSerialGC", "-Xmx512m", "-Xshare:auto"]);
    java.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=off").arg("-cp");
    java.arg(format!("{}:{}/*", classes.display(), Version::V4.jars().display())).arg("Parity").arg(&file);
    let Output { status, stdout, .. } = java
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("`timeout` does not start: {error}"))?;
    let _ = fs::remove_file(&file);
    let stdout = String::from_utf8_lossy(&stdout);
    fs::write(out.join("run.txt"), &*stdout).map_err(|error| format!("{}: {error}", out.display()))?;
    let last = stdout.lines().last().unwrap_or_default();
    if status.success() && last.starts_with("parity: ") && last.ends_with(" 0 different") {
        return Ok(stdout.into_owned());
    }
    let end = |text: &str| -> String {
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(120)..].join("\n")
    };
    Err(format!("{}\nthe comparer ended with {status}", end(&stdout)))
}

/// The directory of the compiled classes, named for what the sources say: several trees may share a target directory.
fn compiled() -> Result<PathBuf, String> {
    let sources = sources()?;
    let mut said = DefaultHasher::new();
    for source in &sources {
        fs::read(source).map_err(|error| format!("{}: {error}", source.display()))?.hash(&mut said);
    }
    let classes = paths::target().join(format!("parity/classes-{:016x}", said.finish()));
    if classes.join("done").exists() {
        return Ok(classes);
    }
    fs::create_dir_all(&classes).map_err(|error| format!("{}: {error}", classes.display()))?;
    let mut javac = Command::new("timeout");
    javac.args([
        "-k",
        "10",
        "300",
        "javac",
        "--release",
        "17",
        "-Xlint:all,-serial,-classfile",
        "-Werror",
        "-proc:none",
    ]);
    javac.arg("-d").arg(&classes).arg("-cp").arg(format!("{}/*", Version::V4.jars().display())).args(&sources);
    match javac.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => {
            fs::write(classes.join("done"), "").map_err(|error| format!("{}: {error}", classes.display()))?;
            Ok(classes)
        }
        Ok(output) => Err(format!("javac: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("the comparer needs a JDK 17 (tests/setup.sh): {error}")),
    }
}

fn sources() -> Result<Vec<PathBuf>, String> {
    let dir = paths::root().join("tests/parity/java");
    let entries = fs::read_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|ending| ending == "java"));
    found.sort();
    Ok(found)
}
