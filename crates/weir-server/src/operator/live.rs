//! `weir check --live`: each cluster is dialled as a serving Weir dials it, and what would fail later is told now.
//!
//! Must never: change anything, put a topic that the catalogue does not name anywhere but into `Finding::names`, or take
//! longer than `IN_ALL`.

mod administrator;
mod cluster;
mod hidden;
mod judge;
mod wall;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;

use super::OperatorError;
use crate::snapshot::Snapshot;
pub use administrator::Administrator;
use cluster::Look;
pub use hidden::Hidden;
pub(crate) use hidden::plain;

/// How long all of it may take, however many clusters and brokers there are.
const IN_ALL: Duration = Duration::from_secs(30);

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Clients meet it, or a wall has a hole.
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
    /// What must not leave the operator's terminal.
    pub names: Hidden,
}

/// Without the hidden names.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, upstream, what, fix, names: _ } = self;
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

    /// A look that broke off is an error of its cluster, and nothing of the others is lost.
    fn take(&mut self, names: &BTreeMap<Id, String>, looked: Result<(Id, Self), JoinError>) {
        match looked {
            Ok((_, report)) => {
                self.seen.extend(report.seen);
                self.findings.extend(report.findings);
            }
            Err(error) => {
                let name = names.get(&error.id()).map_or("?", String::as_str);
                let fix = "nothing is known of this cluster: report the words above this as a defect of Weir";
                self.add(Severity::Error, name, "looking at it broke off", fix);
            }
        }
    }

    fn add(&mut self, severity: Severity, upstream: &str, what: impl Into<String>, fix: impl Into<String>) {
        self.add_hidden(severity, upstream, what, fix, Hidden::default());
    }

    fn add_hidden(
        &mut self,
        severity: Severity,
        upstream: &str,
        what: impl Into<String>,
        fix: impl Into<String>,
        names: Hidden,
    ) {
        // Both may hold what a broker said.
        let (what, fix) = (hidden::plain(&what.into()), hidden::plain(&fix.into()));
        self.findings.push(Finding { severity, upstream: upstream.to_owned(), what, fix, names });
    }
}

/// Looks at every cluster of a configuration, all at once; with an administrator's rights, at what Weir's own identity
/// rightly cannot see, too. It waits by itself: no runtime is needed.
///
/// # Errors
/// The system gives no runtime.
pub fn check_live(snapshot: Snapshot, administrator: Option<Administrator>) -> Result<Report, OperatorError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (snapshot, administrator) = (Arc::new(snapshot), administrator.map(Arc::new));
    let mut whole = runtime.block_on(async {
        let mut looks = JoinSet::new();
        let mut names = BTreeMap::new();
        for name in snapshot.upstreams.keys() {
            let look = looks.spawn(look_at(Arc::clone(&snapshot), administrator.clone(), name.clone()));
            names.insert(look.id(), name.clone());
        }
        let mut whole = Report::default();
        while let Some(looked) = looks.join_next_with_id().await {
            whole.take(&names, looked);
        }
        whole
    });
    whole.seen.sort_by(|one, other| one.upstream.cmp(&other.upstream));
    whole.findings.sort_by(|one, other| (one.severity, &one.upstream).cmp(&(other.severity, &other.upstream)));
    Ok(whole)
}

async fn look_at(snapshot: Arc<Snapshot>, administrator: Option<Arc<Administrator>>, name: String) -> Report {
    let mut report = Report::default();
    let Some(settings) = snapshot.upstreams.get(&name) else { return report };
    let look = Look::new(&snapshot, settings, administrator.as_deref());
    if timeout(IN_ALL, look.run(&mut report)).await.is_err() {
        let what = format!("this took longer than {} s, and not all was looked at", IN_ALL.as_secs());
        report.add(Severity::Error, &name, what, "look at the way from here to the brokers, and try again");
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_that_breaks_off_is_an_error_of_its_cluster_and_no_other_is_lost() {
        let mut looks = JoinSet::new();
        let mut names = BTreeMap::new();
        let broken = looks.spawn(async { panic!("as a test") });
        names.insert(broken.id(), "main".to_owned());
        let mut other = Report::default();
        other.add(Severity::Warning, "other", "it is there", "nothing");
        names.insert(looks.spawn(async { other }).id(), "other".to_owned());
        let mut whole = Report::default();
        while let Some(looked) = looks.join_next_with_id().await {
            whole.take(&names, looked);
        }
        let told: Vec<String> = whole.findings.iter().map(ToString::to_string).collect();
        assert!(whole.has_errors() && told.len() == 2, "{told:?}");
        assert!(told.iter().any(|one| one.starts_with("error: upstream main: looking at it broke off")), "{told:?}");
    }
}
