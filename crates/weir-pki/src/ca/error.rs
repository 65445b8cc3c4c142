//! Why a CA directory did not do what it was asked for. Must never hold key material.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::entry::RevocationCause;
use crate::error::PkiError;
use crate::key::KeyError;
use crate::request::RequestError;
use crate::serial::SerialHex;

/// Why nothing was done; where something was, the message says so.
#[derive(Debug, Error)]
pub enum CaError {
    /// Something is where a new authority was to be.
    #[error(
        "{} is there already and is not empty; nothing of it is replaced: choose another directory",
        path.display()
    )]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// No CA directory, or half of one.
    #[error(
        "{} is no CA directory, or half of one: {} is missing; `weir cert init` makes a new one",
        path.display(), missing
    )]
    NotAnAuthority {
        /// The directory.
        path: PathBuf,
        /// Which file.
        missing: &'static str,
    },
    /// The certificate from the external root has not come yet.
    #[error(
        "{} awaits its certificate: have {} signed by the authority above, then install what comes back",
        path.display(), request.display()
    )]
    AwaitsCertificate {
        /// The directory.
        path: PathBuf,
        /// The request.
        request: PathBuf,
    },
    /// There is a certificate already.
    #[error(
        "{} is there already: an authority has one certificate; make a new directory for a new one",
        path.display()
    )]
    HasCertificate {
        /// `ca.pem`.
        path: PathBuf,
    },
    /// The certificate for an intermediate is not good for it.
    #[error("the certificate cannot be this authority's: {problem}")]
    Certificate {
        /// What is wrong with it, and what is right.
        problem: &'static str,
    },
    /// The key cannot be used.
    #[error("{}: {problem}", path.display())]
    Key {
        /// `ca.key`.
        path: PathBuf,
        /// Why.
        problem: KeyError,
    },
    /// Others may read the key.
    #[error(
        "{}: others than its owner may read it (mode {mode:o}); chmod 600, and if it is not encrypted, take it as \
         known to them",
        path.display()
    )]
    KeyIsOpen {
        /// `ca.key`.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// `ca.key` is not the key of `ca.pem`.
    #[error(
        "{} is not the key of the certificate beside it: one of them was replaced; restore both from one backup",
        path.display()
    )]
    ForeignKey {
        /// `ca.key`.
        path: PathBuf,
    },
    /// A line of the index is not what was written.
    #[error("{}:{line}: {problem}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Someone else works in the directory.
    #[error("{}: someone else works in this directory and has not finished; try again", path.display())]
    Busy {
        /// The index.
        path: PathBuf,
    },
    /// A request is not signed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A key that is not certified, or not again.
    #[error("the key is {problem}: have a new one made, `weir cert csr` does")]
    BadKey {
        /// Whose it is.
        problem: String,
    },
    /// A number of days that makes no sense.
    #[error("a validity of {days} days: it must be from 1 to {most}")]
    Days {
        /// As it was given.
        days: i64,
        /// The most that may be.
        most: i64,
    },
    /// The authority has ended.
    #[error("the authority's own certificate has expired: nothing that it signs would count; make a new authority")]
    AuthorityExpired,
    /// No certificate is meant.
    #[error("there is no certificate {which} here; `weir cert list` shows all")]
    Unknown {
        /// Serial number or name, as it was given.
        which: String,
    },
    /// A name means several.
    #[error("{name} means {}: {}; name one by its serial number{fix}", found.len(), found.join("; "))]
    Ambiguous {
        /// The name.
        name: String,
        /// Serial number, purpose and end of each.
        found: Vec<String>,
        /// What else can be done.
        fix: &'static str,
    },
    /// A revoked certificate is not renewed, and not revoked again.
    #[error("certificate {serial} is revoked ({}): {fix}", cause.name())]
    Revoked {
        /// Its serial number.
        serial: SerialHex,
        /// Why it is revoked.
        cause: RevocationCause,
        /// What to do instead.
        fix: &'static str,
    },
    /// An expired certificate needs no revocation.
    #[error("certificate {serial} has expired: it counts nowhere, and need not be revoked")]
    Expired {
        /// Its serial number.
        serial: SerialHex,
    },
    /// A certificate of an authority is not renewed here.
    #[error("certificate {serial} is an authority's: make a new authority, and let both be trusted for a while")]
    NotALeaf {
        /// Its serial number.
        serial: SerialHex,
    },
    /// The revocation stands in the index, the list does not say so yet.
    #[error(
        "revoked in the index, but the revocation list could not be written: {problem}. \
         Weir goes by the list: once the cause is gone, write it with `weir cert crl`"
    )]
    ListNotWritten {
        /// Why.
        problem: Box<CaError>,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A name or a key that makes no certificate.
    #[error(transparent)]
    Pki(#[from] PkiError),
}

impl CaError {
    /// For `map_err`: a file that cannot be read or written.
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> CaError {
        let path = path.into();
        move |source| CaError::File { path, source }
    }
}
