//! A copy of the tree, in which guards can be broken.
//!
//! What did not change since the last run keeps its file, so that nothing is built again for it.
//! Must never: write outside `tree` and `target` of its own directory.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::root;

/// What the tests' set-up put into the target directory, and tests of the copy use, too.
const SET_UP: [&str; 6] = ["kafka", "clients", "tools", "venv", "bench", "setup.lock"];

/// The copy, and the target directory in which it is built.
#[derive(Debug)]
pub struct Copy {
    /// The root of the copied tree.
    pub tree: PathBuf,
    /// Its target directory.
    pub target: PathBuf,
}

/// The copy as the tree is now, those files included that are not committed yet.
///
/// # Errors
/// `git` is not there, or a file cannot be read or written.
pub fn make() -> Result<Copy, String> {
    let real = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), |given| root().join(given));
    let copy = Copy { tree: real.join("traps/tree"), target: real.join("traps/target") };
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("git: {error}"))?;
    let listed = String::from_utf8(listed.stdout).map_err(|error| format!("git ls-files: {error}"))?;
    let wanted: BTreeSet<&str> = listed.split('\0').filter(|name| root().join(name).is_file()).collect();
    if wanted.is_empty() {
        return Err("git ls-files lists nothing: run this in a clone of the repository".into());
    }
    remove_others(&copy.tree, &copy.tree, &wanted)?;
    for name in wanted {
        refresh(&root().join(name), &copy.tree.join(name))?;
    }
    fs::create_dir_all(&copy.target).map_err(|error| format!("{}: {error}", copy.target.display()))?;
    for name in SET_UP.iter().filter(|name| real.join(name).exists() && !copy.target.join(name).exists()) {
        symlink(real.join(name), copy.target.join(name)).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(copy)
}

/// Copies a file where the copy is another or none.
fn refresh(from: &Path, to: &Path) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", from.display());
    let text = fs::read(from).map_err(wrong)?;
    if fs::read(to).is_ok_and(|there| there == text) {
        return Ok(());
    }
    fs::create_dir_all(to.parent().unwrap_or(to)).map_err(wrong)?;
    fs::copy(from, to).map(|_| ()).map_err(wrong)
}

/// Removes what the tree does not have any more.
fn remove_others(tree: &Path, below: &Path, wanted: &BTreeSet<&str>) -> Result<(), String> {
    for entry in fs::read_dir(below).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(tree).unwrap_or(&path).to_string_lossy().into_owned();
        if path.is_dir() {
            remove_others(tree, &path, wanted)?;
        } else if !wanted.contains(name.as_str()) {
            fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(())
}
