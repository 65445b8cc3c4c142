//! The TLS settings of one listener.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use weir_kafka::advertise::AdvertisedNodes;
use weir_policy::Policy;

use super::provider::provider;
use super::verifier::PrincipalVerifier;

/// A server certificate with its key, and the roots of the clients that it serves.
#[derive(Clone, Debug)]
pub struct ServerIdentity {
    /// The certificate, its intermediates and its key, which match.
    pub certified_key: Arc<CertifiedKey>,
    /// The roots of client certificates; at least one.
    pub client_roots: Arc<RootCertStore>,
    /// Whether TLS 1.2 is spoken beside 1.3.
    pub tls12: bool,
}

const ONLY_13: &[&SupportedProtocolVersion] = &[&version::TLS13];
const ALSO_12: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// The settings of a listener that shows its brokers as `nodes` and serves the principals of `policy`.
///
/// # Errors
/// No roots, or no random numbers.
pub fn server_config(
    identity: &ServerIdentity,
    nodes: &AdvertisedNodes,
    policy: &Arc<Policy>,
) -> Result<Arc<ServerConfig>, Error> {
    let verifier = PrincipalVerifier::new(Arc::clone(&identity.client_roots), Arc::clone(policy), provider())
        .map_err(|error| Error::General(error.to_string()))?;
    let resolver = NamedCertificate { certified_key: Arc::clone(&identity.certified_key), nodes: nodes.clone() };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(if identity.tls12 { ALSO_12 } else { ONLY_13 })?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(resolver));
    // Resumption without memory: a ticket holds the client's chain, under keys that only these settings have and that
    // change every six hours. So no other listener and no later generation takes it, and `peer` looks again at what it
    // holds. One ticket a handshake: clients that resume get the next with each connection.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = Ticketer::new()?;
    config.send_tls13_tickets = 1;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// The one certificate, for the names that the listener advertises.
///
/// Without a name there is no telling which broker the client means, and guessing would have it talk to one broker and
/// believe that it was another; so with SNI a client that sends no name, or an unknown one, gets `access_denied`.
#[derive(Debug)]
struct NamedCertificate {
    certified_key: Arc<CertifiedKey>,
    nodes: AdvertisedNodes,
}

impl ResolvesServerCert for NamedCertificate {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if matches!(self.nodes, AdvertisedNodes::Sni { .. }) {
            self.nodes.target_of_server_name(client_hello.server_name()?)?;
        }
        Some(Arc::clone(&self.certified_key))
    }
}
