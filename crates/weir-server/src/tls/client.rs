//! The TLS settings towards the brokers of one upstream.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, Error, RootCertStore};

use super::provider::provider;

/// The settings for brokers whose certificates come from `roots`. `identity` is Weir's own certificate, for brokers
/// that ask for one. TLS 1.2 is spoken too: brokers on Java 8 know nothing newer, and both ends are one operator's.
///
/// # Errors
/// The provider lacks what the TLS versions need.
pub fn upstream_client_config(
    roots: Arc<RootCertStore>,
    identity: Option<Arc<CertifiedKey>>,
) -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity))),
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(Arc::new(config))
}

/// Sessions that are kept to be resumed: a few for each broker of a large cluster.
const SESSIONS: usize = 1_024;
