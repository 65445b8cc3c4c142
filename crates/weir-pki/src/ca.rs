//! A certificate authority as a directory: a key, certificates, a revocation list and an index of all that was done.
//!
//! Must never: let a certificate out that the index does not know, replace a file of another authority, or ask for the
//! key where none is needed.
//!
//! | file | holds |
//! |---|---|
//! | `ca.pem` | the authority's own certificate |
//! | `chain.pem` | of an intermediate: its certificate and those above it, without the root: what follows a leaf |
//! | `root.pem` | of an intermediate: the root, where it is known |
//! | `ca.key` | the private key, PKCS#8, mode 0600, encrypted where a passphrase was given |
//! | `ca.csr` | of an intermediate below an external root: the request for its certificate |
//! | `index.jsonl` | who issued, signed, renewed and revoked what: a line of JSON each, only ever appended to |
//! | `crl.pem` | the newest revocation list |
//! | `issued/SERIAL.pem` | each certificate, with its chain |

mod create;
mod entry;
mod error;
mod index;
mod install;
mod journal;
mod list;
mod order;
mod signer;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::PublicKeyData;
use time::{Duration, OffsetDateTime};

pub use create::{Above, Created, NewAuthority};
pub use entry::{By, Entry, Event, Purpose, Revocation, RevocationCause, Standing, Which};
pub use error::CaError;
pub use list::CrlFile;
pub use order::Terms;
pub use signer::{CaSigner, IssuedEntry, RevokedEntries, SignedEntry};

use crate::authority::Authority;
use crate::inspect::{self, CertificateFacts, Item};
use crate::key;
use index::Index;

/// How long a client certificate is valid unless told otherwise: 180 days. Its renewal takes two people who write each
/// other, so it should be rare enough to be done and often enough to be known; a lost key is answered by revocation.
pub const CLIENT_DAYS: i64 = 180;
/// How long a server certificate is valid unless told otherwise.
pub const SERVER_DAYS: i64 = 90;
/// How long a root is valid unless told otherwise.
pub const ROOT_DAYS: i64 = 3_650;
/// How long an intermediate is valid unless told otherwise.
pub const INTERMEDIATE_DAYS: i64 = 1_825;
/// In how many days the next revocation list is due unless told otherwise.
pub const CRL_DAYS: i64 = 30;

const CERTIFICATE: &str = "ca.pem";
const CHAIN: &str = "chain.pem";
const ROOT: &str = "root.pem";
const KEY: &str = "ca.key";
const REQUEST: &str = "ca.csr";
const CRL: &str = "crl.pem";
const ISSUED: &str = "issued";
/// From when on it is said that an authority ends: no client certificate has its full time then.
const ENDS_SOON: Duration = Duration::days(CLIENT_DAYS);

/// A CA directory that is read: no key is needed for that.
#[derive(Debug, Clone)]
pub struct CaDirectory {
    path: PathBuf,
    certificate_pem: String,
    /// What follows a leaf.
    chain_pem: String,
    root_pem: Option<String>,
    facts: CertificateFacts,
    index: Index,
}

impl CaDirectory {
    /// Makes a new authority in `directory`, which must not be there, or be empty. It appears whole or not at all, with
    /// mode 0700, and with a first, empty revocation list (but for [`Above::External`], which awaits its certificate).
    ///
    /// # Errors
    /// The directory has something in it; a name that no certificate can hold; the disk.
    pub fn create(directory: &Path, new: NewAuthority<'_>, by: &By) -> Result<Created, CaError> {
        create::create(directory, new, by)
    }

    /// Takes the certificate that an external authority has made of `ca.csr`. `chain_pem` has it first, then the
    /// intermediates above it, and may end with the root.
    ///
    /// # Errors
    /// There is a certificate already; it is for another key; it may not sign certificates and lists; it is not signed
    /// by what follows it; the key's passphrase is wrong.
    pub fn install(
        directory: &Path,
        chain_pem: &str,
        passphrase: Option<&str>,
        by: &By,
    ) -> Result<CaDirectory, CaError> {
        install::install(directory, chain_pem, passphrase, by)
    }

    /// Opens a directory. Needs the right to read it, and no key.
    ///
    /// # Errors
    /// It is no CA directory or half of one; it awaits its certificate; the index has a fault: which, with file and
    /// line.
    pub fn open(directory: &Path) -> Result<CaDirectory, CaError> {
        let index = journal::read(directory)?;
        let certificate_pem = match optional(&directory.join(CERTIFICATE))? {
            Some(pem) => pem,
            None if directory.join(REQUEST).exists() => {
                let (path, request) = (directory.to_owned(), directory.join(REQUEST));
                return Err(CaError::AwaitsCertificate { path, request });
            }
            None => return Err(CaError::NotAnAuthority { path: directory.to_owned(), missing: CERTIFICATE }),
        };
        let facts = only_certificate(&certificate_pem)
            .ok_or(CaError::Certificate { problem: "ca.pem holds no certificate, or more than one" })?;
        Ok(CaDirectory {
            path: directory.to_owned(),
            certificate_pem,
            chain_pem: optional(&directory.join(CHAIN))?.unwrap_or_default(),
            root_pem: optional(&directory.join(ROOT))?,
            facts,
            index,
        })
    }

    /// Whether the key in this directory needs a passphrase. The directory may still await its certificate.
    ///
    /// # Errors
    /// `ca.key` cannot be read, or is none.
    pub fn needs_passphrase(directory: &Path) -> Result<bool, CaError> {
        let path = directory.join(KEY);
        key::is_encrypted(&key_text(directory)?).map_err(|problem| CaError::Key { path, problem })
    }

    /// The authority with its key. Finishes what a crash interrupted: a revocation list that is older than the index is
    /// written anew.
    ///
    /// # Errors
    /// A wrong passphrase, one missing, or one too many; others than the owner may read `ca.key`; it is not the key of
    /// `ca.pem`.
    pub fn unlock(self, passphrase: Option<&str>) -> Result<CaSigner, CaError> {
        let key = read_key(&self.path, passphrase)?;
        if crate::random::sha256_hex(&key.subject_public_key_info()) != self.facts.public_key_sha256 {
            return Err(CaError::ForeignKey { path: self.path.join(KEY) });
        }
        let authority = Authority::of_certificate(self.certificate_pem.clone(), self.chain_pem.clone(), key)?;
        let mut signer = CaSigner::new(self, authority);
        signer.finish()?;
        Ok(signer)
    }

    /// All certificates, in the order in which they were issued.
    pub fn entries(&self) -> &[Entry] {
        &self.index.entries
    }

    /// Everything that was done, in order.
    pub fn history(&self) -> &[Event] {
        &self.index.events
    }

    /// What an operator should know: half a line at the end of the index, a revocation list that is older than the
    /// index or due, a certificate whose file is missing, an authority that ends soon. A sentence each.
    pub fn remarks(&self, now: OffsetDateTime) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.index.torn.is_empty() {
            let bytes = self.index.torn.len();
            remarks.push(format!(
                "{} ends with {bytes} bytes of a line that was never finished: what they were about was not done; the \
                 next change cuts them off and keeps them in a line of their own",
                self.path.join(journal::FILE).display()
            ));
        }
        remarks.extend(self.crl_remark(now));
        let missing = self.index.entries.iter().filter(|entry| entry.is_live(now) && !self.file_of(entry).exists());
        remarks.extend(missing.map(|entry| {
            format!(
                "certificate {} for {} has no file {}: it was perhaps never handed over; revoke it, or restore \
                 the file",
                entry.serial,
                entry.name,
                self.file_of(entry).display()
            )
        }));
        let end = self.facts.not_after;
        if end <= now {
            remarks.push(format!("the authority's certificate has expired on {}: nothing below it counts", end.date()));
        } else if end - now < ENDS_SOON {
            remarks.push(format!("the authority's certificate ends on {}: make a new authority in time", end.date()));
        }
        remarks
    }

    /// The certificate of the authority, PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// What the other side must trust: the root where it is known, else the authority's own certificate. PEM.
    pub fn trust_pem(&self) -> &str {
        self.root_pem.as_deref().unwrap_or(&self.certificate_pem)
    }

    /// What the authority's certificate says.
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// The certificate with this serial number, or those with this name, the newest last.
    pub fn find(&self, which: Which<'_>) -> Vec<&Entry> {
        order::find(&self.index, which)
    }

    /// The file of a certificate with its chain: `DIR/issued/SERIAL.pem`.
    pub fn file_of(&self, entry: &Entry) -> PathBuf {
        self.path.join(ISSUED).join(format!("{}.pem", entry.serial))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The private key, which must be for the eyes of its owner alone.
fn read_key(directory: &Path, passphrase: Option<&str>) -> Result<rcgen::KeyPair, CaError> {
    let path = directory.join(KEY);
    let text = key_text(directory)?;
    let mode = fs::metadata(&path).map_err(CaError::file(&path))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(CaError::KeyIsOpen { path, mode });
    }
    key::from_pem(&text, passphrase).map_err(|problem| CaError::Key { path, problem })
}

fn key_text(directory: &Path) -> Result<String, CaError> {
    optional(&directory.join(KEY))?.ok_or(CaError::NotAnAuthority { path: directory.to_owned(), missing: KEY })
}

/// The facts of a text that is one certificate.
fn only_certificate(pem: &str) -> Option<CertificateFacts> {
    match inspect::read(pem).ok()?.as_slice() {
        [Item::Certificate(facts)] => Some((**facts).clone()),
        _ => None,
    }
}

/// The text of a file that may be missing.
fn optional(path: &Path) -> Result<Option<String>, CaError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CaError::File { path: path.to_owned(), source }),
    }
}
