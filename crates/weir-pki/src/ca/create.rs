//! Making a CA directory. Must never replace anything, or leave a directory under its name that is not whole.

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rcgen::KeyPair;

use super::entry::By;
use super::error::CaError;
use super::index::Act;
use super::journal::Journal;
use super::signer::CaSigner;
use super::{CERTIFICATE, CHAIN, CaDirectory, INTERMEDIATE_DAYS, ISSUED, KEY, REQUEST, ROOT, ROOT_DAYS, order};
use crate::authority::AuthorityOrder;
use crate::key::KeyKind;
use crate::subject::{self, Validity};
use crate::{csr, files, key, random};

/// Thirty years.
const MOST_DAYS: i64 = 10_950;

/// What a new authority is to be.
pub struct NewAuthority<'a> {
    /// Its common name.
    pub common_name: &'a str,
    /// Its organisation.
    pub organisation: Option<&'a str>,
    /// The kind of its key.
    pub key: KeyKind,
    /// What encrypts the key file. Without one the key is in the clear, for its owner alone.
    pub passphrase: Option<&'a str>,
    /// For how long it is valid; nothing: [`ROOT_DAYS`] or [`INTERMEDIATE_DAYS`]. An intermediate ends with its issuer
    /// at the latest. An external authority decides by itself.
    pub days: Option<i64>,
    /// What signs it.
    pub above: Above<'a>,
}

/// What stands above a new authority.
pub enum Above<'a> {
    /// Nothing: it is a root.
    Nothing,
    /// Another authority of ours, unlocked. Its index will know the new one. It must be a root.
    Local(&'a mut CaSigner),
    /// One that is not ours: `ca.csr` goes there, and [`CaDirectory::install`] takes what comes back.
    External,
}

/// A directory that was made.
#[derive(Debug)]
pub enum Created {
    /// It can issue.
    Ready(Box<CaDirectory>),
    /// It has a key and a request, and awaits its certificate.
    AwaitsCertificate {
        /// The request for the authority above: `DIR/ca.csr`.
        request: PathBuf,
    },
}

/// A directory beside the one that is to be, with a name that nobody else has. It goes away unless it is put in place.
struct Staging {
    path: PathBuf,
    is_done: bool,
}

pub(super) fn create(directory: &Path, new: NewAuthority<'_>, by: &By) -> Result<Created, CaError> {
    subject::judge_printable(new.common_name)?;
    new.organisation.map_or(Ok(()), subject::judge_printable)?;
    vacant(directory)?;
    let key = new.key.generate()?;
    let staging = Staging::beside(directory)?;
    let at = |name: &str| staging.path.join(name);
    write(&at(KEY), &key::to_pem(&key, new.passphrase)?, files::PRIVATE)?;
    DirBuilder::new().mode(0o700).create(at(ISSUED)).map_err(CaError::file(at(ISSUED)))?;
    let name = new.common_name.to_owned();
    Journal::create(
        &staging.path,
        by,
        Act::Created { name, key: new.key, key_is_encrypted: new.passphrase.is_some() },
    )?;
    if let Above::External = new.above {
        write(&at(REQUEST), &csr::for_key(&key, new.common_name, new.organisation)?, files::PUBLIC)?;
        staging.put(directory)?;
        return Ok(Created::AwaitsCertificate { request: directory.join(REQUEST) });
    }
    let passphrase = new.passphrase;
    write_certificate(&staging.path, &key, new, by)?;
    // With the first revocation list, which unlocking finds missing.
    CaDirectory::open(&staging.path)?.unlock(passphrase)?;
    staging.put(directory)?;
    CaDirectory::open(directory).map(|directory| Created::Ready(Box::new(directory)))
}

fn write_certificate(staging: &Path, key: &KeyPair, new: NewAuthority<'_>, by: &By) -> Result<(), CaError> {
    let at = |name: &str| staging.join(name);
    let order = |validity| AuthorityOrder {
        common_name: new.common_name,
        organisation: new.organisation,
        validity,
        serial: None,
    };
    match new.above {
        Above::Local(signer) => {
            let days = order::days(new.days.unwrap_or(INTERMEDIATE_DAYS), MOST_DAYS)?;
            let validity = order::validity(days, signer.directory().facts())?;
            let (certificate, chain) = signer.sign_authority(key, &order(validity), by)?;
            write(&at(CERTIFICATE), &certificate, files::PUBLIC)?;
            write(&at(CHAIN), &chain, files::PUBLIC)?;
            write(&at(ROOT), signer.directory().trust_pem(), files::PUBLIC)
        }
        Above::Nothing | Above::External => {
            let days = order::days(new.days.unwrap_or(ROOT_DAYS), MOST_DAYS)?;
            write(&at(CERTIFICATE), &order(Validity::days(days)).self_signed(key)?, files::PUBLIC)
        }
    }
}

impl Staging {
    fn beside(directory: &Path) -> Result<Staging, CaError> {
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let suffix = random::hex(&random::bytes::<6>()?);
        let path = directory.with_file_name(format!(".{name}.new-{suffix}"));
        DirBuilder::new().mode(0o700).create(&path).map_err(CaError::file(&path))?;
        Ok(Staging { path, is_done: false })
    }

    fn put(mut self, directory: &Path) -> Result<(), CaError> {
        files::sync_directory(&self.path).map_err(CaError::file(&self.path))?;
        // Over an empty directory, or where there is none; the system refuses anything else.
        fs::rename(&self.path, directory).map_err(|source| match source.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                CaError::Occupied { path: directory.to_owned() }
            }
            _ => CaError::File { path: directory.to_owned(), source },
        })?;
        self.is_done = true;
        files::sync_directory_of(directory).map_err(CaError::file(directory))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.is_done {
            // Best effort: what stays behind has a name that says what it is, and stands in nobody's way.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn vacant(directory: &Path) -> Result<(), CaError> {
    let is_here = fs::canonicalize(directory).is_ok_and(|path| env::current_dir().is_ok_and(|here| here == path));
    if is_here || directory.file_name().is_none() {
        // Another directory takes its place: whoever stands in it would stand nowhere.
        let source = io::Error::other("name a directory that is not there yet, and not the one you are in");
        return Err(CaError::File { path: directory.to_owned(), source });
    }
    let parent = directory.parent().filter(|parent| *parent != Path::new(""));
    if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
        let source = io::Error::other("the new directory is to be in this one, which is not there: make it first");
        return Err(CaError::File { path: parent.to_owned(), source });
    }
    let occupied = || CaError::Occupied { path: directory.to_owned() };
    match fs::read_dir(directory) {
        Ok(mut entries) => entries.next().map_or(Ok(()), |_| Err(occupied())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::symlink_metadata(directory) {
            Ok(_) => Err(occupied()),
            Err(_) => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(occupied()),
        Err(source) => Err(CaError::File { path: directory.to_owned(), source }),
    }
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), CaError> {
    files::write_new(path, text, mode).map_err(CaError::file(path))
}
