//! Private keys: made, written as PKCS#8, read again. Must never show one in an error or a `Debug` form.

use pkcs8::der::SecretDocument;
use pkcs8::pkcs5::pbes2;
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use x509_parser::pem::Pem;

use crate::error::PkiError;
use crate::random;

/// PBKDF2 with HMAC-SHA-256: what OWASP asks for, and what openssl and Java read.
const ITERATIONS: u32 = 600_000;
/// The label of an encrypted key.
pub(crate) const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
/// PKCS#8, PKCS#1 and SEC 1.
const PLAIN: [&str; 3] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];

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

/// Why a private key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// There is no PEM block with a private key.
    #[error("there is no private key in it: it should begin with -----BEGIN PRIVATE KEY-----")]
    None,
    /// The key is encrypted and no passphrase was given.
    #[error("the key is encrypted: its passphrase is needed")]
    Encrypted,
    /// A passphrase was given for a key in the clear.
    #[error("the key is not encrypted, and a passphrase was given: leave it out, or see whether this is the right key")]
    NotEncrypted,
    /// The passphrase does not open it.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The key is damaged, or of a kind that is not read here.
    #[error("the key is damaged or of an unknown kind: ECDSA on P-256 or P-384 and RSA, as PKCS#8, are read")]
    Unreadable,
}

impl KeyKind {
    /// A new key of this kind.
    pub(crate) fn generate(self) -> Result<KeyPair, PkiError> {
        match self {
            Self::EcdsaP256 => KeyPair::generate(),
            Self::Rsa => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072),
        }
        .map_err(PkiError::Signing)
    }
}

/// The key in PEM: PKCS#8, encrypted (PBES2, AES-256) where there is a passphrase.
pub(crate) fn to_pem(key: &KeyPair, passphrase: Option<&str>) -> Result<String, PkiError> {
    let Some(passphrase) = passphrase else { return Ok(key.serialize_pem()) };
    if passphrase.is_empty() {
        return Err(PkiError::EmptyPassword);
    }
    let encrypted = encrypt(key.serialized_der(), passphrase)?;
    encrypted.to_pem(ENCRYPTED, LineEnding::LF).map(|pem| pem.to_string()).map_err(|_| PkiError::Encryption)
}

/// The key in a PEM text.
pub(crate) fn from_pem(text: &str, passphrase: Option<&str>) -> Result<KeyPair, KeyError> {
    let blocks = Pem::iter_from_buffer(text.as_bytes()).map_while(Result::ok);
    let block = { blocks }.find(|block| is_key(&block.label)).ok_or(KeyError::None)?;
    match (block.label == ENCRYPTED, passphrase) {
        (true, None) => Err(KeyError::Encrypted),
        (false, Some(_)) => Err(KeyError::NotEncrypted),
        (false, None) => from_der(&block.contents),
        (true, Some(passphrase)) => {
            let sealed = EncryptedPrivateKeyInfoRef::try_from(block.contents.as_slice());
            let opened = sealed.map_err(|_| KeyError::Unreadable)?.decrypt(passphrase);
            let opened = opened.map_err(|_| KeyError::WrongPassphrase)?;
            KeyPair::try_from(opened.as_bytes()).map_err(|_| KeyError::WrongPassphrase)
        }
    }
}

/// The key of this DER: PKCS#8, PKCS#1 or SEC 1.
pub(crate) fn from_der(der: &[u8]) -> Result<KeyPair, KeyError> {
    KeyPair::try_from(der).map_err(|_| KeyError::Unreadable)
}

/// Whether the first private key of a PEM text is encrypted.
pub(crate) fn is_encrypted(text: &str) -> Result<bool, KeyError> {
    let mut blocks = Pem::iter_from_buffer(text.as_bytes()).map_while(Result::ok);
    blocks.find(|block| is_key(&block.label)).map(|block| block.label == ENCRYPTED).ok_or(KeyError::None)
}

/// Whether a PEM block with this label holds a private key.
pub(crate) fn is_key(label: &str) -> bool {
    label == ENCRYPTED || PLAIN.contains(&label)
}

fn encrypt(der: &[u8], passphrase: &str) -> Result<SecretDocument, PkiError> {
    let (salt, iv) = (random::bytes::<16>()?, random::bytes::<16>()?);
    let parameters = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, iv);
    let key = PrivateKeyInfoRef::try_from(der).map_err(|_| PkiError::Encryption)?;
    let parameters = parameters.map_err(|_| PkiError::Encryption)?;
    key.encrypt_with_params(parameters, passphrase).map_err(|_| PkiError::Encryption)
}
