//! Why a bundle could not be made or written. Must never hold key material.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a bundle could not be made or written.
#[derive(Debug, Error)]
pub enum BundleError {
    /// A value that could break out of the place where it stands in some file.
    #[error("the {what} {value:?} cannot stand in a bundle: {problem}")]
    Value {
        /// What it is: `topic`, `host`, ...
        what: &'static str,
        /// The value as it was given.
        value: String,
        /// What is right.
        problem: &'static str,
    },
    /// PEM that is not what it must be.
    #[error("{what}: {problem}")]
    Pem {
        /// What it is of: `the certificate`, `the key`, ...
        what: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A principal that may read nothing has no use for a bundle.
    #[error("the principal may read no topic: grant one first, under `read:` in its file")]
    NoTopic,
    /// No address to connect to.
    #[error("there is no address to connect to")]
    NoAddress,
    /// A template of this crate is wrong: a defect.
    #[error("the template of {path} is wrong: {problem}")]
    Template {
        /// The file in the bundle.
        path: &'static str,
        /// What the template engine says: names and lines, no values.
        problem: String,
    },
    /// The manifest could not be written as JSON.
    #[error("bundle.json cannot be written: {0}")]
    Manifest(#[from] serde_json::Error),
    /// Something is there already.
    #[error("{} is there already, and a bundle overwrites nothing: name another place, or move it away", path.display())]
    Exists {
        /// What is there.
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
