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

/// The stage of one drill.
#[derive(Debug)]
pub struct Stage {
    /// The brokers; all drills of a process share them.
    pub kafka: Arc<Kafka>,
    /// Weir, its own.
    pub weir: Weir,
    /// The topic that is written and read.
    pub topic: String,
    /// A topic to which nothing is written.
    pub quiet: String,
}

impl Stage {
    /// Sets it up.
    #[must_use]
    pub fn open(name: &str) -> Self {
        Self::open_with(name, |_| {})
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
        format!("weir.{READER}.{group}")
    }
}

fn acl(catalogue: &[&str], readers: &[&str], others: &[&str]) -> Acl {
    let acl = Acl::new(catalogue).principal(PrincipalSpec::new(READER, readers));
    if others.is_empty() { acl } else { acl.principal(PrincipalSpec::new(OTHER, others)) }
}
