//! An issued certificate with its key, and its way into files. Must never show the key, or write it for others to read.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::PkiError;

/// Everyone may read a certificate, only the owner a key.
const CERTIFICATE_MODE: u32 = 0o644;
const KEY_MODE: u32 = 0o600;

/// A certificate, its chain and its private key, all in PEM.
#[derive(Clone)]
pub struct Issued {
    /// The certificate alone.
    pub certificate_pem: String,
    /// The certificate, then the intermediates above it, without the root: what a TLS side sends.
    pub chain_pem: String,
    /// The private key in PKCS#8, the only form that Java's PEM stores read.
    pub key_pem: String,
}

/// Where [`Issued::write`] put things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedPaths {
    /// `STEM.pem`: the chain.
    pub certificate: PathBuf,
    /// `STEM.key`: the private key.
    pub key: PathBuf,
}

impl Issued {
    /// Writes the chain as `STEM.pem` and the key as `STEM.key` (mode 0600) into `dir`, replacing what is there.
    ///
    /// # Errors
    /// [`PkiError::Write`] with the file that could not be written.
    pub fn write(&self, dir: &Path, stem: &str) -> Result<IssuedPaths, PkiError> {
        let paths = IssuedPaths { certificate: dir.join(format!("{stem}.pem")), key: dir.join(format!("{stem}.key")) };
        replace(&paths.key, &self.key_pem, KEY_MODE)?;
        replace(&paths.certificate, &self.chain_pem, CERTIFICATE_MODE)?;
        Ok(paths)
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Issued").field("certificate_pem", &self.certificate_pem).finish_non_exhaustive()
    }
}

/// Writes a new file beside `path` and renames it over `path`: the mode holds even where an older file had a wider one,
/// and nobody reads half a file.
fn replace(path: &Path, text: &str, mode: u32) -> Result<(), PkiError> {
    let mut name = path.as_os_str().to_owned();
    name.push(OsString::from(".new"));
    let new = PathBuf::from(name);
    write_new(&new, text, mode)
        .and_then(|()| fs::rename(&new, path))
        .map_err(|source| PkiError::Write { path: path.to_owned(), source })
}

fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())
}
