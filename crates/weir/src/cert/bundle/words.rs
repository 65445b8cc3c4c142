//! What a consumer is told of refusals and limits. docs/refusals.md says the same: a test holds them together.
//!
//! Must never: leave out what a consumer can meet, or tell one what only an operator can act on.

use weir_pki::bundle::Refusal;
use weir_policy::Reason;
use weir_server::close_reason::CloseReason;

/// Where somebody is refused.
#[derive(Clone, Copy)]
enum Door {
    /// In the answer to a request, or before the first one.
    Request(Reason),
    /// The connection ends.
    Connection(CloseReason),
}

const TOPIC: &str = "`TOPIC_AUTHORIZATION_FAILED` (29)";
const GROUP: &str = "`GROUP_AUTHORIZATION_FAILED` (30)";
const ALERT: &str = "a TLS alert";
const CLOSED: &str = "closed";
const NO_GRANT: &str = "Ask the operator for the topic, or take its name out of the subscription.";
const NEW_CERTIFICATE: &str = "Get a new certificate from the operator, and start the program with it.";
const ASK: &str = "Ask the operator, with the name of the principal. The client may go on trying.";

/// Each with what the client says, and what to do.
const REFUSALS: &[(Door, &str, &str)] = &[
    (Door::Request(Reason::TopicNameInvalid), TOPIC, "Correct the name."),
    (Door::Request(Reason::TopicNever), TOPIC, NO_GRANT),
    (
        Door::Request(Reason::TopicNotInCatalogue),
        TOPIC,
        "Ask the operator whether the topic may leave at all; the answer is the same where it does not exist.",
    ),
    (Door::Request(Reason::TopicSuspended), TOPIC, "Wait until the operator resumes it. Offsets are kept."),
    (Door::Request(Reason::TopicNotGranted), TOPIC, NO_GRANT),
    (
        Door::Request(Reason::TopicNotCompacted),
        "`UNKNOWN_TOPIC_OR_PARTITION` (3)",
        "Wait: the topic is closed for now, and comes back. Offsets are kept.",
    ),
    (
        Door::Request(Reason::TopicReadOnly),
        TOPIC,
        "Nothing can be written here. A producer with `enable.idempotence`, the default of most, does not even begin.",
    ),
    (Door::Request(Reason::GroupNameInvalid), "`INVALID_GROUP_ID` (24)", "Choose another group id."),
    (
        Door::Request(Reason::GroupOutsideNamespace),
        GROUP,
        "Begin the group id with the namespace that the operator gave, and a dot.",
    ),
    (
        Door::Request(Reason::GroupProtocolType),
        "`INCONSISTENT_GROUP_PROTOCOL` (23)",
        "Kafka Connect and the like cannot keep their own groups here; run them beside a cluster of your own.",
    ),
    (
        Door::Request(Reason::TransactionalIdNotServed),
        "`TRANSACTIONAL_ID_AUTHORIZATION_FAILED` (53)",
        "Nothing can be written here.",
    ),
    (Door::Request(Reason::ClusterOperation), "`CLUSTER_AUTHORIZATION_FAILED` (31)", "Ask for topics' settings only."),
    (
        Door::Request(Reason::PrincipalUnknown),
        ALERT,
        "The certificate is good, and the operator's files do not know it: send them its subject.",
    ),
    (Door::Request(Reason::PrincipalAmbiguous), ALERT, "The operator's files name the certificate twice: tell them."),
    (Door::Request(Reason::PrincipalSuspended), ALERT, ASK),
    (Door::Request(Reason::CertificateSuspended), ALERT, ASK),
    (Door::Request(Reason::AllSuspended), ALERT, ASK),
    (
        Door::Request(Reason::AddressNotAllowed),
        CLOSED,
        "Connect from an address that was agreed on, or ask for this one.",
    ),
    (
        Door::Request(Reason::PrincipalConnections),
        CLOSED,
        "Run fewer clients at once, and close those that are not used: each holds about two connections more than \
         there are brokers.",
    ),
    (
        Door::Request(Reason::QuotaGroups),
        GROUP,
        "Use the group ids that there are, and delete those that are not used; a random id for each start makes a \
         group each.",
    ),
    (
        Door::Request(Reason::QuotaMembers),
        "`GROUP_MAX_SIZE_REACHED` (81)",
        "Run fewer members in one group: more than there are partitions read nothing.",
    ),
    (
        Door::Request(Reason::QuotaBeingCounted),
        "`COORDINATOR_LOAD_IN_PROGRESS` (14)",
        "Wait: the client asks again by itself.",
    ),
    (
        Door::Request(Reason::QuotaNotCounted),
        "`COORDINATOR_NOT_AVAILABLE` (15)",
        "Wait: it is for moments after a start of Weir.",
    ),
    (
        Door::Request(Reason::QuotaJoins),
        "`COORDINATOR_LOAD_IN_PROGRESS` (14)",
        "Wait. Members that come and go all the time are the cause: look for a `max.poll.interval.ms` that is too \
         short.",
    ),
    (
        Door::Request(Reason::QuotaOffsets),
        GROUP,
        "Turn automatic commits off, keep offsets yourself, and begin with assign and seek; kafkajs has subscribe and \
         seek.",
    ),
    (
        Door::Request(Reason::QuotaCommitRate),
        "`INVALID_COMMIT_OFFSET_SIZE` (28)",
        "Commit less often: every few seconds, not after each record. Nothing is lost: the next commit covers it.",
    ),
    (
        Door::Request(Reason::QuotaCommitted),
        "`INVALID_COMMIT_OFFSET_SIZE` (28)",
        "Delete groups that are not used. Partitions that have an offset go on.",
    ),
    (
        Door::Request(Reason::QuotaCommitMetadata),
        "`OFFSET_METADATA_TOO_LARGE` (12)",
        "Shorten the metadata, or leave it out.",
    ),
    (
        Door::Request(Reason::QuotaTimestampLookups),
        "`REQUEST_TIMED_OUT` (7)",
        "Look up fewer partitions at once, and remember what was found.",
    ),
    (Door::Connection(CloseReason::NotTlsKafka), CLOSED, "Set `security.protocol=SSL`, or what the library calls it."),
    (Door::Connection(CloseReason::TlsNoCert), ALERT, "Give the client its certificate and key."),
    (
        Door::Connection(CloseReason::TlsUntrusted),
        ALERT,
        "Use the certificate that the operator's CA issued, with its chain.",
    ),
    (Door::Connection(CloseReason::TlsExpired), ALERT, NEW_CERTIFICATE),
    (Door::Connection(CloseReason::TlsNotYetValid), ALERT, "Set the clock; else ask for a new certificate."),
    (Door::Connection(CloseReason::TlsRevoked), ALERT, NEW_CERTIFICATE),
    (Door::Connection(CloseReason::TlsBadCert), ALERT, "Ask for a certificate for clients."),
    (
        Door::Connection(CloseReason::PrincipalRate),
        CLOSED,
        "Keep one client and its connections, in the place of a new one for each question.",
    ),
    (Door::Connection(CloseReason::RevokedLive), CLOSED, NEW_CERTIFICATE),
    (Door::Connection(CloseReason::CertExpired), CLOSED, NEW_CERTIFICATE),
    (Door::Connection(CloseReason::SuspendedLive), CLOSED, ASK),
];

/// The rows of the README, in the order of docs/refusals.md.
pub(super) fn refusals() -> impl Iterator<Item = Refusal> {
    REFUSALS.iter().map(|(door, told, advice)| {
        let (name, meaning) = match door {
            Door::Request(reason) => (reason.name(), reason.sentence()),
            Door::Connection(reason) => (reason.name(), reason.meaning()),
        };
        Refusal { told, name, meaning, advice }
    })
}

/// What a limit counts, by its key in the files; empty for one that is none.
pub(super) fn counts(key: &str) -> &'static str {
    match key {
        "connections" => "connections at once, over all brokers",
        "connects" => "connections opened",
        "offsets" => "whether commits are kept (`forward`) or refused (`deny`)",
        "commit_partitions" => "partitions committed, not requests",
        "commit_metadata_bytes" => "bytes of metadata with one committed partition",
        "committed_partitions" => "different partitions with a committed offset, over all groups",
        "groups" => "groups",
        "group_members" => "members of one group",
        "joins" => "requests to join a group",
        "session_timeout_max" => "the longest session time-out of a member",
        "rebalance_timeout_max" => "the longest rebalance time-out of a member",
        "requests" => "requests",
        "denied" => "refused items of requests",
        "bytes_out" => "bytes that are sent to you",
        "timestamp_lookups" => "partitions whose offset is looked up by time",
        "catch_up" => "bytes of records that are read far behind the newest",
        "catch_up_partitions" => "partitions that are read far behind at once",
        "parked_fetches" => "fetches that wait for records at once",
        "fetch_sessions" => "fetch sessions: beyond them requests are longer, and nothing else changes",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use weir_policy::Limits;

    use super::*;

    /// What no program of a consumer meets, or none can do anything about: it is not told.
    const NOT_TOLD: [&str; 3] = ["topic-id-unknown", "group-operation", "request-shape"];

    #[test]
    fn the_rows_are_those_of_the_page() {
        let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/refusals.md")).unwrap();
        for row in refusals() {
            let advice = format!("- **{}**: {}", row.name, row.advice);
            assert!(page.lines().any(|line| line == advice), "docs/refusals.md has no line: {advice}");
            let code = match row.told.strip_prefix('`').and_then(|told| told.strip_suffix(')')?.split_once("` (")) {
                Some((name, code)) => format!("{code} {name}"),
                None => row.told.to_owned(),
            };
            let begin = format!("| {} | {} |", row.name, row.meaning);
            let line = page.lines().find(|line| line.starts_with(&begin));
            assert!(line.is_some_and(|line| line.contains(&format!("| {code} |"))), "{begin} … {code}: {line:?}");
        }
    }

    #[test]
    fn every_reason_is_told_or_named_as_untold() {
        let told: Vec<_> = refusals().map(|row| row.name).collect();
        for reason in Reason::ALL {
            let known = told.contains(&reason.name()) != NOT_TOLD.contains(&reason.name());
            assert!(known, "{reason} is in neither list, or in both");
        }
    }

    #[test]
    fn every_limit_says_what_it_counts() {
        for limit in Limits::default().in_words() {
            assert_ne!(counts(limit.key), "", "{}", limit.key);
        }
    }
}
