//! One connection's part of the audit: that it was let in, and what it had done when it ended.
//!
//! Must never: cost a connection anything where there is no audit, or end without a line, whatever its end is.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rustls_pki_types::CertificateDer;
use weir_kafka::outcome::Outcome;

use super::{Audit, Event};
use crate::close_reason::CloseReason;
use crate::tls::{certificate_facts, hex};

/// What is told of a client's certificate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Certificate {
    serial: String,
    fingerprint: String,
}

impl Certificate {
    /// Of the certificates that a client showed.
    pub(crate) fn of(chain: Option<&[CertificateDer<'_>]>) -> Self {
        let facts = chain.and_then(<[_]>::first).and_then(|leaf| certificate_facts(leaf).ok());
        facts.map_or_else(Self::default, |facts| Self {
            serial: facts.peer.serial.to_string(),
            fingerprint: hex(&facts.peer.fingerprint_sha256),
        })
    }
}

/// A connection that was let in. Its end is written down when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Visit(Option<Box<Known>>);

#[derive(Debug)]
struct Known {
    audit: Audit,
    connection: u64,
    principal: String,
    listener: String,
    certificate: Certificate,
    address: IpAddr,
    began: Instant,
    requests: u64,
    bytes_from_client: u64,
    bytes_to_client: u64,
    reason: Option<CloseReason>,
}

impl Visit {
    /// A client is let in.
    pub(crate) fn begin(
        audit: &Audit,
        principal: &str,
        listener: &str,
        certificate: impl FnOnce() -> Certificate,
        address: IpAddr,
    ) -> Self {
        let Some(shared) = &audit.0 else { return Self::default() };
        let known = Known {
            audit: audit.clone(),
            connection: shared.connections.fetch_add(1, Ordering::Relaxed).saturating_add(1),
            principal: principal.to_owned(),
            listener: listener.to_owned(),
            certificate: certificate(),
            address,
            began: Instant::now(),
            requests: 0,
            bytes_from_client: 0,
            bytes_to_client: 0,
            reason: None,
        };
        let Certificate { serial, fingerprint } = known.certificate.clone();
        let accepted = Event::ConnectionAccepted {
            connection: known.connection,
            principal: known.principal.clone(),
            listener: known.listener.clone(),
            serial,
            fingerprint,
        };
        audit.send(Some(address), accepted);
        Self(Some(Box::new(known)))
    }

    /// A request ended.
    pub(crate) fn request(&mut self, outcome: &Outcome) {
        let Some(known) = &mut self.0 else { return };
        known.requests = known.requests.saturating_add(1);
        let bytes = u64::try_from(outcome.request_bytes).unwrap_or(u64::MAX);
        known.bytes_from_client = known.bytes_from_client.saturating_add(bytes);
        known.bytes_to_client = known.bytes_to_client.saturating_add(outcome.response_bytes);
    }

    /// Why the connection ends.
    pub(crate) fn ends(&mut self, reason: CloseReason) {
        if let Some(known) = &mut self.0 {
            known.reason = Some(reason);
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let Some(known) = self.0.take() else { return };
        let Known { audit, connection, principal, listener, certificate, address, began, .. } = *known;
        // As it is counted where the task panicked or the process cut it.
        let cut = || if std::thread::panicking() { CloseReason::InternalPanic } else { CloseReason::Drain };
        let reason = known.reason.unwrap_or_else(cut);
        if reason.takes_access_back() {
            let (principal, Certificate { serial, fingerprint }) = (principal.clone(), certificate);
            audit.note(Event::AccessRevoked { connection, principal, reason: reason.name(), serial, fingerprint });
        }
        let closed = Event::ConnectionClosed {
            connection,
            principal,
            listener,
            reason: reason.name(),
            fault: reason.fault().name(),
            duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            requests: known.requests,
            bytes_from_client: known.bytes_from_client,
            bytes_to_client: known.bytes_to_client,
        };
        audit.send(Some(address), closed);
    }
}
