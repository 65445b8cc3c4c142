//! Issuing and renewing.

use std::collections::BTreeSet;
use std::fs;

use time::{Duration, OffsetDateTime};
use weir_pki::{By, CaDirectory, CaError, ClientSubject, PkiError, Purpose, RevocationCause, Standing, Terms, Which};

use crate::support::{Root, by, facts};

fn full_subject() -> ClientSubject {
    ClientSubject {
        common_name: "a-tool".to_owned(),
        organisation: Some("Tools, and more".to_owned()),
        san_uris: vec!["spiffe://weir.example/a-tool".to_owned()],
        san_dns: vec!["a-tool.example".to_owned()],
        san_emails: vec!["a-tool@example.org".to_owned()],
    }
}

#[test]
fn the_index_says_what_was_issued_by_whom_and_for_which_ticket() {
    let mut root = Root::new();
    let issued = root.signer.issue_client(&full_subject(), Terms::default(), &by()).unwrap();
    let directory = CaDirectory::open(&root.path).unwrap();
    let entry = &directory.entries()[0];
    assert_eq!(*entry, issued.entry);
    assert_eq!(entry.subject(), full_subject());
    assert_eq!((entry.issued_by.operator.as_str(), entry.issued_by.ticket.as_deref()), ("ada", Some("T1")));
    assert_eq!((entry.purpose, entry.from_request), (Purpose::Client, false));
    let said = facts(&issued.issued.certificate_pem);
    assert_eq!(said.fingerprint_sha256, entry.fingerprint_sha256);
    assert_eq!(said.usages, ["digitalSignature", "clientAuth"]);
    assert_eq!((said.not_before, said.not_after), (entry.not_before, entry.not_after));
    assert_eq!(said.alternative_names, entry.alternative_names);
    assert_eq!(entry.standing(OffsetDateTime::now_utc()), Standing::Valid);
    assert_eq!(entry.standing(entry.not_after + Duration::seconds(1)), Standing::Expired);
    assert_eq!(entry.standing(entry.not_before - Duration::seconds(1)), Standing::NotYetValid);
    assert_eq!(fs::read_to_string(directory.file_of(entry)).unwrap(), issued.issued.chain_pem);
    let told = directory.history().last().unwrap();
    assert_eq!(told.what, format!("issued client certificate {} for a-tool", entry.serial));
}

#[test]
fn serial_numbers_are_random_positive_and_sixteen_bytes_long() {
    let mut root = Root::new();
    let serials: BTreeSet<String> = (0..20).map(|_| root.issue("a-tool").to_string()).collect();
    assert_eq!(serials.len(), 20);
    for serial in serials {
        assert_eq!(serial.len(), 32, "{serial}");
        assert!(u8::from_str_radix(&serial[..2], 16).unwrap() < 0x80, "negative: {serial}");
    }
}

#[test]
fn a_server_has_the_names_that_clients_dial() {
    let mut root = Root::new();
    let names = ["weir.example", "*.weir.example", "192.0.2.1", "2001:db8::1"];
    let issued = root.signer.issue_server(&names, Terms::default(), &by()).unwrap();
    assert_eq!(issued.entry.server_names(), names);
    let said = facts(&issued.issued.certificate_pem);
    assert_eq!(said.usages, ["digitalSignature", "serverAuth"]);
    let typed = ["DNS:weir.example", "DNS:*.weir.example", "IP:192.0.2.1", "IP:2001:db8::1"];
    assert_eq!(said.alternative_names, typed);
    assert!((said.not_after - OffsetDateTime::now_utc()).whole_days() <= 90);
    let renewed = root.signer.renew(Which::Name("weir.example"), Terms::default(), &by()).unwrap();
    assert_eq!(renewed.entry.server_names(), names);
}

#[test]
fn a_renewed_certificate_stands_beside_the_old_one() {
    let mut root = Root::new();
    let old = root.signer.issue_client(&full_subject(), Terms { days: Some(20), ..Terms::default() }, &by()).unwrap();
    let other = By { operator: "bob".to_owned(), ticket: None };
    let new = root.signer.renew(Which::Name("a-tool"), Terms::default(), &other).unwrap();
    assert_eq!(new.entry.renews.as_ref(), Some(&old.entry.serial));
    assert_ne!(new.entry.serial, old.entry.serial);
    assert_eq!(new.entry.subject(), full_subject());
    assert_ne!(new.issued.key_pem, old.issued.key_pem);
    let now = OffsetDateTime::now_utc();
    assert!(root.signer.directory().entries().iter().all(|entry| entry.is_live(now)), "both work");
    let again = root.signer.renew(Which::Name("a-tool"), Terms::default(), &other).unwrap();
    assert_eq!(again.entry.renews, Some(new.entry.serial), "the one that ends last is continued");
}

#[test]
fn a_revoked_certificate_is_not_renewed() {
    let mut root = Root::new();
    let serial = root.issue("a-tool");
    root.signer.revoke(Which::Serial(serial.as_str()), false, RevocationCause::KeyCompromise, &by()).unwrap();
    for which in [Which::Serial(serial.as_str()), Which::Name("a-tool")] {
        let refused = root.signer.renew(which, Terms::default(), &by());
        assert!(matches!(refused, Err(CaError::Revoked { .. })), "{refused:?}");
    }
    assert!(matches!(root.signer.renew(Which::Name("b"), Terms::default(), &by()), Err(CaError::Unknown { .. })));
}

#[test]
fn one_name_for_two_kinds_of_holders_is_not_guessed_at() {
    let mut root = Root::new();
    root.issue("weir.example");
    root.signer.issue_server(&["weir.example"], Terms::default(), &by()).unwrap();
    let refused = root.signer.renew(Which::Name("weir.example"), Terms::default(), &by());
    assert!(matches!(refused, Err(CaError::Ambiguous { .. })), "{refused:?}");
}

#[test]
fn an_order_that_makes_no_sense_changes_nothing() {
    let mut root = Root::new();
    let before = fs::read(root.path.join("index.jsonl")).unwrap();
    for days in [0, -1, 3_651, i64::MAX] {
        let terms = Terms { days: Some(days), ..Terms::default() };
        let refused = root.signer.issue_client(&ClientSubject::named("a"), terms, &by());
        assert!(matches!(refused, Err(CaError::Days { .. })), "{refused:?}");
    }
    let long = ClientSubject::named(&"x".repeat(65));
    let line_break = ClientSubject { san_dns: vec!["a\nb".to_owned()], ..ClientSubject::named("a") };
    for subject in [ClientSubject::default(), long, line_break, ClientSubject::named("a\0")] {
        let refused = root.signer.issue_client(&subject, Terms::default(), &by());
        assert!(matches!(refused, Err(CaError::Pki(PkiError::Name { .. }))), "{refused:?}");
    }
    for names in
        [&[][..], &["https://weir.example"], &["weir.example:9093"], &["a b"], &["a.*.example"], &[""], &["-a"]]
    {
        let refused = root.signer.issue_server(names, Terms::default(), &by());
        assert!(matches!(refused, Err(CaError::Pki(PkiError::Name { .. }))), "{names:?}: {refused:?}");
    }
    assert_eq!(fs::read(root.path.join("index.jsonl")).unwrap(), before);
}

#[test]
fn a_client_without_a_common_name_is_spoken_of_by_its_first_other_name() {
    let mut root = Root::new();
    let subject = ClientSubject { san_uris: vec!["spiffe://a".to_owned()], ..ClientSubject::default() };
    let issued = root.signer.issue_client(&subject, Terms::default(), &by()).unwrap();
    assert_eq!((issued.entry.name.as_str(), issued.entry.common_name.as_str()), ("spiffe://a", ""));
    assert_eq!(root.signer.renew(Which::Name("spiffe://a"), Terms::default(), &by()).unwrap().entry.subject(), subject);
}

#[test]
fn hostile_a_long_name_or_one_with_quotes_is_renewed_as_it_was() {
    let mut root = Root::new();
    let subject = ClientSubject {
        san_uris: vec![format!("spiffe://weir.example/{}", "a".repeat(300))],
        san_emails: vec!["o'brien@example.org".to_owned()],
        ..ClientSubject::named("a-tool")
    };
    let first = root.signer.issue_client(&subject, Terms::default(), &by()).unwrap();
    assert_eq!(first.entry.subject(), subject);
    let next = root.signer.renew(Which::Name("a-tool"), Terms::default(), &by()).unwrap();
    assert_eq!(next.entry.subject(), subject);
    let exact = |pem: &str| {
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        let names = certificate.subject_alternative_name().unwrap().unwrap();
        names.value.general_names.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(exact(&next.issued.certificate_pem), exact(&first.issued.certificate_pem));
}
