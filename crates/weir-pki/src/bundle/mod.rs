//! Bundles: all that a consumer needs to read its first record, in one directory or one zip file.
//!
//! [`Bundle::new`] makes the files from [`Facts`], in memory; [`Bundle::write`] puts them where they are wanted, whole or
//! not at all. `files.rs` and `programs.rs` have the tables of what is in it.
//! Must never: write a key where others can read it, overwrite anything, or put a value into a file from which it could
//! break out.

mod error;
mod facts;
mod files;
mod manifest;
mod pages;
mod programs;
mod render;
mod stores;
mod template;
mod values;
mod write;

use std::fmt;

pub use error::BundleError;
pub use facts::{Address, ClientCertificate, Facts, Limit, Refusal, Secret, Stores, Topic};
pub use manifest::{GroupRule, MANIFEST_FILE, MANIFEST_VERSION, Manifest, ManifestError, OffsetReset};
pub use pages::client_pages;
pub use template::Mode;

use files::{FILES, WITH_STORES};
use programs::PROGRAMS;
use render::{Names, Pem, render};

/// The group id that the configurations use, after the prefix where there must be one.
const GROUP_ID: &str = "reader";

/// All files of a bundle.
#[derive(Clone, Debug)]
pub struct Bundle {
    files: Vec<BundleFile>,
}

/// A file of a bundle.
#[derive(Clone)]
pub struct BundleFile {
    /// Where it is in the bundle, with `/`.
    pub path: String,
    /// Who may read or run it.
    pub mode: Mode,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for BundleFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({:o}, {} bytes)", self.path, self.mode.bits(), self.bytes.len())
    }
}

impl BundleFile {
    fn new(path: &str, mode: Mode, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.to_owned(), mode, bytes: bytes.into() }
    }
}

/// The one private key of a PEM text, alone.
///
/// # Errors
/// There is none, more than one, or it is not in PKCS#8: what to do about it.
pub fn key_of(pem: &Secret) -> Result<Secret, BundleError> {
    values::key(pem.expose()).map(Secret::new)
}

/// The certificates of a PEM text, alone.
///
/// # Errors
/// There is none.
pub fn certificates_of(pem: &str) -> Result<String, BundleError> {
    values::certificates("the certificate", pem)
}

impl Bundle {
    /// Makes a bundle.
    ///
    /// # Errors
    /// A value that cannot stand in it, PEM that is not what it must be, nothing to read or to connect to.
    pub fn new(facts: &Facts) -> Result<Self, BundleError> {
        values::check(facts)?;
        let certificate = values::certificates("the certificate", &facts.certificate.chain_pem)?;
        let ca = values::certificates("the CA certificate", &facts.ca_pem)?;
        let key = facts.key.as_ref().map(|key| values::key(key.expose())).transpose()?;
        let manifest = manifest_of(facts);
        let pem = Pem { certificate: &certificate, key: key.as_deref(), ca: &ca };
        let names = Names::new(facts, &manifest, &pem);

        let stores = facts.stores.as_ref();
        let mut files = Vec::new();
        let with_stores = WITH_STORES.iter().filter(|_| stores.is_some());
        for template in FILES.iter().chain(with_stores).chain(PROGRAMS) {
            files.push(BundleFile::new(template.path, template.mode, render(template, &names)?));
        }
        files.push(BundleFile::new(MANIFEST_FILE, Mode::Plain, manifest.to_json()?));
        files.push(BundleFile::new(&manifest.certificate, Mode::Plain, certificate.as_str()));
        files.push(BundleFile::new(&manifest.ca, Mode::Plain, ca.as_str()));
        files.extend(key.as_deref().map(|key| BundleFile::new(&manifest.key, Mode::Secret, key)));
        if let Some(stores) = stores {
            files.push(BundleFile::new("client.p12", Mode::Secret, stores.client.clone()));
            files.push(BundleFile::new("ca.p12", Mode::Plain, stores.ca.clone()));
        }
        files.extend(facts.weir.as_ref().map(|weir| BundleFile::new("weir", Mode::Program, weir.clone())));
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { files })
    }

    /// The files, by path.
    #[must_use]
    pub fn files(&self) -> &[BundleFile] {
        &self.files
    }

    /// The text of a file.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        let file = self.files.iter().find(|file| file.path == path)?;
        std::str::from_utf8(&file.bytes).ok()
    }
}

fn manifest_of(facts: &Facts) -> Manifest {
    let mut topics: Vec<_> = facts.topics.iter().map(|topic| topic.name.clone()).collect();
    let mut topic_prefixes = facts.topic_prefixes.clone();
    topics.sort_unstable();
    topic_prefixes.sort_unstable();
    let group_id = match &facts.groups {
        GroupRule::Any => GROUP_ID.to_owned(),
        GroupRule::Prefix(prefix) => format!("{prefix}{GROUP_ID}"),
    };
    Manifest {
        version: MANIFEST_VERSION,
        principal: facts.principal.clone(),
        bootstrap: facts.bootstrap.iter().map(ToString::to_string).collect(),
        topics,
        topic_prefixes,
        groups: facts.groups.clone(),
        group_id,
        offset_reset: facts.offset_reset,
        limits: facts.limits.iter().map(|limit| format!("{}: {}", limit.key, limit.words)).collect(),
        certificate: "client.pem".to_owned(),
        key: "client.key".to_owned(),
        key_included: facts.key.is_some(),
        ca: "ca.pem".to_owned(),
        not_after: facts.certificate.not_after,
        serial: facts.certificate.serial.clone(),
    }
}
