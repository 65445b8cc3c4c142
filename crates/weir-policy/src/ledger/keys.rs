//! For which partitions one group holds an offset at the brokers.
//!
//! Must never: forget one that was let through after the brokers were asked.

use std::collections::HashMap;
use std::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Keys {
    /// When each was let through or told of first.
    known: HashMap<Box<str>, HashMap<i32, Instant>>,
    /// When the brokers were asked for them last.
    pub(super) counted: Option<Instant>,
}

impl Keys {
    /// Those of a group that is being made.
    pub(super) fn none(now: Instant) -> Self {
        Self { known: HashMap::new(), counted: Some(now) }
    }

    pub(super) fn count(&self) -> usize {
        self.known.values().map(HashMap::len).sum()
    }

    pub(super) fn holds(&self, topic: &str, partition: i32) -> bool {
        self.known.get(topic).is_some_and(|partitions| partitions.contains_key(&partition))
    }

    pub(super) fn add(&mut self, topic: &str, partition: i32, now: Instant) {
        if !self.known.contains_key(topic) {
            self.known.insert(topic.into(), HashMap::new());
        }
        if let Some(partitions) = self.known.get_mut(topic) {
            partitions.entry(partition).or_insert(now);
        }
    }

    /// The brokers were asked at an instant: these have an offset, and those that were let through since.
    pub(super) fn know<'a>(&mut self, keys: impl Iterator<Item = (&'a str, i32)>, asked: Instant) {
        for partitions in self.known.values_mut() {
            partitions.retain(|_, since| *since >= asked);
        }
        self.known.retain(|_, partitions| !partitions.is_empty());
        for (topic, partition) in keys {
            self.add(topic, partition, asked);
        }
        self.counted = Some(asked);
    }
}
