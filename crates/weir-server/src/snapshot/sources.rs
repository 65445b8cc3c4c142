//! Reads the files of one generation: the configuration, the PEM files that it names, and the policy directory.
//!
//! Must never: judge what it read (`Snapshot::compile` does), or read without an end.

use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use weir_policy::{ConfigErrors, PolicyFiles, Problem, SourceFile};

use super::restart;
use super::text_files::{self, TextFiles};
use crate::config::{self, Config, Machine};
use crate::tls::{Material, Materials};

const POLICY_FIX: &str = "write the path of a directory with catalogue.yaml, never.yaml, tiers.yaml and principals/, readable by Weir's user";

const PRINCIPALS_FIX: &str = "make the directory, with one file for each principal";
/// Where principals are, in the policy directory.
pub(super) const PRINCIPALS: &str = "principals";
/// Where suspensions are, in the policy directory.
pub(crate) const SUSPENDED: &str = "suspended";

/// As many files as one directory may have: ten times as many as there are principals on a large day.
const MOST_FILES: usize = 100_000;

impl Machine {
    /// This machine.
    #[must_use]
    pub fn here() -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        Self {
            cores: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            descriptors: limit.maximum.unwrap_or(u64::MAX),
        }
    }
}

/// Everything that one generation is compiled from. It holds keys, so it has no `Debug`.
#[derive(Clone)]
pub struct Sources {
    /// The configuration file.
    pub path: PathBuf,
    /// The configuration that is compiled, and whose paths were read.
    pub text: Arc<str>,
    /// The one that stands in the file: another one while it waits for a restart.
    pub(crate) written: Arc<str>,
    /// The keys for which it waits.
    pub(crate) waits_for_restart: Vec<String>,
    /// Where it will run.
    pub machine: Machine,
    pub(crate) pem: Materials,
    /// Files with a password or a token for brokers, at the start alone: Weir reads them anew whenever it needs one, so that
    /// nothing of a generation depends on them, and one that is wrong keeps no change of the policy out.
    pub(crate) secrets: Option<Materials>,
    pub(crate) policy: Result<PolicyFiles, Vec<Unreadable>>,
    /// Directories in which a change means that all is to be read again.
    pub(crate) directories: BTreeSet<PathBuf>,
}

/// A file or directory of the policy that cannot be read.
#[derive(Clone, Debug)]
pub(crate) struct Unreadable {
    pub(crate) what: String,
    pub(crate) fix: &'static str,
}

/// The configuration that the process runs with.
#[derive(Clone, Copy)]
pub(crate) struct Running<'a> {
    pub(crate) config: &'a Config,
    pub(crate) text: &'a Arc<str>,
}

impl Sources {
    /// Reads a configuration and all that it names.
    ///
    /// # Errors
    /// The configuration itself cannot be read or is wrong, so that what it names is not known. What else cannot be
    /// read is kept, to be reported with its place.
    pub(crate) fn read(
        path: &Path,
        machine: Machine,
        files: &mut TextFiles,
        running: Option<Running<'_>>,
    ) -> Result<Self, ConfigErrors> {
        files.begin();
        let written = files.text(path).map_err(|error| {
            let what = format!("{} cannot be read: {error}", path.display());
            let fix = "name the configuration file: -c weir.yaml".to_owned();
            ConfigErrors(vec![Problem { place: None, what, fix }])
        })?;
        let (mut config, problems) = config::read(path, &written, machine)?;
        let (mut text, mut waits_for_restart) = (Arc::clone(&written), Vec::new());
        if let Some(running) = running.filter(|running| *running.text != written && problems.is_empty()) {
            waits_for_restart = restart::needed(running.config, &config);
            if !waits_for_restart.is_empty() {
                // All of it waits, the paths in it, too: half a configuration is one that nobody wrote.
                (text, config) = (Arc::clone(running.text), running.config.clone());
            }
        }
        let pem = pem_paths(&config).map(|path| (path.clone(), material(path))).collect();
        let secrets =
            running.is_none().then(|| secret_paths(&config).map(|path| (path.clone(), material(path))).collect());
        let policy = policy(&config.policy.value, files);
        let directories = directories(path, &config);
        Ok(Self { path: path.to_owned(), text, written, waits_for_restart, machine, pem, secrets, policy, directories })
    }

    /// Whether nothing that was read differs.
    pub(crate) fn are_as(&self, other: &Self) -> bool {
        let same_policy = match (&self.policy, &other.policy) {
            (Ok(these), Ok(those)) => these == those,
            _ => false,
        };
        self.written == other.written && self.text == other.text && self.pem == other.pem && same_policy
    }
}

/// Where the files stand, and where their directories do: a directory may be a link that is pointed elsewhere, or be
/// replaced whole.
fn directories(path: &Path, config: &Config) -> BTreeSet<PathBuf> {
    let policy = &config.policy.value;
    let (principals, suspended) = (policy.join(PRINCIPALS), policy.join(SUSPENDED));
    let inside = [policy, &principals, &suspended].map(|directory| directory.join("x"));
    let files = [path, policy, &principals, &suspended].into_iter().chain(inside.iter().map(PathBuf::as_path));
    let files = files.chain(pem_paths(config).map(PathBuf::as_path));
    let parents = files.filter_map(Path::parent).map(|parent| match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    });
    parents.map(Path::to_owned).collect()
}

pub(super) fn pem_paths(config: &Config) -> impl Iterator<Item = &PathBuf> {
    let listeners = config.listeners.iter().flat_map(|listener| {
        let tls = &listener.tls;
        let lists = tls.client_crl.iter().map(|path| &path.value);
        [&tls.certificate.value, &tls.key.value, &tls.client_ca.value].into_iter().chain(lists)
    });
    let upstreams = config.upstreams.values().filter_map(|upstream| upstream.tls.as_ref()).flat_map(|tls| {
        let own = tls.identity.iter().map(|(certificate, key)| (certificate, key));
        let pairs = own.chain(tls.identities.values().map(|of_tier| (&of_tier.certificate, &of_tier.key)));
        std::iter::once(&tls.ca.value).chain(pairs.flat_map(|(certificate, key)| [&certificate.value, &key.value]))
    });
    listeners.chain(upstreams)
}

fn secret_paths(config: &Config) -> impl Iterator<Item = &PathBuf> {
    let all = config.upstreams.values().filter_map(|upstream| upstream.sasl.as_ref());
    all.flat_map(|sasl| sasl.all().map(|identity| &identity.secret.value))
}

pub(super) fn material(path: &Path) -> Material {
    let mode = std::fs::metadata(path).ok().map(|metadata| metadata.permissions().mode());
    Material { content: text_files::bytes(path).map_err(|error| error.to_string()), mode }
}

/// The files of a policy directory.
///
/// # Errors
/// Those that cannot be read, a line each.
pub(crate) fn policy_files(directory: &Path) -> Result<PolicyFiles, Vec<String>> {
    let told = |Unreadable { what, fix }| format!("{what}; {fix}");
    policy(directory, &mut TextFiles::default()).map_err(|all| all.into_iter().map(told).collect())
}

pub(super) fn policy(directory: &Path, files: &mut TextFiles) -> Result<PolicyFiles, Vec<Unreadable>> {
    let mut unreadable = Vec::new();
    let mut read = |path: PathBuf, unreadable: &mut Vec<Unreadable>| match files.text(&path) {
        Ok(text) => Some(SourceFile { path: path.display().to_string(), text }),
        Err(error) => {
            let what = format!("`{}` cannot be read: {error}", path.display());
            unreadable.push(Unreadable { what, fix: POLICY_FIX });
            None
        }
    };
    let catalogue = read(directory.join("catalogue.yaml"), &mut unreadable);
    let never = read(directory.join("never.yaml"), &mut unreadable);
    let tiers = read(directory.join("tiers.yaml"), &mut unreadable);
    let principals = yaml_files(&directory.join(PRINCIPALS), Some(PRINCIPALS_FIX), &mut unreadable);
    let principals = principals.into_iter().filter_map(|path| read(path, &mut unreadable)).collect();
    let suspended = yaml_files(&directory.join(SUSPENDED), None, &mut unreadable);
    let suspended = suspended.into_iter().filter_map(|path| read(path, &mut unreadable)).collect();
    match (catalogue, never, tiers) {
        (Some(catalogue), Some(never), Some(tiers)) if unreadable.is_empty() => {
            Ok(PolicyFiles { catalogue, never, tiers, principals, suspended })
        }
        _ => Err(unreadable),
    }
}

/// The files of a directory, by name, so that problems come in the same order every time. Where the directory may be
/// missing, `if_missing` is nothing.
pub(super) fn yaml_files(
    directory: &Path,
    if_missing: Option<&'static str>,
    unreadable: &mut Vec<Unreadable>,
) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.unwrap_or_else(|error| {
        let may_be_missing = if_missing.is_none() && error.kind() == io::ErrorKind::NotFound;
        if !may_be_missing {
            let what = format!("`{}` cannot be read: {error}", directory.display());
            unreadable.push(Unreadable { what, fix: if_missing.unwrap_or("let Weir's user read it") });
        }
        Vec::new()
    });
    if entries.len() > MOST_FILES {
        let what = format!("`{}` has {} files, more than {MOST_FILES}", directory.display(), entries.len());
        unreadable.push(Unreadable { what, fix: "look at what wrote them" });
        return Vec::new();
    }
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    // By their bytes: of one directory that is the order of their names, and paths compare part by part.
    paths.sort_unstable_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
    paths.retain(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension == Some("yml") {
            let what = format!("`{}` would not be read: it is not called .yaml", path.display());
            unreadable.push(Unreadable { what, fix: "rename it" });
        }
        // Editors and version control leave hidden files behind.
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        extension == Some("yaml") && !hidden
    });
    paths
}
