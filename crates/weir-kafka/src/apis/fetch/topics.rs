//! The topics that a Fetch is about: one list, sorted by key, however many topics there are.
//!
//! Must never: lose a partition that was named, or hold one twice.

use uuid::Uuid;
use weir_policy::Reason;

use super::key::TopicKey;
use super::request::{Partitions, Topics};
use crate::wire::Malformed;

/// Topics, each with its verdict and its partitions. Three blocks of memory, whatever it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FetchTopics {
    /// Sorted by key.
    topics: Vec<Entry>,
    /// All names, one behind the other.
    names: String,
    /// Each topic's partitions, sorted, without doubles; in the order in which the topics came.
    partitions: Vec<i32>,
    /// Topics that are refused.
    refused: usize,
}

/// One topic of a fetch session, or of a Fetch without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionTopic<'a> {
    /// The client's name for it.
    pub key: TopicKey<'a>,
    pub refused: Option<Reason>,
    /// Sorted, without doubles.
    pub partitions: &'a [i32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    key: Key,
    refused: Option<Reason>,
    partitions: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Name(Span),
    Id(Uuid),
}

/// From one place of a list to another. Both lists are shorter than a request frame, so that four bytes are enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: u32,
    to: u32,
}

impl FetchTopics {
    /// An empty list with room for all of a request's.
    pub(super) fn with_room_for(topics: &Topics<'_>) -> Self {
        Self {
            topics: Vec::with_capacity(topics.len()),
            names: String::with_capacity(topics.name_bytes),
            partitions: Vec::with_capacity(topics.partitions),
            refused: 0,
        }
    }

    /// Adds a topic. The list is not in order again until it is settled.
    pub(super) fn add(
        &mut self,
        key: TopicKey<'_>,
        refused: Option<Reason>,
        mut partitions: Partitions<'_>,
    ) -> Result<(), Malformed> {
        let from = self.partitions.len();
        while let Some(partition) = partitions.next()? {
            self.partitions.push(partition);
        }
        self.noted(key, refused, from);
        Ok(())
    }

    pub(super) fn add_all(
        &mut self,
        key: TopicKey<'_>,
        refused: Option<Reason>,
        partitions: impl IntoIterator<Item = i32>,
    ) {
        let from = self.partitions.len();
        self.partitions.extend(partitions);
        self.noted(key, refused, from);
    }

    /// Notes a topic, whose partitions are those from a place to the last.
    fn noted(&mut self, key: TopicKey<'_>, refused: Option<Reason>, from: usize) {
        let partitions = Span::new(from, self.partitions.len());
        let key = match key {
            TopicKey::Id(id) => Key::Id(id),
            TopicKey::Name(name) => {
                let from = self.names.len();
                self.names.push_str(name);
                Key::Name(Span::new(from, self.names.len()))
            }
        };
        self.topics.push(Entry { key, refused, partitions });
        self.refused = self.refused.saturating_add(usize::from(refused.is_some()));
    }

    /// Puts the list in order: each topic once, and each of its partitions once.
    pub(super) fn settle(&mut self) {
        let Self { topics, names, partitions, .. } = self;
        topics.sort_unstable_by(|one, next| key(names, one).cmp(&key(names, next)));
        for entry in &*topics {
            partitions.get_mut(entry.partitions.range()).unwrap_or_default().sort_unstable();
        }
        let topics_ascend = self.iter().is_sorted_by(|one, next| one.key < next.key);
        if topics_ascend && self.iter().all(|topic| topic.partitions.is_sorted_by(|one, next| one < next)) {
            return;
        }
        // Something was named twice.
        let mut settled = Self::default();
        let topics: Vec<SessionTopic<'_>> = self.iter().collect();
        for same in topics.chunk_by(|one, next| one.key == next.key) {
            let Some(first) = same.first() else { continue };
            let mut partitions: Vec<i32> = same.iter().flat_map(|topic| topic.partitions).copied().collect();
            partitions.sort_unstable();
            partitions.dedup();
            settled.add_all(first.key, first.refused, partitions);
        }
        *self = settled;
    }

    /// The list without these partitions, and without topics that have none.
    pub(crate) fn without(&self, forgotten: &Self) -> Self {
        let mut left = Self::default();
        for topic in self.iter() {
            let gone = forgotten.get(topic.key);
            let stays = |partition: &i32| gone.is_none_or(|gone| !gone.holds(*partition));
            let (before, names) = (left.partitions.len(), left.names.len());
            left.add_all(topic.key, topic.refused, topic.partitions.iter().copied().filter(stays));
            if left.partitions.len() == before {
                left.topics.pop();
                left.names.truncate(names);
                left.refused = left.refused.saturating_sub(usize::from(topic.refused.is_some()));
            }
        }
        left
    }

    /// The same list, each topic judged anew.
    pub(super) fn judged(&self, refused: impl Fn(TopicKey<'_>) -> Option<Reason>) -> Self {
        let mut judged = self.clone();
        for entry in &mut judged.topics {
            entry.refused = refused(key(&judged.names, entry));
        }
        judged.refused = judged.topics.iter().filter(|entry| entry.refused.is_some()).count();
        judged
    }

    /// The place of a topic.
    pub(crate) fn place(&self, key: TopicKey<'_>) -> Option<usize> {
        self.topics.binary_search_by(|entry| self::key(&self.names, entry).cmp(&key)).ok()
    }

    /// The topic at a place.
    pub(crate) fn at(&self, place: usize) -> Option<SessionTopic<'_>> {
        self.topics.get(place).map(|entry| self.topic(entry))
    }

    pub(crate) fn get(&self, key: TopicKey<'_>) -> Option<SessionTopic<'_>> {
        self.at(self.place(key)?)
    }

    /// Whether none of its topics is refused.
    pub(crate) fn allow_all(&self) -> bool {
        self.refused == 0
    }

    /// Whether it has a topic, and the topic may be asked for.
    pub(crate) fn allow(&self, key: TopicKey<'_>) -> bool {
        self.get(key).is_some_and(|topic| topic.refused.is_none())
    }

    /// Whether it has all partitions of a request.
    pub(super) fn hold_all(&self, topics: &Topics<'_>) -> Result<bool, Malformed> {
        let mut topics = topics.clone();
        while let Some(mut topic) = topics.next()? {
            let Some(known) = self.get(topic.key) else { return Ok(false) };
            while let Some(partition) = topic.partitions.next()? {
                if !known.holds(partition) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = SessionTopic<'_>> {
        self.topics.iter().map(|entry| self.topic(entry))
    }

    /// The topics of which something is refused: one that is named without partitions is not answered. Mostly none: then
    /// none is looked at.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (Reason, SessionTopic<'_>)> {
        let all = if self.refused > 0 { self.topics.as_slice() } else { &[] };
        let told = all.iter().map(|entry| self.topic(entry)).filter(|topic| !topic.partitions.is_empty());
        told.filter_map(|topic| Some((topic.refused?, topic)))
    }

    /// Partitions of all topics.
    pub(crate) fn partition_count(&self) -> usize {
        self.partitions.len()
    }

    /// Partitions of the topics that may be asked for.
    pub(super) fn allowed_partitions(&self) -> usize {
        self.iter().filter(|topic| topic.refused.is_none()).map(|topic| topic.partitions.len()).sum()
    }

    /// Bytes of all names.
    pub(crate) fn name_bytes(&self) -> usize {
        self.names.len()
    }

    fn topic(&self, entry: &Entry) -> SessionTopic<'_> {
        let partitions = self.partitions.get(entry.partitions.range()).unwrap_or_default();
        SessionTopic { key: key(&self.names, entry), refused: entry.refused, partitions }
    }
}

fn key<'a>(names: &'a str, entry: &Entry) -> TopicKey<'a> {
    match entry.key {
        Key::Id(id) => TopicKey::Id(id),
        Key::Name(span) => TopicKey::Name(names.get(span.range()).unwrap_or_default()),
    }
}

impl SessionTopic<'_> {
    pub(crate) fn holds(&self, partition: i32) -> bool {
        self.partitions.binary_search(&partition).is_ok()
    }
}

impl Span {
    fn new(from: usize, to: usize) -> Self {
        let place = |place| u32::try_from(place).unwrap_or(u32::MAX);
        Self { from: place(from), to: place(to) }
    }

    fn range(self) -> std::ops::Range<usize> {
        let place = |place| usize::try_from(place).unwrap_or(usize::MAX);
        place(self.from)..place(self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(topics: &FetchTopics) -> Vec<(TopicKey<'_>, Vec<i32>)> {
        topics.iter().map(|topic| (topic.key, topic.partitions.to_vec())).collect()
    }

    #[test]
    fn a_topic_that_is_named_twice_is_one() {
        let mut topics = FetchTopics::default();
        topics.add_all(TopicKey::Name("b"), None, [2, 1, 2]);
        topics.add_all(TopicKey::Name("a"), Some(Reason::TopicNotGranted), [0]);
        topics.add_all(TopicKey::Name("b"), None, [0, 1]);
        topics.settle();
        assert_eq!(names(&topics), [(TopicKey::Name("a"), vec![0]), (TopicKey::Name("b"), vec![0, 1, 2])]);
        assert_eq!((topics.partition_count(), topics.name_bytes()), (4, 2));
        assert!(topics.get(TopicKey::Name("b")).is_some_and(|topic| topic.holds(2) && !topic.holds(3)));
        assert!(topics.get(TopicKey::Name("ab")).is_none());
        assert_eq!(topics.refused().count(), 1);
    }

    #[test]
    fn what_is_forgotten_is_gone_and_a_topic_with_nothing_left_too() {
        let id = |number| TopicKey::Id(Uuid::from_u128(number));
        let mut topics = FetchTopics::default();
        topics.add_all(id(1), None, [0, 1]);
        topics.add_all(id(2), None, [0]);
        let mut forgotten = FetchTopics::default();
        forgotten.add_all(id(1), None, [1, 7]);
        forgotten.add_all(id(2), None, [0]);
        forgotten.add_all(id(3), None, [0]);
        assert_eq!(names(&topics.without(&forgotten)), [(id(1), vec![0])]);
    }

    #[test]
    fn a_name_that_is_forgotten_takes_no_room() {
        let mut topics = FetchTopics::default();
        topics.add_all(TopicKey::Name("a"), None, [0]);
        topics.add_all(TopicKey::Name("bc"), None, [0]);
        let mut forgotten = FetchTopics::default();
        forgotten.add_all(TopicKey::Name("bc"), None, [0]);
        let left = topics.without(&forgotten);
        assert_eq!((names(&left), left.name_bytes()), (vec![(TopicKey::Name("a"), vec![0])], 1));
    }
}
