//! The consumer's side: a new private key, and a request (CSR) for a certificate. Must never replace a file, or let the
//! key leave its file.

use std::path::Path;

/// Makes a private key (PKCS#8, mode 0600) and a request for it. The common name in the request is for the eyes of who
/// signs: Weir's CA takes nothing of a request but its key.
///
/// # Errors
/// One of the files is there already; a name that no certificate can hold; the disk. Then neither is left behind.
pub fn create(key: &Path, request: &Path, common_name: &str, kind: KeyKind) -> Result<(), PkiError>;
