//! What the last look at the files brought, for `/readyz` and the metrics.
//!
//! Must never: hold a file's content.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

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
    notes: Mutex<Arc<Notes>>,
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
    /// A generation came into force.
    pub(crate) fn in_force(&self, generation: u64) {
        self.generation.store(generation, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.since.store(now.as_secs(), Ordering::Relaxed);
    }

    /// What there is to know now.
    pub(crate) fn notes(&self) -> Arc<Notes> {
        Arc::clone(&self.notes.lock().unwrap_or_else(PoisonError::into_inner))
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
