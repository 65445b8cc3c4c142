//! The rows of docs/refusals.md: every `Reason`, every `CloseReason`, and what only slows down.
//!
//! Whoever adds a `Reason` or a `CloseReason` adds its row here, in the same change: one entry of `REQUESTS` or
//! `CONNECTIONS` (or a line of `no_row.rs`), then
//! `WEIR_BLESS=1 WEIR_TESTS_ROWS=its-name cargo test -p weir-e2e --test refusals` makes the five clients meet it and
//! writes what they did. `every_reason_has_a_row` fails until then.

use weir_policy::Reason;
use weir_server::close_reason::CloseReason;

use crate::row::{Case, Counted, HIDDEN, Met, NEVER, OTHER, Paper, Row, TOPIC, Why, World};

const NO_GRANT: &str = "Ask the operator for the topic, or take its name out of the subscription.";
const NEW_CERTIFICATE: &str = "Get a new certificate from the operator, and start the program with it.";
const ASK: &str = "Ask the operator, with the name of the principal. The client may go on trying.";

/// What is refused in a request.
pub const REQUESTS: &[Row] = &[
    refused(Reason::TopicNameInvalid, "Metadata", read("a bad name!"), "Correct the name."),
    refused(Reason::TopicNever, "Metadata", read(NEVER), NO_GRANT),
    refused(
        Reason::TopicNotInCatalogue,
        "Metadata",
        Case { world: World::NotCatalogued, ..read(HIDDEN) },
        "Ask the operator whether the topic may leave at all; the answer is the same where it does not exist.",
    ),
    refused(
        Reason::TopicSuspended,
        "Metadata, Fetch",
        Case { world: World::SuspendedWhileReading(&["topic", TOPIC]), ..read(TOPIC) },
        "Wait until the operator resumes it. Offsets are kept.",
    ),
    refused(
        Reason::TopicNotCompacted,
        "Metadata, Fetch, ListOffsets",
        Case { world: World::HeldBackWhileReading, ..read(TOPIC) },
        "Wait: the topic is closed for now, and comes back. Offsets are kept.",
    ),
    refused(Reason::TopicNotGranted, "Metadata", Case { world: World::NotGranted, ..read(OTHER) }, NO_GRANT),
    Row {
        why: Why::Reason(Reason::TopicIdUnknown),
        place: "Fetch, Metadata by topic id",
        met: Met::Not(
            "a race between Fetch by id and Metadata by name, when a topic is taken away under a reader: what the \
             program sees is topic-suspended",
        ),
        advice: "None: the client asks for the topic by name again.",
    },
    refused(
        Reason::TopicReadOnly,
        "Produce",
        Case { step: "produce", ..read(TOPIC) },
        "Nothing can be written here. A producer with `enable.idempotence`, the default of most, does not even begin.",
    ),
    refused(
        Reason::GroupNameInvalid,
        "JoinGroup, FindCoordinator",
        Case { told: &[("GROUP", "a/b")], ..read(TOPIC) },
        "Choose another group id.",
    ),
    refused(
        Reason::GroupOutsideNamespace,
        "FindCoordinator",
        Case { world: World::ExplicitPrefix, ..read(TOPIC) },
        "Begin the group id with the namespace that the operator gave, and a dot.",
    ),
    refused(
        Reason::GroupProtocolType,
        "JoinGroup",
        Case {
            told: &[("PROTOCOL_TYPE", "connect")],
            cannot: &[
                ("java", NO_OTHER_TYPE),
                ("confluent-python", NO_OTHER_TYPE),
                ("kafka-python", NO_OTHER_TYPE),
                ("kafkajs", NO_OTHER_TYPE),
            ],
            ..read(TOPIC)
        },
        "Kafka Connect and the like cannot keep their own groups here; run them beside a cluster of your own.",
    ),
    Row {
        why: Why::Reason(Reason::GroupOperation),
        place: "none",
        met: Met::Not("no API that is served asks for another operation on a group; `weir explain` can"),
        advice: "None.",
    },
    refused(
        Reason::TransactionalIdNotServed,
        "FindCoordinator",
        Case { step: "transact", ..read(TOPIC) },
        "Nothing can be written here.",
    ),
    refused(
        Reason::ClusterOperation,
        "DescribeConfigs of a broker",
        Case { step: "configs", ..read(TOPIC) },
        "Ask for topics' settings only.",
    ),
    closed(
        Reason::PrincipalUnknown,
        "TLS handshake",
        CloseReason::PrincipalUnknown,
        World::Nobody,
        "The certificate is good, and the operator's files do not know it: send them its subject.",
    ),
    closed(
        Reason::PrincipalAmbiguous,
        "TLS handshake",
        CloseReason::PrincipalUnknown,
        World::TwoOfThem,
        "The operator's files name the certificate twice: tell them.",
    ),
    closed(
        Reason::PrincipalSuspended,
        "TLS handshake",
        CloseReason::Suspended,
        World::Suspended(&["principal", "{principal}"]),
        ASK,
    ),
    closed(
        Reason::CertificateSuspended,
        "TLS handshake",
        CloseReason::Suspended,
        World::Suspended(&["serial", "{serial}"]),
        ASK,
    ),
    closed(Reason::AllSuspended, "TLS handshake", CloseReason::Suspended, World::Suspended(&["all"]), ASK),
    closed(
        Reason::AddressNotAllowed,
        "after the TLS handshake",
        CloseReason::PrincipalAddress,
        World::Elsewhere,
        "Connect from an address that was agreed on, or ask for this one.",
    ),
    closed(
        Reason::PrincipalConnections,
        "after the TLS handshake",
        CloseReason::PrincipalConnections,
        World::Crowded,
        "Run fewer clients at once, and close those that are not used: each holds about two connections more than there \
         are brokers.",
    ),
    refused(
        Reason::QuotaGroups,
        "JoinGroup, OffsetCommit, ConsumerGroupHeartbeat",
        Case { world: World::Limits("groups: {most: 0}"), ..read(TOPIC) },
        "Use the group ids that there are, and delete those that are not used; a random id for each start makes a group each.",
    ),
    refused(
        Reason::QuotaMembers,
        "JoinGroup, ConsumerGroupHeartbeat",
        Case { world: World::Limits("group_members: {most: 0}"), ..read(TOPIC) },
        "Run fewer members in one group: more than there are partitions read nothing.",
    ),
    Row {
        why: Why::Reason(Reason::QuotaBeingCounted),
        place: "JoinGroup, OffsetCommit",
        met: Met::Not("it lasts as long as the brokers take to answer Weir's question"),
        advice: "Wait: the client asks again by itself.",
    },
    refused(
        Reason::QuotaNotCounted,
        "JoinGroup, OffsetCommit, ConsumerGroupHeartbeat",
        Case { world: World::NotCounted, ..read(TOPIC) },
        "Wait: it is for moments after a start of Weir.",
    ),
    refused(
        Reason::QuotaJoins,
        "JoinGroup, ConsumerGroupHeartbeat",
        Case { world: World::Limits("joins: {per_minute: 1, burst: 1, mode: deny}"), ..read(TOPIC) },
        "Wait. Members that come and go all the time are the cause: look for a `max.poll.interval.ms` that is too short.",
    ),
    refused(
        Reason::QuotaOffsets,
        "OffsetCommit",
        Case { step: "commit", world: World::Limits("offsets: deny"), ..read(TOPIC) },
        "Turn automatic commits off, keep offsets yourself, and begin with assign and seek; kafkajs has subscribe and seek.",
    ),
    refused(
        Reason::QuotaCommitRate,
        "OffsetCommit",
        Case {
            step: "commit",
            told: &[("PARTITIONS", "4")],
            world: World::Limits("commit_partitions: {per_second: 1, burst: 1, mode: deny}"),
            ..read(TOPIC)
        },
        "Commit less often: every few seconds, not after each record. Nothing is lost: the next commit covers it.",
    ),
    refused(
        Reason::QuotaCommitted,
        "OffsetCommit",
        Case {
            step: "commit",
            told: &[("PARTITIONS", "4")],
            world: World::Limits("committed_partitions: {most: 1}"),
            ..read(TOPIC)
        },
        "Delete groups that are not used. Partitions that have an offset go on.",
    ),
    refused(
        Reason::QuotaCommitMetadata,
        "OffsetCommit",
        Case {
            step: "commit",
            told: &[("METADATA", "300")],
            world: World::Limits("commit_metadata_bytes: {most: 256}"),
            cannot: &[],
            ..read(TOPIC)
        },
        "Shorten the metadata, or leave it out.",
    ),
    refused(
        Reason::QuotaTimestampLookups,
        "ListOffsets by time",
        Case {
            step: "times",
            told: &[("PARTITIONS", "4")],
            world: World::Limits("timestamp_lookups: {per_second: 1, burst: 1, mode: deny}"),
            ..read(TOPIC)
        },
        "Look up fewer partitions at once, and remember what was found.",
    ),
    Row {
        why: Why::Reason(Reason::RequestShape),
        place: "Metadata, DescribeConfigs, ConsumerGroupHeartbeat, FindCoordinator",
        met: Met::Not(
            "a pattern that is none is told 128 to a member of the consumer protocol; the rest takes values that no \
             library writes",
        ),
        advice: "Report it to the library's authors.",
    },
];

/// How a connection ends.
pub const CONNECTIONS: &[Row] = &[
    ended(
        CloseReason::NotTlsKafka,
        "before TLS",
        Paper::Plaintext,
        "Set `security.protocol=SSL`, or what the library calls it.",
    ),
    ended(CloseReason::TlsNoCert, "TLS handshake", Paper::Nothing, "Give the client its certificate and key."),
    Row {
        why: Why::Close(CloseReason::TlsUntrusted),
        place: "TLS handshake",
        met: Met::By(Case {
            world: World::Shows(Paper::Stranger),
            counted: Counted::Closed(CloseReason::TlsUntrusted),
            cannot: &[("java", SHOWS_NONE), ("confluent-python", SHOWS_NONE), ("franz-go", SHOWS_NONE)],
            ..read(TOPIC)
        }),
        advice: "Use the certificate that the operator's CA issued, with its chain.",
    },
    ended(CloseReason::TlsExpired, "TLS handshake", Paper::Expired, NEW_CERTIFICATE),
    ended(
        CloseReason::TlsNotYetValid,
        "TLS handshake",
        Paper::NotYet,
        "Set the clock; else ask for a new certificate.",
    ),
    ended(CloseReason::TlsRevoked, "TLS handshake", Paper::Revoked, NEW_CERTIFICATE),
    ended(CloseReason::TlsBadCert, "TLS handshake", Paper::ForServers, "Ask for a certificate for clients."),
    Row {
        why: Why::Close(CloseReason::PrincipalRate),
        place: "after the TLS handshake",
        met: Met::By(Case {
            world: World::Limits("connects: {per_minute: 1, burst: 1, mode: deny}"),
            counted: Counted::Closed(CloseReason::PrincipalRate),
            ..read(TOPIC)
        }),
        advice: "Keep one client and its connections, in the place of a new one for each question.",
    },
    while_reading(CloseReason::RevokedLive, World::RevokedWhileReading, NEW_CERTIFICATE),
    while_reading(CloseReason::CertExpired, World::ExpiresWhileReading, NEW_CERTIFICATE),
    while_reading(CloseReason::SuspendedLive, World::SuspendedWhileReading(&["principal", "{principal}"]), ASK),
];

/// What slows down and refuses nothing.
pub const SLOW: &[Row] = &[
    Row {
        why: Why::Slow("commit_partitions", "More partitions are committed than the limit allows, and not far more."),
        place: "OffsetCommit",
        met: Met::By(Case {
            step: "commit",
            told: &[("PARTITIONS", "4")],
            world: World::Limits("commit_partitions: {per_second: 4, burst: 4}"),
            counted: Counted::Slower,
            ..read(TOPIC)
        }),
        advice: "Commit less often.",
    },
    quiet(
        "parked_fetches",
        "More Fetches wait at the brokers than the limit allows.",
        World::Limits("parked_fetches: {most: 1}"),
        "Run fewer consumers at once.",
    ),
    quiet(
        "fetch_sessions",
        "More fetch sessions are asked for than the limit allows.",
        World::Limits("fetch_sessions: {most: 1}"),
        "None: requests are longer, and nothing else changes.",
    ),
];

const SHOWS_NONE: &str = "it shows none that was not asked for, as in tls-no-cert";
const NO_OTHER_TYPE: &str = "its groups are of consumers";

const fn read(topic: &'static str) -> Case {
    Case { step: "read", told: &[], topic, world: World::AsItIs, counted: Counted::Refused, cannot: &[] }
}

const fn refused(reason: Reason, place: &'static str, case: Case, advice: &'static str) -> Row {
    Row { why: Why::Reason(reason), place, met: Met::By(case), advice }
}

const fn closed(reason: Reason, place: &'static str, as_: CloseReason, world: World, advice: &'static str) -> Row {
    refused(reason, place, Case { world, counted: Counted::Closed(as_), ..read(TOPIC) }, advice)
}

const fn ended(reason: CloseReason, place: &'static str, paper: Paper, advice: &'static str) -> Row {
    let case = Case { world: World::Shows(paper), counted: Counted::Closed(reason), ..read(TOPIC) };
    Row { why: Why::Close(reason), place, met: Met::By(case), advice }
}

const fn quiet(key: &'static str, sentence: &'static str, world: World, advice: &'static str) -> Row {
    let case = Case { world, counted: Counted::NoError, ..read(TOPIC) };
    Row { why: Why::Slow(key, sentence), place: "Fetch", met: Met::By(case), advice }
}

const fn while_reading(reason: CloseReason, world: World, advice: &'static str) -> Row {
    let case = Case { world, counted: Counted::Closed(reason), ..read(TOPIC) };
    Row { why: Why::Close(reason), place: "while it reads", met: Met::By(case), advice }
}
