//! Which `CloseReason` says an error of rustls.

use rustls::{CertificateError, Error, PeerIncompatible};

use super::verifier::{IsSuspended, WeakKey};
use crate::close_reason::CloseReason;

/// What rustls says where `NamedCertificate` has none for the name. A test holds the two together.
const NO_CERTIFICATE_FOR_NAME: &str = "no server certificate chain resolved";

/// Why a handshake, or a TLS connection after it, failed.
#[must_use]
pub fn close_reason(error: &Error) -> CloseReason {
    match error {
        Error::NoCertificatesPresented => CloseReason::TlsNoCert,
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::PeerIncompatible(error) => of_incompatibility(error),
        Error::AlertReceived(_) => CloseReason::TlsRefused,
        Error::General(text) if text == NO_CERTIFICATE_FOR_NAME => CloseReason::TlsBadSni,
        Error::UnsupportedNameType => CloseReason::TlsBadSni,
        Error::InvalidCertRevocationList(_) => CloseReason::TlsRevoked,
        Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::InvalidMessage(_)
        | Error::PeerMisbehaved(_)
        | Error::DecryptError
        | Error::PeerSentOversizedRecord
        | Error::NoApplicationProtocol => CloseReason::TlsMisbehaved,
        _ => CloseReason::TlsInternal,
    }
}

fn of_certificate(error: &CertificateError) -> CloseReason {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CloseReason::TlsExpired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => CloseReason::TlsNotYetValid,
        CertificateError::Revoked
        | CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => CloseReason::TlsRevoked,
        CertificateError::UnknownIssuer | CertificateError::BadSignature => CloseReason::TlsUntrusted,
        CertificateError::ApplicationVerificationFailure => CloseReason::PrincipalUnknown,
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => CloseReason::TlsWeakKey,
        CertificateError::Other(error) if error.0.is::<WeakKey>() => CloseReason::TlsWeakKey,
        CertificateError::Other(error) if error.0.is::<IsSuspended>() => CloseReason::Suspended,
        _ => CloseReason::TlsBadCert,
    }
}

fn of_incompatibility(error: &PeerIncompatible) -> CloseReason {
    match error {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::Tls13RequiredForQuic => CloseReason::TlsVersion,
        _ => CloseReason::TlsNoSuite,
    }
}
