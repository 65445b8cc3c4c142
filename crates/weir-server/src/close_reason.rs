//! Why a connection ended, and whose fault it was: a closed list, with one stable name each.
//!
//! Must never: hold text that came from a client or a broker, or lose a reason in an "other".

use std::fmt;

use weir_kafka::fault::Fault as ProtocolFault;
use weir_kafka::wire::Malformed;

/// Who made a connection end. Only `Weir` pages someone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The client: what it sent, what it is, or that it left.
    Client,
    /// The broker: it is gone, or it sent what cannot be passed on.
    Broker,
    /// Weir: an operator's act (drain, a limit of the process) or a defect.
    Weir,
}

impl Fault {
    /// The name in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Broker => "broker",
            Self::Weir => "weir",
        }
    }
}

/// Makes the enum, the list of all its values and their names from one table.
macro_rules! close_reasons {
    ($($variant:ident $fault:ident $name:literal $meaning:literal,)+) => {
        /// Why a connection ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum CloseReason {
            $(#[doc = $meaning] $variant,)+
        }

        impl CloseReason {
            /// All of them, in the order of their indexes.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name: the metric's label, the log's field and the row of the documentation.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Whose fault it was.
            #[must_use]
            pub fn fault(self) -> Fault {
                match self { $(Self::$variant => Fault::$fault,)+ }
            }

            /// What happened, in a sentence for operators.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

close_reasons! {
    // Before TLS.
    NotTlsKafka Client "not-tls-kafka" "The client spoke Kafka without TLS: it needs `security.protocol=SSL`.",
    NotTlsHttp Client "not-tls-http" "The client spoke HTTP.",
    NotTlsOther Client "not-tls-other" "The first byte was not TLS, Kafka or HTTP.",
    ProxyProtocol Client "proxy-protocol" "A trusted proxy sent no PROXY v2 header, or a wrong one.",
    AddressNotAllowed Client "address-not-allowed" "The client's address is outside the listener's `allow`.",
    IpConnections Client "ip-conns" "One address had too many connections that were not authenticated yet.",
    IpRate Client "ip-rate" "One address began more TLS handshakes than `limits.handshakes_per_address` allows.",
    ShedHandshake Weir "shed-handshake" "More TLS handshakes began than `limits.handshakes` allows, in all.",
    Unauthenticated Weir "unauthenticated-conns" "Too many connections were not authenticated yet, in all.",
    ProcessConnections Weir "process-conns" "The process had as many connections as `limits.connections` allows.",
    AuditBlocked Weir "audit-blocked" "The audit could not be written, and `audit.when_full` is `block`.",
    // TLS.
    TlsTimeout Client "tls-timeout" "The TLS handshake was not done in time.",
    TlsEof Client "tls-eof" "The client left during the TLS handshake.",
    TlsNoCert Client "tls-no-cert" "The client sent no certificate.",
    TlsUntrusted Client "tls-untrusted" "The client's certificate does not come from the listener's CA.",
    TlsExpired Client "tls-expired" "The client's certificate has expired.",
    TlsNotYetValid Client "tls-not-yet-valid" "The client's certificate is not valid yet.",
    TlsRevoked Client "tls-revoked" "The client's certificate is revoked, or no revocation list says that it is not.",
    TlsBadCert Client "tls-bad-cert" "The client's certificate cannot be read, or is not one for clients.",
    TlsWeakKey Client "tls-weak-key" "The client's key or signature is weaker than RSA-2048, P-256 and SHA-256.",
    TlsBadSni Client "tls-bad-sni" "The server name is absent or is none of this listener's.",
    TlsVersion Client "tls-version" "The client speaks no TLS version that the listener takes.",
    TlsNoSuite Client "tls-no-suite" "The client and the listener have no cipher suite, group or signature in common.",
    TlsRefused Client "tls-refused" "The client refused the server certificate, or sent another alert.",
    TlsMisbehaved Client "tls-misbehaved" "The client broke the TLS protocol.",
    TlsInternal Weir "tls-internal" "TLS failed inside Weir.",
    // Who the client is.
    Suspended Client "suspended" "An operator has suspended the principal, its certificate, or everybody.",
    PrincipalUnknown Client "principal-unknown" "A valid certificate that no principal's file matches.",
    PrincipalAddress Client "principal-address" "The principal's file does not allow the client's address.",
    PrincipalRate Client "principal-rate" "The principal opened connections faster than its `connects` allows.",
    PrincipalConnections Client "principal-conns" "The principal has as many connections as its tier allows.",
    RevokedLive Client "revoked-live" "The client was let in, and would not be any more: the policy or what is trusted has changed.",
    SuspendedLive Client "suspended-live" "The client was let in, and an operator has suspended it, or everybody, since.",
    TierChanged Client "tier-changed" "The principal's tier has changed, and the brokers know its connection by the certificate of the tier before.",
    CertExpired Client "cert-expired" "The client's certificate expired while it was connected.",
    // Frames and requests.
    FirstFrameTimeout Client "first-frame-timeout" "No whole request came in time after the TLS handshake.",
    BadFrameLength Client "bad-frame-length" "The frame's length is negative or less than a header.",
    FrameTooLarge Client "frame-too-large" "The frame is longer than its API allows.",
    FrameStalled Client "frame-stalled" "The rest of a frame did not come in time.",
    EofMidFrame Client "eof-mid-frame" "The client left in the middle of a frame.",
    UnknownApi Client "unknown-api" "The API key is not one of Kafka's.",
    ApiNotAllowed Client "api-not-allowed" "The API is not served.",
    ApiSuspended Client "api-suspended" "An operator has suspended the API.",
    UnsupportedVersion Client "unsupported-version" "The API is not served in this version.",
    Malformed Client "malformed" "The request does not have the form of its API and version.",
    TooManyItems Client "too-many-items" "The request has more topics, partitions, tags or other items than allowed.",
    SlowReader Client "slow-reader" "The client did not read its answers.",
    Idle Client "idle" "Nothing was sent for as long as `limits.idle`.",
    ClientEof Client "client-eof" "The client closed the connection.",
    ClientReset Client "client-reset" "The client's connection broke.",
    // The broker's side.
    UpstreamLost Broker "upstream-lost" "The broker's connection broke with a request in flight.",
    UpstreamUnreachable Broker "upstream-unreachable" "The broker could not be reached: what was asked of it was answered with a code to try again.",
    UpstreamLogin Broker "upstream-login" "The broker let Weir in for a time, and did not again when that was over: look at the password or the token.",
    UpstreamMalformed Broker "upstream-malformed" "The broker's answer does not have the form of its API and version.",
    UpstreamDesync Broker "upstream-desync" "The broker answered another request than the oldest.",
    UpstreamTimeout Broker "upstream-timeout" "The broker did not answer in time.",
    // Weir's own.
    Drain Weir "drain" "Weir is stopping.",
    InternalPanic Weir "internal-panic" "A defect: the connection's task panicked.",
    Internal Weir "internal" "A defect: something that cannot be was met, and the connection closed to be safe.",
}

impl CloseReason {
    /// Whether a TLS handshake began and the client did not become a principal.
    #[must_use]
    pub fn ends_handshake(self) -> bool {
        (Self::TlsTimeout..=Self::PrincipalUnknown).contains(&self)
    }

    /// Whether the client was let in, and would not be any more.
    #[must_use]
    pub fn takes_access_back(self) -> bool {
        matches!(self, Self::RevokedLive | Self::SuspendedLive | Self::CertExpired)
    }

    /// The place in `ALL`, for counters.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl From<ProtocolFault> for CloseReason {
    /// Why the protocol's fault ends the connection.
    fn from(fault: ProtocolFault) -> Self {
        match fault {
            ProtocolFault::Malformed(
                Malformed::TooManyTopics
                | Malformed::TooManyPartitions
                | Malformed::TooManyTags
                | Malformed::TooManyElements,
            ) => Self::TooManyItems,
            ProtocolFault::Malformed(_) => Self::Malformed,
            ProtocolFault::UnknownApi => Self::UnknownApi,
            ProtocolFault::UnsupportedVersion => Self::UnsupportedVersion,
            ProtocolFault::ApiSuspended => Self::ApiSuspended,
            ProtocolFault::ApiNotServed | ProtocolFault::ProduceWithoutAnswer => Self::ApiNotAllowed,
            ProtocolFault::BrokerMalformed(_) | ProtocolFault::BrokerUnasked | ProtocolFault::BrokerAnswerTooLong => {
                Self::UpstreamMalformed
            }
            ProtocolFault::BrokerDesync => Self::UpstreamDesync,
            ProtocolFault::Revoked => Self::RevokedLive,
            ProtocolFault::NotEncodable => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_reason_has_its_own_kebab_case_name_and_its_index() {
        let names: HashSet<&str> = CloseReason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), CloseReason::ALL.len());
        for (index, reason) in CloseReason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), index);
            assert!(reason.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{reason}");
            assert!(reason.meaning().ends_with('.'), "{reason}");
        }
    }
}
