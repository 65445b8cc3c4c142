//! The stage of a drill: three brokers, a topic of its own, Weir before them, and who may read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use weir_testkit::{Acl, Advertise, Identity, Kafka, Pki, PrincipalSpec, Version, Weir, WeirOptions};

/// Partitions of a drill's topic.
pub const PARTITIONS: usize = 3;
/// Who reads.
pub const READER: &str = "drill-reader";
/// Another one, to whom things happen.
pub const OTHER: &str = "drill-other";
/// The limits of `tool` in acl/tiers.yaml, and of whoever's tier says nothing.
pub const TOOL: &str = "connections: 20, groups: {most: 20}, commit_partitions: {per_second: 20, burst: 200}, \
    committed_partitions: {most: 200}, commit_metadata_bytes: {most: 256}, joins: {per_minute: 60, burst: 60}, \
    requests: {per_second: 500, burst: 2000}, denied: {per_second: 50, burst: 2000}, \
    bytes_out: {per_second: 2000000, burst: 10000000}, timestamp_lookups: {per_second: 20, burst: 200}, \
    group_members: {most: 20}, connects: {per_second: 2, burst: 60}";

/// The stage of one drill.
#[derive(Debug)]
pub struct Stage {
    /// The brokers; all drills of a process share them.
    pub kafka: Arc<Kafka>,
    /// Weir, its own.
    pub weir: Weir,
    /// The topic that is written and read.
    pub topic: String,
    /// Another one, of one partition, to which nothing is written but by the drill itself.
    pub quiet: String,
}

impl Stage {
    /// Sets it up.
    #[must_use]
    pub fn open(name: &str) -> Self {
        Self::open_with(name, |_| {})
    }

    /// Sets it up for some more principals, each with limits as a file of the policy writes them on one line.
    #[must_use]
    pub fn open_for<'a>(name: &str, people: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::open_with(name, |options| let_in(options, people))
    }

    /// Sets it up, with other options of Weir.
    #[must_use]
    pub fn open_with(name: &str, change: impl FnOnce(&mut WeirOptions)) -> Self {
        static STAGES: AtomicUsize = AtomicUsize::new(0);
        let number = STAGES.fetch_add(1, Ordering::Relaxed);
        let kafka = Kafka::shared(Version::V4);
        let (topic, quiet) = (format!("drill.{name}.{number}"), format!("drill.{name}.{number}.quiet"));
        kafka.create_topic(&topic, i32::try_from(PARTITIONS).expect("few partitions"), 3, &[]);
        kafka.create_topic(&quiet, 1, 3, &[]);
        let acl = acl(&[&topic, &quiet], &[&topic, &quiet], &[&topic, &quiet]);
        let mut options = WeirOptions::new(&kafka, Advertise::Ports, acl).untapped();
        change(&mut options);
        let weir = Weir::start(options);
        Self { kafka, weir, topic, quiet }
    }

    /// The policy in which the other one has these topics, and the reader all.
    #[must_use]
    pub fn acl(&self, others: &[&str]) -> Acl {
        let all = [self.topic.as_str(), self.quiet.as_str()];
        acl(&all, &all, others)
    }

    /// The certificate of a principal.
    #[must_use]
    pub fn identity(&self, principal: &str) -> Identity {
        Pki::shared().client(principal)
    }

    /// The brokers' name of a group of the reader's.
    #[must_use]
    pub fn real_group(&self, group: &str) -> String {
        real_group(READER, group)
    }
}

/// Some more principals, each with limits as a file of the policy writes them on one line.
pub fn let_in<'a>(options: &mut WeirOptions, people: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let topics = options.acl.topics().to_vec();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    for (person, limits) in people {
        let principal = PrincipalSpec::new(person, &topics).within(limits);
        options.acl = std::mem::take(&mut options.acl).principal(principal);
    }
}

/// The brokers' name of a principal's group.
#[must_use]
pub fn real_group(principal: &str, group: &str) -> String {
    format!("weir.{principal}.{group}")
}

fn acl(catalogue: &[&str], readers: &[&str], others: &[&str]) -> Acl {
    let acl = Acl::new(catalogue).principal(PrincipalSpec::new(READER, readers));
    if others.is_empty() { acl } else { acl.principal(PrincipalSpec::new(OTHER, others)) }
}
