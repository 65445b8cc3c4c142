//! One record: the newest of a topic that comes. An empty topic is told from one that is refused.
//!
//! Must never: show what is in a record, or read from further back than it must.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse, TopicName};
use weir_kafka::wire::{Malformed, Reader};

use super::connection::Connection;
use super::deadline::Deadline;
use super::fault::Fault;
use super::finding::{Finding, Passed};
use super::lookup::{self, EARLIEST, LATEST};
use super::text::{span, time};
use super::topics::{self, Topic, Topics};
use super::visit::{Visit, code, name_of, text_of};

/// As many topics are looked through for a record.
const MOST_TOPICS: usize = 8;
/// As many leaders of one topic.
const MOST_LEADERS: usize = 8;
/// As many bytes of records are asked for.
const BYTES: i32 = 1024 * 1024;
/// As long may a broker wait for them.
const WAIT_MS: i32 = 1_000;
/// A record from so far in the future, in seconds, is worth a word.
const FUTURE: i64 = 600;

/// A record that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// When it was written, in seconds since 1970, as its timestamp says.
    pub(crate) written: Option<i64>,
}

/// Reads a record of the first topic that has any. Where a leader moves meanwhile, the topics are looked for again.
pub(crate) fn read(visit: &Visit<'_>, topics: Topics) -> Result<(Record, Passed), Finding> {
    let deadline = visit.deadline();
    let mut topics = topics;
    let record = loop {
        match newest(visit, &topics, deadline) {
            Err(finding) if finding.fault == Fault::BrokerUnavailable && deadline.pause() => {
                let mut first = visit.dial(&visit.first, deadline)?;
                topics = topics::look(visit, &mut first, deadline).map_err(|_| finding)?;
            }
            read => break read?,
        }
    };
    let (topic, now) = (name_of(&record.topic), visit.holder.now());
    let age = record.written.map(|written| now.saturating_sub(written));
    let told = match age {
        Some(age) if age < FUTURE.saturating_neg() => {
            format!("; its timestamp is {} ahead of this machine's clock", span(age))
        }
        Some(age) => format!(", {} old", span(age.max(0))),
        None => String::new(),
    };
    let seen = format!("{topic}-{} offset {}{told}", record.partition, record.offset);
    let passed = Passed::new(seen)
        .with("topic", topic)
        .with("partition", record.partition)
        .with("offset", record.offset)
        .with("written", record.written.map(time));
    Ok((record, passed))
}

/// The newest record that comes, of the first topic that has any.
pub(crate) fn newest(visit: &Visit<'_>, topics: &Topics, deadline: Deadline) -> Result<Record, Finding> {
    let mut empty = Vec::new();
    for topic in topics.all.iter().take(MOST_TOPICS) {
        match newest_of(visit, topics, topic, deadline)? {
            Some(record) => return Ok(record),
            None => empty.push(name_of(&topic.name)),
        }
    }
    Err(Finding::new(Fault::NoRecords, format!("empty: {}", empty.join(", "))).with("empty", empty))
}

/// The newest record of one topic; nothing where no partition has any.
fn newest_of(visit: &Visit<'_>, topics: &Topics, topic: &Topic, deadline: Deadline) -> Result<Option<Record>, Finding> {
    let mut led: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for (partition, leader) in &topic.led {
        led.entry(*leader).or_default().push(*partition);
    }
    let mut newest: Option<Record> = None;
    let mut held = false;
    for (leader, partitions) in led.into_iter().take(MOST_LEADERS) {
        let mut connection = visit.dial(topics.place(leader)?, deadline)?;
        let mut asked = Asked { visit, connection: &mut connection, topic: &topic.name, deadline };
        let ends = asked.ends(&partitions)?;
        match asked.last_of(ends)? {
            Last::Record(record) => {
                newest = newest.into_iter().chain([record]).max_by_key(|record| record.written);
            }
            Last::Withheld => held = true,
            Last::None => {}
        }
    }
    match newest {
        None if held => Err(Finding::new(Fault::RecordsWithheld, name_of(&topic.name))),
        newest => Ok(newest),
    }
}

/// What is asked of one leader.
struct Asked<'a> {
    visit: &'a Visit<'a>,
    connection: &'a mut Connection,
    topic: &'a str,
    deadline: Deadline,
}

/// What came of one leader's partitions.
enum Last {
    Record(Record),
    /// They hold something, and it does not come.
    Withheld,
    None,
}

/// The first offset of a partition, and the one behind its last.
#[derive(Clone, Copy, Debug)]
struct Ends {
    partition: i32,
    from: i64,
    behind: i64,
}

impl Asked<'_> {
    /// The partitions that hold anything.
    fn ends(&mut self, partitions: &[i32]) -> Result<Vec<Ends>, Finding> {
        let (first, behind) = (self.offsets(partitions, EARLIEST)?, self.offsets(partitions, LATEST)?);
        let both = first.into_iter().filter_map(|(partition, from)| {
            let behind = *behind.get(&partition)?;
            (from < behind).then_some(Ends { partition, from, behind })
        });
        Ok(both.collect())
    }

    fn offsets(&mut self, partitions: &[i32], end: i64) -> Result<BTreeMap<i32, i64>, Finding> {
        let asked: Vec<_> = partitions.iter().map(|partition| (self.topic.to_owned(), *partition)).collect();
        let found = lookup::look_up(self.visit, self.connection, &asked, end, self.deadline)?;
        Ok(found.into_iter().filter_map(|((_, partition), found)| Some((partition, found.offset?))).collect())
    }

    /// The newest record. What stands last may be the mark of a transaction, which is none: then from further back.
    fn last_of(&mut self, ends: Vec<Ends>) -> Result<Last, Finding> {
        let (mut left, mut back) = (ends, 1);
        while !left.is_empty() {
            let answer = self.fetch(&left, back)?;
            let mut newest: Option<Record> = None;
            let mut is_silent = false;
            for data in answer.responses.iter().flat_map(|topic| &topic.partitions) {
                match data.error_code {
                    code::NONE => is_silent |= data.records.as_ref().is_none_or(Bytes::is_empty),
                    // Its first records have just been deleted.
                    code::OFFSET_OUT_OF_RANGE => left.retain(|ends| ends.partition != data.partition_index),
                    other => return Err(lookup::of_topic("Fetch", self.topic, other)),
                }
                newest = newest.into_iter().chain(self.last_in(data)?).max_by_key(|record| record.written);
            }
            match newest {
                Some(record) => return Ok(Last::Record(record)),
                None if is_silent && self.deadline.pause() => {}
                None if is_silent => return Ok(Last::Withheld),
                None => {
                    left.retain(|ends| ends.behind.saturating_sub(back) > ends.from);
                    back = back.saturating_mul(4);
                }
            }
        }
        Ok(Last::None)
    }

    fn fetch(&mut self, ends: &[Ends], back: i64) -> Result<FetchResponse, Finding> {
        let asked = |ends: &Ends| {
            FetchPartition::default()
                .with_partition(ends.partition)
                .with_fetch_offset(ends.behind.saturating_sub(back).max(ends.from))
                .with_partition_max_bytes(BYTES)
        };
        let topic = FetchTopic::default()
            .with_topic(TopicName(text_of(self.topic)))
            .with_partitions(ends.iter().map(asked).collect());
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(WAIT_MS)
            .with_min_bytes(1)
            .with_max_bytes(BYTES)
            .with_session_epoch(-1)
            .with_topics(vec![topic]);
        let answer = self.visit.ask(self.connection, 11, &request, self.deadline)?;
        if answer.error_code == code::NONE {
            Ok(answer)
        } else {
            Err(lookup::of_topic("Fetch", self.topic, answer.error_code))
        }
    }

    fn last_in(&self, data: &PartitionData) -> Result<Option<Record>, Finding> {
        let records = data.records.as_deref().unwrap_or_default();
        let last = last_batch(records).map_err(|why| {
            let seen = format!("{}-{}: {why}", name_of(self.topic), data.partition_index);
            Finding::new(Fault::RecordsDamaged, seen)
        })?;
        Ok(last.map(|(offset, written)| Record {
            topic: self.topic.to_owned(),
            partition: data.partition_index,
            offset,
            written,
        }))
    }
}

/// The offset of the last record, and its timestamp in seconds, of those in whole batches; nothing where there is none.
/// A batch may be cut at the end. Of compressed ones nothing is unpacked.
fn last_batch(records: &[u8]) -> Result<Option<(i64, Option<i64>)>, Malformed> {
    let mut reader = Reader::new(records);
    let mut last = None;
    while reader.remaining() > HEAD {
        let base = reader.i64()?;
        let length = usize::try_from(reader.i32()?).map_err(|_| Malformed::NegativeLength)?;
        let Ok(batch) = reader.take(length) else { break };
        last = one_batch(base, batch)?.or(last);
    }
    Ok(last)
}

/// Bytes of a batch's offset and length.
const HEAD: usize = 12;
/// In a batch's attributes: it holds marks of transactions, and no records.
const CONTROL: i16 = 0x20;

fn one_batch(base: i64, batch: &[u8]) -> Result<Option<(i64, Option<i64>)>, Malformed> {
    let mut reader = Reader::new(batch);
    reader.skip(4)?;
    match reader.i8()? {
        // Old messages: a checksum stood first.
        0 => Ok(Some((base, None))),
        1 => {
            reader.skip(1)?;
            Ok(Some((base, seconds(reader.i64()?))))
        }
        2 => {
            reader.skip(4)?;
            let attributes = reader.i16()?;
            let delta = reader.i32()?;
            reader.skip(8)?;
            let written = seconds(reader.i64()?);
            reader.skip(14)?;
            let count = reader.i32()?;
            let is_record = attributes & CONTROL == 0 && count > 0;
            Ok(is_record.then_some((base.saturating_add(i64::from(delta)), written)))
        }
        _ => Err(Malformed::UnknownCode),
    }
}

fn seconds(milliseconds: i64) -> Option<i64> {
    (milliseconds >= 0).then_some(milliseconds / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(base: i64, attributes: i16, delta: i32, written: i64, count: i32) -> Vec<u8> {
        let mut body = vec![0, 0, 0, 1, 2, 0, 0, 0, 0];
        body.extend(attributes.to_be_bytes());
        body.extend(delta.to_be_bytes());
        body.extend([0; 8]);
        body.extend(written.to_be_bytes());
        body.extend([0; 14]);
        body.extend(count.to_be_bytes());
        body.extend(b"records");
        let mut all = base.to_be_bytes().to_vec();
        all.extend(i32::try_from(body.len()).unwrap().to_be_bytes());
        all.extend(body);
        all
    }

    #[test]
    fn the_last_record_is_not_the_mark_of_a_transaction() {
        let all = [batch(5, 0, 2, 9_000, 3), batch(8, CONTROL, 0, 10_000, 1)].concat();
        assert_eq!(last_batch(&all), Ok(Some((7, Some(9)))));
        assert_eq!(last_batch(&batch(8, CONTROL, 0, 10_000, 1)), Ok(None));
        assert_eq!(last_batch(&[]), Ok(None));
    }

    #[test]
    fn a_batch_that_is_cut_is_left_out_and_garbage_is_no_record() {
        let whole = batch(5, 0, 0, 9_000, 1);
        for length in 0..whole.len() {
            assert_eq!(last_batch(&whole[..length]), Ok(None), "{length}");
        }
        let cut = [whole.clone(), batch(6, 0, 0, 9_000, 1)[..30].to_vec()].concat();
        assert_eq!(last_batch(&cut), Ok(Some((5, Some(9)))));
        assert!(last_batch(&[0xff; 64]).is_err(), "a negative length");
        assert!(last_batch(b"\0\0\0\0\0\0\0\0\0\0\0\x09xxxxGyyyy").is_err(), "a kind that there is not");
        assert!(last_batch(b"\0\0\0\0\0\0\0\0\0\0\0\x09xxxx\x02yyyy").is_err(), "a head that is cut");
    }
}
