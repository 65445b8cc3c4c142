//! Partitions of which the broker told that the client's offset is not there any more, until the client goes on elsewhere:
//! what is between was lost to it, and Kafka tells nobody.
//!
//! Must never: hold more than so many partitions, or touch what is asked or answered.

use super::key::{OwnKey, TopicKey};
use super::request::Topics;
use super::topics::FetchTopics;
use crate::env::Env;
use crate::wire::Malformed;

/// Partitions of one connection that are held; who has more has other worries.
pub(super) const MOST: usize = 100;

/// A client went on elsewhere, after the broker had told it that its offset is out of range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WentOn {
    /// The topic, as the client sees it.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Where it went on.
    pub offset: i64,
}

/// Those partitions of one connection.
#[derive(Debug, Default)]
pub(crate) struct OutOfRange {
    waiting: Vec<(OwnKey, i32)>,
    went_on: Vec<WentOn>,
}

impl OutOfRange {
    /// The broker told it of a partition, by the place of its topic among those that were asked for.
    pub(super) fn found(&mut self, asked: &FetchTopics, (place, partition): (usize, i32)) {
        let Some(topic) = asked.at(place) else { return };
        let is_known = self.waiting.iter().any(|(key, known)| *known == partition && key.borrowed() == topic.key);
        if !is_known && self.waiting.len() < MOST {
            self.waiting.push((OwnKey::of(topic.key), partition));
        }
    }

    /// The client asks again.
    pub(super) fn follow(&mut self, topics: &Topics<'_>, env: &Env<'_>) -> Result<(), Malformed> {
        // Nearly always.
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut topics = topics.clone();
        while let Some(mut topic) = topics.next()? {
            if !self.waiting.iter().any(|(key, _)| key.borrowed() == topic.key) {
                continue;
            }
            while let Some((partition, offset)) = topic.partitions.next_with_offset()? {
                let is_it = |(key, known): &(OwnKey, i32)| *known == partition && key.borrowed() == topic.key;
                let Some(place) = self.waiting.iter().position(is_it) else { continue };
                self.waiting.swap_remove(place);
                if self.went_on.len() < MOST
                    && let Some(topic) = shown(topic.key, env)
                {
                    self.went_on.push(WentOn { topic, partition, offset });
                }
            }
        }
        Ok(())
    }

    /// Who went on where, since last asked.
    pub(crate) fn take_went_on(&mut self) -> Vec<WentOn> {
        std::mem::take(&mut self.went_on)
    }
}

fn shown(key: TopicKey<'_>, env: &Env<'_>) -> Option<String> {
    match key {
        TopicKey::Name(name) => Some(name.to_owned()),
        TopicKey::Id(id) => env.view?.topic_by_id(id).map(|(name, _)| name.into_owned()),
    }
}
