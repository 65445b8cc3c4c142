//! What can go wrong with certificates. Must never hold key material.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a certificate could not be made or written.
#[derive(Debug, Error)]
pub enum PkiError {
    /// A name that a certificate cannot hold.
    #[error("the name {name:?} cannot stand in a certificate: {problem}")]
    Name {
        /// The name as it was given.
        name: String,
        /// What is wrong with it, and what is right.
        problem: &'static str,
    },
    /// No extended key usage was given.
    #[error("a certificate without an extended key usage would be good for every use: name at least one")]
    NoUsage,
    /// A key could not be made, or a signature failed.
    #[error("making a key or a certificate failed: {0}")]
    Signing(#[source] rcgen::Error),
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
