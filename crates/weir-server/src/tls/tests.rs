//! Whole handshakes in memory: who gets in, who does not, and what each is told.

use std::sync::Arc;

use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, Error, HandshakeKind, RootCertStore, ServerConfig,
    ServerConnection, SupportedProtocolVersion, version,
};
use time::Duration;
use weir_kafka::advertise::{AdvertisedNodes, Target};
use weir_kafka::cluster::RealBrokerId;
use weir_pki::{Authority, ClientSubject, Issued, Usage, Validity};

use super::{close_reason, peer, provider, target};
use crate::close_reason::CloseReason;
use crate::snapshot::Snapshot;
use crate::snapshot::fixture::{Fixture, HOST};

/// What came of a handshake.
pub(super) struct Shaken {
    client: Result<ClientConnection, Error>,
    server: Result<ServerConnection, Error>,
}

impl Shaken {
    /// Why the server ended it, and what the client was told.
    #[track_caller]
    pub(super) fn refused(self) -> (CloseReason, AlertDescription) {
        let Err(Error::AlertReceived(alert)) = self.client else { panic!("the client got no alert") };
        (close_reason(&self.server.expect_err("the server took it")), alert)
    }

    #[track_caller]
    pub(super) fn server(self) -> ServerConnection {
        self.client.unwrap();
        self.server.unwrap()
    }
}

pub(super) fn shake(settings: &Arc<ServerConfig>, client: &Arc<ClientConfig>, name: &str) -> Shaken {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(settings)).unwrap();
    let (mut client_ends, mut server_ends) = (Ok(()), Ok(()));
    for _ in 0..10 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server_ends = server_ends.and(server.process_new_packets().map(drop));
        bytes.clear();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client_ends = client_ends.and(client.process_new_packets().map(drop));
    }
    Shaken { client: client_ends.map(|()| client), server: server_ends.map(|()| server) }
}

pub(super) fn client_config(
    fixture: &Fixture,
    identity: Option<&Issued>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(fixture.servers.certificate_pem().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(identity) => {
            let chain = CertificateDer::pem_slice_iter(identity.chain_pem.as_bytes()).map(Result::unwrap).collect();
            let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(8)));
    Arc::new(config)
}

pub(super) const TLS13: &[&SupportedProtocolVersion] = &[&version::TLS13];
const TLS12: &[&SupportedProtocolVersion] = &[&version::TLS12];

/// A handshake of a client that has this certificate.
fn with_certificate(fixture: &Fixture, identity: &Issued) -> Shaken {
    shake(&fixture.snapshot().tls["public"].config, &client_config(fixture, Some(identity), TLS13), HOST)
}

fn valid(start: i64, end: i64) -> Validity {
    Validity::from_now(Duration::seconds(start), Duration::seconds(end))
}

fn tool(authority: &Authority, validity: Validity) -> Issued {
    authority.client(&ClientSubject::named("tool"), validity).unwrap()
}

pub(super) fn settings(snapshot: &Snapshot) -> &Arc<ServerConfig> {
    &snapshot.tls["public"].config
}

#[test]
fn a_principal_is_known_by_its_certificate() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot();
    let identity = fixture.client("tool");
    let server = shake(settings(&snapshot), &client_config(&fixture, Some(&identity), TLS13), HOST).server();
    let known = peer(&server, &snapshot, UnixTime::now()).unwrap();
    assert_eq!(known.principal.name, "tool");
    let left = known.expires.duration_since(std::time::SystemTime::now()).unwrap();
    assert_eq!(left.as_secs().div_ceil(86_400), 31, "30 days and a minute");
    assert_eq!(server.alpn_protocol(), None);
}

#[test]
fn hostile_t1_no_certificate() {
    let fixture = Fixture::new();
    let shaken = shake(settings(&fixture.snapshot()), &client_config(&fixture, None, TLS13), HOST);
    assert_eq!(shaken.refused(), (CloseReason::TlsNoCert, AlertDescription::CertificateRequired));
}

#[test]
fn hostile_t2_another_ca_and_the_right_name_with_another_key() {
    let fixture = Fixture::new();
    for name in ["Elsewhere", "Clients"] {
        let identity = tool(&Authority::new(name).unwrap(), Validity::days(1));
        let (reason, _) = with_certificate(&fixture, &identity).refused();
        assert_eq!(reason, CloseReason::TlsUntrusted, "{name}");
    }
}

#[test]
fn hostile_t3_expired_and_not_yet_valid_with_a_minute_of_skew() {
    let fixture = Fixture::new();
    let reason = |start, end| with_certificate(&fixture, &tool(&fixture.clients, valid(start, end)));
    assert_eq!(reason(-900, -90).refused(), (CloseReason::TlsExpired, AlertDescription::CertificateExpired));
    assert_eq!(reason(90, 900).refused().0, CloseReason::TlsNotYetValid);
    reason(-900, -30).server();
    reason(30, 900).server();
}

#[test]
fn hostile_t6_a_certificate_for_servers_is_none_for_clients() {
    let fixture = Fixture::new();
    let subject = ClientSubject::named("tool");
    let identity = fixture.clients.client_with_usages(&subject, Validity::days(1), &[Usage::Server]).unwrap();
    assert_eq!(with_certificate(&fixture, &identity).refused().0, CloseReason::TlsBadCert);
}

#[test]
fn hostile_t8_a_valid_certificate_of_nobody_is_refused_with_access_denied() {
    let fixture = Fixture::new();
    let shaken = with_certificate(&fixture, &fixture.client("stranger"));
    assert_eq!(shaken.refused(), (CloseReason::PrincipalUnknown, AlertDescription::AccessDenied));
}

#[test]
fn hostile_t8_a_certificate_of_two_principals_is_nobodys() {
    let fixture = Fixture::new();
    fixture.write_principal("one", "{san_dns: one.example}");
    fixture.write_principal("two", "{san_dns: two.example}");
    let subject =
        ClientSubject { san_dns: vec!["one.example".into(), "two.example".into()], ..ClientSubject::default() };
    let identity = fixture.clients.client(&subject, Validity::days(1)).unwrap();
    let shaken = with_certificate(&fixture, &identity);
    assert_eq!(shaken.refused(), (CloseReason::PrincipalUnknown, AlertDescription::AccessDenied));
}

#[test]
fn hostile_t9_only_advertised_server_names_are_answered() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot();
    let nodes = &snapshot.config.listeners[0].advertise;
    let client = client_config(&fixture, Some(&fixture.client("tool")), TLS13);
    let meant = |name: &str| target(&shake(settings(&snapshot), &client, name).server(), nodes, 9093);
    assert_eq!(meant(HOST), Ok(Target::Bootstrap));
    assert_eq!(meant("B7.Kafka.Example.ORG"), Ok(Target::Broker(RealBrokerId(7))));
    for name in ["other.example.org", "b-1.kafka.example.org", "b01.kafka.example.org", "example.org", "192.0.2.1"] {
        let refused = shake(settings(&snapshot), &client, name).refused();
        assert_eq!(refused, (CloseReason::TlsBadSni, AlertDescription::AccessDenied), "{name}");
    }
}

#[test]
fn with_ports_the_port_is_the_broker_and_the_name_is_nothing() {
    let fixture = Fixture::new();
    fixture.configure("bind: 127.0.0.1:9093", "bind: 127.0.0.1");
    fixture.configure("sni: {host: ", "ports: {bootstrap_port: 9000, base_port: 9100, ids: [1, 3], host: ");
    let snapshot = fixture.snapshot();
    let nodes = &snapshot.config.listeners[0].advertise;
    assert!(matches!(nodes, AdvertisedNodes::Ports { .. }));
    let client = client_config(&fixture, Some(&fixture.client("tool")), TLS13);
    let server = shake(settings(&snapshot), &client, "192.0.2.1").server();
    assert_eq!(target(&server, nodes, 9000), Ok(Target::Bootstrap));
    assert_eq!(target(&server, nodes, 9102), Ok(Target::Broker(RealBrokerId(2))));
    assert_eq!(target(&server, nodes, 9104), Err(CloseReason::TlsBadSni));
}

#[test]
fn hostile_t11_tls_1_2_only_by_choice() {
    let fixture = Fixture::new();
    let identity = fixture.client("tool");
    let client = client_config(&fixture, Some(&identity), TLS12);
    let shaken = shake(settings(&fixture.snapshot()), &client, HOST);
    assert_eq!(shaken.refused(), (CloseReason::TlsVersion, AlertDescription::ProtocolVersion));
    fixture.configure("client_ca: clients-ca.pem", "client_ca: clients-ca.pem, min_version: 1.2");
    let snapshot = fixture.snapshot();
    let server = shake(settings(&snapshot), &client, HOST).server();
    assert_eq!(server.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_2));
    assert_eq!(peer(&server, &snapshot, UnixTime::now()).unwrap().principal.name, "tool");
    let stranger = client_config(&fixture, Some(&fixture.client("stranger")), TLS12);
    let shaken = shake(settings(&snapshot), &stranger, HOST);
    assert_eq!(shaken.refused(), (CloseReason::PrincipalUnknown, AlertDescription::AccessDenied));
}

/// A client that has a ticket of this snapshot.
fn with_ticket(fixture: &Fixture, snapshot: &Snapshot) -> Arc<ClientConfig> {
    let client = client_config(fixture, Some(&fixture.client("tool")), TLS13);
    let first = shake(settings(snapshot), &client, HOST).server();
    assert_eq!(first.handshake_kind(), Some(HandshakeKind::Full));
    client
}

#[test]
fn hostile_t5_a_resumed_session_is_looked_at_again() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot();
    let client = with_ticket(&fixture, &snapshot);
    let resumed = shake(settings(&snapshot), &client, HOST).server();
    assert_eq!(resumed.handshake_kind(), Some(HandshakeKind::Resumed));
    assert_eq!(peer(&resumed, &snapshot, UnixTime::now()).unwrap().principal.name, "tool");
    // Its principal is taken away.
    fixture.remove("acl/principals/tool.yaml");
    let refused = peer(&resumed, &fixture.snapshot(), UnixTime::now()).unwrap_err();
    assert_eq!(refused, CloseReason::PrincipalUnknown);
    // Its certificate ends.
    let at = |days: u64| {
        let seconds = UnixTime::now().as_secs() + days * 86_400;
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
    };
    assert!(peer(&resumed, &snapshot, at(29)).is_ok());
    assert_eq!(peer(&resumed, &snapshot, at(31)).unwrap_err(), CloseReason::TlsExpired);
    let long_ago = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1));
    assert_eq!(peer(&resumed, &snapshot, long_ago).unwrap_err(), CloseReason::TlsNotYetValid);
}

#[test]
fn hostile_t16_a_ticket_is_good_for_its_settings_alone() {
    let fixture = Fixture::new();
    let client = with_ticket(&fixture, &fixture.snapshot());
    let elsewhere = shake(settings(&fixture.snapshot()), &client, HOST).server();
    assert_eq!(elsewhere.handshake_kind(), Some(HandshakeKind::Full));
}

#[test]
fn hostile_t15_no_early_data_is_offered() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot();
    assert_eq!(settings(&snapshot).max_early_data_size, 0);
    let client = with_ticket(&fixture, &snapshot);
    let mut eager = ClientConfig::clone(&client);
    eager.enable_early_data = true;
    let name = ServerName::try_from(HOST).unwrap();
    let mut connection = ClientConnection::new(Arc::new(eager), name).unwrap();
    assert!(connection.early_data().is_none());
}

#[test]
fn hostile_t12_garbage_is_misbehaviour() {
    let fixture = Fixture::new();
    let mut server = ServerConnection::new(Arc::clone(settings(&fixture.snapshot()))).unwrap();
    server.read_tls(&mut &[0x16, 3, 1, 0, 4, 9, 0, 0, 0][..]).unwrap();
    assert_eq!(close_reason(&server.process_new_packets().unwrap_err()), CloseReason::TlsMisbehaved);
}

#[test]
fn before_the_handshake_nobody_is_there() {
    let fixture = Fixture::new();
    let snapshot = fixture.snapshot();
    let server = ServerConnection::new(Arc::clone(settings(&snapshot))).unwrap();
    assert_eq!(peer(&server, &snapshot, UnixTime::now()).unwrap_err(), CloseReason::TlsNoCert);
    assert_eq!(target(&server, &snapshot.config.listeners[0].advertise, 9093), Err(CloseReason::TlsBadSni));
}
