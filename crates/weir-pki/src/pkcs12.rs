//! Key stores and trust stores in PKCS#12, for Java. Must never write a store without a password.

/// How a store is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// PBES2 with AES-256 and HMAC-SHA-256: Java since 8u301, OpenSSL since 1.1.
    #[default]
    Modern,
    /// 3DES and HMAC-SHA-1, for Java 8 before 8u301. Weak: the file must be kept as carefully as a bare key.
    Java8,
}

/// A key store with one entry: the private key (PKCS#8, PEM) and its certificates, the leaf first.
///
/// # Errors
/// No password; the key or a certificate cannot be read.
pub fn key_store(alias: &str, key_pem: &str, chain_pem: &str, password: &str, profile: Profile) -> Result<Vec<u8>, PkiError>;

/// A trust store with the certificates of `ca_pem` (PEM), each a trusted entry of Java's.
///
/// # Errors
/// As [`key_store`].
pub fn trust_store(alias: &str, ca_pem: &str, password: &str, profile: Profile) -> Result<Vec<u8>, PkiError>;
