//! `weir check`: the same reading and compiling as `weir serve`, and nothing after it.

use std::path::Path;
use std::process::ExitCode;

use weir_server::snapshot::Snapshot;

pub(crate) fn run(config: &Path) -> ExitCode {
    match Snapshot::load(config) {
        Ok(snapshot) => {
            print_warnings(&snapshot);
            print!("{}", summary(&snapshot));
            ExitCode::SUCCESS
        }
        Err(errors) => {
            eprintln!("{errors}");
            let count = errors.0.len();
            eprintln!("{count} {}", if count == 1 { "problem" } else { "problems" });
            ExitCode::FAILURE
        }
    }
}

fn print_warnings(snapshot: &Snapshot) {
    for warning in &snapshot.warnings {
        eprintln!("warning: {warning}");
    }
}

fn summary(snapshot: &Snapshot) -> String {
    let config = &snapshot.config;
    let listeners: String = config
        .listeners
        .iter()
        .map(|listener| {
            let binds: Vec<String> = listener.binds().map(|bind| bind.to_string()).collect();
            let ports = match binds.as_slice() {
                [first, .., last] => format!("{} addresses, {first} to {last}", binds.len()),
                _ => binds.concat(),
            };
            format!("  listener {}: {ports}, upstream {}\n", listener.name, listener.upstream)
        })
        .collect();
    let principals = snapshot.policy.principals().count();
    let topics = snapshot.policy.catalogue_literals().count();
    let patterns = if snapshot.policy.has_patterns() { " and patterns" } else { "" };
    format!("{listeners}  policy: {principals} principals, {topics} topics{patterns} in the catalogue\nok\n")
}
