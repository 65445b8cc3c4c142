//! Where each partition begins by the time that was asked for.
//!
//! Must never: leave a partition out. Whoever reads on must not begin somewhere else in one of them.

use std::collections::{BTreeMap, BTreeSet};

use weir_pki::bundle::Manifest;

use crate::consumer::connection::Connection;
use crate::consumer::fault::Fault;
use crate::consumer::finding::Finding;
use crate::consumer::lookup::{Found, LATEST, Partition, look_up};
use crate::consumer::text::plain;
use crate::consumer::topics::{Topics, look};
use crate::consumer::visit::Visit;

/// As many partitions are looked up in one request: fewer than what a tier lets through at once.
const AT_ONCE: usize = 100;

/// Where a partition begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) partition: Partition,
    pub(super) offset: i64,
    /// The time of the record there, in milliseconds since 1970.
    pub(super) timestamp: Option<i64>,
    /// A time was asked for, and no record is as new: this is the end.
    pub(super) is_end: bool,
}

/// The topics to ask for; none for all that there are: where the bundle has prefixes, it does not know them.
pub(super) fn wanted(named: &[String], manifest: &Manifest) -> Vec<String> {
    match (named, manifest.topic_prefixes.is_empty()) {
        ([], true) => manifest.topics.clone(),
        ([], false) => Vec::new(),
        (named, _) => named.to_vec(),
    }
}

/// Looks for the topics. One that the bundle names and the server does not have is not passed over.
pub(super) fn topics(visit: &Visit<'_>, connection: &mut Connection, named: &[String]) -> Result<Topics, Finding> {
    let topics = look(visit, connection, visit.deadline())?;
    let there: BTreeSet<&str> = topics.all.iter().map(|topic| topic.name.as_str()).collect();
    let mut of_bundle = visit.bundle.manifest.topics.iter().filter(|_| named.is_empty());
    match of_bundle.find(|topic| !there.contains(topic.as_str())) {
        None => Ok(topics),
        Some(missing) => {
            let seen = format!("{}: in the bundle, and not at this server", plain(missing));
            Err(Finding::new(Fault::TopicAbsent, seen))
        }
    }
}

/// Where all partitions begin, in order. Where a leader moves meanwhile, the topics are looked for again.
pub(super) fn starts(visit: &Visit<'_>, topics: Topics, at: i64) -> Result<Vec<Start>, Finding> {
    let deadline = visit.deadline();
    let mut topics = topics;
    loop {
        match all(visit, &topics, at) {
            Err(finding) if finding.fault == Fault::BrokerUnavailable && deadline.pause() => {
                let mut first = visit.dial(&visit.first, visit.deadline())?;
                topics = look(visit, &mut first, visit.deadline())?;
            }
            found => return found,
        }
    }
}

fn all(visit: &Visit<'_>, topics: &Topics, at: i64) -> Result<Vec<Start>, Finding> {
    let mut led: BTreeMap<i32, Vec<Partition>> = BTreeMap::new();
    for topic in &topics.all {
        for (partition, leader) in &topic.led {
            led.entry(*leader).or_default().push((topic.name.clone(), *partition));
        }
    }
    let mut starts = Vec::new();
    for (leader, partitions) in led {
        let mut connection = visit.dial(topics.place(leader)?, visit.deadline())?;
        for some in partitions.chunks(AT_ONCE) {
            starts.extend(of_leader(visit, &mut connection, some, at)?);
        }
    }
    starts.sort_by(|one, other| one.partition.cmp(&other.partition));
    Ok(starts)
}

fn of_leader(
    visit: &Visit<'_>,
    leader: &mut Connection,
    partitions: &[Partition],
    at: i64,
) -> Result<Vec<Start>, Finding> {
    // Each has a step's time: a quota may hold the next one back.
    let mut found = look_up(visit, leader, partitions, at, visit.deadline())?;
    let is_behind = |found: &Found| found.offset.is_none();
    let behind: Vec<_> =
        partitions.iter().filter(|partition| found.get(*partition).is_none_or(is_behind)).cloned().collect();
    if !behind.is_empty() {
        found.extend(look_up(visit, leader, &behind, LATEST, visit.deadline())?);
    }
    let starts = partitions.iter().map(|partition| {
        let found = found.get(partition).copied();
        let (offset, timestamp) = (found.and_then(|found| found.offset), found.and_then(|found| found.timestamp));
        let offset = offset.ok_or_else(|| {
            let seen = format!("{}-{}: ListOffsets found no end", plain(&partition.0), partition.1);
            Finding::new(Fault::Refused, seen)
        })?;
        Ok(Start { partition: partition.clone(), offset, timestamp, is_end: behind.contains(partition) })
    });
    starts.collect()
}
