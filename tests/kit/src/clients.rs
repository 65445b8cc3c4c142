//! The client programs in `tests/clients/NAME/`, each set up by its own `setup.sh` and started by its `run`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::paths;

/// Sets up a client program, once for each test process, and gives its `run`. The error says what the machine lacks, for
/// `require!`. Quick when `tests/setup.sh` has been there before.
pub fn ready(name: &str) -> Result<PathBuf, String> {
    static DONE: OnceLock<Mutex<HashMap<String, Result<PathBuf, String>>>> = OnceLock::new();
    // One after the other: they share Maven's repository, Go's cache and the virtual environment.
    let mut done = DONE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    done.entry(name.into()).or_insert_with(|| set_up(name)).clone()
}

/// The names of all client programs, sorted.
pub fn all() -> Vec<String> {
    let entries = std::fs::read_dir(paths::root().join("tests/clients")).expect("tests/clients is there").flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join("run").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn set_up(name: &str) -> Result<PathBuf, String> {
    let dir = paths::root().join("tests/clients").join(name);
    let script = dir.join("setup.sh");
    if script.exists() {
        run(&script).map_err(|error| format!("client {name} cannot be set up: {error}"))?;
    }
    let run = dir.join("run");
    if run.exists() { Ok(run) } else { Err(format!("{} is not there", run.display())) }
}

fn run(script: &Path) -> Result<(), String> {
    let output = Command::new("timeout").args(["-k", "10", "900"]).arg(script).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(format!("{}: {}", output.status, lines[lines.len().saturating_sub(3)..].join("; ")))
}
