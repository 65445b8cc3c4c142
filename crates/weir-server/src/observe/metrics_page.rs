//! The page of metrics tells of every metric that there is, of its kind and its labels, and of no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use weir_kafka::outcome::Refusals;
use weir_policy::{Account, Reason};

use super::{LoginSeries, Metrics, Principals};
use crate::accounts::Accounts;
use crate::admin::Readiness;
use crate::audit::Audit;
use crate::close_reason::CloseReason;
use crate::config::AuditSettings;
use crate::config::raw::{RawAddresses, RawWhenFull};
use crate::live::ReloadStatus;
use crate::retention::Ends;
use crate::snapshot::fixture::Fixture;
use crate::tls::Peer;

const PAGE: &str = include_str!("../../../../docs/operate/metrics.md");

/// The kind of a metric, and its labels.
type Known = (String, BTreeSet<String>);

/// Every metric, with a series of each.
fn scraped() -> String {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot();
    let audit = AuditSettings {
        directory: fixture.path("audit"),
        keep: Duration::MAX,
        addresses: RawAddresses::default(),
        when_full: RawWhenFull::default(),
    };
    let tls = "tls: {ca: servers-ca.pem}, sasl: {mechanism: OAUTHBEARER, token_file: token}";
    fixture.configure("bootstrap: ['127.0.0.1:9092']", &format!("bootstrap: ['127.0.0.1:9092'], {tls}"));
    fixture.write("token", "opaque");
    fixture.set_mode("token", 0o600);
    let logins = LoginSeries::of(&fixture.snapshot().upstreams["main"]);
    let (audit, _ends) = Audit::start(Some(&audit)).unwrap();
    let (files, principals) = (Arc::new(ReloadStatus::with(audit)), Arc::new(Principals::default()));
    files.in_force(&snapshot);
    principals.follow(&snapshot.policy);
    let principal = snapshot.policy.principal("tool").unwrap();
    let peer = Peer { principal, issued: 0, expires: SystemTime::now() };
    let tally = principals.connect(&peer, &Arc::new(Account::default()));
    let mut refusals = Refusals::default();
    refusals.add(Reason::TopicNotGranted, 1);
    tally.request(&refusals, Instant::now());
    let accounts = Accounts::seen_by(principals);
    let mut ends = Ends::default();
    ends.note("tool", Duration::ZERO);
    accounts.retention.looked("main", ends, 1);
    accounts.compaction.all_open("main");
    let metrics = Metrics::new(Vec::new(), files, &accounts, Readiness::default(), logins);
    metrics.refused_at_the_door(CloseReason::IpConnections);
    metrics.encode().unwrap()
}

/// By the name that a sample has; of a histogram, without what stands behind it.
fn there(scraped: &str) -> BTreeMap<String, Known> {
    let mut kinds = BTreeMap::new();
    for (name, kind) in scraped.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')) {
        let ends = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        kinds.insert(format!("{name}{ends}"), (kind.to_owned(), BTreeSet::new()));
    }
    for line in scraped.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let family = family.filter(|family| kinds.contains_key(*family)).unwrap_or(name);
        let (_, labels) = kinds.get_mut(family).unwrap_or_else(|| panic!("{line} has no type"));
        let written = line.split_once('{').map_or("", |(_, labels)| labels);
        labels.extend(written.split("\",").filter_map(|label| Some(label.split_once("=\"")?.0.to_owned())));
        labels.remove("le");
    }
    kinds
}

fn told() -> BTreeMap<String, Known> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `weir_"));
    let rows = rows.map(|row| {
        let cells: Vec<&str> = row.trim_end_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{row}");
        assert!(!cells[3].is_empty(), "{row} says nothing");
        let labels = cells[2].split(',').map(|label| label.trim().trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        (format!("weir_{}", cells[0].trim_end_matches('`')), (cells[1].to_owned(), labels))
    });
    rows.collect()
}

#[test]
fn the_page_of_metrics_has_a_row_for_each_and_no_other() {
    let (there, told) = (there(&scraped()), told());
    for (name, (kind, labels)) in &there {
        let known = told.get(name);
        let labels_told = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        assert!(
            known.is_some_and(|(told_kind, told)| told_kind == kind && told == labels),
            "docs/operate/metrics.md lacks or mistells {name} ({known:?}): write | `{name}` | {kind} | {labels_told} | \
             what it says | when to worry |"
        );
    }
    let gone: Vec<_> = told.keys().filter(|name| !there.contains_key(*name)).collect();
    assert!(gone.is_empty(), "docs/operate/metrics.md tells of metrics that are not there: {gone:?}");
}

#[test]
fn no_label_is_of_a_clients_making() {
    let all: BTreeSet<String> = there(&scraped()).into_values().flat_map(|(_, labels)| labels).collect();
    let closed = [
        "api",
        "class",
        "direction",
        "fault",
        "kind",
        "limit",
        "listener",
        "mode",
        "name",
        "principal",
        "reason",
        "result",
        "tier",
        "upstream",
        "version",
    ];
    let others: Vec<_> = all.iter().filter(|label| !closed.contains(&label.as_str())).collect();
    assert!(others.is_empty(), "say here that these are closed sets, and make sure of it: {others:?}");
}
