//! Notices that something changed in a directory that matters.
//!
//! It only says when to look: what changed is found out by looking at everything, so that a lost event costs time and
//! nothing else. Must never: be woken by Weir's own reading.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// Watches directories, each by itself and not what is below.
pub(super) struct DirectoryWatch {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl DirectoryWatch {
    /// Has `look` told whenever something may have changed. Where the system has no room for another watch, the reload's
    /// own clock must do.
    pub(super) fn new(look: SyncSender<()>) -> Self {
        let told = move |event: notify::Result<Event>| {
            if event.as_ref().map_or(true, |event| is_change(event.kind)) {
                // One that waits already stands for this one, too.
                let _ = look.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(told);
        if let Err(error) = &watcher {
            tracing::warn!(%error, "files cannot be watched: changes are found by the clock, every 10 s");
        }
        Self { watcher: watcher.ok(), watched: BTreeSet::new() }
    }

    /// Watches these directories and no others. One that was replaced is watched anew.
    pub(super) fn follow(&mut self, directories: &BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        for gone in self.watched.difference(directories) {
            let _ = watcher.unwatch(gone);
        }
        // Adding a watch twice is one watch; where the name stands for another directory by now, it is the new one's.
        self.watched = directories.iter().filter(|directory| watch(watcher, directory)).cloned().collect();
    }
}

fn watch(watcher: &mut RecommendedWatcher, directory: &Path) -> bool {
    // A directory that is not there yet appears in one that is watched, or is found by the clock.
    watcher.watch(directory, RecursiveMode::NonRecursive).is_ok()
}

fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    }
}
