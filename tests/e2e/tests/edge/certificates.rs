//! Certificates, and the tickets that stand for them.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, HandshakeKind};
use weir_pki::{Authority, ClientSubject, Usage, Validity};
use weir_testkit::{Ended, Identity, Pki, RawTarget};

use crate::edge::client::{Dial, Tls, ping};
use crate::edge::{READER, SOON};
use crate::{WEIR, alert, at, refused};

fn valid(validity: Validity) -> Identity {
    Pki::shared().client_with(&ClientSubject::named(READER), validity)
}

#[test]
fn hostile_t1_t2_without_a_certificate_of_this_ca_there_is_an_alert_and_no_byte() {
    let turn = WEIR.turn();
    turn.ends(&[("tls-no-cert", 1)], || {
        assert_eq!(refused(&RawTarget { identity: None, ..turn.reader() }), alert("CertificateRequired"));
    });
    turn.ends(&[("tls-untrusted", 2)], || {
        let stranger = Pki::new("Somebody else's CA").client(READER);
        assert_eq!(refused(&turn.target(&stranger)), alert("UnknownCA"));
        // The right name of the CA, and another key.
        let forged = Pki::new("Weir tests CA").client(READER);
        let ended = refused(&turn.target(&forged));
        assert!([alert("UnknownCA"), alert("DecryptError")].contains(&ended), "{ended:?}");
    });
}

#[test]
fn hostile_t3_a_certificate_counts_within_its_time_and_a_minute() {
    let turn = WEIR.turn();
    turn.ends(&[("tls-expired", 1), ("tls-not-yet-valid", 1)], || {
        assert_eq!(refused(&turn.target(&valid(Validity::seconds(-7200, -65)))), alert("CertificateExpired"));
        let early = refused(&turn.target(&valid(Validity::seconds(70, 7200))));
        assert!(matches!(early, Ended::Alert(_)), "{early:?}");
    });
    turn.ends(&[("client-eof", 2)], || {
        for skewed in [Validity::seconds(-7200, -30), Validity::seconds(30, 7200)] {
            Tls::connect(&turn.target(&valid(skewed))).unwrap().is_served().unwrap();
        }
    });
}

#[test]
fn hostile_t3_t16_a_certificate_that_expires_ends_its_connection_and_its_tickets() {
    let turn = WEIR.turn();
    let target = turn.target(&valid(Validity::seconds(-7200, -57)));
    let config = target.config();
    turn.ends(&[("cert-expired", 1), ("tls-expired", 1)], || {
        let mut client = Tls::connect_with(&target, Arc::clone(&config), Dial::default()).unwrap();
        client.is_served().unwrap();
        assert_eq!(client.ended(SOON).0, Ended::Closed);
        // Its last second is over.
        std::thread::sleep(Duration::from_secs(1));
        // rustls would not look at the certificate again: it comes back from the ticket.
        let mut again = Tls::connect_with(&target, config, Dial::default()).unwrap();
        assert_eq!(again.stream.conn.handshake_kind(), Some(HandshakeKind::Resumed));
        let _ = again.send(&ping(1));
        assert_eq!(again.ended(SOON), (Ended::Closed, 0));
    });
}

#[test]
fn hostile_t6_t14_certificates_for_other_uses_and_broken_paths_are_refused() {
    let turn = WEIR.turn();
    let authority = Pki::shared().authority();
    let subject = ClientSubject::named(READER);
    turn.ends(&[("tls-bad-cert", 1), ("tls-untrusted", 1)], || {
        let server = authority.client_with_usages(&subject, Validity::days(1), &[Usage::Server]).unwrap();
        let ended = refused(&turn.target(&Pki::shared().keep(server, "server-only")));
        assert!(matches!(ended, Ended::Alert(_)), "{ended:?}");
        // The first intermediate may sign leaves only, so that no path leads to the CA.
        let deep = |above: &Authority| above.intermediate("An intermediate").unwrap();
        let too_deep = deep(&deep(authority)).client(&subject, Validity::days(1)).unwrap();
        let ended = refused(&turn.target(&Pki::shared().keep(too_deep, "too-deep")));
        assert!(matches!(ended, Ended::Alert(_)), "{ended:?}");
    });
    turn.ends(&[("client-eof", 1)], || {
        let issued = authority.intermediate("An intermediate").unwrap().client(&subject, Validity::days(1)).unwrap();
        Tls::connect(&turn.target(&Pki::shared().keep(issued, "deep"))).unwrap().is_served().unwrap();
    });
}

#[test]
fn hostile_t8_a_valid_certificate_of_nobody_gets_access_denied_and_no_byte() {
    let turn = WEIR.turn();
    turn.ends(&[("principal-unknown", 2)], || {
        let nobody = Pki::shared().client("edge-nobody");
        assert_eq!(refused(&turn.target(&nobody)), alert("AccessDenied"));
        let old = RawTarget { versions: vec![&rustls::version::TLS12], identity: Some(nobody), ..at(&turn, "old") };
        assert_eq!(refused(&old), alert("AccessDenied"));
    });
}

#[test]
fn hostile_t15_t16_a_ticket_resumes_on_its_own_listener_only_and_early_data_never() {
    let turn = WEIR.turn();
    let (named, old) = (at(&turn, "named"), at(&turn, "old"));
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let target = RawTarget { versions: vec![version], ..old.clone() };
        let config = early(&target);
        let connect = |target: &RawTarget| {
            let mut client = Tls::connect_with(target, Arc::clone(&config), Dial::default()).unwrap();
            client.is_served().unwrap();
            client.stream.conn.handshake_kind().unwrap()
        };
        assert_eq!(connect(&target), HandshakeKind::Full);
        assert_eq!(connect(&target), HandshakeKind::Resumed);
        if version.version == rustls::ProtocolVersion::TLSv1_3 {
            // Another listener with the same names does not take it.
            assert_eq!(connect(&named), HandshakeKind::Full);
        }
        let name = rustls::pki_types::ServerName::try_from(target.name.clone()).unwrap();
        let mut tls = rustls::ClientConnection::new(Arc::clone(&config), name).unwrap();
        assert!(tls.early_data().is_none(), "no ticket allows early data");
    }
}

fn early(target: &RawTarget) -> Arc<ClientConfig> {
    let mut config = Arc::unwrap_or_clone(target.config());
    config.enable_early_data = true;
    Arc::new(config)
}

#[test]
fn hostile_t16_a_ticket_of_somebody_else_or_of_before_a_restart_is_no_identity() {
    let mut turn = WEIR.turn();
    let target = turn.reader();
    let config = target.config();
    let kind = |config: &Arc<ClientConfig>| {
        let mut client = Tls::connect_with(&target, Arc::clone(config), Dial::default()).unwrap();
        client.is_served().unwrap();
        client.stream.conn.handshake_kind().unwrap()
    };
    assert_eq!((kind(&config), kind(&config)), (HandshakeKind::Full, HandshakeKind::Resumed));
    assert_eq!(turn.weir.stop(), 0);
    turn.weir.restart();
    assert_eq!(kind(&config), HandshakeKind::Full, "its keys died with it");
}
