//! The name that brokers have for who shows a certificate: the subject as Java writes it by RFC 2253, which is what Kafka
//! takes where `ssl.principal.mapping.rules` does not say otherwise.
//!
//! Must never: guess. A subject that Java may write in another way has no name here.

use std::fmt::Write as _;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::asn1_rs::{Any, Class, Tag};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName};

use super::identity::BadCertificate;

/// The attribute types that RFC 2253 has names for, and Java with it. Of all others it writes the OID.
const NAMES: [(&str, &str); 9] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

/// Kafka's name, without `User:`, for who shows the first certificate of a PEM text. Nothing where the subject is empty,
/// or has a part whose text is not certain: control characters, string types of another time, a longer structure.
///
/// # Errors
/// There is no certificate, or it cannot be read.
pub fn kafka_name(pem: &[u8]) -> Result<Option<String>, BadCertificate> {
    let der = CertificateDer::from_pem_slice(pem).map_err(|_| BadCertificate)?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| BadCertificate)?;
    let parts: Option<Vec<String>> = certificate.subject().iter_rdn().map(relative_name).collect();
    // The text begins with the last part of the certificate.
    Ok(parts.filter(|parts| !parts.is_empty()).map(|parts| parts.into_iter().rev().collect::<Vec<_>>().join(",")))
}

fn relative_name(rdn: &RelativeDistinguishedName<'_>) -> Option<String> {
    let attributes: Option<Vec<String>> = rdn.iter().map(attribute).collect();
    attributes.map(|attributes| attributes.join("+"))
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let oid = attribute.attr_type().to_id_string();
    let value = attribute.attr_value();
    match NAMES.iter().find(|(known, _)| *known == oid) {
        Some((_, name)) => Some(format!("{name}={}", escaped(text(value)?))),
        None => Some(format!("{oid}=#{}", encoded(value)?)),
    }
}

/// The bytes of a string whose characters are not in doubt.
fn text<'a>(value: &Any<'a>) -> Option<&'a str> {
    let is_text = matches!(value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String);
    let text = std::str::from_utf8(value.data).ok().filter(|_| is_text && value.class() == Class::Universal)?;
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}

fn escaped(text: &str) -> String {
    let blanks_before = text.len().saturating_sub(text.trim_start_matches(' ').len());
    let blanks_after = text.trim_end_matches(' ').len();
    let mut escaped = String::new();
    for (at, next) in text.char_indices() {
        let is_outer_blank = next == ' ' && (at < blanks_before || at >= blanks_after);
        if is_outer_blank || ",=+<>#;\"\\".contains(next) {
            escaped.push('\\');
        }
        escaped.push(next);
    }
    escaped
}

/// The whole encoding of a primitive value, in hexadecimal digits.
fn encoded(value: &Any<'_>) -> Option<String> {
    let tag = u8::try_from(value.tag().0).ok().filter(|tag| *tag < 31)?;
    if value.class() != Class::Universal || value.header.is_constructed() {
        return None;
    }
    // One byte says the length of what a name may hold; longer ones say how many bytes do.
    let length = value.data.len();
    let mut hex = match u8::try_from(length) {
        Ok(short @ 0..=0x7f) => format!("{tag:02x}{short:02x}"),
        Ok(long) => format!("{tag:02x}81{long:02x}"),
        Err(_) => format!("{tag:02x}82{:04x}", u16::try_from(length).ok()?),
    };
    value.data.iter().try_for_each(|byte| write!(hex, "{byte:02x}")).ok()?;
    Some(hex)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

    use super::*;

    fn named(parts: &[(DnType, DnValue)]) -> Option<String> {
        let mut name = DistinguishedName::new();
        parts.iter().for_each(|(kind, value)| name.push(kind.clone(), value.clone()));
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        let key = KeyPair::generate().unwrap();
        kafka_name(params.self_signed(&key).unwrap().pem().as_bytes()).unwrap()
    }

    fn utf8(text: &str) -> DnValue {
        DnValue::Utf8String(text.to_owned())
    }

    /// The expected texts are what `X500Principal.getName()` of JDK 17 says.
    #[test]
    fn a_subject_is_written_as_java_writes_it() {
        use DnType::{CommonName, CountryName, CustomDnType, OrganizationName};
        let email = CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]);
        let country = DnValue::PrintableString("DE".try_into().unwrap());
        assert_eq!(
            named(&[(CountryName, country), (OrganizationName, utf8(" A, B+C ")), (CommonName, utf8("Weïr #1"))])
                .as_deref(),
            Some(r"CN=Weïr \#1,O=\ A\, B\+C\ ,C=DE")
        );
        let mail = DnValue::Ia5String("a@b.example".try_into().unwrap());
        assert_eq!(
            named(&[(CommonName, utf8("weir")), (email, mail)]).as_deref(),
            Some("1.2.840.113549.1.9.1=#160b6140622e6578616d706c65,CN=weir")
        );
        let serial = CustomDnType(vec![2, 5, 4, 5]);
        let long = "7".repeat(200);
        let hex = "37".repeat(200);
        assert_eq!(named(&[(serial, utf8(&long))]), Some(format!("2.5.4.5=#0c81c8{hex}")));
    }

    #[test]
    fn what_may_be_read_in_two_ways_is_no_name() {
        let bmp = DnValue::BmpString("weir".try_into().unwrap());
        assert_eq!(named(&[(DnType::CommonName, bmp)]), None);
        assert_eq!(named(&[(DnType::CommonName, utf8("we\nir"))]), None);
        assert_eq!(named(&[]), None);
        assert!(kafka_name(b"no certificate").is_err());
    }
}
