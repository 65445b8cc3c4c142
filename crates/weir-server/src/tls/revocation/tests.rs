//! Revocation lists against whole handshakes: who is out, what a list must be, and how long it speaks.

use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject;
use rustls::{AlertDescription, HandshakeKind};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use time::Duration;
use weir_pki::{Authority, ClientSubject, Issued, Validity};

use crate::close_reason::CloseReason;
use crate::snapshot::fixture::{Fixture, HOST};
use crate::tls::certificate_facts;
use crate::tls::tests::{Shaken, TLS13, client_config, settings, shake};

/// A list of `clients` that revokes these, in the fixture's file. `start` and `end` are hours from now.
fn write_list(fixture: &Fixture, number: u64, revoked: &[&Issued], hours: (i64, i64)) {
    fixture.write("clients.crl", &list(&fixture.clients, number, revoked, hours));
}

fn list(authority: &Authority, number: u64, revoked: &[&Issued], (start, end): (i64, i64)) -> String {
    let serials: Vec<Vec<u8>> = revoked.iter().map(|issued| serial(issued)).collect();
    let serials: Vec<&[u8]> = serials.iter().map(Vec::as_slice).collect();
    let validity = Validity::from_now(Duration::hours(start), Duration::hours(end));
    authority.revocation_list(number, &serials, validity).unwrap()
}

fn serial(issued: &Issued) -> Vec<u8> {
    let der = CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap();
    certificate_facts(&der).unwrap().peer.serial.as_bytes().to_vec()
}

/// A listener that wants lists, and has an empty one.
fn with_lists() -> Fixture {
    let fixture = Fixture::new();
    fixture.configure("client_ca: clients-ca.pem", "client_ca: clients-ca.pem, client_crl: [clients.crl]");
    write_list(&fixture, 1, &[], (-1, 1));
    fixture
}

fn handshake(fixture: &Fixture, identity: &Issued) -> Shaken {
    shake(settings(&fixture.snapshot()), &client_config(fixture, Some(identity), TLS13), HOST)
}

#[test]
fn hostile_t4_a_revoked_certificate_is_refused_and_the_others_are_not() {
    let fixture = with_lists();
    let (lost, kept) = (fixture.client("tool"), fixture.client("tool"));
    handshake(&fixture, &lost).server();
    write_list(&fixture, 2, &[&lost], (-1, 1));
    let revoked = (CloseReason::TlsRevoked, AlertDescription::CertificateRevoked);
    assert_eq!(handshake(&fixture, &lost).refused(), revoked);
    handshake(&fixture, &kept).server();
    // The same in DER.
    let pem = list(&fixture.clients, 2, &[&lost], (-1, 1));
    let der = CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).unwrap();
    std::fs::write(fixture.path("clients.crl"), &der).unwrap();
    assert_eq!(handshake(&fixture, &lost).refused(), revoked);
    handshake(&fixture, &kept).server();
}

#[test]
fn hostile_t4_the_whole_chain_is_looked_up_and_what_no_list_speaks_for_is_refused() {
    let fixture = with_lists();
    let intermediate = fixture.clients.intermediate("Clients 2").unwrap();
    let identity = intermediate.client(&ClientSubject::named("tool"), Validity::days(1)).unwrap();
    let own = list(&intermediate, 1, &[], (-1, 1));
    let write = |below: &str, above: &str| fixture.write("clients.crl", &format!("{below}{above}"));
    let above = list(&fixture.clients, 1, &[], (-1, 1));
    assert_eq!(handshake(&fixture, &identity).refused().0, CloseReason::TlsRevoked, "its issuer has no list");
    write(&own, &above);
    handshake(&fixture, &identity).server();
    write(&list(&intermediate, 2, &[&identity], (-1, 1)), &above);
    assert_eq!(handshake(&fixture, &identity).refused().0, CloseReason::TlsRevoked);
    let issuer = Issued {
        certificate_pem: intermediate.certificate_pem().to_owned(),
        chain_pem: String::new(),
        key_pem: String::new(),
    };
    write(&own, &list(&fixture.clients, 2, &[&issuer], (-1, 1)));
    assert_eq!(handshake(&fixture, &identity).refused().0, CloseReason::TlsRevoked, "its issuer is revoked");
}

#[test]
fn hostile_t4_a_ca_without_a_list_and_a_list_that_is_missing_are_told_before_anybody_is_refused() {
    let fixture = with_lists();
    fixture.write("clients.crl", &list(&Authority::new("Another").unwrap(), 1, &[], (-1, 1)));
    let problems = fixture.problems();
    assert!(problems[0].contains("`client_crl` has no list of `CN=Clients`: all of its clients"), "{problems:?}");
    fixture.remove("clients.crl");
    assert!(fixture.problems()[0].contains("`clients.crl` cannot be read"), "{:?}", fixture.problems());
    fixture.configure("client_crl: [clients.crl]", "client_crl: []");
    assert!(fixture.problems()[0].contains("`client_crl` is empty"), "{:?}", fixture.problems());
}

#[test]
fn hostile_o4_a_list_that_is_malformed_or_not_the_cas_is_refused_and_named() {
    let fixture = with_lists();
    let sound = list(&fixture.clients, 1, &[], (-1, 1));
    let der = CertificateRevocationListDer::from_pem_slice(sound.as_bytes()).unwrap().to_vec();
    let told = |bytes: &[u8]| {
        std::fs::write(fixture.path("clients.crl"), bytes).unwrap();
        fixture.compile().err().map(|errors| errors.to_string()).unwrap_or_default()
    };
    for end in [0, 1, 5, der.len() / 2, der.len() - 1] {
        let text = told(&der[..end]);
        assert!(text.contains("clients.crl"), "{end} bytes: {text:?}");
    }
    for at in 0..der.len() {
        let mut flipped = der.clone();
        flipped[at] ^= 0x40;
        assert_ne!(told(&flipped), "", "a bit of byte {at} is another");
    }
    let forged = list(&Authority::new("Clients").unwrap(), 9, &[], (-1, 1));
    assert!(told(forged.as_bytes()).contains("has a wrong signature"));
    assert_eq!(told(&der), "");
}

#[test]
fn hostile_t4_a_stale_list_is_used_and_told_until_it_says_nothing_any_more() {
    let fixture = with_lists();
    let (lost, kept) = (fixture.client("tool"), fixture.client("tool"));
    write_list(&fixture, 2, &[&lost], (-49, -24));
    let snapshot = fixture.snapshot();
    let told = fixture.without_directory(&snapshot.warnings[0].to_string());
    assert!(
        told.contains("`CN=Clients` should have been replaced on") && told.contains("clients are refused"),
        "{told}"
    );
    assert_eq!(handshake(&fixture, &lost).refused().0, CloseReason::TlsRevoked);
    handshake(&fixture, &kept).server();
    let in_days = (snapshot.due(UnixTime::now()).unwrap() - i64::try_from(UnixTime::now().as_secs()).unwrap()) / 3_600;
    assert!((143..=144).contains(&in_days), "six days are left: {in_days} h");
    assert!(snapshot.expiries.iter().any(|expiry| expiry.kind == "crl" && expiry.name == "CN=Clients"));
    // A day past its time, and no more was allowed.
    fixture.configure("policy: acl", "policy: acl\ncrl: {max_stale: 1d}");
    assert_eq!(handshake(&fixture, &kept).refused().0, CloseReason::TlsRevoked, "nobody is known not to be revoked");
    assert!(fixture.snapshot().warnings[0].to_string().contains("its clients are refused"));
}

#[test]
fn of_two_lists_the_newest_is_used() {
    let fixture = with_lists();
    let lost = fixture.client("tool");
    let (old, new) = (list(&fixture.clients, 9, &[], (-1, 1)), list(&fixture.clients, 0x100, &[&lost], (-1, 1)));
    for order in [format!("{old}{new}"), format!("{new}{old}")] {
        fixture.write("clients.crl", &order);
        assert_eq!(handshake(&fixture, &lost).refused().0, CloseReason::TlsRevoked);
        assert!(fixture.snapshot().warnings[0].to_string().contains("more than one revocation list"));
    }
}

#[test]
fn hostile_t5_a_revoked_certificate_does_not_come_back_by_resumption() {
    let fixture = with_lists();
    let identity = fixture.client("tool");
    let client = client_config(&fixture, Some(&identity), TLS13);
    let before = fixture.snapshot();
    let open = shake(settings(&before), &client, HOST).server();
    let resumed = shake(settings(&before), &client, HOST).server();
    assert_eq!(resumed.handshake_kind(), Some(HandshakeKind::Resumed), "it has a ticket");
    write_list(&fixture, 2, &[&identity], (-1, 1));
    let after = fixture.snapshot();
    assert_eq!(shake(settings(&after), &client, HOST).refused().0, CloseReason::TlsRevoked);
    // What is open is looked at again, and would not be let in.
    assert!(!after.trusts_as(&before, "public") && before.trusts_as(&before, "public"));
    assert_eq!(after.verify_again("public", &open, UnixTime::now()), Err(CloseReason::RevokedLive));
    assert_eq!(before.verify_again("public", &resumed, UnixTime::now()), Ok(()));
}
