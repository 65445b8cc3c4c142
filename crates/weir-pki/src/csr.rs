//! The consumer's side: a new private key, and a request (CSR) for a certificate. Must never replace a file, or let the
//! key leave its file.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};

use crate::error::PkiError;
use crate::files;
use crate::key::KeyKind;
use crate::subject;

/// Makes a private key (PKCS#8, mode 0600) and a request for it. The common name in the request is for the eyes of who
/// signs: Weir's CA takes nothing of a request but its key.
///
/// # Errors
/// One of the files is there already; a name that no certificate can hold; the disk. Then nothing new is left behind.
pub fn create(key: &Path, request: &Path, common_name: &str, kind: KeyKind) -> Result<(), PkiError> {
    // Before the key is made: RSA takes its time.
    for path in [key, request] {
        if fs::symlink_metadata(path).is_ok() {
            return Err(PkiError::Exists { path: path.to_owned() });
        }
    }
    let pair = kind.generate()?;
    let text = for_key(&pair, common_name, None)?;
    write_new(key, &pair.serialize_pem(), files::PRIVATE)?;
    write_new(request, &text, files::PUBLIC).inspect_err(|_| {
        // A key without its request is of no use; the first error is the one to tell.
        let _ = fs::remove_file(key);
    })
}

/// A request for a key, in PEM. It asks for a name and nothing else.
pub(crate) fn for_key(key: &KeyPair, common_name: &str, organisation: Option<&str>) -> Result<String, PkiError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject::distinguished_name(common_name, organisation)?;
    params.serialize_request(key).and_then(|request| request.pem()).map_err(PkiError::Signing)
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), PkiError> {
    files::write_new(path, text, mode).and_then(|()| files::sync_directory_of(path)).map_err(|source| {
        match source.kind() {
            std::io::ErrorKind::AlreadyExists => PkiError::Exists { path: path.to_owned() },
            _ => PkiError::Write { path: path.to_owned(), source },
        }
    })
}
