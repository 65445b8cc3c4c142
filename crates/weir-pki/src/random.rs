//! Random bytes and digests, by the same code as TLS uses. Must never go on with bytes that are not random.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;

use crate::error::PkiError;

/// So many random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], PkiError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| PkiError::NoRandomness)?;
    Ok(bytes)
}

/// SHA-256 in lower-case hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// Lower-case hexadecimal digits, two for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
