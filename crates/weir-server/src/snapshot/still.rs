//! Whether directories stood still while what is in them was read: a link to one may be swapped in the middle.
//!
//! Must never: look into a file.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// How a directory was found: which one it is, and when a name in it has changed. Nothing for one that is not there.
pub(super) type Stamp = Option<(u64, u64, i64, i64)>;

/// As they are now, links followed.
pub(super) fn stamps(directories: &BTreeSet<PathBuf>) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| {
        let found = fs::metadata(path).ok()?;
        Some((found.dev(), found.ino(), found.mtime(), found.mtime_nsec()))
    };
    directories.iter().map(stamp).collect()
}
