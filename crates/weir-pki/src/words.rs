//! Parts of certificates and requests in words, for people. Must never let bytes of a stranger through as they are:
//! what is not printable is escaped.

use std::net::IpAddr;

use x509_parser::extensions::{ExtendedKeyUsage, GeneralName, KeyUsage};
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_SIG_ED25519};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Names of the bits of a key usage, in their order (RFC 5280 section 4.2.1.3).
const KEY_USAGES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

/// The usages that are set.
pub(crate) fn key_usages(usage: &KeyUsage) -> Vec<String> {
    let is_set = |bit: usize| (usage.flags >> bit) & 1 == 1;
    KEY_USAGES.iter().enumerate().filter(|(bit, _)| is_set(*bit)).map(|(_, name)| (*name).to_owned()).collect()
}

/// The extended usages, those without a name as OIDs.
pub(crate) fn extended_key_usages(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let named = [
        (usage.any, "anyExtendedKeyUsage"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    let named = named.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name.to_owned());
    named.chain(usage.other.iter().map(|oid| oid.to_id_string())).collect()
}

/// An alternative name with its type: `DNS:a.example`.
pub(crate) fn general_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => format!("DNS:{}", printable(name)),
        GeneralName::URI(name) => format!("URI:{}", printable(name)),
        GeneralName::RFC822Name(name) => format!("email:{}", printable(name)),
        GeneralName::IPAddress(bytes) => match address(bytes) {
            Some(address) => format!("IP:{address}"),
            None => format!("IP with {} bytes", bytes.len()),
        },
        GeneralName::DirectoryName(name) => format!("directory name:{}", printable(&name.to_string())),
        GeneralName::RegisteredID(oid) => format!("registered id:{}", oid.to_id_string()),
        GeneralName::OtherName(oid, _) => format!("other name of type {}", oid.to_id_string()),
        GeneralName::X400Address(_) => "X.400 address".to_owned(),
        GeneralName::EDIPartyName(_) => "EDI party name".to_owned(),
        GeneralName::Invalid(_, _) => "a name that cannot be read".to_owned(),
    }
}

/// A public key: `ECDSA P-256`, `RSA 3072`.
pub(crate) fn key(key: &SubjectPublicKeyInfo<'_>) -> String {
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => return format!("RSA {}", bits(rsa.modulus)),
        Ok(PublicKey::EC(_)) => {
            let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
            return match curve {
                Some(curve) if curve == OID_EC_P256 => "ECDSA P-256".to_owned(),
                Some(curve) if curve == OID_NIST_EC_P384 => "ECDSA P-384".to_owned(),
                Some(curve) if curve == OID_NIST_EC_P521 => "ECDSA P-521".to_owned(),
                Some(curve) => format!("ECDSA on curve {}", printable(&curve.to_id_string())),
                None => "ECDSA on an unnamed curve".to_owned(),
            };
        }
        _ => {}
    }
    if key.algorithm.algorithm == OID_SIG_ED25519 {
        return "Ed25519".to_owned();
    }
    format!("a key of type {}", key.algorithm.algorithm.to_id_string())
}

/// The text with what is not printable escaped, and cut where it is long.
pub(crate) fn printable(text: &str) -> String {
    const LONGEST: usize = 200;
    let cut: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().count() > LONGEST { format!("{cut}...") } else { cut }
}

/// The length of a big-endian number.
pub(crate) fn bits(number: &[u8]) -> usize {
    let significant: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
    let unused = significant.first().map_or(0, |first| first.leading_zeros() as usize);
    significant.len() * 8 - unused
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}
