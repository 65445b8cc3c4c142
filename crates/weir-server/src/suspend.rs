//! `weir suspend` and `weir resume`: files in the policy directory, which a running Weir reads like all others.
//!
//! No broker and no running Weir is needed. Must never: leave half a file where Weir reads it, touch a file that says
//! something else, or say that something was done before it is on the disk.

#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use weir_kafka::table::{API_VERSIONS, TABLE};
pub use weir_policy::Suspended;
use weir_policy::{ConfigErrors, Policy, PolicyOptions, SourceFile, Suspension};

use crate::config::{self, Machine};
use crate::snapshot;

/// What a file name may have at most, in bytes.
const LONGEST_FILE_NAME: usize = 255;
/// What was done and by whom, a line each. Weir does not read it.
const HISTORY: &str = ".history.jsonl";

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum SuspendError {
    /// The order makes no sense.
    #[error("{what}; {fix}")]
    Order {
        /// What is wrong with it.
        what: String,
        /// What to write instead.
        fix: String,
    },
    /// The configuration does not tell where the policy is.
    #[error("{0}\nname the policy directory itself: --policy DIR")]
    Config(ConfigErrors),
    /// The file of the configuration cannot be read.
    #[error("{path}: {source}; `-c FILE` names the configuration, or `--policy DIR` the policy directory itself")]
    NoConfig {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file or directory cannot be read or written.
    #[error("{path}: {source}; run this as a user who may write in the policy directory")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// Why something is suspended or resumed.
#[derive(Clone, Copy, Debug)]
pub struct Because<'a> {
    /// In words.
    pub reason: &'a str,
    /// Where it is written down.
    pub ticket: &'a str,
}

/// What is meant by a kind and a name, as a person types them.
///
/// # Errors
/// Nothing that can be suspended.
pub fn meant(kind: &str, name: Option<&str>) -> Result<Suspended, SuspendError> {
    match Suspended::new(kind, name).map_err(|(what, fix)| SuspendError::Order { what, fix })? {
        Suspended::Api(name) => api(&name),
        other => Ok(other),
    }
}

/// The directory of the policy of a configuration, whatever else is wrong with that.
///
/// # Errors
/// The configuration cannot be read.
pub fn policy_directory(config: &Path) -> Result<PathBuf, SuspendError> {
    let text = fs::read_to_string(config).map_err(|source| SuspendError::NoConfig { path: shown(config), source })?;
    let (config, _) = config::read(config, &text, Machine::here()).map_err(SuspendError::Config)?;
    Ok(config.policy.value)
}

/// Writes the file that suspends something, if there is none, and says what was done.
///
/// # Errors
/// Nothing was done, and why.
pub fn suspend(policy: &Path, what: &Suspended, because: Because<'_>) -> Result<String, SuspendError> {
    let directory = policy.join(snapshot::SUSPENDED);
    if let Some((path, there)) = same(&directory, what)?.into_iter().next() {
        let since = there.since.map_or_else(String::new, |since| format!(" since {since}"));
        let (reason, ticket) = (there.reason, there.ticket);
        return Ok(format!("{what} is suspended already{since} ({ticket}: {reason}): {}", path.display()));
    }
    if !policy.is_dir() {
        let source = io::Error::new(io::ErrorKind::NotFound, "there is no such directory");
        return Err(SuspendError::File { path: shown(policy), source });
    }
    let path = directory.join(file_name(what));
    let text = content(what, because)?;
    make_directory(&directory)
        .and_then(|()| write_whole(&directory, &path, &text))
        .and_then(|()| remember(&directory, "suspend", what, because))
        .map_err(|source| SuspendError::File { path: shown(&path), source })?;
    Ok(format!("{what} is suspended: {}", path.display()))
}

/// Takes away every file that suspends something, and says what was done.
///
/// # Errors
/// Something was not taken away, and why.
pub fn resume(policy: &Path, what: &Suspended, because: Because<'_>) -> Result<String, SuspendError> {
    let directory = policy.join(snapshot::SUSPENDED);
    // What the history keeps has to be what a file may say.
    content(what, because)?;
    let files = same(&directory, what)?;
    if files.is_empty() {
        return Ok(format!("{what} is not suspended"));
    }
    for (path, _) in &files {
        fs::remove_file(path)
            .and_then(|()| sync_directory(&directory))
            .map_err(|source| SuspendError::File { path: shown(path), source })?;
    }
    remember(&directory, "resume", what, because)
        .map_err(|source| SuspendError::File { path: shown(&directory.join(HISTORY)), source })?;
    let taken: Vec<_> = files.iter().map(|(path, _)| shown(path)).collect();
    Ok(format!("{what} is not suspended any more: {} is gone", taken.join(", ")))
}

/// What a person should know of the policy as it stands now: suspensions of what is not there, and other problems,
/// which keep no suspension from taking effect.
#[must_use]
pub fn remarks(policy: &Path) -> Vec<String> {
    let problems = match snapshot::policy_files(policy) {
        Ok(files) => match Policy::compile(&files, &PolicyOptions::default()) {
            Ok(policy) => return policy.warnings().iter().map(ToString::to_string).collect(),
            Err(errors) => errors.0.iter().map(ToString::to_string).collect(),
        },
        Err(unreadable) => unreadable,
    };
    let known = "suspensions that can be read take effect nevertheless".to_owned();
    problems.into_iter().chain([known]).collect()
}

/// An API by Kafka's name for it, in whatever case.
fn api(name: &str) -> Result<Suspended, SuspendError> {
    let row = TABLE.iter().find(|row| row.name.eq_ignore_ascii_case(name));
    match row {
        Some(row) if row.key == API_VERSIONS => Err(SuspendError::Order {
            what: "no client can do anything without ApiVersions".to_owned(),
            fix: "suspend `all`".to_owned(),
        }),
        Some(row) => Ok(Suspended::Api(row.name.to_owned())),
        None => {
            let names: Vec<_> = TABLE.iter().filter(|row| row.key != API_VERSIONS).map(|row| row.name).collect();
            Err(SuspendError::Order {
                what: format!("Weir serves no API `{name}`"),
                fix: format!("write one of {}", names.join(", ")),
            })
        }
    }
}

/// The files that suspend just this.
fn same(directory: &Path, what: &Suspended) -> Result<Vec<(PathBuf, Suspension)>, SuspendError> {
    let failed = |path: &Path, source| SuspendError::File { path: shown(path), source };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => {
            entries.and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(|error| failed(directory, error))?
        }
    };
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
        // What cannot be understood suspends nothing; `remarks` tells of it.
        let read = Suspension::read(&SourceFile { path: shown(&path), text: text.into() });
        found.extend(read.ok().filter(|read| read.what == *what).map(|read| (path, read)));
    }
    Ok(found)
}

/// The file's text, which was read once before it is written.
fn content(what: &Suspended, because: Because<'_>) -> Result<String, SuspendError> {
    let name = what.name().map_or_else(String::new, |name| format!("name: {}\n", json!(name)));
    let (kind, reason, ticket) = (what.kind(), json!(because.reason), json!(because.ticket));
    let text = format!("suspend: {kind}\n{name}reason: {reason}\nticket: {ticket}\nsince: {}\n", json!(now()));
    let file = SourceFile { path: "the order".to_owned(), text: text.as_str().into() };
    let order = |what: String, fix: String| SuspendError::Order { what, fix };
    match Suspension::read(&file) {
        Ok(read) if read.what == *what => Ok(text),
        Ok(_) => Err(order(format!("{what} cannot be written down"), "look at the name".to_owned())),
        Err(errors) => {
            let problem = errors.0.into_iter().next();
            let (what, fix) = problem.map(|problem| (problem.what, problem.fix)).unwrap_or_default();
            Err(order(what, fix))
        }
    }
}

fn file_name(what: &Suspended) -> String {
    let Some(name) = what.name() else { return format!("{}.yaml", what.kind()) };
    let whole = format!("{}-{name}.yaml", what.kind());
    if whole.len() <= LONGEST_FILE_NAME {
        return whole;
    }
    // Two topics may begin alike: nobody goes by the file's name, but each must have its own.
    let digest = crate::tls::sha256_hex(name.as_bytes());
    let (start, digest) = (name.get(..100).unwrap_or_default(), digest.get(..32).unwrap_or_default());
    format!("{}-{start}-{digest}.yaml", what.kind())
}

/// Weir's user has to read what another user writes here, whatever that one's umask is.
fn make_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    DirBuilder::new().mode(0o755).create(directory)?;
    fs::set_permissions(directory, Permissions::from_mode(0o755))?;
    directory.parent().map_or(Ok(()), sync_directory)
}

/// Writes beside, and puts in place what is whole and on the disk.
fn write_whole(directory: &Path, path: &Path, text: &str) -> io::Result<()> {
    let beside = directory.join(format!(".new-{}", std::process::id()));
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&beside)?;
    let written = file
        .set_permissions(Permissions::from_mode(0o644))
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.and_then(|()| sync_directory(directory))
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// One line in one write, so that two who write at once do not mix.
fn remember(directory: &Path, act: &str, what: &Suspended, because: Because<'_>) -> io::Result<()> {
    let user = ["SUDO_USER", "USER"].into_iter().find_map(|name| std::env::var(name).ok());
    let line = json!({
        "at": now(), "act": act, "kind": what.kind(), "name": what.name(),
        "reason": because.reason, "ticket": because.ticket, "user": user,
    });
    let mut file = OpenOptions::new().append(true).create(true).mode(0o644).open(directory.join(HISTORY))?;
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_all()
}

/// The second that it is, as people and programs read it.
fn now() -> String {
    let now = OffsetDateTime::from(SystemTime::now());
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
