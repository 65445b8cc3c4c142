//! Who is at the other end of a finished handshake, and which broker it means.
//!
//! rustls does not run the verifier when a session is resumed: it restores the certificates from the ticket. So this
//! looks at them again after every handshake. Must never: be skipped, or trust what an earlier handshake found.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::ServerConnection;
use rustls_pki_types::{CertificateDer, UnixTime};
use weir_kafka::advertise::{AdvertisedNodes, Target};
use weir_policy::{Policy, Principal, Reason};

use super::identity::certificate_facts;
use super::verifier::CLOCK_SKEW;
use crate::close_reason::CloseReason;
use crate::snapshot::Snapshot;

/// A client that may speak.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// From when on its certificate is valid, in seconds since 1970.
    pub issued: i64,
    /// When its right ends at the latest: the first certificate of its chain expires. The connection closes then.
    pub expires: SystemTime,
}

/// Who the client is: by the certificates of this connection, what holds in this generation, and the time.
///
/// # Errors
/// The handshake is not done, a certificate is outside its validity, the key is weak, or no principal is meant.
pub fn peer(connection: &ServerConnection, snapshot: &Snapshot, now: UnixTime) -> Result<Peer, CloseReason> {
    identify(connection.peer_certificates().unwrap_or_default(), &snapshot.policy, now)
}

pub(super) fn identify(chain: &[CertificateDer<'_>], policy: &Policy, now: UnixTime) -> Result<Peer, CloseReason> {
    let (leaf, issuers) = chain.split_first().ok_or(CloseReason::TlsNoCert)?;
    let facts = certificate_facts(leaf).map_err(|_| CloseReason::TlsBadCert)?;
    judge_validity(facts.not_before, facts.not_after, now)?;
    let mut expires = facts.not_after;
    for certificate in issuers {
        let facts = certificate_facts(certificate).map_err(|_| CloseReason::TlsBadCert)?;
        judge_validity(facts.not_before, facts.not_after, now)?;
        expires = expires.min(facts.not_after);
    }
    if !facts.strong_key {
        return Err(CloseReason::TlsWeakKey);
    }
    let principal = policy.identify(&facts.peer).map_err(of_reason)?;
    let expires = Duration::from_secs(u64::try_from(expires).unwrap_or(0)).saturating_add(CLOCK_SKEW);
    let expires = SystemTime::UNIX_EPOCH.checked_add(expires).ok_or(CloseReason::TlsBadCert)?;
    Ok(Peer { principal, issued: facts.not_before, expires })
}

/// The broker that the client means: by the TLS server name, or by the port it came to.
///
/// # Errors
/// No such name or port here.
pub fn target(connection: &ServerConnection, nodes: &AdvertisedNodes, local_port: u16) -> Result<Target, CloseReason> {
    let target = match nodes {
        AdvertisedNodes::Sni { .. } => connection.server_name().and_then(|name| nodes.target_of_server_name(name)),
        AdvertisedNodes::Ports { .. } => nodes.target_of_port(local_port),
    };
    target.ok_or(CloseReason::TlsBadSni)
}

/// Why a connection ends whose principal may not be here.
fn of_reason(reason: Reason) -> CloseReason {
    match reason {
        Reason::PrincipalSuspended | Reason::CertificateSuspended | Reason::AllSuspended => CloseReason::Suspended,
        _ => CloseReason::PrincipalUnknown,
    }
}

fn judge_validity(not_before: i64, not_after: i64, now: UnixTime) -> Result<(), CloseReason> {
    let now = i64::try_from(now.as_secs()).map_err(|_| CloseReason::TlsExpired)?;
    let skew = i64::try_from(CLOCK_SKEW.as_secs()).unwrap_or(0);
    if now > not_after.saturating_add(skew) {
        return Err(CloseReason::TlsExpired);
    }
    if now < not_before.saturating_sub(skew) {
        return Err(CloseReason::TlsNotYetValid);
    }
    Ok(())
}
