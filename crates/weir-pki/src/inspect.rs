//! What a PEM file holds: certificates, requests, revocation lists and keys. Must never show a private key.
//!
//! Distinguished names are given as they are encoded (DER): `weir_server::tls::distinguished_name` reads them, as
//! it does for the certificates of clients, so that both show the same.

use rcgen::PublicKeyData;
use thiserror::Error;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::time::ASN1Time;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::key;
use crate::random::sha256_hex;
use crate::serial::SerialHex;
use crate::{request, words};

/// One block of a PEM file.
#[derive(Debug, Clone)]
pub enum Item {
    /// A certificate.
    Certificate(Box<CertificateFacts>),
    /// A request for a certificate.
    Request(Box<RequestFacts>),
    /// A revocation list.
    RevocationList(Box<CrlFacts>),
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
    /// The serial number.
    pub serial: SerialHex,
    /// The first second at which it is valid.
    pub not_before: OffsetDateTime,
    /// The last second at which it is valid.
    pub not_after: OffsetDateTime,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// Key usages and extended key usages, as RFC 5280 names them; of others the OID.
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
    /// What it asks for beside a certificate for its key, a sentence each: an authority of Weir's drops all of it.
    pub asks: Vec<String>,
}

/// What a revocation list says.
#[derive(Debug, Clone)]
pub struct CrlFacts {
    /// The issuer, DER.
    pub issuer: Vec<u8>,
    /// Its number; nothing where it has none.
    pub number: Option<SerialHex>,
    /// When it was made.
    pub this_update: OffsetDateTime,
    /// When the next one is due.
    pub next_update: Option<OffsetDateTime>,
    /// The certificates that it revokes.
    pub revoked: Vec<RevokedFacts>,
}

/// A line of a revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedFacts {
    /// The serial number.
    pub serial: SerialHex,
    /// Since when.
    pub at: OffsetDateTime,
    /// Why, as RFC 5280 names it; nothing where the list does not say.
    pub cause: Option<String>,
}

/// What can be said of a private key without showing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// The key in words; nothing for an encrypted one.
    pub key: Option<String>,
    /// Whether a passphrase is needed to read it.
    pub is_encrypted: bool,
    /// As in [`CertificateFacts`]; nothing for an encrypted one.
    pub public_key_sha256: Option<String>,
}

/// Why a PEM text has no facts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InspectError {
    /// No PEM block.
    #[error("there is no PEM block in it: it should begin with -----BEGIN; `openssl x509 -inform der` reads DER")]
    NoPem,
    /// A block that cannot be read.
    #[error("block {number} ({label}) cannot be read: it is damaged, or not what its first line says")]
    Unreadable {
        /// Which, from 1.
        number: usize,
        /// Its label.
        label: String,
    },
    /// A block of another kind.
    #[error("block {number} is a {label}: certificates, requests, revocation lists and private keys can be looked at")]
    Unknown {
        /// Which, from 1.
        number: usize,
        /// Its label.
        label: String,
    },
}

/// What the PEM blocks of `text` are, in their order.
///
/// # Errors
/// No block is there, or one cannot be read: which.
pub fn read(text: &str) -> Result<Vec<Item>, InspectError> {
    let mut items = Vec::new();
    for (at, block) in Pem::iter_from_buffer(text.as_bytes()).enumerate() {
        let number = at + 1;
        let block = block.map_err(|_| InspectError::Unreadable { number, label: "PEM".to_owned() })?;
        let label = words::printable(&block.label);
        let item = match block.label.as_str() {
            "CERTIFICATE" => certificate(&block.contents).map(|facts| Item::Certificate(Box::new(facts))),
            "X509 CRL" => crl(&block.contents).map(|facts| Item::RevocationList(Box::new(facts))),
            known if request::is_request(known) => request_facts(&block.contents),
            known if key::is_key(known) => private_key(&block).map(Item::Key),
            _ => return Err(InspectError::Unknown { number, label }),
        };
        items.push(item.ok_or(InspectError::Unreadable { number, label })?);
    }
    if items.is_empty() { Err(InspectError::NoPem) } else { Ok(items) }
}

/// What a certificate (DER) says.
pub(crate) fn certificate(der: &[u8]) -> Option<CertificateFacts> {
    let Ok(([], certificate)) = X509Certificate::from_der(der) else { return None };
    let mut usages = Vec::new();
    if let Some(usage) = certificate.key_usage().ok()? {
        usages.extend(words::key_usages(usage.value));
    }
    if let Some(usage) = certificate.extended_key_usage().ok()? {
        usages.extend(words::extended_key_usages(usage.value));
    }
    let names = certificate.subject_alternative_name().ok()?;
    let names = names.iter().flat_map(|names| &names.value.general_names).map(words::general_name);
    let (key, public_key_sha256) = public_key(certificate.public_key());
    Some(CertificateFacts {
        subject: certificate.subject().as_raw().to_vec(),
        issuer: certificate.issuer().as_raw().to_vec(),
        serial: SerialHex::from_bytes(certificate.raw_serial()),
        not_before: certificate.validity().not_before.to_datetime(),
        not_after: certificate.validity().not_after.to_datetime(),
        is_ca: certificate.is_ca(),
        usages,
        alternative_names: names.collect(),
        key,
        fingerprint_sha256: sha256_hex(der),
        public_key_sha256,
    })
}

/// What a revocation list (DER) says.
pub(crate) fn crl(der: &[u8]) -> Option<CrlFacts> {
    let Ok(([], list)) = CertificateRevocationList::from_der(der) else { return None };
    let revoked = list.iter_revoked_certificates().map(|revoked| RevokedFacts {
        serial: SerialHex::from_bytes(revoked.raw_serial()),
        at: revoked.revocation_date.to_datetime(),
        cause: revoked.reason_code().map(|(_, code)| as_named(&code.to_string())),
    });
    Some(CrlFacts {
        issuer: list.issuer().as_raw().to_vec(),
        number: list.crl_number().map(|number| SerialHex::from_bytes(&number.to_bytes_be())),
        this_update: list.last_update().to_datetime(),
        next_update: list.next_update().as_ref().map(ASN1Time::to_datetime),
        revoked: revoked.collect(),
    })
}

/// RFC 5280 section 5.3.1 begins these names with a small letter: `keyCompromise`, `cACompromise`.
fn as_named(code: &str) -> String {
    let mut letters = code.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

fn request_facts(der: &[u8]) -> Option<Item> {
    let request = request::parse(der).ok()?;
    let info = &request.certification_request_info;
    let (key, public_key_sha256) = public_key(&info.subject_pki);
    Some(Item::Request(Box::new(RequestFacts {
        subject: info.subject.as_raw().to_vec(),
        key,
        public_key_sha256,
        is_signed: request.verify_signature().is_ok(),
        asks: request::asks(&request, &request::Granted::default()),
    })))
}

fn private_key(block: &Pem) -> Option<KeyFacts> {
    if block.label == key::ENCRYPTED {
        return Some(KeyFacts { key: None, is_encrypted: true, public_key_sha256: None });
    }
    let pair = key::from_der(&block.contents).ok()?;
    let der = pair.subject_public_key_info();
    let Ok(([], public)) = SubjectPublicKeyInfo::from_der(&der) else { return None };
    let (key, public_key_sha256) = public_key(&public);
    Some(KeyFacts { key: Some(key), is_encrypted: false, public_key_sha256: Some(public_key_sha256) })
}

fn public_key(key: &SubjectPublicKeyInfo<'_>) -> (String, String) {
    (words::key(key), sha256_hex(key.raw))
}
