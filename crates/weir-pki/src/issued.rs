//! An issued certificate with its key, and its way into files. Must never show the key, or write it for others to read.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::PkiError;
use crate::files::{self, PRIVATE, PUBLIC};

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
        self.write_with(dir, stem, files::replace)
    }

    /// As [`Issued::write`], where neither file may be there yet.
    ///
    /// # Errors
    /// [`PkiError::Exists`] with the file that is there; [`PkiError::Write`]. Then neither is written.
    pub fn write_new(&self, dir: &Path, stem: &str) -> Result<IssuedPaths, PkiError> {
        let paths = IssuedPaths::of(dir, stem);
        for path in [&paths.key, &paths.certificate] {
            if fs::symlink_metadata(path).is_ok() {
                return Err(PkiError::Exists { path: path.clone() });
            }
        }
        self.write_with(dir, stem, files::write_new).inspect_err(|error| {
            // A key without its certificate would be in the way of the next try; the first error is the one to tell.
            if matches!(error, PkiError::Write { path, .. } if *path == paths.certificate) {
                let _ = fs::remove_file(&paths.key);
            }
        })
    }

    fn write_with(
        &self,
        dir: &Path,
        stem: &str,
        write: impl Fn(&Path, &str, u32) -> io::Result<()>,
    ) -> Result<IssuedPaths, PkiError> {
        let paths = IssuedPaths::of(dir, stem);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| PkiError::Write { path, source }
        };
        write(&paths.key, &self.key_pem, PRIVATE).map_err(failed(&paths.key))?;
        write(&paths.certificate, &self.chain_pem, PUBLIC).map_err(failed(&paths.certificate))?;
        files::sync_directory(dir).map_err(failed(dir))?;
        Ok(paths)
    }
}

impl IssuedPaths {
    /// Where [`Issued::write`] and [`Issued::write_new`] put things.
    pub fn of(dir: &Path, stem: &str) -> IssuedPaths {
        IssuedPaths { certificate: dir.join(format!("{stem}.pem")), key: dir.join(format!("{stem}.key")) }
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Issued").field("certificate_pem", &self.certificate_pem).finish_non_exhaustive()
    }
}
