//! `weir check`: the same reading and compiling as `weir serve`, and with `--live` a look at the brokers after it.
//!
//! Must never: say `ok` of what `weir serve` would not start with, or change anything.

use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use weir_policy::ConfigErrors;
use weir_server::mirror;
use weir_server::operator::{Administrator, Finding, Report, Seen, Severity, check_live};
use weir_server::snapshot::{OfflinePolicy, Snapshot};

/// What is looked at.
#[derive(Debug, Args)]
pub(crate) struct What {
    /// The configuration file; relative paths in it begin at its directory.
    #[arg(short, long, value_name = "FILE", default_value = "weir.yaml")]
    config: PathBuf,
    /// At the brokers, too, for half a minute at the most: whether they are there, new enough, and have what the catalogue
    /// names, and whether Weir's identities see or may do more there. Changes nothing.
    #[arg(long)]
    live: bool,
    /// Show the names that must not leave even where this does not write to a terminal.
    #[arg(long, requires = "live")]
    names: bool,
    /// A file with `upstreams:` as the configuration has it, and an administrator's certificate or password under it: for
    /// access rules, quotas and settings of brokers, which Weir's own identity cannot see. It is used to read alone.
    #[arg(long, requires = "live", value_name = "FILE")]
    administrator: Option<PathBuf>,
    /// What the brokers call Weir, or a tier's identity, where that is not the subject of its certificate; as for
    /// `weir render upstream`.
    #[arg(long = "user", requires = "administrator", value_name = "[TIER=]NAME")]
    users: Vec<String>,
    /// What was found at the brokers, as one JSON object.
    #[arg(long, requires = "live")]
    json: bool,
}

pub(crate) fn run(what: &What) -> ExitCode {
    match Snapshot::load(&what.config) {
        Ok(snapshot) if what.json => live(snapshot, what),
        Ok(snapshot) => {
            print_warnings(&snapshot);
            print_what_is_not_rendered(&snapshot, &what.config);
            print!("{}", summary(&snapshot));
            if what.live {
                return live(snapshot, what);
            }
            println!("ok");
            ExitCode::SUCCESS
        }
        Err(errors) => problems(&errors),
    }
}

fn problems(errors: &ConfigErrors) -> ExitCode {
    eprintln!("{errors}");
    let count = errors.0.len();
    eprintln!("{count} {}", if count == 1 { "problem" } else { "problems" });
    ExitCode::FAILURE
}

fn live(snapshot: Snapshot, what: &What) -> ExitCode {
    let administrator = match &what.administrator {
        Some(file) => match Administrator::read(file, &snapshot.config, what.users.clone()) {
            Ok(administrator) => Some(administrator),
            Err(errors) => return problems(&errors),
        },
        None => None,
    };
    let report = match check_live(snapshot, administrator) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if what.json {
        println!("{}", json(&report, what.names));
    } else {
        print!("{}", text(&report, what.names || stdout().is_terminal()));
    }
    if report.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A line for each cluster that answered and for each finding, and how many there are.
fn text(report: &Report, with_names: bool) -> String {
    let seen: String = report.seen.iter().map(|seen| format!("  {}\n", of_cluster(seen))).collect();
    let finding = |finding: &Finding| format!("{finding}\n{}", names(finding, with_names));
    let findings: String = report.findings.iter().map(finding).collect();
    let of = |severity: Severity| report.findings.iter().filter(|one| one.severity == severity).count();
    let count = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let last = match (of(Severity::Error), of(Severity::Warning)) {
        (0, 0) => "ok".to_owned(),
        (0, warnings) => format!("ok, with {}", count(warnings, "warning")),
        (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    };
    format!("{seen}{findings}{last}\n")
}

/// A line for each name that must not leave, or how to see them.
fn names(finding: &Finding, shown: bool) -> String {
    let count = finding.names.count();
    if count > 0 && !shown {
        return "    the names are shown at a terminal, and with --names\n".to_owned();
    }
    let shown: Vec<String> = finding.names.for_terminal().map(|name| format!("    {name}\n")).collect();
    let more = count.saturating_sub(shown.len());
    let more = if more > 0 { format!("    and {more} more\n") } else { String::new() };
    shown.concat() + &more
}

fn of_cluster(Seen { upstream, cluster_id, brokers, topics }: &Seen) -> String {
    let [(answered, listed), (exist, named)] = [brokers, topics];
    format!(
        "upstream {upstream}: cluster {cluster_id}, {answered} of {listed} brokers answered, {exist} of {named} topics exist"
    )
}

fn json(report: &Report, with_names: bool) -> serde_json::Value {
    let finding = |one: &Finding| {
        let severity = match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut finding = json!({"severity": severity, "upstream": one.upstream, "what": one.what, "fix": one.fix});
        if let Some(finding) = finding.as_object_mut().filter(|_| with_names && one.names.count() > 0) {
            finding.insert("names".to_owned(), one.names.for_terminal().collect::<Vec<_>>().into());
        }
        finding
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

/// What `weir render mirror` refuses. `weir serve` does without, so that no topic that must stop waits for a mirror.
fn print_what_is_not_rendered(snapshot: &Snapshot, file: &Path) {
    if snapshot.config.upstreams.values().all(|upstream| upstream.mirror.is_none()) {
        return;
    }
    let rendered = OfflinePolicy::of_config(file, None)
        .and_then(|read| mirror::render(&file.display().to_string(), &read).map(|_| ()));
    for problem in rendered.err().iter().flat_map(|errors| &errors.0) {
        eprintln!("warning: `weir render mirror` refuses this: {problem}");
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
