//! The bodies that kafka-clients makes, once for each process of tests.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use weir_hostile::bodies::{self, Message};
use weir_kafka::table::TABLE;
use weir_testkit::paths;

const KAFKA: &str = "4.3.1";

/// Bodies of each direction of each version.
pub const BODIES: usize = 1_000;

/// The bodies, made once for all tests of this process.
pub fn messages() -> Result<Vec<Message>, String> {
    static FILE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let path = FILE.get_or_init(make_bodies).clone()?;
    let mut file = BufReader::new(File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?);
    let mut messages = Vec::new();
    while let Some(message) = bodies::read(&mut file).map_err(|error| format!("{}: {error}", path.display()))? {
        messages.push(message);
    }
    let versions: usize = TABLE.iter().map(|row| (row.versions.min..=row.versions.max).count()).sum();
    assert_eq!(messages.len(), 2 * versions, "both directions of every version of the table");
    Ok(messages)
}

fn make_bodies() -> Result<PathBuf, String> {
    needed(Command::new("java").arg("-version"))?;
    let fetch = paths::root().join("tests/kafka/fetch.sh");
    needed(Command::new("timeout").arg("900").arg(fetch).arg(KAFKA))?;
    let program = paths::root().join("tests/hostile/java/Bodies.java");
    let out = dir().join("bodies");
    let ranges = TABLE.iter().map(|row| format!("{}:{}:{}", row.key, row.versions.min, row.versions.max));
    let jars = paths::target().join("kafka").join(KAFKA).join("*");
    let seed = std::env::var("WEIR_SEED").unwrap_or_else(|_| "20261121".into());
    println!("the seed is {seed}; WEIR_SEED gives another one");
    let mut java = Command::new("timeout");
    java.args(["300", "java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-cp"]).arg(jars).arg(program);
    let output = java.arg(&out).arg(seed).arg(BODIES.to_string()).args(ranges).output().expect("`timeout` starts");
    assert!(output.status.success(), "Bodies.java: {}", String::from_utf8_lossy(&output.stderr));
    Ok(out)
}

/// Runs what a machine may lack.
fn needed(command: &mut Command) -> Result<(), String> {
    let what = format!("{command:?}");
    let missing =
        |said: &str| format!("kafka-clients needs a JDK 17 and, once, Maven (tests/setup.sh): {what}: {said}");
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(missing(&String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(missing(&error.to_string())),
    }
}

/// A directory for the files of this process. The next run removes it.
pub fn dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let data = paths::run_dir("hostile").join("data");
        std::fs::create_dir(&data).expect("the target directory can be written");
        data
    })
}
