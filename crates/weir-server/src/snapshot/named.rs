//! A look at the files that were named, and at no others: of ten thousand, one change is the work of one.
//!
//! Must never: be used where a name may stand for another file (links), or where what is in force is not what was read
//! last.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use weir_policy::SourceFile;

use super::sources::{PRINCIPALS, Sources};
use super::text_files::TextFiles;

/// What is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// All files.
    All,
    /// These files in the directory of the principals.
    Named(BTreeSet<PathBuf>),
}

/// What a look at named files brought.
pub(super) enum Named {
    /// They say what they said.
    Same,
    /// All files, with what these say now.
    Changed(Box<Sources>),
}

/// The directory of the principals, where a change in it is the change of the file of that name and of no other: it has
/// no links, and is none of the `others`, in which something else of the configuration is.
pub(super) fn plain_directory<'a>(policy: &Path, mut others: impl Iterator<Item = &'a Path>) -> Option<PathBuf> {
    let principals = policy.join(PRINCIPALS);
    let identity = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    let own = identity(&principals)?;
    let shared = others.any(|directory| identity(directory) == Some(own));
    let mut entries = fs::read_dir(&principals).ok()?;
    // Whatever it is called: a link may lead to another link.
    let plain = entries.all(|entry| {
        entry.is_ok_and(|entry| {
            entry.file_name().to_str().is_some() && entry.file_type().is_ok_and(|kind| !kind.is_symlink())
        })
    });
    (!shared && plain).then_some(principals)
}

/// The sources in force, with what these files say now. Nothing where that takes a look at all of them: one is no plain
/// file, cannot be read, or stands somewhere else.
pub(super) fn read(
    paths: &BTreeSet<PathBuf>,
    directory: &Path,
    in_force: &Sources,
    files: &mut TextFiles,
) -> Option<Named> {
    let before = &in_force.policy.as_ref().ok()?.principals;
    let mut changes = Vec::new();
    for path in paths {
        if path.parent() != Some(directory) {
            return None;
        }
        let name = path.to_str()?;
        let text = files.alone(path).ok()?;
        let place = before.binary_search_by(|file| file.path.as_str().cmp(name));
        let known = place.ok().and_then(|place| before.get(place)).map(|file| &file.text);
        if known != text.as_ref() {
            changes.push((name, text));
        }
    }
    if changes.is_empty() {
        return Some(Named::Same);
    }
    let mut sources = Box::new(in_force.clone());
    let principals = &mut sources.policy.as_mut().ok()?.principals;
    for (name, text) in changes {
        let place = principals.binary_search_by(|file| file.path.as_str().cmp(name));
        match (place, text) {
            (Ok(place), Some(text)) => principals.get_mut(place)?.text = text,
            (Ok(place), None) => drop(principals.remove(place)),
            (Err(place), Some(text)) => principals.insert(place, SourceFile { path: name.to_owned(), text }),
            (Err(_), None) => {}
        }
    }
    Some(Named::Changed(sources))
}
