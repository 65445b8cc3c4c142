//! The configuration as the rest of Weir sees it: checked, with units resolved.
//!
//! Must never: hold a value that `validate` did not look at.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use weir_kafka::advertise::AdvertisedNodes;
use weir_kafka::cluster::ShownClusterId;
use weir_kafka::racks::{RealRack, ShownRack};
use weir_policy::{CatchUp, GroupMode, IdentityRule, PolicyOptions};

use super::admin::Admin;
use super::audit::AuditSettings;
use super::mirror::Mirror;
use super::place::{At, Place};
use super::raw::{RawLogFormat, RawLogLevel, RawTlsVersion};
use super::sasl::UpstreamSasl;

/// One Weir process.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients connect; at least one.
    pub listeners: Vec<Listener>,
    /// The clusters, by name; every listener's is among them.
    pub upstreams: BTreeMap<String, Upstream>,
    /// The cluster id that clients see.
    pub shown_cluster_id: ShownClusterId,
    /// The policy directory.
    pub policy: At<PathBuf>,
    /// Which parts of a certificate may name a principal, in the order of trial.
    pub identity: Vec<IdentityRule>,
    /// How groups are kept apart.
    pub groups: GroupMode,
    /// Replicas that serve the same principals.
    pub nodes: NonZeroU32,
    /// Where Weir tells how it is.
    pub admin: Admin,
    /// Worker threads.
    pub workers: NonZeroUsize,
    /// What is logged.
    pub log: Log,
    /// What may be used.
    pub limits: Limits,
    /// How long a revocation list is used past its next update.
    pub crl_max_stale: Duration,
    /// Over how long connections end at SIGTERM; nothing for at once.
    pub drain_spread: Option<Duration>,
    /// Where and how the audit is written, if one is wanted.
    pub audit: Option<AuditSettings>,
}

impl Config {
    /// What it decides about the policy.
    #[must_use]
    pub fn policy_options(&self) -> PolicyOptions {
        PolicyOptions { nodes: self.nodes, identity: self.identity.clone(), groups: self.groups }
    }
}

/// What defaults and limits depend on.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// The cores that this process may use.
    pub cores: NonZeroUsize,
    /// The file descriptors that this process may open.
    pub descriptors: u64,
}

/// One place where clients connect.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// The local IP address.
    pub ip: IpAddr,
    /// The local ports: one with SNI; the bootstrap's and one per broker id otherwise.
    pub ports: Vec<u16>,
    /// What clients are told.
    pub advertise: AdvertisedNodes,
    /// The cluster behind it.
    pub upstream: String,
    /// Its certificates.
    pub tls: ServerTls,
    /// Networks whose connections begin with a PROXY v2 header; empty without `proxy_protocol`.
    pub trusted_proxies: Vec<IpNet>,
    /// Networks from which clients may come; nothing stands for all.
    pub allow: Option<Vec<IpNet>>,
}

impl Listener {
    /// The addresses to bind.
    pub fn binds(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.ports.iter().map(|port| SocketAddr::new(self.ip, *port))
    }

    /// Whether clients may come from an address.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        allows(self.allow.as_deref(), address)
    }
}

/// Whether an `allow` lets an address in. Without one, every address is.
pub(crate) fn allows(allow: Option<&[IpNet]>, address: IpAddr) -> bool {
    // A listener on `::` sees an IPv4 address inside IPv6; networks are written as what they are.
    let address = address.to_canonical();
    allow.is_none_or(|networks| networks.iter().any(|network| network.contains(&address)))
}

/// The certificate files of a listener.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// The server certificate and its intermediates.
    pub certificate: At<PathBuf>,
    /// Its key.
    pub key: At<PathBuf>,
    /// The roots of client certificates.
    pub client_ca: At<PathBuf>,
    /// The revocation lists of those; empty where none are wanted.
    pub client_crl: Vec<At<PathBuf>>,
    /// The lowest TLS version.
    pub min_version: RawTlsVersion,
    /// The names that clients will look for in the certificate, and where the configuration gives them.
    pub names: Vec<At<AdvertisedName>>,
}

/// A name that clients will look for in the server certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdvertisedName {
    /// A host name.
    Host(String),
    /// `b{id}.HOST` for every broker id.
    EveryBroker(String),
    /// An IP address.
    Ip(IpAddr),
}

/// As the certificate must say it.
impl fmt::Display for AdvertisedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => f.write_str(host),
            Self::EveryBroker(host) => write!(f, "*.{host}"),
            Self::Ip(ip) => write!(f, "{ip}"),
        }
    }
}

/// One cluster.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Hosts and ports to ask first; at least one.
    pub bootstrap: Vec<(String, u16)>,
    /// The id that the cluster must have.
    pub cluster_id: Option<String>,
    /// TLS to the brokers.
    pub tls: Option<UpstreamTlsFiles>,
    /// As whom Weir comes there, where the brokers ask for SASL; over TLS alone.
    pub sasl: Option<UpstreamSasl>,
    /// The highest version to use, by API key.
    pub max_versions: HashMap<i16, i16>,
    /// The public labels of the brokers' racks, each another one.
    pub racks: BTreeMap<RealRack, ShownRack>,
    /// New connections to one broker in a second.
    pub dials_per_second: u32,
    /// How often its brokers are asked whether topics that must be compacted are.
    pub compaction_check: Duration,
    /// What fills it; nothing for a cluster that Weir does not say that of.
    pub mirror: Option<Mirror>,
}

/// The certificate files for one cluster.
#[derive(Clone, Debug)]
pub struct UpstreamTlsFiles {
    /// The roots of broker certificates.
    pub ca: At<PathBuf>,
    /// Weir's own certificate and key.
    pub identity: Option<(At<PathBuf>, At<PathBuf>)>,
    /// The name to expect, where it is not the host that is dialled.
    pub server_name: Option<rustls_pki_types::ServerName<'static>>,
    /// Certificates and keys for the principals of a tier, by its name. Those of other tiers come as Weir itself.
    pub identities: BTreeMap<String, TierIdentity>,
}

/// The certificate with which what a tier's principals ask goes to the brokers.
#[derive(Clone, Debug)]
pub struct TierIdentity {
    /// Where the configuration gives it.
    pub place: Place,
    /// The certificate and its intermediates.
    pub certificate: At<PathBuf>,
    /// Its key.
    pub key: At<PathBuf>,
}

/// What is logged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log {
    /// The form of a line.
    pub format: RawLogFormat,
    /// The least severe level.
    pub level: RawLogLevel,
}

/// What one client, one address and the whole process may use. Sizes are bytes.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The whole TLS handshake.
    pub tls_handshake: Duration,
    /// From the handshake to the end of the first request.
    pub first_frame: Duration,
    /// From the first byte of a request to its last.
    pub frame: Duration,
    /// Bytes per second, the slowest that a request may come.
    pub frame_min_rate: usize,
    /// A quiet connection.
    pub idle: Duration,
    /// A client that reads too slowly.
    pub slow_reader: Duration,
    /// Bytes per second, the slowest that a client may read.
    pub reader_min_rate: usize,
    /// The longest request.
    pub request: usize,
    /// The longest JoinGroup and SyncGroup.
    pub request_group: usize,
    /// The longest ApiVersions and FindCoordinator.
    pub request_small: usize,
    /// Topics in one request.
    pub topics: usize,
    /// Partitions in one request.
    pub partitions: usize,
    /// Tagged fields in one request.
    pub tagged_fields: usize,
    /// Requests of one connection that wait for their answers.
    pub in_flight: usize,
    /// Connections of one address that are not authenticated yet.
    pub unauthenticated_per_address: usize,
    /// Connections that are not authenticated yet.
    pub unauthenticated: usize,
    /// TLS handshakes that may begin.
    pub handshakes: HandshakeRate,
    /// TLS handshakes that may begin from one address.
    pub handshakes_per_address: HandshakeRate,
    /// Networks whose addresses have another rate.
    pub networks: Vec<(IpNet, HandshakeRate)>,
    /// What all principals together may read far behind.
    pub catch_up: CatchUp,
    /// Client connections.
    pub connections: usize,
}

/// How often something may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeRate {
    /// So often in a second.
    pub per_second: u32,
    /// So often at once.
    pub burst: u32,
}
