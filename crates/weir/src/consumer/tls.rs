//! TLS as a consumer speaks it, except that dates are judged apart: a server certificate whose chain and name are
//! right is taken whatever the clock says, and the dates are kept, so that a wrong clock does not hide behind "not
//! trusted".
//!
//! Must never: take a certificate that does not come from the bundle's CA, or is not for the name that was dialled.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use weir_server::tls::{certificate_facts, provider};

use super::bundle::Bundle;
use super::dates::Validity;

/// What a server showed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// From when until when all certificates of its chain are valid.
    pub(crate) validity: Option<Validity>,
    /// Who certified its own certificate, as that says.
    pub(crate) issuer: Option<String>,
}

/// Verifies a server's certificate by the bundle's CA and the name, and keeps what it showed.
#[derive(Debug)]
pub(crate) struct ServerCheck {
    chain: Arc<WebPkiServerVerifier>,
    now: UnixTime,
    shown: Mutex<Option<Shown>>,
}

impl ServerCheck {
    /// What was shown; nothing where it did not come so far.
    pub(crate) fn shown(&self) -> Option<Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The settings of one connection, and what will be known of its server.
pub(crate) fn settings(bundle: &Bundle, now: i64) -> Result<(Arc<ClientConfig>, Arc<ServerCheck>), Error> {
    let check = Arc::new(server_check(Arc::clone(&bundle.roots), now)?);
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::<ServerCheck>::clone(&check))
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&bundle.identity))));
    Ok((Arc::new(config), check))
}

fn server_check(roots: Arc<RootCertStore>, now: i64) -> Result<ServerCheck, Error> {
    let chain = WebPkiServerVerifier::builder_with_provider(roots, provider()).build();
    let chain = chain.map_err(|error| Error::General(error.to_string()))?;
    Ok(ServerCheck { chain, now: at(now), shown: Mutex::default() })
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

impl ServerCertVerifier for ServerCheck {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = shown(end_entity, intermediates);
        let validity = shown.validity;
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        let verify = |now| self.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match (verify(self.now), validity) {
            (Err(error), Some(validity)) if is_of_dates(&error) => verify(at(validity.from)),
            (verdict, _) => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

fn shown(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Shown {
    let Ok(leaf) = certificate_facts(end_entity) else { return Shown::default() };
    let mut validity = Validity { from: leaf.not_before, until: leaf.not_after };
    for facts in intermediates.iter().filter_map(|certificate| certificate_facts(certificate).ok()) {
        validity = Validity { from: validity.from.max(facts.not_before), until: validity.until.min(facts.not_after) };
    }
    Shown { validity: Some(validity), issuer: leaf.peer.issuer.map(|name| name.to_string()) }
}

fn is_of_dates(error: &Error) -> bool {
    let Error::InvalidCertificate(error) = error else { return false };
    matches!(
        error,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}
