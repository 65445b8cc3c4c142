//! `docs/apis.md` is written from the table, and this test fails where the two differ.
//!
//! `WEIR_BLESS=1 cargo test -p weir-kafka --test apis_page` writes the page anew.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use weir_kafka::table::{self, Deadline, Disposition, ResponseMode, Row, TABLE};

#[test]
fn the_page_of_apis_is_that_of_the_table() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/apis.md");
    let page = page()?;
    if std::env::var_os("WEIR_BLESS").is_some() {
        std::fs::write(&path, &page)?;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/apis.md is not what the table says: run this test with WEIR_BLESS=1");
    Ok(())
}

#[test]
fn every_key_of_kafka_is_on_the_page_once() {
    let others: BTreeMap<i16, &str> = others().map(|(_, key, name)| (key, name)).collect();
    assert_eq!(others.len(), others_count(), "a key stands twice");
    for key in 0..=LAST_KEY {
        assert!(table::row(key).is_some() != others.contains_key(&key), "key {key}");
    }
    assert_eq!(TABLE.len() + others.len(), usize::try_from(LAST_KEY).unwrap_or(0) + 1);
}

/// The last key that Kafka has, in 4.4.
const LAST_KEY: i16 = 94;

/// The keys without a row, by what they are for.
const NOT_SPOKEN: &[(&str, &[(i16, &str)])] = &[
    (
        "Producers and transactions",
        &[
            (22, "InitProducerId"),
            (24, "AddPartitionsToTxn"),
            (25, "AddOffsetsToTxn"),
            (26, "EndTxn"),
            (28, "TxnOffsetCommit"),
            (61, "DescribeProducers"),
            (65, "DescribeTransactions"),
            (66, "ListTransactions"),
        ],
    ),
    (
        "Changing and inspecting a cluster",
        &[
            (19, "CreateTopics"),
            (20, "DeleteTopics"),
            (21, "DeleteRecords"),
            (30, "CreateAcls"),
            (31, "DeleteAcls"),
            (33, "AlterConfigs"),
            (34, "AlterReplicaLogDirs"),
            (35, "DescribeLogDirs"),
            (37, "CreatePartitions"),
            (43, "ElectLeaders"),
            (44, "IncrementalAlterConfigs"),
            (45, "AlterPartitionReassignments"),
            (46, "ListPartitionReassignments"),
            (49, "AlterClientQuotas"),
            (51, "AlterUserScramCredentials"),
            (55, "DescribeQuorum"),
            (57, "UpdateFeatures"),
            (64, "UnregisterBroker"),
            (74, "ListConfigResources"),
            (80, "AddRaftVoter"),
            (81, "RemoveRaftVoter"),
            (94, "UnregisterController"),
        ],
    ),
    (
        "Credentials: brokers would make them out to Weir",
        &[
            (38, "CreateDelegationToken"),
            (39, "RenewDelegationToken"),
            (40, "ExpireDelegationToken"),
            (41, "DescribeDelegationToken"),
        ],
    ),
    ("Telemetry, for which brokers have no permission", &[(71, "GetTelemetrySubscriptions"), (72, "PushTelemetry")]),
    (
        "Share groups",
        &[
            (76, "ShareGroupHeartbeat"),
            (77, "ShareGroupDescribe"),
            (78, "ShareFetch"),
            (79, "ShareAcknowledge"),
            (90, "DescribeShareGroupOffsets"),
            (91, "AlterShareGroupOffsets"),
            (92, "DeleteShareGroupOffsets"),
        ],
    ),
    (
        "Streams groups",
        &[(88, "StreamsGroupHeartbeat"), (89, "StreamsGroupDescribe"), (93, "StreamsGroupTopologyDescriptionUpdate")],
    ),
    (
        "Brokers and controllers among themselves",
        &[
            (4, "LeaderAndIsr"),
            (5, "StopReplica"),
            (6, "UpdateMetadata"),
            (7, "ControlledShutdown"),
            (27, "WriteTxnMarkers"),
            (52, "Vote"),
            (53, "BeginQuorumEpoch"),
            (54, "EndQuorumEpoch"),
            (56, "AlterPartition"),
            (58, "Envelope"),
            (59, "FetchSnapshot"),
            (62, "BrokerRegistration"),
            (63, "BrokerHeartbeat"),
            (67, "AllocateProducerIds"),
            (70, "ControllerRegistration"),
            (73, "AssignReplicasToDirs"),
            (82, "UpdateRaftVoter"),
            (83, "InitializeShareGroupState"),
            (84, "ReadShareGroupState"),
            (85, "WriteShareGroupState"),
            (86, "DeleteShareGroupState"),
            (87, "ReadShareGroupStateSummary"),
        ],
    ),
];

fn others() -> impl Iterator<Item = (&'static str, i16, &'static str)> {
    NOT_SPOKEN.iter().flat_map(|(what, keys)| keys.iter().map(move |(key, name)| (*what, *key, *name)))
}

fn others_count() -> usize {
    NOT_SPOKEN.iter().map(|(_, keys)| keys.len()).sum()
}

fn page() -> Result<String, std::fmt::Error> {
    let mut page = HEAD.to_owned();
    for row in TABLE {
        let Row { key, name, versions, state_left_upstream: left, .. } = row;
        let (min, max) = (versions.min, versions.max);
        writeln!(page, "| {key} | {name} | {min}-{max} | {} | {} | {left} |", what_weir_does(row), patience(row))?;
    }
    page.push_str(REST);
    for (what, keys) in NOT_SPOKEN {
        let keys: Vec<String> = keys.iter().map(|(key, name)| format!("{name} ({key})")).collect();
        writeln!(page, "| {what} | {} |", keys.join(", "))?;
    }
    Ok(page)
}

fn what_weir_does(row: &Row) -> String {
    let offered = if row.advertised { "" } else { "; not offered" };
    let does = match (row.disposition, row.response_mode) {
        (Disposition::Local, _) => "answers itself",
        (Disposition::Deny, _) => "refuses, in an answer of its own",
        (Disposition::Forward, ResponseMode::Inspect) => "judges, asks the broker, checks the answer",
        (Disposition::Forward, ResponseMode::Rewrite) => "judges, asks the broker, rewrites the answer",
        (Disposition::Forward, ResponseMode::Stream) => "judges, asks the broker, checks the answer as it streams",
        (Disposition::Forward, ResponseMode::None) => "judges, asks the broker",
    };
    format!("{does}{offered}")
}

fn patience(row: &Row) -> &'static str {
    match (row.disposition, row.deadline) {
        (Disposition::Local | Disposition::Deny, _) => "-",
        (Disposition::Forward, Deadline::Fixed) => "25 s",
        (Disposition::Forward, Deadline::MaxWait) => "its longest wait + 10 s",
        (Disposition::Forward, Deadline::Rebalance) => "the rebalance time-out + 10 s",
    }
}

const HEAD: &str = "\
# What Weir does with each API

This page is written from `crates/weir-kafka/src/table.rs` by a test. To write it anew:
`WEIR_BLESS=1 cargo test -p weir-kafka --test apis_page`.

## Spoken

ApiVersions offers these versions, or, where the broker answers, those of them that every broker of the cluster has too.
\"May take\" is the time after which a broker that has not answered is taken for dead; \"left\" is what a request leaves
behind on the brokers.

| key | API | versions | Weir | may take | left |
|---|---|---|---|---|---|
";

const REST: &str = "
## Not spoken

Not offered. A client that sends one of these, or a key that is on neither list, has its connection closed without an
answer, as Kafka does for an API that a listener does not have. So has one that sends a version that is not spoken, except
that ApiVersions always has an answer: error 35 and the versions that would be understood.

| what it is for | APIs |
|---|---|
";
