//! What one upstream is told by the configuration, as plain values.
//!
//! Must never: read files or know the configuration's format.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use weir_kafka::racks::{RealRack, ShownRack};

use super::connect::TlsPeer;
use super::sasl::UpstreamSasl;

/// A host and a port to dial.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// How to speak TLS to the brokers.
#[derive(Clone, Debug)]
pub struct UpstreamTls {
    /// Roots, and the certificate of Weir's own where the brokers ask for one.
    pub config: Arc<rustls::ClientConfig>,
    /// The name that every broker's certificate must bear; the host that is dialled where it is not given.
    pub server_name: Option<ServerName<'static>>,
    /// The same with another certificate, by tier: for connections of that tier's principals. Sessions are resumed
    /// within one of these, never across.
    pub of_tiers: BTreeMap<String, Arc<rustls::ClientConfig>>,
    /// As whom Weir comes where brokers ask for SASL. It stands here because it is never spoken without TLS.
    pub sasl: Option<UpstreamSasl>,
}

/// For whom a broker is dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller<'a> {
    /// For Weir itself.
    Weir,
    /// For a principal of the tier of this name.
    Tier(&'a str),
}

/// One broker cluster.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// The name that the configuration gives it.
    pub name: String,
    /// Where to ask first. Only the control connection dials these.
    pub bootstrap: Vec<HostPort>,
    /// The id that the cluster must have; pinned at first contact where it is not given.
    pub cluster_id: Option<String>,
    /// TLS to the brokers; plaintext where it is not given.
    pub tls: Option<UpstreamTls>,
    /// The highest version to use of an API, by key, whatever the brokers advertise.
    pub max_versions: HashMap<i16, i16>,
    /// The public labels of the brokers' racks; a rack without one is never shown.
    pub racks: BTreeMap<RealRack, ShownRack>,
    /// Connections opened per second and broker, at most.
    pub dials_per_second: u32,
    /// How long to wait, and how often to ask.
    pub timeouts: UpstreamTimeouts,
}

impl UpstreamSettings {
    /// Whether the principals of both tiers are the same to the brokers.
    pub(crate) fn share_identity(&self, one: &str, other: &str) -> bool {
        let has_own = |tier| self.tiers_apart().any(|apart| apart == tier);
        one == other || !(has_own(one) || has_own(other))
    }

    /// The tiers whose principals the brokers tell apart from Weir itself: by a certificate, or by a user.
    pub(crate) fn tiers_apart(&self) -> impl Iterator<Item = &str> {
        let by_certificate = self.tls.iter().flat_map(|tls| tls.of_tiers.keys());
        let by_user = self.tls.iter().flat_map(|tls| &tls.sasl).flat_map(|sasl| sasl.of_tiers.keys());
        by_certificate.chain(by_user).map(String::as_str)
    }

    /// What the handshake with a broker at `host` needs; nothing for a plaintext upstream.
    pub(super) fn tls_peer(&self, host: &str, caller: Caller<'_>) -> io::Result<Option<TlsPeer>> {
        let Some(tls) = &self.tls else { return Ok(None) };
        let config = match caller {
            Caller::Weir => &tls.config,
            Caller::Tier(tier) => tls.of_tiers.get(tier).unwrap_or(&tls.config),
        };
        let server_name = match &tls.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(io::Error::other)?,
        };
        Ok(Some(TlsPeer { config: Arc::clone(config), server_name }))
    }
}

/// How long an upstream is waited for, and how often it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamTimeouts {
    /// One TCP connection attempt, and one name look-up. Longer than the second after which Linux sends a lost SYN again
    /// (RFC 6298), so that one lost packet does not make a broker one that cannot be reached.
    pub connect: Duration,
    /// One whole dial for a client connection: waiting for its turn and every attempt included, up to three.
    pub dial: Duration,
    /// The TLS handshake of a control connection.
    pub handshake: Duration,
    /// The longest silence of a broker that owes a control connection an answer.
    pub silence: Duration,
    /// One whole question and answer on a control connection.
    pub exchange: Duration,
    /// How often Metadata is asked for when nothing happens.
    pub refresh: Duration,
    /// The shortest time between two Metadata requests, whatever happens.
    pub refresh_gap: Duration,
    /// How often each broker is asked for its API versions and its cluster's id.
    pub recheck: Duration,
    /// How often brokers are asked whether topics that must be compacted are.
    pub compaction: Duration,
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            dial: Duration::from_secs(6),
            handshake: Duration::from_secs(2),
            silence: Duration::from_secs(3),
            exchange: Duration::from_secs(10),
            refresh: Duration::from_secs(5),
            refresh_gap: Duration::from_millis(100),
            recheck: Duration::from_secs(30),
            compaction: Duration::from_secs(30),
        }
    }
}
