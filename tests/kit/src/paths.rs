//! Where things are: the repository, its target directory, a directory for each run.
//!
//! Must never write outside the target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The root of the repository.
pub fn root() -> PathBuf {
    let kit = Path::new(env!("CARGO_MANIFEST_DIR"));
    kit.ancestors().nth(2).expect("the kit lies in tests/kit").to_path_buf()
}

/// The target directory of Cargo: `CARGO_TARGET_DIR`, or `target` in the repository.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(given) => root().join(given),
        None => root().join("target"),
    }
}

/// A new directory `target/<area>/run-<pid>-<n>/`, for data and logs of one thing that a test starts.
///
/// Logs stay after the run. Directories of test processes that are gone are removed here, by the next run that needs
/// one of the same area, unless they are younger than a day: then only their `data` goes, and the logs stay.
pub fn run_dir(area: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let base = target().join(area);
    fs::create_dir_all(&base).expect("the target directory can be written");
    sweep(&base);
    let dir = base.join(format!("run-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    // The process ids of another boot come again.
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a run directory can be made");
    dir
}

fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner =
            name.to_string_lossy().strip_prefix("run-").and_then(|rest| Some(rest.split_once('-')?.0.to_string()));
        let Some(owner) = owner else { continue };
        if Path::new("/proc").join(owner).exists() {
            continue;
        }
        let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age.as_secs() > 24 * 3600) {
            let _ = fs::remove_dir_all(entry.path());
        } else {
            let _ = fs::remove_dir_all(entry.path().join("data"));
        }
    }
}
