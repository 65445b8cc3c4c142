//! Which topics are closed because nobody confirms that they are compacted, for the metrics and for `/readyz`.
//!
//! Must never: tell more than an operator reads.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::topics::Why;
use crate::lock::lock;

/// Topics that are named, of one cluster; the others are counted.
const TOLD: usize = 20;

/// What is closed, by cluster.
#[derive(Debug, Default)]
pub(crate) struct Standing(Mutex<BTreeMap<String, Closed>>);

#[derive(Debug)]
struct Closed {
    count: usize,
    lines: Vec<String>,
}

impl Standing {
    /// What is closed of one cluster now.
    pub(super) fn set(&self, cluster: &str, closed: &BTreeMap<String, Why>) {
        let line = |(topic, why): (&String, &Why)| format!("closed: upstream {cluster}, topic {topic}: {why}");
        let mut lines: Vec<_> = closed.iter().take(TOLD).map(line).collect();
        if let Some(more @ 1..) = closed.len().checked_sub(TOLD) {
            lines.push(format!("closed: upstream {cluster}: {more} more topics"));
        }
        lock(&self.0).insert(cluster.to_owned(), Closed { count: closed.len(), lines });
    }

    /// How many topics are closed, by cluster.
    pub(crate) fn counts(&self) -> Vec<(String, usize)> {
        lock(&self.0).iter().map(|(cluster, closed)| (cluster.clone(), closed.count)).collect()
    }

    /// What `/readyz` says of it.
    pub(crate) fn lines(&self) -> Vec<String> {
        lock(&self.0).values().flat_map(|closed| closed.lines.clone()).collect()
    }

    /// A cluster has nothing closed.
    #[cfg(test)]
    pub(crate) fn all_open(&self, cluster: &str) {
        self.set(cluster, &BTreeMap::new());
    }
}
