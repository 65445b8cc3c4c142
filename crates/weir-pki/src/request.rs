//! Reading a request (CSR) that a stranger wrote. All that is taken from it is the public key, and only where the
//! request is signed with that key; what else it asks for is told in words.
//!
//! Must never: hand out anything else of a request, take a weak key, or repeat a stranger's bytes unescaped.

use std::ops::RangeInclusive;

use rcgen::SubjectPublicKeyInfo;
use thiserror::Error;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::{ParsedCriAttribute, X509CriAttribute};
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_X509_COMMON_NAME, OID_X509_ORGANIZATION_NAME};
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo as Key};

use crate::words;

/// A request with a key of 8,192 bits has 3 KiB. More than this is none.
const LONGEST: usize = 64 * 1024;
/// keytool writes the second.
const LABELS: [&str; 2] = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];
const RSA_BITS: RangeInclusive<usize> = 2_048..=8_192;
/// From 65,537 on (FIPS 186-5), and no longer than every library takes.
const EXPONENT_BITS: RangeInclusive<usize> = 17..=32;
/// What a point begins with that is not compressed. The other form would be one key under two digests, and Java does not
/// read it.
const UNCOMPRESSED: u8 = 4;
/// More lines of what was dropped than that help nobody.
const MOST_ASKS: usize = 50;

/// Why a request is not signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// No PEM block with a request.
    #[error("this is no request: it should begin with -----BEGIN CERTIFICATE REQUEST-----")]
    None,
    /// A certificate or a key where a request should be.
    #[error("this is a {found}, not a request: {fix}")]
    Other {
        /// The label of the PEM block.
        found: String,
        /// What to send instead.
        fix: &'static str,
    },
    /// More than one request.
    #[error("there is more than one PEM block in it: a request stands alone")]
    Several,
    /// It cannot be parsed.
    #[error("the request is damaged: have it made and sent again")]
    Unreadable,
    /// The signature is not by the key that the request is for.
    #[error("the request is not signed with its own key, or in a way that is not known: have it made again")]
    Signature,
    /// A key that nobody should use.
    #[error(
        "its key is {key}: it must be ECDSA on P-256 or P-384 with a point that is not compressed, or RSA with 2048 to 8192 \
         bits and an exponent from 65537 on; `weir cert csr` makes one"
    )]
    Key {
        /// The key in words.
        key: String,
    },
}

/// A request: the key that may be taken, and words about the rest.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The key for which the certificate is to be.
    pub(crate) key: SubjectPublicKeyInfo,
    /// What it asks for, beside what would be granted: a sentence each.
    pub(crate) dropped: Vec<String>,
}

/// What the certificate will have, whatever the request says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Granted {
    pub(crate) common_name: String,
    pub(crate) organisation: Option<String>,
    /// With their types.
    pub(crate) alternative_names: Vec<String>,
    /// The extended key usage.
    pub(crate) usage: &'static str,
}

impl Request {
    /// The request in a PEM text. What is granted anyway is not said to be dropped.
    pub(crate) fn read(pem: &str, granted: &Granted) -> Result<Request, RequestError> {
        let der = only_block(pem)?;
        let request = parse(&der)?;
        let key = &request.certification_request_info.subject_pki;
        if !is_strong(key) {
            return Err(RequestError::Key { key: words::key(key) });
        }
        request.verify_signature().map_err(|_| RequestError::Signature)?;
        let taken = SubjectPublicKeyInfo::from_der(key.raw);
        let taken = taken.map_err(|_| RequestError::Key { key: words::key(key) })?;
        Ok(Request { key: taken, dropped: asks(&request, granted) })
    }
}

/// A request that was parsed, for looking at it.
pub(crate) fn parse(der: &[u8]) -> Result<X509CertificationRequest<'_>, RequestError> {
    match X509CertificationRequest::from_der(der) {
        Ok(([], request)) => Ok(request),
        _ => Err(RequestError::Unreadable),
    }
}

/// Whether a PEM block with this label holds a request.
pub(crate) fn is_request(label: &str) -> bool {
    LABELS.contains(&label)
}

/// What a request asks for beside a certificate for its key.
pub(crate) fn asks(request: &X509CertificationRequest<'_>, granted: &Granted) -> Vec<String> {
    let info = &request.certification_request_info;
    let mut asks: Vec<String> =
        info.subject.iter_attributes().filter_map(|attribute| asked_name(attribute, granted)).collect();
    asks.extend(info.attributes().iter().flat_map(|attribute| asked_attribute(attribute, granted)));
    let more = asks.len().saturating_sub(MOST_ASKS);
    asks.truncate(MOST_ASKS);
    if more > 0 {
        asks.push(format!("and {more} more"));
    }
    asks
}

fn only_block(pem: &str) -> Result<Vec<u8>, RequestError> {
    if pem.len() > LONGEST {
        return Err(RequestError::Unreadable);
    }
    // Windows puts one before a text.
    let pem = pem.trim_start_matches('\u{feff}');
    let mut blocks = Pem::iter_from_buffer(pem.as_bytes());
    let block = match blocks.next() {
        None => return Err(RequestError::None),
        Some(block) => block.map_err(|_| RequestError::Unreadable)?,
    };
    if !is_request(&block.label) {
        let fix = match block.label.as_str() {
            label if label.contains("PRIVATE KEY") => {
                "a private key must never be sent; throw it away and make a new key and request with `weir cert csr`"
            }
            _ => "`weir cert csr` makes one",
        };
        return Err(RequestError::Other { found: words::printable(&block.label), fix });
    }
    if blocks.next().is_some() {
        return Err(RequestError::Several);
    }
    Ok(block.contents)
}

fn is_strong(key: &Key<'_>) -> bool {
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            RSA_BITS.contains(&words::bits(rsa.modulus)) && EXPONENT_BITS.contains(&words::bits(rsa.exponent))
        }
        Ok(PublicKey::EC(point)) if point.data().first() == Some(&UNCOMPRESSED) => {
            let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
            curve.is_some_and(|curve| curve == OID_EC_P256 || curve == OID_NIST_EC_P384)
        }
        _ => false,
    }
}

fn asked_name(attribute: &AttributeTypeAndValue<'_>, granted: &Granted) -> Option<String> {
    let kind = attribute.attr_type();
    let value = attribute.as_str().ok();
    let (name, mine) = if *kind == OID_X509_COMMON_NAME {
        ("the common name".to_owned(), Some(granted.common_name.as_str()))
    } else if *kind == OID_X509_ORGANIZATION_NAME {
        ("the organisation".to_owned(), granted.organisation.as_deref())
    } else {
        (format!("the part {} of a name,", kind.to_id_string()), None)
    };
    if value.is_some() && value == mine {
        return None;
    }
    let value = value.map(|value| format!("`{}`", words::printable(value)));
    Some(format!("{name} {}", value.as_deref().unwrap_or("that cannot be read")))
}

fn asked_attribute(attribute: &X509CriAttribute<'_>, granted: &Granted) -> Vec<String> {
    match attribute.parsed_attribute() {
        ParsedCriAttribute::ExtensionRequest(request) => {
            request.extensions.iter().flat_map(|extension| asked_extension(extension, granted)).collect()
        }
        ParsedCriAttribute::ChallengePassword(_) => {
            vec!["a challenge password: nothing asks for it, and it is known now to whoever saw the request".to_owned()]
        }
        ParsedCriAttribute::UnsupportedAttribute => {
            vec![format!("the attribute {}", attribute.oid.to_id_string())]
        }
    }
}

fn asked_extension(extension: &X509Extension<'_>, granted: &Granted) -> Vec<String> {
    match extension.parsed_extension() {
        ParsedExtension::BasicConstraints(constraints) if constraints.ca => {
            vec!["to be an authority that signs others (CA:TRUE)".to_owned()]
        }
        ParsedExtension::BasicConstraints(_) => Vec::new(),
        ParsedExtension::KeyUsage(usage) => {
            let foreign = words::key_usages(usage).into_iter().filter(|usage| usage != "digitalSignature");
            foreign.map(|usage| format!("the key usage {usage}")).collect()
        }
        ParsedExtension::ExtendedKeyUsage(usage) => {
            let foreign = words::extended_key_usages(usage).into_iter().filter(|usage| usage != granted.usage);
            foreign.map(|usage| format!("the extended key usage {usage}")).collect()
        }
        ParsedExtension::SubjectAlternativeName(asked) => {
            let asked = asked.general_names.iter().map(words::general_name);
            let foreign = asked.filter(|name| !granted.alternative_names.contains(name));
            foreign.map(|name| format!("the alternative name {name}")).collect()
        }
        ParsedExtension::ParseError { .. } => {
            vec![format!("the extension {}, which cannot be read", extension.oid.to_id_string())]
        }
        _ => vec![format!("the extension {}", extension.oid.to_id_string())],
    }
}
