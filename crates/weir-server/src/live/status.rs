//! What the last look at the files brought, for `/readyz` and the metrics.
//!
//! Must never: hold a file's content.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use weir_policy::{Suspended, Suspension};

use crate::audit::{Audit, Event};
use crate::snapshot::Snapshot;
use crate::tls::Expiry;

/// Problems that are told; the others are counted.
const TOLD: usize = 20;

/// How the files on disk and what is in force stand to each other.
#[derive(Debug, Default)]
pub(crate) struct ReloadStatus {
    /// Looks that brought a new generation, and those that found a problem.
    pub(crate) loaded: AtomicU64,
    pub(crate) refused: AtomicU64,
    /// The newest generation, and when it came into force, in seconds since 1970.
    pub(crate) generation: AtomicU64,
    pub(crate) since: AtomicU64,
    /// Where what changes is written down.
    pub(crate) audit: Audit,
    notes: Mutex<Arc<Notes>>,
    suspended: Mutex<Vec<Suspension>>,
    standing: Mutex<Arc<Standing>>,
}

/// What of a generation an operator should know as time goes by.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// When what listeners rely on ends.
    pub(crate) expiries: Vec<Expiry>,
    warnings: Vec<String>,
}

/// What an operator should know of the files.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The problems for which the files are not in force; one a line.
    pub(crate) refused: Vec<String>,
    /// The keys whose change waits for a restart.
    pub(crate) waits_for_restart: Vec<String>,
}

impl ReloadStatus {
    /// The state of the files of a process with this audit.
    pub(crate) fn with(audit: Audit) -> Self {
        Self { audit, ..Self::default() }
    }

    /// A generation came into force.
    pub(crate) fn in_force(&self, snapshot: &Snapshot) {
        self.suspend(snapshot.policy.suspensions());
        let warnings = snapshot.warnings.iter().map(|warning| format!("warning: {warning}")).collect();
        let standing = Standing { expiries: snapshot.expiries.clone(), warnings };
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(standing);
        self.generation.store(snapshot.generation, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.since.store(now.as_secs(), Ordering::Relaxed);
    }

    /// What there is to know now.
    pub(crate) fn notes(&self) -> Arc<Notes> {
        Arc::clone(&self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is in force has to say.
    pub(crate) fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One line for each thing that an operator should know and that keeps nobody from being served.
    pub(crate) fn lines(&self) -> Vec<String> {
        let counts = self.suspended_by_kind().into_iter().filter(|(_, count)| *count > 0);
        let suspended = counts.map(|(kind, count)| match kind {
            "all" => "suspended: everybody".to_owned(),
            kind => format!("suspended: {count} by {kind}"),
        });
        let warnings = self.standing().warnings.clone();
        let audit = self.audit.standing().and_then(|audit| audit.failed);
        let audit = audit.map(|why| format!("the audit cannot be written: {why}"));
        self.notes().lines().into_iter().chain(suspended).chain(warnings).chain(audit).collect()
    }

    /// How many suspensions are in force, by kind.
    pub(crate) fn suspended_by_kind(&self) -> Vec<(&'static str, usize)> {
        let suspended = self.suspended.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |kind| suspended.iter().filter(|suspension| suspension.what.kind() == kind).count();
        Suspended::KINDS.into_iter().map(|kind| (kind, count(kind))).collect()
    }

    /// Takes note of what is suspended now, and tells what has changed.
    fn suspend(&self, now: &[Suspension]) {
        let mut before = self.suspended.lock().unwrap_or_else(PoisonError::into_inner);
        for Suspension { what, reason, ticket, .. } in now.iter().filter(|one| !before.contains(one)) {
            tracing::warn!(%what, reason, ticket, "suspended");
            let (reason, ticket) = (reason.clone(), ticket.clone());
            self.audit.note(Event::SuspensionAdded { kind: what.kind(), name: what.name(), reason, ticket });
        }
        let is_suspended = |what: &Suspended| now.iter().any(|one| one.what == *what);
        for Suspension { what, ticket, .. } in before.iter().filter(|one| !is_suspended(&one.what)) {
            tracing::warn!(%what, suspended_for = ticket, "resumed");
            let ticket = ticket.clone();
            self.audit.note(Event::SuspensionRemoved { kind: what.kind(), name: what.name(), ticket });
        }
        *before = now.to_vec();
    }

    pub(crate) fn set_notes(&self, notes: Notes) {
        *self.notes.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(notes);
    }
}

impl Notes {
    /// One line for each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let refused = self.refused.iter().take(TOLD).map(|problem| format!("not in force: {problem}"));
        let more = self.refused.len().checked_sub(TOLD).filter(|more| *more > 0);
        let more = more.map(|more| format!("not in force: {more} more problems: `weir check` has all"));
        let refused = refused.chain(more);
        let waits = self.waits_for_restart.iter().map(|key| format!("waits for a restart: `{key}` has changed"));
        refused.chain(waits).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_o1_what_is_wrong_with_ten_thousand_files_is_told_in_a_few_lines() {
        let refused = |count| Notes { refused: vec!["wrong".to_owned(); count], ..Notes::default() }.lines();
        assert_eq!((refused(20).len(), refused(10_000).len()), (20, 21));
        assert!(refused(10_000).concat().contains("9980 more problems"));
    }
}
