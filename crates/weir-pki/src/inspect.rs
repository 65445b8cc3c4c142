//! What a PEM file holds: certificates, requests, revocation lists and keys. Must never show a private key.
//!
//! Distinguished names are given as they are encoded (DER): `weir_server::tls::identity::name` reads them, as it does
//! for the certificates of clients, so that both show the same.

use time::OffsetDateTime;

/// One block of a PEM file.
#[derive(Debug, Clone)]
pub enum Item {
    /// A certificate.
    Certificate(Box<CertificateFacts>),
    /// A request for a certificate.
    Request(Box<RequestFacts>),
    /// A revocation list.
    RevocationList(CrlFacts),
    /// A private key.
    Key(KeyFacts),
}

/// What a certificate says.
#[derive(Debug, Clone)]
pub struct CertificateFacts {
    /// The subject, DER.
    pub subject: Vec<u8>,
    /// The issuer, DER.
    pub issuer: Vec<u8>,
    /// The serial number, lower-case hexadecimal digits.
    pub serial: SerialHex,
    /// The first second at which it is valid.
    pub not_before: OffsetDateTime,
    /// The last second at which it is valid.
    pub not_after: OffsetDateTime,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// Key usages and extended key usages in words.
    pub usages: Vec<String>,
    /// Alternative names with their types: `DNS:a.example`.
    pub alternative_names: Vec<String>,
    /// The key in words: `ECDSA P-256`, `RSA 3072`.
    pub key: String,
    /// SHA-256 of the certificate (DER), lower-case hexadecimal digits.
    pub fingerprint_sha256: String,
    /// SHA-256 of the public key (DER of SubjectPublicKeyInfo): equal for a certificate, its request and its key.
    pub public_key_sha256: String,
}

/// What a request asks for.
#[derive(Debug, Clone)]
pub struct RequestFacts {
    /// The subject that is asked for, DER.
    pub subject: Vec<u8>,
    /// The key in words.
    pub key: String,
    /// As in [`CertificateFacts`].
    pub public_key_sha256: String,
    /// Whether it is signed with the key that it is for.
    pub is_signed: bool,
    /// What it asks for beside a certificate for its key, a sentence each: an authority of ours would drop all of it.
    pub asks: Vec<String>,
}

/// What a revocation list says.
#[derive(Debug, Clone)]
pub struct CrlFacts {
    /// The issuer, DER.
    pub issuer: Vec<u8>,
    /// Its number, lower-case hexadecimal digits; nothing where it has none.
    pub number: Option<SerialHex>,
    /// When it was made.
    pub this_update: OffsetDateTime,
    /// When the next one is due.
    pub next_update: Option<OffsetDateTime>,
    /// The certificates that it revokes: serial number, since when, and why in words.
    pub revoked: Vec<(SerialHex, OffsetDateTime, String)>,
}

/// What can be said of a private key without showing it.
#[derive(Debug, Clone)]
pub struct KeyFacts {
    /// The key in words; nothing for an encrypted one.
    pub key: Option<String>,
    /// Whether a passphrase is needed to read it.
    pub is_encrypted: bool,
    /// As in [`CertificateFacts`]; nothing for an encrypted one.
    pub public_key_sha256: Option<String>,
}

/// What the PEM blocks of `text` are, in their order.
///
/// # Errors
/// No block is there, or one cannot be read: which, and what it should be.
pub fn read(text: &str) -> Result<Vec<Item>, InspectError>;
