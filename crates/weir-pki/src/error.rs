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
    /// A password or passphrase without a character.
    #[error("an empty password protects nothing: give one, or none at all")]
    EmptyPassword,
    /// A key could not be encrypted, or a store not be made.
    #[error("encrypting the key failed")]
    Encryption,
    /// A key and its certificates do not make a PKCS#12 store.
    #[error("a PKCS#12 store cannot hold the {what}: {fix}")]
    Store {
        /// What.
        what: &'static str,
        /// What it should be.
        fix: &'static str,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness,
    /// A file that was to be new is there already.
    #[error("{} is there already and is not replaced: choose another name, or move it away", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
