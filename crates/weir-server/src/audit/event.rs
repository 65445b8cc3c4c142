//! What is written down: a closed list of events. The doc comments here are the table in `docs/operate/audit.md`.
//!
//! Must never: hold what a client sent, but for the names of its own groups, or a client's address: that is beside the
//! event until the policy for addresses was applied.

use schemars::JsonSchema;
use serde::Serialize;

/// The version of the schema, in every line. It grows when a member changes its meaning or goes; new events and members
/// leave it as it is.
pub const SCHEMA: u32 = 1;

/// One decision, or several of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "event")]
pub enum Event {
    /// The process serves clients.
    #[serde(rename = "process.started")]
    ProcessStarted {
        /// Weir's version.
        version: &'static str,
        /// The generation of files that is in force.
        generation: u64,
        /// The names of the listeners.
        listeners: Vec<String>,
    },
    /// The process was told to stop: it takes no new connections.
    #[serde(rename = "drain.begun")]
    DrainBegun,
    /// The process ends.
    #[serde(rename = "drain.ended")]
    DrainEnded {
        /// Whether connections were cut because they did not end in time.
        cut: bool,
    },
    /// A client is let in: its principal is known. With the client's address.
    #[serde(rename = "connection.accepted")]
    ConnectionAccepted {
        /// The connection's number since the process started.
        connection: u64,
        /// Who the client is.
        principal: String,
        /// The listener's name.
        listener: String,
        /// The serial number of the client's certificate, in hexadecimal digits.
        serial: String,
        /// The SHA-256 fingerprint of the client's certificate.
        fingerprint: String,
    },
    /// A connection that was accepted has ended. With the client's address.
    #[serde(rename = "connection.closed")]
    ConnectionClosed {
        /// The number that `connection.accepted` has.
        connection: u64,
        /// Who the client is.
        principal: String,
        /// The listener's name.
        listener: String,
        /// Why it ended, as in `weir_connections_closed_total`.
        reason: &'static str,
        /// Whose fault that is: `client`, `broker` or `weir`.
        fault: &'static str,
        /// How long it was open, in milliseconds.
        duration_ms: u64,
        /// Requests that ended on it.
        requests: u64,
        /// Bytes of those requests.
        bytes_from_client: u64,
        /// Bytes of their answers.
        bytes_to_client: u64,
    },
    /// A client was let in before, and would not be any more: its connection ends. `connection.closed` follows.
    #[serde(rename = "access.revoked")]
    AccessRevoked {
        /// The number that `connection.accepted` has.
        connection: u64,
        /// Who the client is.
        principal: String,
        /// `revoked-live`: the policy, a CA or a revocation list; `suspended-live`: a suspension; `cert-expired`: time.
        reason: &'static str,
        /// The serial number of the client's certificate.
        serial: String,
        /// The SHA-256 fingerprint of the client's certificate.
        fingerprint: String,
    },
    /// Clients did not become a principal: their handshakes failed, or nobody is meant by their certificate. With the
    /// address, but where one time brought more addresses than are told apart.
    #[serde(rename = "authn.failed")]
    AuthnFailed {
        /// Why, as in `weir_connections_closed_total`.
        reason: &'static str,
        /// The listener's name.
        listener: String,
        /// The SHA-256 fingerprint of the certificate, where one was seen.
        #[serde(skip_serializing_if = "Option::is_none")]
        fingerprint: Option<String>,
        /// How many.
        count: u64,
        /// In how many seconds until `time`.
        seconds: u64,
    },
    /// Connections were refused for something else than who the client is: an address, a place, a first byte that is not
    /// TLS. With the address, as in `authn.failed`.
    #[serde(rename = "connection.refused")]
    ConnectionRefused {
        /// Why, as in `weir_connections_closed_total`.
        reason: &'static str,
        /// The listener's name.
        listener: String,
        /// Who the client is, where that was known by then.
        #[serde(skip_serializing_if = "Option::is_none")]
        principal: Option<String>,
        /// The SHA-256 fingerprint of the certificate, where one was seen.
        #[serde(skip_serializing_if = "Option::is_none")]
        fingerprint: Option<String>,
        /// How many.
        count: u64,
        /// In how many seconds until `time`.
        seconds: u64,
    },
    /// Parts of requests were refused by the policy. No name is told of what was asked for: a stranger chose it.
    #[serde(rename = "authz.denied")]
    AuthzDenied {
        /// Who asked.
        principal: String,
        /// Why, as in `weir_refused_total`.
        reason: &'static str,
        /// Kafka's name for the API.
        api: &'static str,
        /// Requests in which something was refused for this.
        requests: u64,
        /// Topics, partitions or groups that were refused.
        items: u64,
        /// In how many seconds until `time`.
        seconds: u64,
    },
    /// Parts of requests were refused by a quota.
    #[serde(rename = "quota.refused")]
    QuotaRefused {
        /// Who asked.
        principal: String,
        /// Which quota, as in `weir_refused_total`.
        reason: &'static str,
        /// Kafka's name for the API.
        api: &'static str,
        /// Requests in which something was refused for this.
        requests: u64,
        /// Partitions or groups that were refused.
        items: u64,
        /// In how many seconds until `time`.
        seconds: u64,
    },
    /// Connections of a principal were made to wait, for what it has used.
    #[serde(rename = "quota.throttled")]
    QuotaThrottled {
        /// Who has to wait.
        principal: String,
        /// How often a connection began to wait.
        times: u64,
        /// The longest such wait, in milliseconds.
        longest_ms: u64,
        /// In how many seconds until `time`.
        seconds: u64,
    },
    /// A principal asked for a group that was not there, and may make it.
    #[serde(rename = "group.created")]
    GroupCreated {
        /// Whose group it is.
        principal: String,
        /// The brokers' name of the group.
        group: String,
    },
    /// More groups of a principal came to be or were deleted than have a line each.
    #[serde(rename = "group.changed-often")]
    GroupsChanged {
        /// Whose groups they are.
        principal: String,
        /// So many came to be, beside those that have a line.
        created: u64,
        /// So many were deleted, beside those that have a line.
        deleted: u64,
        /// In how many seconds until `time`.
        seconds: u64,
    },
    /// A principal deleted a group.
    #[serde(rename = "group.deleted")]
    GroupDeleted {
        /// Whose group it was.
        principal: String,
        /// The brokers' name of the group.
        group: String,
    },
    /// Retention deleted records before a group read them: its committed offset is older than the first that is there.
    #[serde(rename = "records.lost")]
    RecordsLost {
        /// Whose group it is.
        principal: String,
        /// The brokers' name of the group.
        group: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// What the group had committed: the next offset that it wanted.
        committed: i64,
        /// The first offset that is there.
        first: i64,
        /// Offsets between the two.
        lost: u64,
    },
    /// The broker told clients that their offset is out of range, and they went on at another: what is between may be lost
    /// to them.
    #[serde(rename = "offset.out_of_range")]
    OffsetOutOfRange {
        /// Who read.
        principal: String,
        /// The topic.
        topic: String,
        /// The partition of the first of them.
        partition: i32,
        /// Where it went on.
        offset: i64,
        /// How often, in all partitions of the topic.
        times: u64,
        /// In how many seconds until `time`.
        seconds: u64,
    },
    /// Nobody may read a topic any more: it may leave only while it is compacted, and no broker confirms that.
    #[serde(rename = "topic.closed")]
    TopicClosed {
        /// The name of the cluster in the configuration.
        upstream: String,
        /// The topic.
        topic: String,
        /// Why, in words.
        why: String,
    },
    /// A topic that was closed may be read again: it is compacted, or need not be any more.
    #[serde(rename = "topic.opened")]
    TopicOpened {
        /// The name of the cluster in the configuration.
        upstream: String,
        /// The topic.
        topic: String,
    },
    /// Another generation of files is in force.
    #[serde(rename = "policy.reloaded")]
    PolicyReloaded {
        /// Its number.
        generation: u64,
        /// What it changes of the policy, in the words of `weir diff`; none where only certificates, revocation lists or the
        /// configuration are others.
        changes: Vec<String>,
        /// Changes beyond those.
        more: u64,
    },
    /// The files have problems: what was in force stays.
    #[serde(rename = "policy.refused")]
    PolicyRefused {
        /// The problems, each with its file and line.
        problems: Vec<String>,
        /// Problems beyond those.
        more: u64,
    },
    /// A suspension takes effect in this process.
    #[serde(rename = "suspension.added")]
    SuspensionAdded {
        /// `principal`, `serial`, `topic`, `api` or `all`.
        kind: &'static str,
        /// Which, where the kind has names.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Why, as its file says.
        reason: String,
        /// Where that is written down, as its file says.
        ticket: String,
    },
    /// A suspension is over in this process.
    #[serde(rename = "suspension.removed")]
    SuspensionRemoved {
        /// `principal`, `serial`, `topic`, `api` or `all`.
        kind: &'static str,
        /// Which, where the kind has names.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The ticket of the suspension.
        ticket: String,
    },
    /// Events before this line were not written: there was no room for them while lines could not be written.
    #[serde(rename = "audit.lost")]
    AuditLost {
        /// How many.
        events: u64,
    },
    /// The process before this one ended in the middle of a line, which was cut off.
    #[serde(rename = "audit.recovered")]
    AuditRecovered {
        /// How many bytes were cut off.
        bytes: u64,
    },
}
