//! A Metadata request, read where it stands.
//!
//! Must never: be given bytes that the gate has not walked, or ask for one topic twice.

use std::collections::HashSet;

use uuid::Uuid;

use crate::wire::{Malformed, Reader};

/// Compact lengths and tagged fields exist from this version on.
const FLEXIBLE: i16 = 9;

/// A request as the client sent it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MetadataBody<'a> {
    /// Each once, in the client's order; nothing for null.
    pub topics: Option<Vec<Asked<'a>>>,
    pub topic_operations: bool,
    pub cluster_operations: bool,
}

/// One topic that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked<'a> {
    Name(&'a str),
    /// The name is null.
    Id(Uuid),
}

impl<'a> MetadataBody<'a> {
    /// Reads a body that the gate has walked.
    pub(super) fn read(version: i16, body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let count = if version >= FLEXIBLE { reader.compact_length()? } else { reader.plain_length()? };
        let topics = count.map(|count| read_topics(&mut reader, version, count)).transpose()?;
        if version >= 4 {
            // Whether to create topics: never.
            reader.skip(1)?;
        }
        let cluster_operations = (8..=10).contains(&version) && reader.u8()? == 1;
        let topic_operations = version >= 8 && reader.u8()? == 1;
        Ok(Self { topics, topic_operations, cluster_operations })
    }
}

fn read_topics<'a>(reader: &mut Reader<'a>, version: i16, count: usize) -> Result<Vec<Asked<'a>>, Malformed> {
    // The gate has held the count against the bytes.
    let mut topics = Vec::with_capacity(count.min(reader.remaining()));
    for _ in 0..count {
        let id = if version >= 10 { reader.uuid()? } else { Uuid::nil() };
        let name = if version >= FLEXIBLE { reader.compact_nullable_string()? } else { reader.nullable_string()? };
        topics.push(name.map_or(Asked::Id(id), Asked::Name));
        if version >= FLEXIBLE {
            reader.skip_tags()?;
        }
    }
    once_each(&mut topics);
    Ok(topics)
}

/// Kafka makes a set of them: a few bytes for each mention must not have a whole topic for an answer.
fn once_each(topics: &mut Vec<Asked<'_>>) {
    let mut prints: Vec<u64> = topics.iter().map(print).collect();
    prints.sort_unstable();
    if prints.is_sorted_by(|one, next| one < next) {
        return;
    }
    // Two that look alike, which clients do not send unless they mean it.
    let mut seen = HashSet::with_capacity(topics.len());
    topics.retain(|topic| seen.insert(*topic));
}

/// A number that is the same for the same topic, and seldom for another: only in haste worth more than a hash.
fn print(topic: &Asked<'_>) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |print: u64, word: u64| (print.rotate_left(23) ^ word).wrapping_mul(SPREAD);
    let bytes = match topic {
        Asked::Name(name) => name.as_bytes(),
        Asked::Id(id) => id.as_bytes(),
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let print = words.iter().fold(0, |print, word| mix(print, u64::from_le_bytes(*word)));
    rest.iter().fold(print, |print, byte| mix(print, u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafka_protocol::messages::MetadataRequest;
    use kafka_protocol::protocol::Decodable;

    use super::*;
    use crate::shape::{metadata, random};

    /// Beside `kafka-protocol`'s decoder, on generated bodies of every version. They name topics twice, too.
    #[test]
    fn all_that_is_read_is_what_the_decoder_reads() {
        let mut doubles = 0;
        for version in metadata::REQUEST.versions.min..=metadata::REQUEST.versions.max {
            for seed in 0..400 {
                let body = random::body(&metadata::REQUEST, version, seed, 8);
                let message = MetadataRequest::decode(&mut Bytes::copy_from_slice(&body), version).unwrap();
                let mut topics: Option<Vec<Asked<'_>>> = message.topics.as_ref().map(|topics| {
                    let names = topics.iter().map(|topic| topic.name.as_ref().map(|name| Asked::Name(name)));
                    names.zip(topics).map(|(name, topic)| name.unwrap_or(Asked::Id(topic.topic_id))).collect()
                });
                if let Some(topics) = &mut topics {
                    let (before, mut seen) = (topics.len(), HashSet::new());
                    topics.retain(|topic| seen.insert(*topic));
                    doubles += before - topics.len();
                }
                let expected = MetadataBody {
                    topics,
                    topic_operations: message.include_topic_authorized_operations,
                    cluster_operations: message.include_cluster_authorized_operations,
                };
                assert_eq!(MetadataBody::read(version, &body), Ok(expected), "version {version}: {body:x?}");
            }
        }
        assert!(doubles > 100, "{doubles}");
    }

    #[test]
    fn names_that_look_alike_and_differ_are_all_kept() {
        let names: Vec<String> = (0..2_000).map(|number| format!("stream-{number}")).collect();
        let mut topics: Vec<_> = names.iter().chain(&names).map(|name| Asked::Name(name)).collect();
        once_each(&mut topics);
        assert_eq!(topics, names.iter().map(|name| Asked::Name(name)).collect::<Vec<_>>());
    }
}
