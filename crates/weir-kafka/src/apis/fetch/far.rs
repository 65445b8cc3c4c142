//! Partitions that a connection reads far behind their high watermark, and what is left out of a Fetch for them.
//!
//! What comes from there brokers read from disk, and their page cache forgets for it what everybody else is about to read.
//! So there is a limit; at it the partition is not asked for, and answered as one in which nothing is new. That needs a
//! request that names all it wants: who is far behind at the limit has no fetch session.
//! Must never: look into records beyond the offset that they begin with, keep back the answer of a partition that is read
//! at its end, or throw away what was read.

use std::time::Duration;

use super::answer::{put_end_of_topic, put_head_of_topic, put_nothing_new};
use super::key::{OwnKey, TopicKey};
use super::request::Topics;
use super::topics::FetchTopics;
use crate::wire::Malformed;

/// As many partitions as are remembered: what one request can name.
const MOST: usize = 20_000;

/// A partition of which the broker has just told that it is read far behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundFar {
    /// The place of its topic among those that were asked for.
    pub topic: usize,
    pub partition: i32,
    pub known: Known,
}

/// What the broker said last of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub high_watermark: i64,
    pub log_start: i64,
}

/// The partitions of one connection that are read far behind, as far as is known. Clients leave out by themselves, now and
/// then, what they have not worked off: that a Fetch does not name one means nothing.
#[derive(Debug, Default)]
pub(crate) struct FarBehind {
    /// In the order of their keys.
    topics: Vec<FarTopic>,
    count: usize,
    /// Where the next Fetch begins, where not all may be read at once.
    turn: usize,
}

#[derive(Debug)]
struct FarTopic {
    key: OwnKey,
    /// In the order of their numbers.
    partitions: Vec<FarPartition>,
}

#[derive(Debug)]
struct FarPartition {
    index: i32,
    known: Known,
    /// It was read near its end since, and is kept because of what is owed.
    is_near: bool,
}

/// What a Fetch would read far behind, in order.
pub(super) struct Wanted<'a>(Vec<(TopicKey<'a>, i32, Known)>);

/// What is left out of a Fetch.
#[derive(Debug)]
pub(crate) struct LeftOut {
    /// They are not asked for.
    pub partitions: FetchTopics,
    /// The topics in the form of an answer: nothing is new in them.
    pub answer: Vec<u8>,
    /// How many topics that is.
    pub topics: usize,
}

/// By what a Fetch is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Records between what is read and the high watermark: more is far behind.
    pub behind: u64,
    /// What has come near its end is forgotten. Not of who owes: it would go there and back, and be unknown again.
    pub forgets: bool,
}

/// How much of what is far behind one Fetch may bring: its places are taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    /// Partitions that may be read.
    pub partitions: usize,
    /// Whether that is all of them.
    pub all: bool,
    /// It is worth asking for the others after so long.
    pub after: Duration,
}

impl FarBehind {
    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// A broker told that a partition is read far behind.
    pub(crate) fn found(&mut self, asked: &FetchTopics, found: &FoundFar) {
        let Some(topic) = asked.at(found.topic) else { return };
        if self.count >= MOST {
            *self = Self::default();
        }
        let place = self.place(topic.key).unwrap_or_else(|place| {
            self.topics.insert(place, FarTopic { key: OwnKey::of(topic.key), partitions: Vec::new() });
            place
        });
        let Some(topic) = self.topics.get_mut(place) else { return };
        let found = FarPartition { index: found.partition, known: found.known, is_near: false };
        match topic.partitions.binary_search_by_key(&found.index, |known| known.index) {
            Ok(place) => drop(topic.partitions.get_mut(place).map(|known| *known = found)),
            Err(place) => {
                topic.partitions.insert(place, found);
                self.count = self.count.saturating_add(1);
            }
        }
    }

    /// What a Fetch that names all it wants would read far behind; what has come near its end is forgotten, if it may be.
    pub(super) fn wanted_of_all<'a>(
        &mut self,
        topics: &Topics<'a>,
        judged: &FetchTopics,
        bounds: Bounds,
    ) -> Result<Wanted<'a>, Malformed> {
        let mut wanted = Vec::new();
        self.follow(topics, bounds, |key, partition, known| {
            if judged.allow(key) {
                wanted.push((key, partition, known));
            }
        })?;
        wanted.sort_unstable_by_key(|(key, partition, _)| (*key, *partition));
        wanted.dedup_by_key(|(key, partition, _)| (*key, *partition));
        Ok(Wanted(wanted))
    }

    /// How many partitions a Fetch in a session would read far behind: those of the session that have not moved on since.
    pub(super) fn wanted_in(
        &mut self,
        session: &FetchTopics,
        moved: &Topics<'_>,
        bounds: Bounds,
    ) -> Result<usize, Malformed> {
        self.follow(moved, bounds, |_, _, _| {})?;
        let in_session = self.topics.iter().filter_map(|topic| {
            let asked = session.get(topic.key.borrowed()).filter(|asked| asked.refused.is_none())?;
            Some(topic.partitions.iter().filter(|known| !known.is_near && asked.holds(known.index)).count())
        });
        Ok(in_session.sum())
    }

    /// Looks at the offsets of a request: who is near its end is forgotten, `still` is told of the others.
    fn follow<'a>(
        &mut self,
        topics: &Topics<'a>,
        bounds: Bounds,
        mut still: impl FnMut(TopicKey<'a>, i32, Known),
    ) -> Result<(), Malformed> {
        let mut topics = topics.clone();
        while let Some(mut topic) = topics.next()? {
            let Ok(place) = self.place(topic.key) else { continue };
            let Some(known) = self.topics.get_mut(place) else { continue };
            while let Some((partition, offset)) = topic.partitions.next_with_offset()? {
                let Ok(at) = known.partitions.binary_search_by_key(&partition, |known| known.index) else { continue };
                let Some(told) = known.partitions.get_mut(at) else { continue };
                told.is_near = !is_far(told.known.high_watermark, offset, bounds.behind);
                if !told.is_near {
                    still(topic.key, partition, told.known);
                } else if bounds.forgets {
                    known.partitions.remove(at);
                    self.count = self.count.saturating_sub(1);
                }
            }
            if known.partitions.is_empty() {
                self.topics.remove(place);
            }
        }
        Ok(())
    }

    /// Leaves out what may not be read now; each partition has its turn.
    pub(super) fn leave_out(&mut self, version: i16, wanted: &Wanted<'_>, allowed: usize) -> LeftOut {
        let all = wanted.len();
        let first = self.turn.checked_rem(all).unwrap_or(0);
        self.turn = first.saturating_add(allowed);
        // Counted from the one whose turn it is, and round.
        let has_turn =
            |place: usize| place.saturating_add(all).saturating_sub(first).checked_rem(all).unwrap_or(0) < allowed;
        let places = wanted.0.iter().enumerate().filter(|(place, _)| !has_turn(*place));
        let out: Vec<_> = places.map(|(_, out)| *out).collect();
        let mut left = LeftOut { partitions: FetchTopics::default(), answer: Vec::new(), topics: 0 };
        for topic in out.chunk_by(|(one, ..), (next, ..)| one == next) {
            let Some((key, ..)) = topic.first() else { continue };
            left.partitions.add_all(*key, None, topic.iter().map(|(_, partition, _)| *partition));
            left.topics = left.topics.saturating_add(1);
            put_head_of_topic(&mut left.answer, version, *key, topic.len());
            for (_, partition, known) in topic {
                put_nothing_new(&mut left.answer, version, *partition, *known);
            }
            put_end_of_topic(&mut left.answer, version);
        }
        left
    }

    fn place(&self, key: TopicKey<'_>) -> Result<usize, usize> {
        self.topics.binary_search_by(|known| known.key.borrowed().cmp(&key))
    }
}

impl Wanted<'_> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Whether records from an offset on are so far from the high watermark.
pub(super) fn is_far(high_watermark: i64, offset: i64, behind: u64) -> bool {
    offset >= 0 && u64::try_from(high_watermark.saturating_sub(offset)).is_ok_and(|records| records > behind)
}
