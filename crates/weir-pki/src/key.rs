//! Private keys: made, kept in files, read again. Must never show one, or write it for others to read.

use serde::{Deserialize, Serialize};

/// Which kind of key is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// ECDSA on P-256: small, quick, and read by everything.
    #[default]
    EcdsaP256,
    /// RSA with 3,072 bits, for what reads nothing else.
    Rsa,
}
