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

    /// A broker told which partitions are read far behind.
    pub(crate) fn found(&mut self, asked: &FetchTopics, found: &[FoundFar]) {
        let mut all: Vec<_> = found.iter().filter_map(|found| Some((asked.at(found.topic)?.key, found))).collect();
        all.sort_by_key(|(key, found)| (*key, found.partition));
        all.truncate(MOST);
        self.learn(&all);
        if self.count > MOST {
            *self = Self::default();
            self.learn(&all);
        }
    }

    /// What is new goes to the end and is sorted once: many that each went between the others would take the square of
    /// their number.
    fn learn(&mut self, found: &[(TopicKey<'_>, &FoundFar)]) {
        let mut new = Vec::new();
        for of_topic in found.chunk_by(|(one, _), (next, _)| one == next) {
            let Some((key, _)) = of_topic.first() else { continue };
            let partitions = of_topic.iter().map(|(_, found)| **found);
            match self.place(*key).ok().and_then(|place| self.topics.get_mut(place)) {
                Some(topic) => self.count = self.count.saturating_add(topic.learn(partitions)),
                None => {
                    let mut topic = FarTopic { key: OwnKey::of(*key), partitions: Vec::new() };
                    self.count = self.count.saturating_add(topic.learn(partitions));
                    new.push(topic);
                }
            }
        }
        if !new.is_empty() {
            self.topics.append(&mut new);
            self.topics.sort_by(|one, other| one.key.borrowed().cmp(&other.key.borrowed()));
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
        let mut is_one_empty = false;
        while let Some(mut topic) = topics.next()? {
            let Ok(place) = self.place(topic.key) else { continue };
            let Some(known) = self.topics.get_mut(place) else { continue };
            let mut is_one_near = false;
            while let Some((partition, offset)) = topic.partitions.next_with_offset()? {
                let Ok(at) = known.partitions.binary_search_by_key(&partition, |known| known.index) else { continue };
                let Some(told) = known.partitions.get_mut(at) else { continue };
                told.is_near = !is_far(told.known.high_watermark, offset, bounds.behind);
                is_one_near |= told.is_near;
                if !told.is_near {
                    still(topic.key, partition, told.known);
                }
            }
            if is_one_near && bounds.forgets {
                let before = known.partitions.len();
                known.partitions.retain(|known| !known.is_near);
                self.count = self.count.saturating_sub(before.saturating_sub(known.partitions.len()));
                is_one_empty |= known.partitions.is_empty();
            }
        }
        if is_one_empty {
            self.topics.retain(|known| !known.partitions.is_empty());
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

impl FarTopic {
    /// Notes partitions, the last word of each; how many were not known.
    fn learn(&mut self, found: impl Iterator<Item = FoundFar>) -> usize {
        let sorted = self.partitions.len();
        for FoundFar { partition: index, known, .. } in found {
            let found = FarPartition { index, known, is_near: false };
            let place = self.partitions.get(..sorted).unwrap_or_default().binary_search_by_key(&index, |one| one.index);
            let last = self.partitions.len().saturating_sub(1);
            match place.ok().or(Some(last)).and_then(|place| self.partitions.get_mut(place)) {
                Some(one) if one.index == index => *one = found,
                _ => self.partitions.push(found),
            }
        }
        if self.partitions.len() > sorted {
            self.partitions.sort_by_key(|one| one.index);
        }
        self.partitions.len().saturating_sub(sorted)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use uuid::Uuid;

    use super::*;

    /// Those that were asked for: topics of these numbers.
    fn asked(numbers: impl Iterator<Item = u128>) -> FetchTopics {
        let mut topics = FetchTopics::default();
        numbers.for_each(|number| topics.add_all(TopicKey::Id(Uuid::from_u128(number)), None, std::iter::once(0)));
        topics
    }

    fn found(topic: usize, partition: i32, high_watermark: i64) -> FoundFar {
        FoundFar { topic, partition, known: Known { high_watermark, log_start: 0 } }
    }

    fn id(key: &OwnKey) -> u128 {
        match key {
            OwnKey::Id(id) => id.as_u128(),
            OwnKey::Name(_) => 0,
        }
    }

    fn all(far: &FarBehind) -> Vec<(u128, i32, i64)> {
        let of = |topic: &FarTopic| {
            let id = id(&topic.key);
            topic.partitions.iter().map(|one| (id, one.index, one.known.high_watermark)).collect::<Vec<_>>()
        };
        far.topics.iter().flat_map(of).collect()
    }

    #[test]
    fn what_is_found_in_any_order_is_known_in_order_and_with_its_last_word() {
        let (mut far, mut model) = (FarBehind::default(), BTreeMap::new());
        for round in 0..40_u128 {
            let topics = asked((0..7).map(|place| (place * 5 + round) % 11));
            let batch: Vec<_> = (0..30_i32)
                .map(|at| {
                    let place = usize::try_from((at * 13 + 3) % 7).unwrap();
                    found(place, (at * 7 + 5) % 9, i64::try_from(round).unwrap() * 100 + i64::from(at))
                })
                .collect();
            for one in &batch {
                let key = OwnKey::of(topics.at(one.topic).unwrap().key);
                model.insert((id(&key), one.partition), one.known.high_watermark);
            }
            far.found(&topics, &batch);
            let expected: Vec<_> = model.iter().map(|((id, index), last)| (*id, *index, *last)).collect();
            assert_eq!(all(&far), expected, "round {round}");
            assert_eq!(far.count, model.len());
        }
    }

    #[test]
    fn more_than_are_remembered_are_forgotten_but_for_the_last() {
        let mut far = FarBehind::default();
        let many: Vec<_> = (0..20_000).map(|partition| found(0, partition, 1)).collect();
        far.found(&asked(std::iter::once(1)), &many);
        far.found(&asked(std::iter::once(1)), &many);
        assert_eq!(far.count, MOST, "the same again are no more");
        far.found(&asked(std::iter::once(2)), &many[..7]);
        assert_eq!((far.count, all(&far).len()), (7, 7));
    }

    /// The least of some tries, so that a busy machine is not taken for work.
    fn least(tries: u32, topics: u128) -> f64 {
        let worst = asked((0..topics).rev());
        let found: Vec<_> = (0..usize::try_from(topics).unwrap()).map(|place| found(place, 0, 1)).collect();
        let once = |_| {
            let (mut far, began) = (FarBehind::default(), Instant::now());
            far.found(&worst, &found);
            began.elapsed().as_secs_f64()
        };
        (0..tries).map(once).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn hostile_f5_far_topics_that_come_in_the_worst_order_cost_no_square_of_their_number() {
        // With one partition each: 16 times as many, which would cost 256 times as much.
        let (few, many) = (least(9, 1_000), least(5, 16_000));
        assert!(many < few * 60.0, "{few} s for 1,000, {many} s for 16,000");
    }
}
