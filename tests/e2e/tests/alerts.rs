//! What `deploy/prometheus` and `deploy/grafana` promise: the rules are right by promtool, they and the dashboard name
//! metrics that Weir has, and every alert has its runbook.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use weir_testkit::paths;

/// What one target of the dashboard's panels asks, with its variables filled in.
fn dashboard_expressions() -> Vec<String> {
    let dashboard: serde_json::Value = serde_json::from_str(&read("deploy/grafana/weir.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default());
    targets
        .map(|target| target["expr"].as_str().unwrap().replace("$__rate_interval", "5m"))
        .map(|expr| expr.replace("$instance", ".*").replace("$principal", ".*"))
        .collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(paths::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn promtool() -> Result<PathBuf, String> {
    let tool = paths::target().join("tools/promtool");
    if tool.exists() { Ok(tool) } else { Err("promtool is not there: tests/prometheus/fetch.sh".to_owned()) }
}

/// Runs promtool, in the directory of the rules.
fn run(tool: &Path, arguments: &[&str]) {
    let output = Command::new("timeout")
        .arg("60")
        .arg(tool)
        .args(arguments)
        .current_dir(paths::root().join("deploy/prometheus"))
        .output()
        .unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "promtool {arguments:?}:\n{told}");
}

/// The metrics that a text names, without the endings of histograms.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let metrics = words.filter(|word| word.starts_with("weir_"));
    let ended = |word: &str| {
        ["_bucket", "_count", "_sum"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned()
    };
    metrics.map(ended).collect()
}

/// The lines of the rules that say this of an alert.
fn said<'a>(rules: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    rules.lines().filter_map(move |line| line.trim_start().trim_start_matches("- ").strip_prefix(key)).map(str::trim)
}

#[test]
fn the_rules_hold_by_promtool() {
    let tool = weir_testkit::require!(promtool());
    run(&tool, &["check", "rules", "weir.rules.yaml"]);
    run(&tool, &["test", "rules", "weir.rules.test.yaml"]);
}

#[test]
fn what_the_dashboard_asks_can_be_asked() {
    let tool = weir_testkit::require!(promtool());
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    let expressions = dashboard_expressions();
    assert!(expressions.len() > 20, "{expressions:?}");
    for (index, expr) in expressions.iter().enumerate() {
        let quoted = serde_json::to_string(expr).unwrap();
        writeln!(rules, "      - {{record: 'dashboard:{index}', expr: {quoted}}}").unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dashboard.yaml");
    fs::write(&file, rules).unwrap();
    run(&tool, &["check", "rules", file.to_str().unwrap()]);
}

#[test]
fn rules_and_dashboard_name_metrics_that_weir_has() {
    let known = metrics_in(&read("docs/operate/metrics.md"));
    let mut named = metrics_in(&read("deploy/prometheus/weir.rules.yaml"));
    named.extend(dashboard_expressions().iter().flat_map(|expr| metrics_in(expr)));
    let strange: Vec<_> = named.difference(&known).collect();
    assert!(strange.is_empty(), "docs/operate/metrics.md, which is what Weir has, lacks {strange:?}");
}

#[test]
fn every_alert_is_tested_and_has_a_runbook_and_nothing_else_has_one() {
    let rules = read("deploy/prometheus/weir.rules.yaml");
    let alerts: BTreeSet<&str> = said(&rules, "alert:").collect();
    let tests = read("deploy/prometheus/weir.rules.test.yaml");
    let untested: Vec<_> = alerts.iter().filter(|alert| !tests.contains(&format!("\"{alert}\""))).collect();
    assert!(untested.is_empty(), "no test makes these fire: {untested:?}");
    let runbooks = read("docs/operate/runbooks.md");
    let sections: BTreeSet<String> =
        runbooks.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_lowercase).collect();
    let linked: Vec<&str> = said(&rules, "runbook:").collect();
    assert_eq!(linked.len(), alerts.len(), "each alert links to its runbook");
    let anchors: BTreeSet<String> = linked
        .iter()
        .map(|link| link.strip_prefix("docs/operate/runbooks.md#").unwrap_or_else(|| panic!("{link}")).to_owned())
        .collect();
    assert_eq!(anchors, sections);
}
