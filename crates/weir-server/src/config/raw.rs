//! The configuration as it is written. The doc comments here are `docs/config.md`.
//!
//! Must never: hold a rule. What a value must satisfy stands in `validate`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::At;
pub use super::raw_admin::{RawAdmin, RawAdminMetrics};
pub use super::raw_audit::{RawAddresses, RawAudit, RawWhenFull};
pub use super::raw_limits::{RawLimits, RawNetwork, RawRate};
pub use super::raw_mirror::{RawMirror, RawMirrorSource};
pub use super::raw_sasl::{RawMechanism, RawSasl, RawSaslIdentity};
use super::units::TimeText;

/// One Weir process.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    /// Where clients connect.
    pub listeners: At<Vec<At<RawListener>>>,
    /// The clusters behind Weir, by a name of your own.
    pub upstreams: At<BTreeMap<String, At<RawUpstream>>>,
    /// The cluster id that every client is shown, whatever the brokers say. Keep it the same on all replicas, for ever.
    pub shown_cluster_id: At<String>,
    /// The policy directory: `catalogue.yaml`, `never.yaml`, `tiers.yaml`, `principals/*.yaml`, and `suspended/*.yaml` where
    /// something is suspended.
    pub policy: At<String>,
    /// Which parts of a verified client certificate may name a principal, in the order in which they are tried.
    #[serde(default = "default_identity")]
    pub identity: At<Vec<At<RawIdentity>>>,
    /// How consumer groups are kept apart.
    #[serde(default)]
    pub groups: RawGroups,
    /// Replicas of Weir that serve the same principals. They do not tell each other what they gave out, so each gives its
    /// share of every rate in a tier; counts are those of what is at the brokers, and whole.
    #[serde(default = "default_nodes")]
    pub nodes: At<u32>,
    /// Liveness, readiness and metrics.
    #[serde(default)]
    pub admin: RawAdmin,
    /// Worker threads. Each client connection lives on one of them. Without it: one per core.
    #[serde(default)]
    pub workers: Option<At<u16>>,
    /// What is logged, to standard error.
    #[serde(default)]
    pub log: RawLog,
    /// What one client, one address and the whole process may use.
    #[serde(default)]
    pub limits: RawLimits,
    /// Revocation lists of clients.
    #[serde(default)]
    pub crl: RawCrl,
    /// What happens at SIGTERM.
    #[serde(default)]
    pub drain: RawDrain,
    /// Who was let in, what was refused, what changed: one line each. Without it, nothing of that is written down.
    #[serde(default)]
    pub audit: Option<RawAudit>,
}

/// One place where clients connect.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawListener {
    /// A name of your own, for logs and metrics: a-z, 0-9 and `-`.
    pub name: At<String>,
    /// The local address: `IP:PORT` with `advertise.sni`, `IP` alone with `advertise.ports`. `0.0.0.0` and `::` are all.
    pub bind: At<String>,
    /// What clients are told to dial. Write either `sni` or `ports`.
    pub advertise: At<RawAdvertise>,
    /// The name of the cluster behind this listener.
    pub upstream: At<String>,
    /// The certificates.
    pub tls: At<RawServerTls>,
    /// Accept the PROXY protocol, version 2, from a load balancer in front. Without it: never.
    #[serde(default)]
    pub proxy_protocol: Option<RawProxyProtocol>,
    /// The networks from which clients may come. Without it: all. An empty list allows nobody.
    #[serde(default)]
    pub allow: Option<Vec<At<String>>>,
}

/// What clients are told to dial.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAdvertise {
    /// One port for all brokers; the broker is in the TLS server name. Broker 3 is `b3.HOST`, `HOST` is the bootstrap.
    #[serde(default)]
    pub sni: Option<At<RawSni>>,
    /// A port for each broker: broker 3 is at `base_port` + 3.
    #[serde(default)]
    pub ports: Option<At<RawPorts>>,
}

/// One port, a name for each broker.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSni {
    /// The bootstrap name. It and `*.` before it must resolve to this listener and be in the server certificate.
    pub host: At<String>,
    /// The port that clients dial, where it is not the one in `bind`.
    #[serde(default)]
    pub port: Option<At<u16>>,
}

/// One name, a port for each broker.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPorts {
    /// The name or address that is shown for every broker. It must be in the server certificate.
    pub host: At<String>,
    /// The port for clients that know no broker yet.
    pub bootstrap_port: At<u16>,
    /// The port of broker 0, whether there is one or not.
    pub base_port: At<u16>,
    /// The first and the last broker id that has a port. All are bound at start. A broker outside is not shown.
    pub ids: At<(At<i32>, At<i32>)>,
}

/// The certificates of a listener. All files are PEM.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawServerTls {
    /// The server certificate, then its intermediates.
    pub certificate: At<String>,
    /// Its private key, readable by the owner, or by its group, and by nobody else (0600 or 0640).
    pub key: At<String>,
    /// The CA certificates from which client certificates must come.
    pub client_ca: At<String>,
    /// Revocation lists of the client CAs, in PEM or DER; a file may hold several. With it, every CA between a client and
    /// a certificate of `client_ca` needs one, and a certificate whose issuer has none is refused. Without it, nothing is
    /// known of revoked certificates.
    #[serde(default)]
    pub client_crl: Option<At<Vec<At<String>>>>,
    /// The lowest TLS version.
    #[serde(default)]
    pub min_version: RawTlsVersion,
}

/// Revocation lists of clients.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCrl {
    /// How long a list is used past its next update. After that its issuer's certificates are refused.
    pub max_stale: At<TimeText>,
}

impl Default for RawCrl {
    fn default() -> Self {
        Self { max_stale: At::unwritten(TimeText("7d".to_owned())) }
    }
}

/// What happens at SIGTERM.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDrain {
    /// Where other Weirs take the clients over at once: over how long connections end, each at an instant of its own, so
    /// that not all clients come to the others in the same second. Without it they all end at once, within 4 s, as befits a
    /// restart: who serves next comes only after that.
    pub spread: Option<At<TimeText>>,
}

/// A TLS version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum RawTlsVersion {
    /// TLS 1.3.
    #[default]
    #[serde(rename = "1.3")]
    V1_3,
    /// TLS 1.2, for clients that know no better.
    #[serde(rename = "1.2")]
    V1_2,
}

/// The PROXY protocol, version 2.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawProxyProtocol {
    /// The networks of the load balancers. From these the header is required, from others it is never read.
    pub trusted: At<Vec<At<String>>>,
}

/// One cluster.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawUpstream {
    /// Brokers to ask first, as `HOST:PORT`.
    pub bootstrap: At<Vec<At<String>>>,
    /// The cluster's own id. Another cluster at the same address is refused. Without it: the id found first is kept.
    #[serde(default)]
    pub cluster_id: Option<At<String>>,
    /// TLS to the brokers. Without it: plaintext.
    #[serde(default)]
    pub tls: Option<RawUpstreamTls>,
    /// SASL to the brokers, over `tls`. Without it: they know Weir by its certificate.
    #[serde(default)]
    pub sasl: Option<At<RawSasl>>,
    /// The highest version of an API to use, by the API's name, where a broker claims one that it cannot do.
    #[serde(default)]
    pub max_versions: BTreeMap<String, At<i16>>,
    /// What clients are told of the brokers' racks: a public label for each `broker.rack`, so that they can read from a
    /// replica near them (`client.rack`). A rack that is not here is not shown.
    #[serde(default)]
    pub racks: BTreeMap<String, At<String>>,
    /// New connections to one broker in a second; more wait.
    #[serde(default = "default_dials")]
    pub dials_per_second: At<u32>,
    /// How often the brokers are asked whether topics with `only_while_compacted` in the catalogue are compacted: 1s to 1h.
    /// Such a topic is closed when a broker says otherwise, and when none has answered for three times as long.
    #[serde(default = "default_compaction_check")]
    pub compaction_check: At<TimeText>,
    /// What fills this cluster, where it holds only what is public: see `weir render mirror`.
    #[serde(default)]
    pub mirror: Option<At<RawMirror>>,
}

/// TLS to brokers. All files are PEM.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawUpstreamTls {
    /// The CA certificates from which the brokers' certificates must come.
    pub ca: At<String>,
    /// Weir's own certificate for the brokers, where they ask for one. It is not the listener's.
    #[serde(default)]
    pub certificate: Option<At<String>>,
    /// The key of `certificate`.
    #[serde(default)]
    pub key: Option<At<String>>,
    /// The name to expect in every broker's certificate, where it is not the host that is dialled.
    #[serde(default)]
    pub server_name: Option<At<String>>,
    /// Another certificate for what principals of a tier ask, by the tier's name, so that the brokers' logs, ACLs and
    /// quotas tell tiers apart. A tier that is not here has `certificate`.
    #[serde(default)]
    pub identities: BTreeMap<String, At<RawTierIdentity>>,
}

/// A certificate for the brokers.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTierIdentity {
    /// The certificate, then its intermediates.
    pub certificate: At<String>,
    /// Its private key.
    pub key: At<String>,
}

/// A part of a client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawIdentity {
    /// The SHA-256 fingerprint of the certificate.
    Fingerprint,
    /// A subject alternative name that is a URI.
    SanUri,
    /// A subject alternative name that is a DNS name.
    SanDns,
    /// A subject alternative name that is an email address.
    SanEmail,
    /// The whole distinguished name (RFC 4514).
    Dn,
    /// The common name.
    Cn,
}

/// How consumer groups are kept apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawGroups {
    /// Each principal has a namespace of its own that it does not see: any group id works.
    #[default]
    Namespaced,
    /// A principal may use the group ids that start with its namespace and a dot, and they go to the brokers as they are.
    ExplicitPrefix,
}

/// What is logged.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawLog {
    /// The form of a line.
    pub format: RawLogFormat,
    /// The least severe level that is logged.
    pub level: RawLogLevel,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawLogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// How severe a log line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawLogLevel {
    /// Weir or its operator must act.
    Error,
    /// Something is wrong that may pass.
    Warn,
    /// What happens: starts, connections, refusals.
    #[default]
    Info,
    /// Each request.
    Debug,
    /// Everything.
    Trace,
}

fn default_identity() -> At<Vec<At<RawIdentity>>> {
    use RawIdentity::{Cn, Dn, Fingerprint, SanDns, SanEmail, SanUri};
    At::unwritten([Fingerprint, SanUri, SanDns, SanEmail, Dn, Cn].into_iter().map(At::unwritten).collect())
}

fn default_nodes() -> At<u32> {
    At::unwritten(1)
}

fn default_dials() -> At<u32> {
    At::unwritten(50)
}

fn default_compaction_check() -> At<TimeText> {
    At::unwritten(TimeText("30s".to_owned()))
}
