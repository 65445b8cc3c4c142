//! Facts of certificates that were made once with openssl; nobody has their keys.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use weir_policy::DistinguishedName;

use super::*;

fn der(pem: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem).unwrap()
}

fn facts(pem: &[u8]) -> CertificateFacts {
    certificate_facts(&der(pem)).unwrap()
}

const NAMES: &[u8] = include_bytes!("../testdata/names.pem");

/// The certificate with `from` replaced by as many bytes: its signature is wrong then, and nobody looks at it here.
fn patched(from: &[u8], to: &[u8]) -> Result<CertificateFacts, BadCertificate> {
    assert_eq!(from.len(), to.len());
    let mut bytes = der(NAMES).to_vec();
    let at: Vec<usize> = bytes.windows(from.len()).enumerate().filter(|(_, w)| *w == from).map(|(i, _)| i).collect();
    assert!(!at.is_empty());
    for at in at {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    certificate_facts(&CertificateDer::from(bytes))
}

#[test]
fn every_name_is_a_fact_of_its_own_kind() {
    let facts = facts(NAMES);
    assert_eq!(facts.peer.san_uris, ["spiffe://example.org/tool"]);
    assert_eq!(facts.peer.san_dns, ["Tool.example.org"]);
    assert_eq!(facts.peer.san_emails, ["ops@example.org"]);
    let subject = facts.peer.subject.unwrap();
    assert_eq!(subject.common_name(), Some("tool"));
    assert_eq!(facts.peer.issuer.as_ref(), Some(&subject));
    assert!(facts.strong_key);
    let fingerprint = "335b7121cee6ed3fc72b29090dc07493555ad2c5d114519e69f1a91d71b3d916";
    assert_eq!(super::super::verifier::hex(&facts.peer.fingerprint_sha256), fingerprint);
    assert_eq!(server_names(&der(NAMES)).unwrap().1, [[192, 0, 2, 1].to_vec()]);
}

#[test]
fn a_distinguished_name_is_what_openssl_prints_of_it() {
    let subject = facts(NAMES).peer.subject.unwrap();
    for same in [r"OU=readers+CN=tool,O=M\C3\BCller\, S\C3\B6hne,C=DE", r"CN=tool+OU=readers,O=Müller\, Söhne,C=DE"] {
        assert_eq!(subject, DistinguishedName::parse(same).unwrap(), "{same}");
    }
    for other in [r"C=DE,O=Müller\, Söhne,CN=tool+OU=readers", r"CN=tool,OU=readers,O=Müller\, Söhne,C=DE"] {
        assert_ne!(subject, DistinguishedName::parse(other).unwrap(), "{other}");
    }
}

#[test]
fn a_name_with_a_nul_or_an_old_string_type_is_no_name() {
    assert_eq!(patched(b"tool", b"to\0l").unwrap().peer.subject, None);
    let t61 = facts(include_bytes!("../testdata/t61.pem")).peer;
    assert_eq!((t61.subject, t61.issuer), (None, None));
    let control = patched(b"ops@example.org", b"ops@exam\nle.org").unwrap();
    assert!(control.peer.san_emails.is_empty());
    let nul = patched(b"Tool.example.org", b"Tool.exa\0ple.org").unwrap();
    assert!(nul.peer.san_dns.is_empty());
    let not_utf8 = patched("ü".as_bytes(), b"\xc3\x28").unwrap();
    assert_eq!(not_utf8.peer.subject, None);
}

#[test]
fn hostile_t7_weak_keys_are_told_from_strong_ones() {
    let cases: [(&[u8], bool); 5] = [
        (include_bytes!("../testdata/rsa1024.pem"), false),
        (include_bytes!("../testdata/rsa2048.pem"), true),
        (include_bytes!("../testdata/prime192v1.pem"), false),
        (include_bytes!("../testdata/secp256k1.pem"), false),
        (include_bytes!("../testdata/secp521r1.pem"), true),
    ];
    for (index, (pem, is_strong)) in cases.into_iter().enumerate() {
        assert_eq!(facts(pem).strong_key, is_strong, "{index}");
    }
}

#[test]
fn what_is_not_exactly_one_certificate_is_bad() {
    let whole = der(NAMES).to_vec();
    let mut longer = whole.clone();
    longer.push(0);
    assert!(certificate_facts(&CertificateDer::from(longer)).is_err());
    for end in [0, 1, 50, whole.len() - 1] {
        assert!(certificate_facts(&CertificateDer::from(&whole[..end])).is_err(), "{end}");
    }
}
