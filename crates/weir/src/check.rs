//! `weir check`: the same reading and compiling as `weir serve`, and with `--live` a look at the brokers after it.
//!
//! Must never: say `ok` of what `weir serve` would not start with, or change anything.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use weir_server::operator::{Finding, Report, Seen, Severity, check_live};
use weir_server::snapshot::Snapshot;

/// What is looked at.
#[derive(Debug, Args)]
pub(crate) struct What {
    /// The configuration file; relative paths in it begin at its directory.
    #[arg(short, long, value_name = "FILE", default_value = "weir.yaml")]
    config: PathBuf,
    /// At the brokers, too, for half a minute at the most: whether they are there, new enough, and have what the catalogue
    /// names. Changes nothing.
    #[arg(long)]
    live: bool,
    /// What was found at the brokers, as one JSON object.
    #[arg(long, requires = "live")]
    json: bool,
}

pub(crate) fn run(what: &What) -> ExitCode {
    match Snapshot::load(&what.config) {
        Ok(snapshot) if what.json => live(snapshot, true),
        Ok(snapshot) => {
            print_warnings(&snapshot);
            print!("{}", summary(&snapshot));
            if what.live {
                return live(snapshot, false);
            }
            println!("ok");
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

fn live(snapshot: Snapshot, as_json: bool) -> ExitCode {
    let report = match check_live(snapshot) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if as_json {
        println!("{}", json(&report));
    } else {
        print!("{}", text(&report));
    }
    if report.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A line for each cluster that answered and for each finding, and how many there are.
fn text(report: &Report) -> String {
    let seen: String = report.seen.iter().map(|seen| format!("  {}\n", of_cluster(seen))).collect();
    let findings: String = report.findings.iter().map(|finding| format!("{finding}\n")).collect();
    let of = |severity: Severity| report.findings.iter().filter(|one| one.severity == severity).count();
    let count = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let last = match (of(Severity::Error), of(Severity::Warning)) {
        (0, 0) => "ok".to_owned(),
        (0, warnings) => format!("ok, with {}", count(warnings, "warning")),
        (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    };
    format!("{seen}{findings}{last}\n")
}

fn of_cluster(Seen { upstream, cluster_id, brokers, topics }: &Seen) -> String {
    let [(answered, listed), (exist, named)] = [brokers, topics];
    format!(
        "upstream {upstream}: cluster {cluster_id}, {answered} of {listed} brokers answered, {exist} of {named} topics exist"
    )
}

fn json(report: &Report) -> serde_json::Value {
    let finding = |one: &Finding| {
        let severity = match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        json!({"severity": severity, "upstream": one.upstream, "what": one.what, "fix": one.fix})
    };
    let seen = |one: &Seen| {
        json!({
            "upstream": one.upstream,
            "cluster_id": one.cluster_id,
            "brokers": {"answered": one.brokers.0, "listed": one.brokers.1},
            "topics": {"exist": one.topics.0, "named": one.topics.1},
        })
    };
    json!({
        "ok": !report.has_errors(),
        "upstreams": report.seen.iter().map(seen).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
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
    format!("{listeners}  policy: {principals} principals, {topics} topics{patterns} in the catalogue\n")
}
