//! What takes a right away does not wait until other files are sound: the files that are in force, with the
//! suspensions and revocation lists as they stand now.
//!
//! Must never: take up anything else, or lift a suspension because its file cannot be read.

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use weir_policy::{SourceFile, Suspension};

use super::sources::{self, SUSPENDED, Sources};
use super::text_files::TextFiles;
use crate::config::Config;
use crate::tls::Material;

/// The revocation lists that are not what they were.
pub(super) fn changed_lists(in_force: &Sources, config: &Config) -> Vec<(PathBuf, Material)> {
    let paths = config.listeners.iter().flat_map(|listener| &listener.tls.client_crl).map(|path| &path.value);
    let now = paths.map(|path| (path.clone(), sources::material(path)));
    now.filter(|(path, material)| in_force.pem.get(path) != Some(material)).collect()
}

/// The sources in force with what was suspended or resumed since; nothing where that is nothing.
pub(super) fn with_suspensions(in_force: &Sources, config: &Config, files: &mut TextFiles) -> Option<Sources> {
    let policy = in_force.policy.as_ref().ok()?;
    let suspended = suspended(&config.policy.value, &policy.suspended, files).ok()?;
    if suspended == policy.suspended {
        return None;
    }
    let mut sources = in_force.clone();
    if let Ok(policy) = &mut sources.policy {
        policy.suspended = suspended;
    }
    Some(sources)
}

/// The suspensions as they stand now. Of a file that cannot be understood, what it said before.
fn suspended(policy: &Path, before: &[SourceFile], files: &mut TextFiles) -> io::Result<Vec<SourceFile>> {
    // Where the whole policy is away, nobody has resumed anything.
    std::fs::read_dir(policy)?;
    let mut unreadable = Vec::new();
    let paths = sources::yaml_files(&policy.join(SUSPENDED), None, &mut unreadable);
    if paths.is_empty() && !unreadable.is_empty() {
        return Err(io::Error::other("the directory cannot be read"));
    }
    let as_it_was = |path: &str| before.iter().find(|file| file.path == path).cloned();
    let now = paths.into_iter().filter_map(|path| {
        let shown = path.display().to_string();
        let text = files.text(&path).ok();
        let read = text.map(|text| SourceFile { path: shown.clone(), text });
        read.filter(|file| Suspension::read(file).is_ok()).or_else(|| as_it_was(&shown))
    });
    Ok(now.collect())
}
