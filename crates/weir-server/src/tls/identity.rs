//! What a verified certificate says, as facts that policy can compare.
//!
//! Must never: be asked about a certificate that was not verified, give a fact that a certificate does not state in
//! so many bytes, or fold two different names into one. Whatever has no safe reading is left out.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use weir_policy::{DistinguishedName, PeerFacts, Rdn, Serial};
use x509_parser::asn1_rs::{Any, Class, Oid, Tag, oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{RelativeDistinguishedName, SubjectPublicKeyInfo, X509Name};

use super::provider::sha256;

/// A certificate that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate cannot be read")]
pub struct BadCertificate;

/// What one certificate says.
#[derive(Clone, Debug)]
pub struct CertificateFacts {
    /// What policy compares.
    pub peer: PeerFacts,
    /// The first second in which it is valid, since 1970.
    pub not_before: i64,
    /// The last second in which it is valid, since 1970.
    pub not_after: i64,
    /// Whether the key is RSA with at least 2,048 bits, ECDSA on P-256, P-384 or P-521, Ed25519 or ML-DSA.
    pub strong_key: bool,
    /// Whether it may sign other certificates.
    pub is_ca: bool,
}

/// Reads a certificate.
///
/// # Errors
/// It is not one certificate of X.509, or its alternative names cannot be read.
pub fn certificate_facts(der: &CertificateDer<'_>) -> Result<CertificateFacts, BadCertificate> {
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| BadCertificate)?;
    if !rest.is_empty() {
        return Err(BadCertificate);
    }
    let mut peer = PeerFacts {
        fingerprint_sha256: sha256(der),
        serial: Serial::new(certificate.raw_serial()),
        subject: name_of(certificate.subject()),
        issuer: name_of(certificate.issuer()),
        ..PeerFacts::default()
    };
    let names = certificate.subject_alternative_name().map_err(|_| BadCertificate)?;
    for name in names.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::URI(uri) => push_printable(&mut peer.san_uris, uri),
            GeneralName::DNSName(dns) => push_printable(&mut peer.san_dns, dns),
            GeneralName::RFC822Name(email) => push_printable(&mut peer.san_emails, email),
            _ => {}
        }
    }
    Ok(CertificateFacts {
        peer,
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
        strong_key: is_strong(certificate.public_key()),
        is_ca: certificate.is_ca(),
    })
}

/// Reads every certificate of a PEM text, in its order.
///
/// # Errors
/// One of them is none, or the text is no PEM.
pub fn certificate_facts_of_pem(pem: &[u8]) -> Result<Vec<CertificateFacts>, BadCertificate> {
    let certificates = CertificateDer::pem_slice_iter(pem);
    certificates.map(|der| certificate_facts(&der.map_err(|_| BadCertificate)?)).collect()
}

/// The name that this DER stands for, as it is read from the certificate of a client; nothing where it has no safe
/// reading, or is empty.
#[must_use]
pub fn distinguished_name(der: &[u8]) -> Option<DistinguishedName> {
    let (rest, name) = X509Name::from_der(der).ok()?;
    if rest.is_empty() { name_of(&name) } else { None }
}

/// The subject, for people.
pub(super) fn subject(der: &CertificateDer<'_>) -> Option<String> {
    X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate.subject().to_string())
}

/// DNS names and IP addresses for which a server certificate stands.
pub(super) fn server_names(der: &CertificateDer<'_>) -> Result<(Vec<String>, Vec<Vec<u8>>), BadCertificate> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| BadCertificate)?;
    let names = certificate.subject_alternative_name().map_err(|_| BadCertificate)?;
    let (mut hosts, mut addresses) = (Vec::new(), Vec::new());
    for name in names.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::DNSName(dns) => push_printable(&mut hosts, dns),
            GeneralName::IPAddress(bytes) => addresses.push(bytes.to_vec()),
            _ => {}
        }
    }
    Ok((hosts, addresses))
}

/// The types are IA5 strings: printable ASCII is all that they need. A NUL or a line break in one is an attack.
fn push_printable(names: &mut Vec<String>, name: &str) {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        names.push(name.to_owned());
    }
}

/// The name, or nothing where a part of it has no safe reading or there is no part at all.
fn name_of(name: &X509Name<'_>) -> Option<DistinguishedName> {
    let rdns: Vec<Rdn> = name.iter_rdn().map(relative_name).collect::<Option<_>>()?;
    (!rdns.is_empty()).then(|| DistinguishedName::new(rdns))
}

fn relative_name(name: &RelativeDistinguishedName<'_>) -> Option<Rdn> {
    let attributes: Vec<(String, &str)> = name
        .iter()
        .map(|attribute| Some((attribute.attr_type().to_id_string(), text(attribute.attr_value())?)))
        .collect::<Option<_>>()?;
    Rdn::new(attributes.iter().map(|(kind, value)| (kind.as_str(), *value))).ok()
}

/// The text of a value. Other string types (T61, BMP, Universal) have more than one reading, and a tag of another class,
/// or one of parts, is no string of DER.
fn text<'a>(value: &'a Any<'_>) -> Option<&'a str> {
    if value.class() != Class::Universal || value.header.is_constructed() {
        return None;
    }
    let text = std::str::from_utf8(value.data).ok().filter(|text| !text.contains('\0'))?;
    match value.tag() {
        Tag::Utf8String => Some(text),
        Tag::PrintableString | Tag::Ia5String => text.is_ascii().then_some(text),
        _ => None,
    }
}

const RSA: Oid<'static> = oid!(1.2.840.113549.1.1.1);
const EC: Oid<'static> = oid!(1.2.840.10045.2.1);
const STRONG_CURVES: [Oid<'static>; 3] = [oid!(1.2.840.10045.3.1.7), oid!(1.3.132.0.34), oid!(1.3.132.0.35)];
/// Ed25519 and the three sizes of ML-DSA.
const STRONG_KEYS: [Oid<'static>; 4] =
    [oid!(1.3.101.112), oid!(2.16.840.1.101.3.4.3.17), oid!(2.16.840.1.101.3.4.3.18), oid!(2.16.840.1.101.3.4.3.19)];
const RSA_BITS: usize = 2_048;

fn is_strong(key: &SubjectPublicKeyInfo<'_>) -> bool {
    let algorithm = &key.algorithm.algorithm;
    if *algorithm == RSA {
        return matches!(key.parsed(), Ok(PublicKey::RSA(rsa)) if rsa.key_size() >= RSA_BITS);
    }
    if *algorithm == EC {
        let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
        return curve.is_some_and(|curve| STRONG_CURVES.contains(&curve));
    }
    STRONG_KEYS.contains(algorithm)
}

#[cfg(test)]
mod tests;
