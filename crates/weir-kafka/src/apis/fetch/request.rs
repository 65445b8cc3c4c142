//! A Fetch request, read where it stands: one pass finds its fields, another visits its topics, and nothing is copied.
//!
//! No tagged field of it says anything that a consumer may say (they are a cluster id and what replicas say of
//! themselves), so that a body with one is written anew without.
//! Must never: be given bytes that the gate has not walked, or pass over a topic without a word.

use bytes::Bytes;

use super::key::TopicKey;
use super::topics::{FetchTopics, SessionTopic};
use super::{FLEXIBLE, LOG_START, SESSIONS};
use crate::wire::{self, Malformed, Reader};

/// The last version in which a replica says who it is among the plain fields.
const LAST_PLAIN_REPLICA: i16 = 14;
/// Partitions have a leader epoch from this version on.
const LEADER_EPOCH: i16 = 9;
/// The client's rack stands at the end from this version on.
const RACK: i16 = 11;
/// What consumers send as their replica id.
const NO_REPLICA: i32 = -1;

/// The fields that Weir may change on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms<'a> {
    pub max_wait_ms: i32,
    pub max_bytes: i32,
    pub isolation_level: i8,
    pub session_id: i32,
    pub session_epoch: i32,
    /// Where the reader stands; empty where it does not say.
    pub rack: &'a str,
}

/// A request as the client sent it.
#[derive(Debug)]
pub(super) struct FetchBody<'a> {
    version: i16,
    min_bytes: i32,
    pub terms: Terms<'a>,
    pub topics: Topics<'a>,
    pub forgotten: Topics<'a>,
    /// It says something that does not go to the broker, whoever asks for what.
    pub says_more: bool,
}

impl<'a> FetchBody<'a> {
    /// Finds the fields of a body that the gate has walked.
    #[inline]
    pub(super) fn read(version: i16, body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let replica_id = if version <= LAST_PLAIN_REPLICA { reader.i32()? } else { NO_REPLICA };
        let (max_wait_ms, min_bytes, max_bytes) = (reader.i32()?, reader.i32()?, reader.i32()?);
        let isolation_level = reader.i8()?;
        let (session_id, session_epoch) = if version >= SESSIONS { (reader.i32()?, reader.i32()?) } else { (0, -1) };
        let (topics, tagged) = Topics::find(&mut reader, version, partition_len(version), version >= FLEXIBLE)?;
        let (forgotten, more_tagged) = if version >= SESSIONS {
            Topics::find(&mut reader, version, 4, false)?
        } else {
            (Topics::none(version), false)
        };
        let rack = match version {
            ..RACK => "",
            RACK..FLEXIBLE => reader.string()?,
            _ => reader.compact_string()?,
        };
        let at_the_end = version >= FLEXIBLE && reader.skip_tags()?;
        if reader.remaining() > 0 {
            return Err(Malformed::TrailingBytes);
        }
        let says_more = replica_id != NO_REPLICA || tagged || more_tagged || at_the_end;
        let terms = Terms { max_wait_ms, max_bytes, isolation_level, session_id, session_epoch, rack };
        Ok(Self { version, min_bytes, terms, topics, forgotten, says_more })
    }

    /// Writes the request anew: these terms, and the topics and partitions that are kept.
    pub(super) fn write(
        &self,
        terms: &Terms<'_>,
        left_out: Option<&FetchTopics>,
        keeps: impl Fn(&Topic<'_>) -> bool,
        forgets: impl Fn(&Topic<'_>) -> bool,
    ) -> Result<Bytes, Malformed> {
        let mut out = Vec::with_capacity(self.topics.reader.remaining().saturating_add(64));
        if self.version <= LAST_PLAIN_REPLICA {
            wire::put_i32(&mut out, NO_REPLICA);
        }
        wire::put_i32(&mut out, terms.max_wait_ms);
        wire::put_i32(&mut out, self.min_bytes);
        wire::put_i32(&mut out, terms.max_bytes);
        out.extend_from_slice(&terms.isolation_level.to_be_bytes());
        if self.version >= SESSIONS {
            wire::put_i32(&mut out, terms.session_id);
            wire::put_i32(&mut out, terms.session_epoch);
        }
        self.topics.write(&mut out, left_out, keeps)?;
        if self.version >= SESSIONS {
            self.forgotten.write(&mut out, None, forgets)?;
        }
        match self.version {
            ..RACK => {}
            RACK..FLEXIBLE => wire::put_nullable_string(&mut out, Some(terms.rack)),
            _ => {
                wire::put_length(&mut out, true, terms.rack.len());
                out.extend_from_slice(terms.rack.as_bytes());
                // No tagged fields.
                out.push(0);
            }
        }
        Ok(Bytes::from(out))
    }
}

/// Bytes of one partition's plain fields.
fn partition_len(version: i16) -> usize {
    let mut len: usize = 16;
    for (from, bytes) in [(LOG_START, 8), (LEADER_EPOCH, 4), (FLEXIBLE, 4)] {
        len = len.saturating_add(if version >= from { bytes } else { 0 });
    }
    len
}

/// A list of topics.
#[derive(Clone, Debug)]
pub(super) struct Topics<'a> {
    reader: Reader<'a>,
    /// Topics that are left.
    left: usize,
    /// Partitions of all topics of the list.
    pub partitions: usize,
    /// Bytes of all names of the list.
    pub name_bytes: usize,
    version: i16,
    partition_len: usize,
    /// Whether each partition has tagged fields.
    tags: bool,
}

/// One topic of a list.
#[derive(Debug)]
pub(super) struct Topic<'a> {
    pub key: TopicKey<'a>,
    pub partitions: Partitions<'a>,
}

impl<'a> Topics<'a> {
    /// An empty list.
    pub(super) fn none(version: i16) -> Self {
        Self { reader: Reader::new(&[]), left: 0, partitions: 0, name_bytes: 0, version, partition_len: 4, tags: false }
    }

    /// Passes over a list, and says where it is and whether anything in it is tagged.
    fn find(
        reader: &mut Reader<'a>,
        version: i16,
        partition_len: usize,
        tags: bool,
    ) -> Result<(Self, bool), Malformed> {
        let left = reader.count(version >= FLEXIBLE)?;
        let mut list =
            Self { reader: reader.clone(), left, partitions: 0, name_bytes: 0, version, partition_len, tags };
        let start = list.clone();
        let (mut partitions, mut name_bytes, mut tagged) = (0_usize, 0_usize, false);
        while let Some((topic, topic_is_tagged)) = list.pass()? {
            partitions = partitions.saturating_add(topic.partitions.left);
            name_bytes = name_bytes.saturating_add(topic.key.name_len());
            tagged |= topic_is_tagged;
        }
        *reader = list.reader;
        Ok((Self { partitions, name_bytes, ..start }, tagged))
    }

    /// How many topics are left.
    pub(super) fn len(&self) -> usize {
        self.left
    }

    /// The next topic.
    pub(super) fn next(&mut self) -> Result<Option<Topic<'a>>, Malformed> {
        Ok(self.pass()?.map(|(topic, _)| topic))
    }

    /// Whether all of them are such.
    pub(super) fn all(&self, is_such: impl Fn(&Topic<'_>) -> bool) -> Result<bool, Malformed> {
        let mut topics = self.clone();
        while let Some(topic) = topics.next()? {
            if !is_such(&topic) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The next topic, and whether anything in it is tagged.
    fn pass(&mut self) -> Result<Option<(Topic<'a>, bool)>, Malformed> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let key = TopicKey::read(&mut self.reader, self.version)?;
        let count = self.reader.count(self.version >= FLEXIBLE)?;
        let partitions = Partitions {
            reader: self.reader.clone(),
            left: count,
            version: self.version,
            bytes_of_each: self.partition_len,
            tags: self.tags,
        };
        let mut tagged = false;
        if self.tags {
            for _ in 0..count {
                self.reader.skip(self.partition_len)?;
                tagged |= self.reader.skip_tags()?;
            }
        } else {
            self.reader.skip(count.checked_mul(self.partition_len).ok_or(Malformed::LengthPastEnd)?)?;
        }
        if self.version >= FLEXIBLE {
            tagged |= self.reader.skip_tags()?;
        }
        Ok(Some((Topic { key, partitions }, tagged)))
    }

    fn write(
        &self,
        out: &mut Vec<u8>,
        left_out: Option<&FetchTopics>,
        keeps: impl Fn(&Topic<'_>) -> bool,
    ) -> Result<(), Malformed> {
        // Of a topic that is kept, partitions may be left out, and so all of it.
        let partitions = |topic: &Topic<'_>| match left_out.and_then(|left_out| left_out.get(topic.key)) {
            _ if !keeps(topic) => Ok((0, None)),
            None => Ok((topic.partitions.left, None)),
            Some(left_out) => Ok::<_, Malformed>((topic.partitions.count_without(&left_out)?, Some(left_out))),
        };
        let is_kept =
            |topic: &Topic<'_>, partitions: usize| partitions > 0 || (topic.partitions.left == 0 && keeps(topic));
        let mut kept: usize = 0;
        let mut topics = self.clone();
        while let Some(topic) = topics.next()? {
            kept = kept.saturating_add(usize::from(is_kept(&topic, partitions(&topic)?.0)));
        }
        wire::put_length(out, self.version >= FLEXIBLE, kept);
        let mut topics = self.clone();
        while let Some(topic) = topics.next()? {
            let (count, left_out) = partitions(&topic)?;
            if is_kept(&topic, count) {
                topic.key.write(out, self.version);
                wire::put_length(out, self.version >= FLEXIBLE, count);
                topic.partitions.write(out, left_out)?;
                out.extend((self.version >= FLEXIBLE).then_some(0));
            }
        }
        Ok(())
    }
}

/// The partitions of one topic.
#[derive(Clone, Debug)]
pub(super) struct Partitions<'a> {
    reader: Reader<'a>,
    left: usize,
    version: i16,
    bytes_of_each: usize,
    tags: bool,
}

impl<'a> Partitions<'a> {
    /// How many are left.
    pub(super) fn len(&self) -> usize {
        self.left
    }

    /// The next partition's index.
    pub(super) fn next(&mut self) -> Result<Option<i32>, Malformed> {
        self.fields()?.map(|fields| Reader::new(fields).i32()).transpose()
    }

    /// The next partition's index, and the offset that it is read from.
    pub(super) fn next_with_offset(&mut self) -> Result<Option<(i32, i64)>, Malformed> {
        let epoch = if self.version >= LEADER_EPOCH { 4 } else { 0 };
        let Some(fields) = self.fields()? else { return Ok(None) };
        let mut reader = Reader::new(fields);
        let index = reader.i32()?;
        reader.skip(epoch)?;
        Ok(Some((index, reader.i64()?)))
    }

    /// How many are not left out.
    fn count_without(&self, left_out: &SessionTopic<'_>) -> Result<usize, Malformed> {
        let (mut partitions, mut count) = (self.clone(), 0_usize);
        while let Some(index) = partitions.next()? {
            count = count.saturating_add(usize::from(!left_out.holds(index)));
        }
        Ok(count)
    }

    fn fields(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let fields = self.reader.take(self.bytes_of_each)?;
        if self.tags {
            self.reader.skip_tags()?;
        }
        Ok(Some(fields))
    }

    fn write(mut self, out: &mut Vec<u8>, left_out: Option<SessionTopic<'_>>) -> Result<(), Malformed> {
        while let Some(fields) = self.fields()? {
            let index = Reader::new(fields).i32()?;
            if left_out.is_some_and(|left_out| left_out.holds(index)) {
                continue;
            }
            out.extend_from_slice(fields);
            out.extend(self.tags.then_some(0));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
