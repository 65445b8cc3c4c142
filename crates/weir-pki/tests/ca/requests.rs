//! Requests (CSRs) of strangers: they get a certificate for their key, and nothing else that they ask for.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::subsequence;
use rcgen::string::Ia5String;
use rcgen::{
    Attribute, BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_ECDSA_P521_SHA512, PKCS_ED25519, PublicKeyData, SanType,
};
use weir_pki::{CaError, ClientSubject, RequestError, RevocationCause, Terms, Which};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::support::{Root, by, der, facts, pem};

const PASSWORD: &[u64] = &[1, 2, 840, 113_549, 1, 9, 7];
const UNKNOWN_ATTRIBUTE: &[u64] = &[1, 3, 6, 1, 4, 1, 99_999, 7];
const UNKNOWN_EXTENSION: &[u64] = &[1, 3, 6, 1, 4, 1, 99_999, 1];

/// Whom the operator means.
fn meant() -> ClientSubject {
    ClientSubject {
        common_name: "a-tool".to_owned(),
        organisation: Some("Tools".to_owned()),
        san_uris: vec!["spiffe://weir.example/a-tool".to_owned()],
        ..ClientSubject::default()
    }
}

/// What a request asks for.
#[derive(Debug, Clone)]
struct Asked {
    p384: bool,
    common_name: Option<String>,
    organisation: Option<String>,
    unit: Option<String>,
    names: Vec<(u8, String)>,
    ca: Option<bool>,
    key_usages: Vec<KeyUsagePurpose>,
    extended: Vec<ExtendedKeyUsagePurpose>,
    extension: Option<Vec<u8>>,
    attributes: Vec<bool>,
}

impl Asked {
    fn any() -> impl Strategy<Value = Asked> {
        let name = || prop_oneof![Just("a-tool".to_owned()), Just("Tools".to_owned()), "[ -~é\\n]{1,20}"];
        let alternative = (0..4_u8, prop_oneof![Just("spiffe://weir.example/a-tool".to_owned()), "[!-~]{1,20}"]);
        let key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::KeyAgreement,
        ];
        let extended = vec![
            ExtendedKeyUsagePurpose::Any,
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::CodeSigning,
            ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 2]),
        ];
        let subject = (any::<bool>(), prop::option::of(name()), prop::option::of(name()), prop::option::of(name()));
        let rest = (
            prop::collection::vec(alternative, 0..4),
            prop::option::of(any::<bool>()),
            subsequence(key_usages, 0..=5),
            subsequence(extended, 0..=5),
            prop::option::of(prop::collection::vec(any::<u8>(), 0..9)),
            prop::collection::vec(any::<bool>(), 0..3),
        );
        (subject, rest).prop_map(|((p384, common_name, organisation, unit), rest)| {
            let (names, ca, key_usages, extended, extension, attributes) = rest;
            Asked { p384, common_name, organisation, unit, names, ca, key_usages, extended, extension, attributes }
        })
    }

    fn key(&self) -> KeyPair {
        KeyPair::generate_for(if self.p384 { &PKCS_ECDSA_P384_SHA384 } else { &PKCS_ECDSA_P256_SHA256 }).unwrap()
    }

    fn request(&self, key: &KeyPair) -> String {
        let mut params = nameless();
        let parts = [
            (DnType::CommonName, &self.common_name),
            (DnType::OrganizationName, &self.organisation),
            (DnType::OrganizationalUnitName, &self.unit),
        ];
        for (kind, value) in parts {
            value.iter().for_each(|value| params.distinguished_name.push(kind.clone(), value.as_str()));
        }
        params.subject_alt_names = self.names.iter().map(|(kind, name)| alternative(*kind, name)).collect();
        params.is_ca = match self.ca {
            None => IsCa::NoCa,
            Some(false) => IsCa::ExplicitNoCa,
            Some(true) => IsCa::Ca(BasicConstraints::Unconstrained),
        };
        params.key_usages.clone_from(&self.key_usages);
        params.extended_key_usages.clone_from(&self.extended);
        let extension = |content: &Vec<u8>| CustomExtension::from_oid_content(UNKNOWN_EXTENSION, content.clone());
        params.custom_extensions = self.extension.iter().map(extension).collect();
        let attribute = |password: &bool| Attribute {
            oid: if *password { PASSWORD } else { UNKNOWN_ATTRIBUTE },
            // SET { UTF8String "swordfish" }
            values: [&[0x31, 11, 12, 9][..], b"swordfish"].concat(),
        };
        let attributes = self.attributes.iter().map(attribute).collect();
        params.serialize_request_with_attributes(key, attributes).unwrap().pem().unwrap()
    }

    /// What of it is not granted, in words.
    fn dropped(&self) -> BTreeSet<String> {
        let meant = meant();
        let mut dropped = BTreeSet::new();
        let shown = |text: &str| text.escape_debug().to_string();
        let other = |asked: &Option<String>, mine: &str| asked.clone().filter(|asked| asked != mine);
        dropped.extend(other(&self.common_name, "a-tool").map(|name| format!("the common name `{}`", shown(&name))));
        dropped.extend(other(&self.organisation, "Tools").map(|name| format!("the organisation `{}`", shown(&name))));
        dropped.extend(self.unit.iter().map(|name| format!("the part 2.5.4.11 of a name, `{}`", shown(name))));
        for (kind, name) in &self.names {
            if *kind != 0 || *name != meant.san_uris[0] {
                dropped.insert(format!("the alternative name {}", typed(*kind, name)));
            }
        }
        dropped.extend((self.ca == Some(true)).then(|| "to be an authority that signs others (CA:TRUE)".to_owned()));
        for usage in &self.key_usages {
            let name = match usage {
                KeyUsagePurpose::KeyEncipherment => "keyEncipherment",
                KeyUsagePurpose::KeyCertSign => "keyCertSign",
                KeyUsagePurpose::CrlSign => "cRLSign",
                KeyUsagePurpose::KeyAgreement => "keyAgreement",
                _ => continue,
            };
            dropped.insert(format!("the key usage {name}"));
        }
        for usage in &self.extended {
            let name = match usage {
                ExtendedKeyUsagePurpose::Any => "anyExtendedKeyUsage",
                ExtendedKeyUsagePurpose::ServerAuth => "serverAuth",
                ExtendedKeyUsagePurpose::CodeSigning => "codeSigning",
                ExtendedKeyUsagePurpose::Other(_) => "1.3.6.1.4.1.311.20.2.2",
                _ => continue,
            };
            dropped.insert(format!("the extended key usage {name}"));
        }
        dropped.extend(self.extension.iter().map(|_| "the extension 1.3.6.1.4.1.99999.1".to_owned()));
        dropped.extend(self.attributes.iter().map(|password| {
            if *password {
                "a challenge password: nothing asks for it, and it is known now to whoever saw the request".to_owned()
            } else {
                "the attribute 1.3.6.1.4.1.99999.7".to_owned()
            }
        }));
        dropped
    }
}

/// Without the name that rcgen gives by itself.
fn nameless() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
}

fn alternative(kind: u8, name: &str) -> SanType {
    let ia5 = Ia5String::try_from(name).unwrap();
    match kind {
        0 => SanType::URI(ia5),
        1 => SanType::DnsName(ia5),
        2 => SanType::Rfc822Name(ia5),
        _ => SanType::IpAddress(address(name)),
    }
}

fn typed(kind: u8, name: &str) -> String {
    let shown = name.escape_debug();
    match kind {
        0 => format!("URI:{shown}"),
        1 => format!("DNS:{shown}"),
        2 => format!("email:{shown}"),
        _ => format!("IP:{}", address(name)),
    }
}

/// Some address for some name.
fn address(name: &str) -> IpAddr {
    IpAddr::from([192, 0, 2, name.len() as u8])
}

thread_local! {
    /// One authority for all cases: making one takes longer than a case.
    static ROOT: RefCell<Root> = RefCell::new(Root::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn hostile_a_request_gets_a_certificate_for_its_key_and_nothing_else(asked in Asked::any()) {
        let key = asked.key();
        let (signed, plain) = ROOT.with_borrow_mut(|root| {
            let plain = root.signer.issue_client(&meant(), Terms::default(), &by()).unwrap();
            (root.sign(&asked.request(&key), &meant()), plain)
        });
        let (got, ours) = (facts(&signed.certificate_pem), facts(&plain.issued.certificate_pem));
        prop_assert_eq!(&got.subject, &ours.subject);
        prop_assert_eq!(&got.alternative_names, &ours.alternative_names);
        prop_assert_eq!(&got.usages, &ours.usages);
        prop_assert!(!got.is_ca);
        prop_assert!((got.not_after - ours.not_after).abs() <= time::Duration::seconds(2));
        let spki = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key.subject_public_key_info());
        let spki: String = spki.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        prop_assert_eq!(&got.public_key_sha256, &spki);
        prop_assert!(!signed.dropped.iter().any(|line| line.contains("swordfish")), "a password is not repeated");
        let told: BTreeSet<String> = signed.dropped.into_iter().collect();
        prop_assert_eq!(told, asked.dropped());
    }

    #[test]
    fn hostile_a_request_with_a_changed_byte_is_refused(
        asked in Asked::any(),
        at in any::<prop::sample::Index>(),
        bit in 0..8,
    ) {
        let key = asked.key();
        let mut changed = der(&asked.request(&key));
        // What is signed; the signature behind it has more than one encoding.
        let parsed = X509CertificationRequest::from_der(&changed).unwrap().1;
        let signed = parsed.certification_request_info.raw.to_vec();
        let start = changed.windows(signed.len()).position(|bytes| bytes == signed).unwrap();
        let at = start + at.index(signed.len());
        changed[at] ^= 1_u8 << bit;
        let refused = ROOT.with_borrow_mut(|root| {
            let before = root.signer.directory().entries().len();
            let csr = pem("CERTIFICATE REQUEST", &changed);
            let done = root.signer.sign_client(&csr, &meant(), Terms::default(), &by());
            (done, root.signer.directory().entries().len() - before)
        });
        prop_assert!(matches!(refused, (Err(CaError::Request(_)), 0)), "byte {}: {:?}", at, refused);
    }

    #[test]
    fn hostile_bytes_that_are_no_request_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let refused = ROOT.with_borrow_mut(|root| {
            let mut sign = |csr: &str| root.signer.sign_client(csr, &meant(), Terms::default(), &by()).is_err();
            sign(&pem("CERTIFICATE REQUEST", &bytes)) && sign(&String::from_utf8_lossy(&bytes))
        });
        prop_assert!(refused);
    }
}

pub fn refusal(csr: &str) -> RequestError {
    let mut root = Root::new();
    match root.signer.sign_client(csr, &meant(), Terms::default(), &by()) {
        Err(CaError::Request(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

fn plain_request(key: &KeyPair) -> String {
    nameless().serialize_request(key).unwrap().pem().unwrap()
}

#[test]
fn hostile_a_request_for_someone_elses_key_is_refused() {
    let (mine, theirs) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut request = der(&plain_request(&mine));
    let at = request.windows(mine.der_bytes().len()).position(|bytes| bytes == mine.der_bytes()).unwrap();
    request[at..at + theirs.der_bytes().len()].copy_from_slice(theirs.der_bytes());
    assert_eq!(refusal(&pem("CERTIFICATE REQUEST", &request)), RequestError::Signature);
}

#[test]
fn hostile_keys_that_are_not_served_are_refused_by_name() {
    for (kind, name) in [(&PKCS_ECDSA_P521_SHA512, "ECDSA P-521"), (&PKCS_ED25519, "Ed25519")] {
        let key = KeyPair::generate_for(kind).unwrap();
        assert_eq!(refusal(&plain_request(&key)), RequestError::Key { key: name.to_owned() });
    }
}

#[test]
fn what_is_no_request_is_told_apart() {
    let key = KeyPair::generate().unwrap();
    let request = plain_request(&key);
    assert_eq!(refusal(""), RequestError::None);
    assert_eq!(refusal(&format!("{request}{request}")), RequestError::Several);
    assert!(matches!(refusal(&key.serialize_pem()), RequestError::Other { fix, .. } if fix.contains("never be sent")));
    let root = Root::new();
    let other = refusal(root.signer.directory().certificate_pem());
    assert!(matches!(other, RequestError::Other { found, .. } if found == "CERTIFICATE"));
    assert_eq!(refusal(&format!("{request}{}", " ".repeat(70_000))), RequestError::Unreadable);
    let longer = [der(&request), vec![0]].concat();
    assert_eq!(refusal(&pem("CERTIFICATE REQUEST", &longer)), RequestError::Unreadable);
    let mut root = Root::new();
    // What openssl writes before it with -text, and what Windows makes of line ends.
    root.sign(&format!("Certificate Request:\n    Data:\n{request}"), &meant());
    root.sign(&request.replace('\n', "\r\n"), &meant());
    root.sign(&format!("\u{feff}{request}"), &meant());
    // keytool's label.
    root.sign(&pem("NEW CERTIFICATE REQUEST", &der(&request)), &meant());
}

#[test]
fn a_request_for_a_server_that_is_renewed_may_ask_for_its_names() {
    let mut root = Root::new();
    let names = ["weir.example", "192.0.2.1"];
    root.signer.issue_server(&names, Terms::default(), &by()).unwrap();
    let mut params = nameless();
    params.subject_alt_names = vec![alternative(1, "weir.example"), alternative(1, "other.example")];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let csr = params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
    let renewed = root.signer.renew_signed(Which::Name("weir.example"), &csr, Terms::default(), &by()).unwrap();
    assert_eq!(renewed.entry.server_names(), names);
    let dropped = BTreeSet::from(["the alternative name DNS:other.example", "the extended key usage clientAuth"]);
    assert_eq!(renewed.dropped.iter().map(String::as_str).collect::<BTreeSet<_>>(), dropped);
}

#[test]
fn hostile_a_request_with_very_many_wishes_is_answered_briefly() {
    let key = KeyPair::generate().unwrap();
    let mut params = nameless();
    params.subject_alt_names = (0..500).map(|number| alternative(1, &format!("{number}.example"))).collect();
    let csr = params.serialize_request(&key).unwrap().pem().unwrap();
    let dropped = Root::new().sign(&csr, &meant()).dropped;
    assert_eq!(dropped.len(), 51);
    assert_eq!(dropped.last().unwrap(), "and 450 more");
}

#[test]
fn hostile_a_key_that_is_known_to_others_or_an_authoritys_is_not_certified() {
    let mut root = Root::new();
    let own = KeyPair::from_pem(&std::fs::read_to_string(root.path.join("ca.key")).unwrap()).unwrap();
    let refused = root.signer.sign_client(&plain_request(&own), &meant(), Terms::default(), &by());
    assert!(matches!(refused, Err(CaError::BadKey { .. })), "{refused:?}");

    let key = KeyPair::generate().unwrap();
    let request = plain_request(&key);
    for cause in [RevocationCause::Superseded, RevocationCause::KeyCompromise] {
        let serial = root.sign(&request, &meant()).entry.serial;
        root.signer.revoke(Which::Serial(serial.as_str()), false, cause, &by()).unwrap();
    }
    let other = root.issue("other");
    let other = Which::Serial(other.as_str());
    let refused = [
        root.signer.sign_client(&request, &meant(), Terms::default(), &by()),
        root.signer.renew_signed(other, &request, Terms::default(), &by()),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(CaError::BadKey { .. })), "{refused:?}");
    }
    assert_eq!(root.signer.directory().entries().len(), 3);
}
