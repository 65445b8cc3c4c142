//! The TLS settings of one listener.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion, version};
use rustls_pki_types::UnixTime;
use weir_kafka::advertise::AdvertisedNodes;
use weir_policy::Policy;

use super::provider::provider;
use super::refusal::close_reason;
use super::revocation::{InForce, RevocationLists};
use super::verifier::PrincipalVerifier;
use crate::close_reason::CloseReason;

/// A server certificate with its key, and the roots of the clients that it serves.
#[derive(Clone, Debug)]
pub struct ServerIdentity {
    /// The certificate, its intermediates and its key, which match.
    pub certified_key: Arc<CertifiedKey>,
    /// The roots of client certificates; at least one.
    pub client_roots: Arc<RootCertStore>,
    /// The revocation lists of those; nothing where none are wanted.
    pub lists: Option<InForce>,
    /// Whether TLS 1.2 is spoken beside 1.3.
    pub tls12: bool,
}

/// How a listener speaks TLS, and whom it lets in.
#[derive(Clone, Debug)]
pub struct ListenerTls {
    /// For new connections.
    pub config: Arc<ServerConfig>,
    verifier: Arc<PrincipalVerifier>,
    client_roots: Arc<RootCertStore>,
    lists: Option<InForce>,
}

impl ListenerTls {
    /// Verifies the certificates of a connection that an earlier generation let in.
    ///
    /// # Errors
    /// It would not be let in now.
    pub(crate) fn verify_again(&self, connection: &ServerConnection, now: UnixTime) -> Result<(), CloseReason> {
        let chain = connection.peer_certificates().unwrap_or_default();
        let (leaf, intermediates) = chain.split_first().ok_or(CloseReason::TlsNoCert)?;
        let verdict = self.verifier.verify_client_cert(leaf, intermediates, now);
        verdict.map(drop).map_err(|error| while_connected(close_reason(&error)))
    }

    /// The revocation lists, those that are void among them.
    pub(crate) fn lists(&self) -> Option<&RevocationLists> {
        self.lists.as_ref().map(InForce::all)
    }

    /// Whether every certificate is trusted here that is trusted there, and the other way round.
    pub(crate) fn trusts_as(&self, other: &Self) -> bool {
        self.client_roots.roots == other.client_roots.roots && self.lists == other.lists
    }
}

/// Why a client has to go that was let in once: whatever else the reason is, it would not be let in again.
pub(crate) fn while_connected(refused: CloseReason) -> CloseReason {
    if refused == CloseReason::Suspended { CloseReason::SuspendedLive } else { CloseReason::RevokedLive }
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
) -> Result<ListenerTls, Error> {
    let verifier = PrincipalVerifier::new(identity, Arc::clone(policy), provider())
        .map_err(|error| Error::General(error.to_string()))?;
    let verifier = Arc::new(verifier);
    let resolver = NamedCertificate { certified_key: Arc::clone(&identity.certified_key), nodes: nodes.clone() };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(if identity.tls12 { ALSO_12 } else { ONLY_13 })?
        .with_client_cert_verifier(Arc::<PrincipalVerifier>::clone(&verifier))
        .with_cert_resolver(Arc::new(resolver));
    // Resumption without memory: a ticket holds the client's chain, under keys that only these settings have and that
    // change every six hours. So no other listener and no later generation takes it, and `peer` looks again at what it
    // holds. One ticket a handshake: clients that resume get the next with each connection.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = Ticketer::new()?;
    config.send_tls13_tickets = 1;
    config.max_early_data_size = 0;
    let ServerIdentity { client_roots, lists, .. } = identity.clone();
    Ok(ListenerTls { config: Arc::new(config), verifier, client_roots, lists })
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
