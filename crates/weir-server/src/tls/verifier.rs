//! Verifies a client's certificate and, in the same breath, who it is: whoever is nobody gets an alert and never a
//! byte.
//!
//! Must never: map a certificate to a principal before its chain was verified.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use weir_policy::{Policy, Reason};

use super::identity::certificate_facts;
use super::provider::sha256;
use super::revocation::InForce;
use super::server::ServerIdentity;
use crate::observe::LinesPerSecond;

/// How far a client's CA and Weir may disagree about the time.
pub(super) const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// How often a refusal is worth a line.
static REFUSAL_LINES: LinesPerSecond = LinesPerSecond::new(20);

thread_local! {
    static SHOWN: Cell<Option<[u8; 32]>> = const { Cell::new(None) };
}

/// The fingerprint of the certificate that a client showed on this thread since this was asked last: rustls keeps none
/// that is refused. Whoever asks before and behind one step of a handshake has that client's.
pub(crate) fn take_shown() -> Option<[u8; 32]> {
    SHOWN.take()
}

/// Said inside rustls of a key that is too weak.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the key is weaker than RSA-2048 or P-256")]
pub(super) struct WeakKey;

/// Said inside rustls of a client that an operator has suspended. It is told `certificate_unknown`: that its
/// certificate is not accepted, for a reason that TLS has no name for.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("suspended by an operator")]
pub(super) struct IsSuspended;

/// A verifier that knows the policy of its generation.
#[derive(Debug)]
pub(super) struct PrincipalVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    policy: Arc<Policy>,
    /// Revocation lists are wanted, and none says anything any more. rustls takes no list for none wanted.
    knows_of_nobody: bool,
}

impl PrincipalVerifier {
    /// A verifier for certificates that come from the roots of `identity` and are not in its revocation lists. The
    /// whole chain is looked up, and what no list speaks for is refused.
    pub(super) fn new(
        identity: &ServerIdentity,
        policy: Arc<Policy>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        // The CA's names are told to clients: a person with several certificates has the right one picked.
        let chain = WebPkiClientVerifier::builder_with_provider(Arc::clone(&identity.client_roots), provider);
        let usable = identity.lists.as_ref().map(InForce::usable);
        let knows_of_nobody = usable.is_some_and(<[_]>::is_empty);
        let chain = chain.with_crls(usable.unwrap_or_default().iter().cloned()).build()?;
        Ok(Self { chain, policy, knows_of_nobody })
    }

    /// The chain, with a minute's patience for clocks.
    fn verify_chain(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let skew = CLOCK_SKEW.as_secs();
        let verdict = self.chain.verify_client_cert(leaf, intermediates, now);
        let shifted = match &verdict {
            Err(Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
                now.as_secs().saturating_sub(skew)
            }
            Err(Error::InvalidCertificate(
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
            )) => now.as_secs().saturating_add(skew),
            _ => return verdict,
        };
        let shifted = UnixTime::since_unix_epoch(Duration::from_secs(shifted));
        // The first verdict is the one to tell: it has the true time.
        self.chain.verify_client_cert(leaf, intermediates, shifted).or(verdict)
    }
}

impl ClientCertVerifier for PrincipalVerifier {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        SHOWN.set(Some(sha256(end_entity)));
        let verified = self.verify_chain(end_entity, intermediates, now)?;
        if self.knows_of_nobody {
            return Err(CertificateError::UnknownRevocationStatus.into());
        }
        let facts = certificate_facts(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        if !facts.strong_key {
            return Err(CertificateError::Other(OtherError(Arc::new(WeakKey))).into());
        }
        if let Err(reason) = self.policy.identify(&facts.peer) {
            if REFUSAL_LINES.allow() {
                let fingerprint = hex(&facts.peer.fingerprint_sha256);
                tracing::info!(%reason, %fingerprint, "a valid client certificate was refused");
            }
            return Err(said_of(reason).into());
        }
        Ok(verified)
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

/// What rustls is told of a principal that may not be here.
fn said_of(reason: Reason) -> CertificateError {
    match reason {
        Reason::PrincipalSuspended | Reason::CertificateSuspended | Reason::AllSuspended => {
            CertificateError::Other(OtherError(Arc::new(IsSuspended)))
        }
        _ => CertificateError::ApplicationVerificationFailure,
    }
}

/// Bytes as lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
