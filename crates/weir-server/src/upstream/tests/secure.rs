//! Upstreams in TLS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use weir_kafka::advertise::Target;
use weir_kafka::cluster::RealBrokerId;
use weir_pki::{Authority, ClientSubject, Issued, Validity};

use super::fake::{FakeBroker, Script};
use super::{fresh, settings, topic, wanted};
use crate::upstream::{DialError, NotReady, Upstream, UpstreamReadiness, UpstreamSettings, UpstreamTls};

fn roots(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.certificate_pem().as_bytes()).unwrap()).unwrap();
    Arc::new(roots)
}

fn chain(issued: &Issued) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::pem_slice_iter(issued.chain_pem.as_bytes()).map(Result::unwrap).collect();
    (chain, PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap())
}

/// A broker that asks for a client certificate, and whose own certificate bears these names.
async fn broker(authority: &Authority, names: &[&str]) -> FakeBroker {
    let provider = Arc::new(default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(roots(authority), Arc::clone(&provider)).build().unwrap();
    let (chain, key) = chain(&authority.server(names).unwrap());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .unwrap();
    let mut script = Script::new().topic("events", 7, 1, 3);
    script.tls = Some(Arc::new(config));
    FakeBroker::alone(script).await
}

fn tls_settings(broker: &FakeBroker, authority: &Authority, server_name: Option<&'static str>) -> UpstreamSettings {
    let subject = ClientSubject { common_name: "weir".to_owned(), ..ClientSubject::default() };
    let (chain, key) = chain(&authority.client(&subject, Validity::days(1)).unwrap());
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(authority))
        .with_client_auth_cert(chain, key)
        .unwrap();
    let server_name = server_name.map(|name| ServerName::try_from(name).unwrap());
    UpstreamSettings {
        tls: Some(UpstreamTls { config: Arc::new(config), server_name, of_tiers: BTreeMap::new(), sasl: None }),
        ..settings(&[broker])
    }
}

#[tokio::test]
async fn a_view_comes_over_mutual_tls_and_a_dial_says_what_to_verify() {
    let authority = Authority::new("Test CA").unwrap();
    let broker = broker(&authority, &["127.0.0.1"]).await;
    let upstream = Upstream::start(tls_settings(&broker, &authority, None), wanted(&["events"]));
    let view = fresh(&upstream).await.unwrap();
    assert!(view.topics.contains_key(&topic("events")));
    let dialed = upstream.dial(Target::Bootstrap).await.unwrap();
    assert_eq!(dialed.tls.unwrap().server_name, ServerName::try_from("127.0.0.1").unwrap());
}

#[tokio::test]
async fn hostile_u16_a_certificate_of_another_name_is_refused_unless_that_name_is_configured() {
    let authority = Authority::new("Test CA").unwrap();
    let broker = broker(&authority, &["kafka.internal"]).await;
    let upstream = Upstream::start(tls_settings(&broker, &authority, None), wanted(&["events"]));
    assert!(fresh(&upstream).await.is_none());
    assert_eq!(upstream.readiness(), UpstreamReadiness::NotReady(NotReady::NeverReached));

    let named = Upstream::start(tls_settings(&broker, &authority, Some("kafka.internal")), wanted(&["events"]));
    assert!(fresh(&named).await.is_some());
}

#[tokio::test]
async fn hostile_u16_a_certificate_of_another_authority_is_refused() {
    let broker = broker(&Authority::new("Test CA").unwrap(), &["127.0.0.1"]).await;
    let other = Authority::new("Other CA").unwrap();
    let upstream = Upstream::start(tls_settings(&broker, &other, None), wanted(&["events"]));
    assert!(fresh(&upstream).await.is_none());
}

#[tokio::test]
async fn hostile_u2_a_broker_that_never_shakes_hands_is_given_up() {
    let authority = Authority::new("Test CA").unwrap();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let good = broker(&authority, &["127.0.0.1"]).await;
    let mut settings = tls_settings(&good, &authority, None);
    settings.timeouts.handshake = Duration::from_millis(200);
    let mut first = settings.bootstrap[0].clone();
    first.port = silent.local_addr().unwrap().port();
    settings.bootstrap.insert(0, first);
    let upstream = Upstream::start(settings, wanted(&["events"]));
    assert!(fresh(&upstream).await.is_some());
}

#[tokio::test]
async fn hostile_u16_a_bootstrap_connection_goes_to_the_next_broker_where_one_does_not_shake_hands() {
    let authority = Authority::new("Test CA").unwrap();
    let good = broker(&authority, &["127.0.0.1"]).await;
    let mut turned = broker(&authority, &["127.0.0.1"]).await;
    let listed: Vec<_> = [(1, &good), (2, &turned)]
        .map(|(id, broker)| (id, "127.0.0.1".to_owned(), i32::from(broker.address.port())))
        .to_vec();
    for broker in [&good, &turned] {
        broker.change(|script| script.brokers = listed.clone());
    }
    let upstream = Upstream::start(tls_settings(&good, &authority, None), wanted(&["events"]));
    fresh(&upstream).await.unwrap();
    // Its certificate is another one from now on, and Weir's own connections were there before.
    let stranger = Authority::new("Other CA").unwrap();
    let other = broker(&stranger, &["127.0.0.1"]).await;
    let tls = other.tls();
    turned.change(|script| script.tls = tls);
    for _ in 0..6 {
        upstream.open(Target::Bootstrap, "somebody", "tool").await.expect("the other broker shakes hands");
    }
    let refused = upstream.open(Target::Broker(RealBrokerId(2)), "somebody", "tool").await;
    assert!(matches!(refused, Err(DialError::Handshake(_))), "{refused:?}");
    assert!(turned.accepted() > 0);
    turned.stop().await;
}
