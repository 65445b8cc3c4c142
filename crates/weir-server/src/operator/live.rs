//! `weir check --live`: each cluster is dialled as a serving Weir dials it, and what would fail later is told now.
//!
//! Must never: change anything, print a topic that the catalogue does not name, or take longer than `IN_ALL`.

mod cluster;
mod judge;
mod words;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::OperatorError;
use crate::snapshot::Snapshot;
use cluster::Look;

/// How long all of it may take, however many clusters and brokers there are.
const IN_ALL: Duration = Duration::from_secs(30);

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Clients meet it.
    Error,
    /// It may be meant so.
    Warning,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The cluster.
    pub upstream: String,
    /// What was found.
    pub what: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, upstream, what, fix } = self;
        let severity = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: upstream {upstream}: {what}; {fix}")
    }
}

/// A cluster that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its name in the configuration.
    pub upstream: String,
    /// Its own id.
    pub cluster_id: String,
    /// Brokers that answered, of those that are listed.
    pub brokers: (usize, usize),
    /// Topics that exist, of those that the catalogue names.
    pub topics: (usize, usize),
}

/// What was seen and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The clusters that answered, by name.
    pub seen: Vec<Seen>,
    /// The worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether something is wrong.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    fn add(&mut self, severity: Severity, upstream: &str, what: impl Into<String>, fix: impl Into<String>) {
        self.findings.push(Finding { severity, upstream: upstream.to_owned(), what: what.into(), fix: fix.into() });
    }
}

/// Looks at every cluster of a configuration, all at once. It waits by itself: no runtime is needed.
///
/// # Errors
/// The system gives no runtime.
pub fn check_live(snapshot: Snapshot) -> Result<Report, OperatorError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let snapshot = Arc::new(snapshot);
    let mut whole = runtime.block_on(async {
        let mut looks = JoinSet::new();
        for name in snapshot.upstreams.keys().cloned() {
            looks.spawn(look_at(Arc::clone(&snapshot), name));
        }
        let mut whole = Report::default();
        while let Some(Ok(report)) = looks.join_next().await {
            whole.seen.extend(report.seen);
            whole.findings.extend(report.findings);
        }
        whole
    });
    whole.seen.sort_by(|one, other| one.upstream.cmp(&other.upstream));
    whole.findings.sort_by(|one, other| (one.severity, &one.upstream).cmp(&(other.severity, &other.upstream)));
    Ok(whole)
}

async fn look_at(snapshot: Arc<Snapshot>, name: String) -> Report {
    let mut report = Report::default();
    let Some(settings) = snapshot.upstreams.get(&name) else { return report };
    let look = Look::new(&snapshot, settings);
    if timeout(IN_ALL, look.run(&mut report)).await.is_err() {
        let what = format!("this took longer than {} s, and not all was looked at", IN_ALL.as_secs());
        report.add(Severity::Error, &name, what, "look at the way from here to the brokers, and try again");
    }
    report
}
