//! `weir explain` and `weir diff` as a person types them: what they print, and their exit status.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::fs;
use std::path::Path;

use support::{CONFIG, policy, write};

const TOOL: &str = "\
principal: tool
namespace: tools
certificate: [{cn: tool}]
tier: tool
read:
  - topic: a.page
cidrs: [192.0.2.0/24]
contact: c@d.example
review_by: 2027-05-03
";

/// A directory without a single certificate: none of these commands needs one.
fn stage() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let stream = "pii: {verdict: none, by: x, on: 2026-11-01, ticket: T}, schema: /s, schema_version: 1.0.0, \
                  description: d, cleanup_policy: delete, stream: page";
    let allow = "    upstream: main\n    allow: [192.0.2.0/24, 198.51.100.0/24]\n";
    write(at, "weir.yaml", &CONFIG.replacen("    upstream: main\n", allow, 1));
    for name in ["acl", "new"] {
        policy(&at.join(name), &format!("streams:\n  - {{topics: [a.page, b.page], {stream}}}\n"));
        write(&at.join(name), "principals/tool.yaml", TOOL);
    }
    directory
}

/// Exit status, standard output, standard error.
fn weir(directory: &Path, arguments: &str) -> support::Ended {
    support::weir(&arguments.split(' ').collect::<Vec<_>>(), directory)
}

/// Exit status and first line.
fn first(directory: &Path, arguments: &str) -> (i32, String) {
    let (status, said, problems) = weir(directory, arguments);
    (status, said.lines().chain(problems.lines()).next().unwrap_or_default().to_owned())
}

#[test]
fn explain_tells_by_its_status() {
    let stage = stage();
    let ask = |arguments: &str| first(stage.path(), &format!("explain {arguments}"));
    assert_eq!(ask("tool read a.page"), (0, "allowed: grant, acl/principals/tool.yaml:6:12 topic a.page".to_owned()));
    assert_eq!(ask("tool READ topic:a.page").0, 0);
    assert_eq!(ask("tool DescribeConfigs a.page").0, 0);
    let not_granted = "refused: topic-not-granted. The topic is in the catalogue, but not granted to this principal.";
    assert_eq!(ask("tool read b.page"), (1, not_granted.to_owned()));
    assert_eq!(ask("tool alter cluster").0, 1);
    assert_eq!(ask("tool delete group:g"), (0, "allowed: namespace, acl/principals/tool.yaml:2:12 tools".to_owned()));
    assert_eq!(ask("too read a.page"), (2, "there is no principal `too`; did you mean tool?".to_owned()));
    let (status, said) = ask("tool consume a.page");
    assert_eq!(status, 2);
    assert!(said.contains("invalid value 'consume'"), "{said}");
    assert_eq!(ask("tool read groups:g").0, 2);
    assert_eq!(ask("tool read a.page --at nowhere").0, 2);
}

/// What `weir explain` says to allow something, typed as it stands.
#[test]
fn explain_has_the_whole_command_that_ends_a_suspension() {
    let stage = stage();
    let because = "--reason r --ticket T1";
    for (what, from) in [("principal tool", ""), ("topic a.page", " -c ./weir.yaml"), ("all", " --at acl")] {
        let at = if from.contains("--at") { " --policy acl" } else { from };
        assert_eq!(weir(stage.path(), &format!("suspend {what}{at} {because}")).0, 0);
        let (status, said, _) = weir(stage.path(), &format!("explain tool read a.page{from}"));
        let fix = format!("  to allow it: `weir resume {what}{at} --reason TEXT --ticket ID`, or take ");
        assert!(status == 1 && said.contains(&fix), "{said}");
        let command = said.split('`').nth(1).unwrap().strip_prefix("weir ").unwrap();
        assert_eq!(weir(stage.path(), command).0, 0, "{command}");
        assert_eq!(weir(stage.path(), &format!("explain tool read a.page{from}")).0, 0);
    }
}

#[test]
fn explain_knows_addresses() {
    let stage = stage();
    let ask = |ip: &str| first(stage.path(), &format!("explain tool read a.page --ip {ip}"));
    assert_eq!(ask("192.0.2.1").0, 0);
    let (status, said) = ask("198.51.100.1");
    assert_eq!((status, said.starts_with("refused: principal-address. ")), (1, true), "{said}");
    let (status, said) = ask("203.0.113.1");
    assert_eq!((status, said.starts_with("refused: address-not-allowed. ")), (1, true), "{said}");
    assert_eq!(ask("192.0.2").0, 2);
}

#[test]
fn explain_asks_another_directory_with_or_without_a_configuration() {
    let stage = stage();
    let tool = stage.path().join("new/principals/tool.yaml");
    fs::write(&tool, TOOL.replace("a.page", "b.page")).unwrap();
    let expected = (0, "allowed: grant, new/principals/tool.yaml:6:12 topic b.page".to_owned());
    assert_eq!(first(stage.path(), "explain tool read b.page --at new"), expected);
    fs::remove_file(stage.path().join("weir.yaml")).unwrap();
    assert_eq!(first(stage.path(), "explain tool read b.page --at new"), expected);
    assert_eq!(first(stage.path(), "explain tool read b.page").0, 2);
}

#[test]
fn explain_speaks_json() {
    let stage = stage();
    let (status, said, _) = weir(stage.path(), "explain tool read group:g --json --ip 198.51.100.1");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(status, 1);
    assert_eq!(said["verdict"], "refused");
    assert_eq!(said["reason"], "principal-address");
    assert_eq!(said["group_at_the_brokers"], "weir.tools.g");
    assert_eq!(said["lines"][0]["line"], 2);
    assert_eq!(said["address"]["listeners"][0]["lets_in"], true);
    let limit = |part: &serde_json::Value| part["text"] == "connections: 20" && part["file"] == "acl/tiers.yaml";
    assert!(said["who"].as_array().unwrap().iter().any(limit));
}

#[test]
fn diff_tells_by_its_status() {
    let stage = stage();
    let diff = |arguments: &str| weir(stage.path(), &format!("diff {arguments}"));
    assert_eq!(diff("acl new"), (0, String::new(), String::new()));
    let tool = stage.path().join("new/principals/tool.yaml");
    fs::write(&tool, TOOL.replace("a.page", "b.page")).unwrap();
    let lines = "- tool may read a.page\n+ tool may read b.page\n".to_owned();
    assert_eq!(diff("acl new"), (1, lines.clone(), String::new()));
    assert_eq!(diff("weir.yaml new").0, 1);
    assert_eq!(diff("--confirm-widening acl new"), (3, lines, String::new()));
    fs::write(&tool, TOOL.replace("  - topic: a.page", "  []")).unwrap();
    assert_eq!(diff("--confirm-widening acl new").0, 1, "it only narrows");
    fs::write(&tool, TOOL.replace("namespace: tools", "namespace: others")).unwrap();
    assert_eq!(diff("--confirm-widening acl new").0, 3);
    fs::write(&tool, TOOL.replace("namespace: tools", "namespace: Tools")).unwrap();
    let (status, said, problems) = diff("--confirm-widening acl new");
    assert_eq!((status, said.as_str()), (2, ""));
    assert!(problems.starts_with("new/principals/tool.yaml:2:12: `Tools` is no namespace"), "{problems}");
    assert_eq!(diff("acl nowhere").0, 2);
    assert_eq!(diff("acl").0, 2);
}

#[test]
fn diff_of_configurations_tells_what_they_decide_on_groups() {
    let stage = stage();
    fs::write(stage.path().join("new.yaml"), format!("{CONFIG}groups: explicit-prefix\n")).unwrap();
    let (status, said, _) = weir(stage.path(), "diff weir.yaml new.yaml");
    let line = "! groups: the mode changes from namespaced to explicit-prefix: the offsets of all groups are lost\n";
    assert_eq!((status, said.as_str()), (1, line));
}
