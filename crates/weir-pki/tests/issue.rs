//! What the certificates hold, as another parser reads them, and how they reach files.

// The helpers below stop at the first surprise, as the tests do.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use time::Duration;
use weir_pki::{Authority, ClientSubject, Issued, PkiError, Usage, Validity};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

#[test]
fn a_client_certificate_holds_every_name_and_is_signed_by_its_authority() {
    let authority = Authority::new("Test CA").unwrap();
    let subject = ClientSubject {
        common_name: "a-tool".to_owned(),
        organisation: Some("Tools, and more".to_owned()),
        san_uris: vec!["spiffe://weir.example/a-tool".to_owned()],
        san_dns: vec!["a-tool.example".to_owned()],
        san_emails: vec!["a-tool@example.org".to_owned()],
    };
    let issued = authority.client(&subject, Validity::days(30)).unwrap();

    let der = der(&issued.certificate_pem);
    let leaf = parse(&der);
    assert_eq!(leaf.subject().iter_common_name().next().unwrap().as_str().unwrap(), "a-tool");
    assert_eq!(leaf.subject().iter_organization().next().unwrap().as_str().unwrap(), "Tools, and more");
    let sans = &leaf.subject_alternative_name().unwrap().unwrap().value.general_names;
    let expected = [
        GeneralName::URI("spiffe://weir.example/a-tool"),
        GeneralName::DNSName("a-tool.example"),
        GeneralName::RFC822Name("a-tool@example.org"),
    ];
    assert_eq!(sans.as_slice(), expected);
    assert_usages(&leaf, false, true);
    assert!(leaf.validity().is_valid());
    assert!(!leaf.is_ca());
    assert_eq!(issued.chain_pem, issued.certificate_pem, "the root is not sent");

    let authority_der = self::der(authority.certificate_pem());
    let root = parse(&authority_der);
    assert!(root.is_ca());
    assert!(leaf.verify_signature(Some(root.public_key())).is_ok());
    assert!(root.verify_signature(None).is_ok());
}

#[test]
fn a_server_certificate_holds_dns_names_and_addresses_as_what_they_are() {
    let authority = Authority::new("Test CA").unwrap();
    let issued = authority.server(&["weir.example", "*.weir.example", "127.0.0.1", "::1"]).unwrap();
    let der = der(&issued.certificate_pem);
    let leaf = parse(&der);
    let sans = &leaf.subject_alternative_name().unwrap().unwrap().value.general_names;
    let mut ipv6 = [0_u8; 16];
    ipv6[15] = 1;
    let expected = [
        GeneralName::DNSName("weir.example"),
        GeneralName::DNSName("*.weir.example"),
        GeneralName::IPAddress(&[127, 0, 0, 1]),
        GeneralName::IPAddress(&ipv6),
    ];
    assert_eq!(sans.as_slice(), expected);
    assert_usages(&leaf, true, false);
}

#[test]
fn an_intermediate_is_sent_with_its_leaves_and_may_sign_nothing_but_leaves() {
    let root = Authority::new("Test root").unwrap();
    let intermediate = root.intermediate("Test intermediate").unwrap();
    let issued = intermediate.client(&ClientSubject::named("a-tool"), Validity::days(1)).unwrap();
    assert_eq!(issued.chain_pem, format!("{}{}", issued.certificate_pem, intermediate.certificate_pem()));

    let der = der(intermediate.certificate_pem());
    let certificate = parse(&der);
    assert!(certificate.is_ca());
    assert_eq!(certificate.basic_constraints().unwrap().unwrap().value.path_len_constraint, Some(0));
    let root_der = self::der(root.certificate_pem());
    assert!(certificate.verify_signature(Some(parse(&root_der).public_key())).is_ok());
}

#[test]
fn tests_can_have_what_no_operator_wants() {
    let authority = Authority::new("Test CA").unwrap();
    let subject = ClientSubject::named("a-tool");
    let expired = Validity::from_now(Duration::days(-2), Duration::days(-1));
    let early = Validity::from_now(Duration::days(1), Duration::days(2));
    for validity in [expired, early] {
        let der = der(&authority.client(&subject, validity).unwrap().certificate_pem);
        assert!(!parse(&der).validity().is_valid());
    }
    let wrong = authority.client_with_usages(&subject, Validity::days(1), &[Usage::Server]).unwrap();
    let der = der(&wrong.certificate_pem);
    assert_usages(&parse(&der), true, false);
    let none = authority.client_with_usages(&subject, Validity::days(1), &[]);
    assert!(matches!(none, Err(PkiError::NoUsage)));
}

#[test]
fn a_name_that_no_certificate_can_hold_is_refused() {
    let authority = Authority::new("Test CA").unwrap();
    let long = "x".repeat(65);
    assert!(matches!(Authority::new(&long), Err(PkiError::Name { .. })));
    assert!(matches!(authority.client(&ClientSubject::named(&long), Validity::days(1)), Err(PkiError::Name { .. })));
    assert!(matches!(authority.server(&[]), Err(PkiError::Name { .. })));
    assert!(matches!(authority.server(&["bücher.example"]), Err(PkiError::Name { .. })));
    let long_server = format!("{}.example", "x".repeat(60));
    assert!(authority.server(&[&long_server]).is_ok(), "a DNS name may be longer than a common name");
}

#[test]
fn a_key_is_written_for_its_owner_alone_even_over_an_open_file() {
    let authority = Authority::new("Test CA").unwrap();
    let issued = authority.client(&ClientSubject::named("a-tool"), Validity::days(1)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("a-tool.key");
    fs::write(&old, "old").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o666)).unwrap();

    let paths = issued.write(dir.path(), "a-tool").unwrap();

    assert_eq!(paths.key, old);
    assert_eq!(fs::metadata(&paths.key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&paths.key).unwrap(), issued.key_pem);
    assert_eq!(fs::read_to_string(&paths.certificate).unwrap(), issued.chain_pem);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing else is left behind");
}

#[test]
fn keys_are_pkcs8_are_never_shown_and_never_shared() {
    let authority = Authority::new("Test CA").unwrap();
    let issue = || authority.client(&ClientSubject::named("a-tool"), Validity::days(1)).unwrap();
    let (one, two): (Issued, Issued) = (issue(), issue());
    assert!(one.key_pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert_ne!(one.key_pem, two.key_pem);
    let secret_line = one.key_pem.lines().nth(1).unwrap();
    for shown in [format!("{one:?}"), format!("{authority:?}")] {
        assert!(!shown.contains(secret_line) && !shown.contains("PRIVATE"), "{shown}");
    }
}

fn assert_usages(leaf: &X509Certificate<'_>, server: bool, client: bool) {
    let usage = leaf.extended_key_usage().unwrap().unwrap().value;
    assert_eq!((usage.server_auth, usage.client_auth, usage.any), (server, client, false));
}

fn der(pem: &str) -> Vec<u8> {
    x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap().1.contents
}

fn parse(der: &[u8]) -> X509Certificate<'_> {
    X509Certificate::from_der(der).unwrap().1
}
