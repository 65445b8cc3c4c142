//! Key stores and trust stores in PKCS#12, for Java. Must never write a store without a password.

use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain,
};
use x509_parser::pem::Pem;

use crate::error::PkiError;
use crate::random;

/// As many as Java 8 does, and ten times what newer ones do.
const ITERATIONS: u32 = 100_000;

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
pub fn key_store(
    alias: &str,
    key_pem: &str,
    chain_pem: &str,
    password: &str,
    profile: Profile,
) -> Result<Vec<u8>, PkiError> {
    const BAD_KEY: PkiError =
        PkiError::Store { what: "private key", fix: "it should be one PEM block, -----BEGIN PRIVATE KEY-----" };
    let mut keys = blocks(key_pem).filter(|block| block.label == "PRIVATE KEY");
    let key = keys.next().and_then(|block| PrivateKey::from_der(&block.contents).ok()).ok_or(BAD_KEY)?;
    let chain = certificates(chain_pem)?;
    // Binds the key to its certificate within the store.
    let id = random::bytes::<20>()?.to_vec();
    let mut store = KeyStore::new();
    store.add_entry(alias, KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(id, key, chain)));
    write(&store, password, profile)
}

/// A trust store with the certificates of `ca_pem` (PEM), each a trusted entry of Java's.
///
/// # Errors
/// As [`key_store`].
pub fn trust_store(alias: &str, ca_pem: &str, password: &str, profile: Profile) -> Result<Vec<u8>, PkiError> {
    let mut store = KeyStore::new();
    for (at, certificate) in certificates(ca_pem)?.into_iter().enumerate() {
        let alias = if at == 0 { alias.to_owned() } else { format!("{alias}-{}", at + 1) };
        store.add_entry(&alias, KeyStoreEntry::Certificate(certificate));
    }
    write(&store, password, profile)
}

fn certificates(pem: &str) -> Result<Vec<Certificate>, PkiError> {
    const BAD: PkiError =
        PkiError::Store { what: "certificates", fix: "they should be PEM blocks, -----BEGIN CERTIFICATE-----" };
    let certificates = blocks(pem).filter(|block| block.label == "CERTIFICATE");
    let certificates: Result<Vec<_>, _> = certificates.map(|block| Certificate::from_der(&block.contents)).collect();
    certificates.ok().filter(|certificates| !certificates.is_empty()).ok_or(BAD)
}

fn blocks(pem: &str) -> impl Iterator<Item = Pem> {
    Pem::iter_from_buffer(pem.as_bytes()).map_while(Result::ok)
}

fn write(store: &KeyStore, password: &str, profile: Profile) -> Result<Vec<u8>, PkiError> {
    if password.is_empty() {
        return Err(PkiError::EmptyPassword);
    }
    let (encryption, mac) = match profile {
        Profile::Modern => (EncryptionAlgorithm::PbeWithHmacSha256AndAes256, MacAlgorithm::HmacSha256),
        Profile::Java8 => (EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc, MacAlgorithm::HmacSha1),
    };
    let writer = store.writer(password).encryption_algorithm(encryption).encryption_iterations(ITERATIONS);
    writer.mac_algorithm(mac).mac_iterations(ITERATIONS).write().map_err(|_| PkiError::Encryption)
}
