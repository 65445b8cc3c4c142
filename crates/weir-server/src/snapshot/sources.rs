//! Reads the files of one generation: the configuration, the PEM files that it names, and the policy directory.
//!
//! Must never: judge what it read (`Snapshot::compile` does), or read without an end.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use weir_policy::{ConfigErrors, PolicyFiles, Problem, SourceFile};

use crate::config::{self, Config, Machine};
use crate::tls::{Material, Materials};

/// The largest file that is read: ten thousand principals are a few MiB, in files of their own.
const LARGEST_FILE: u64 = 16 << 20;

const POLICY_FIX: &str = "write the path of a directory with catalogue.yaml, never.yaml, tiers.yaml and principals/, readable by Weir's user";

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
pub struct Sources {
    /// The configuration file.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
    /// Where it will run.
    pub machine: Machine,
    pub(crate) pem: Materials,
    pub(crate) policy: Result<PolicyFiles, Vec<Unreadable>>,
}

/// A file or directory of the policy that cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) what: String,
    pub(crate) fix: &'static str,
}

impl Sources {
    /// Reads a configuration and all that it names.
    ///
    /// # Errors
    /// The configuration itself cannot be read or is wrong, so that what it names is not known. What else cannot be
    /// read is kept, to be reported with its place.
    pub fn read(path: &Path, machine: Machine) -> Result<Self, ConfigErrors> {
        let text = read(path).and_then(into_text).map_err(|error| {
            let what = format!("{} cannot be read: {error}", path.display());
            let fix = "write the path of a configuration file: weir serve -c weir.yaml".to_owned();
            ConfigErrors(vec![Problem { place: None, what, fix }])
        })?;
        let (config, _) = config::read(path, &text, machine)?;
        let pem = pem_paths(&config).map(|path| (path.clone(), material(path))).collect();
        let policy = policy(&config.policy.value);
        Ok(Self { path: path.to_owned(), text, machine, pem, policy })
    }
}

fn pem_paths(config: &Config) -> impl Iterator<Item = &PathBuf> {
    let listeners = config.listeners.iter().flat_map(|listener| {
        let tls = &listener.tls;
        [&tls.certificate.value, &tls.key.value, &tls.client_ca.value]
    });
    let upstreams = config.upstreams.values().filter_map(|upstream| upstream.tls.as_ref()).flat_map(|tls| {
        let identity = tls.identity.iter().flat_map(|(certificate, key)| [&certificate.value, &key.value]);
        std::iter::once(&tls.ca.value).chain(identity)
    });
    listeners.chain(upstreams)
}

fn material(path: &Path) -> Material {
    let mode = std::fs::metadata(path).ok().map(|metadata| metadata.permissions().mode());
    Material { content: read(path).map_err(|error| error.to_string()), mode }
}

fn policy(directory: &Path) -> Result<PolicyFiles, Vec<Unreadable>> {
    let mut unreadable = Vec::new();
    let catalogue = policy_file(directory.join("catalogue.yaml"), &mut unreadable);
    let never = policy_file(directory.join("never.yaml"), &mut unreadable);
    let tiers = policy_file(directory.join("tiers.yaml"), &mut unreadable);
    let principals = principals(&directory.join("principals"), &mut unreadable);
    let principals = principals.into_iter().filter_map(|path| policy_file(path, &mut unreadable)).collect();
    match (catalogue, never, tiers) {
        (Some(catalogue), Some(never), Some(tiers)) if unreadable.is_empty() => {
            Ok(PolicyFiles { catalogue, never, tiers, principals })
        }
        _ => Err(unreadable),
    }
}

fn policy_file(path: PathBuf, unreadable: &mut Vec<Unreadable>) -> Option<SourceFile> {
    match read(&path).and_then(into_text) {
        Ok(text) => Some(SourceFile { path: path.display().to_string(), text: text.into() }),
        Err(error) => {
            let what = format!("`{}` cannot be read: {error}", path.display());
            unreadable.push(Unreadable { what, fix: POLICY_FIX });
            None
        }
    }
}

/// The files of all principals, by name, so that problems come in the same order every time.
fn principals(directory: &Path, unreadable: &mut Vec<Unreadable>) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.unwrap_or_else(|error| {
        let what = format!("`{}` cannot be read: {error}", directory.display());
        unreadable.push(Unreadable { what, fix: "make the directory, with one file for each principal" });
        Vec::new()
    });
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
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

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST_FILE.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_FILE {
        return Err(io::Error::other("it has more than 16 MiB"));
    }
    Ok(bytes)
}

fn into_text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))
}
