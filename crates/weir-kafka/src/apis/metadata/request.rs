//! A Metadata request, read where it stands.
//!
//! Must never: be given bytes that the gate has not walked, or ask for one topic twice.

use std::collections::HashSet;

use uuid::Uuid;

use super::FLEXIBLE;
use crate::refusal::code;
use crate::wire::{Malformed, Reader};

/// There is a place for a topic's id from this version on.
const IDS_WRITTEN: i16 = 10;

/// Topics may be asked for by id from this version on.
const IDS_SERVED: i16 = 12;

/// A request as the client sent it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MetadataBody<'a> {
    pub topics: Topics<'a>,
    pub topic_operations: bool,
    pub cluster_operations: bool,
}

/// The topics that are asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Topics<'a> {
    /// The list is null.
    All,
    /// Each once, in the client's order: names alone, or ids alone.
    Listed(Vec<Asked<'a>>),
    /// A list that fails the whole request with this code, which is told of each mention.
    Unsound(i16, Vec<Mention<'a>>),
}

/// One topic that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked<'a> {
    Name(&'a str),
    Id(Uuid),
}

/// A topic as the client wrote it: an id, which is zero where there is none, and a name.
pub(super) type Mention<'a> = (Uuid, Option<&'a str>);

impl<'a> MetadataBody<'a> {
    /// Reads a body that the gate has walked.
    pub(super) fn read(version: i16, body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let topics = match reader.length(version >= FLEXIBLE)? {
            None => Topics::All,
            Some(count) => read_topics(&mut reader, version, count)?,
        };
        if version >= 4 {
            // Whether to create topics: never.
            reader.skip(1)?;
        }
        let cluster_operations = (8..=10).contains(&version) && reader.u8()? == 1;
        let topic_operations = version >= 8 && reader.u8()? == 1;
        Ok(Self { topics, topic_operations, cluster_operations })
    }
}

fn read_topics<'a>(reader: &mut Reader<'a>, version: i16, count: usize) -> Result<Topics<'a>, Malformed> {
    let list = reader.clone();
    // The gate has held the count against the bytes.
    let mut topics = Vec::with_capacity(count.min(reader.remaining()));
    let mut names_alone = true;
    for _ in 0..count {
        topics.push(match read_mention(reader, version)? {
            (id, Some(name)) if id.is_nil() => Asked::Name(name),
            (id, _) => {
                names_alone = false;
                Asked::Id(id)
            }
        });
    }
    if !names_alone {
        return not_names_alone(topics, list, version);
    }
    once_each(&mut topics);
    Ok(Topics::Listed(topics))
}

fn read_mention<'a>(reader: &mut Reader<'a>, version: i16) -> Result<Mention<'a>, Malformed> {
    let id = if version >= IDS_WRITTEN { reader.uuid()? } else { Uuid::nil() };
    if version < FLEXIBLE {
        return Ok((id, reader.nullable_string()?));
    }
    let name = reader.compact_nullable_string()?;
    reader.skip_tags()?;
    Ok((id, name))
}

/// As Kafka has it: one id, and names do not count. Where ids may not be asked for, and where there is neither an id nor
/// a name, the request fails as a whole.
#[cold]
fn not_names_alone<'a>(
    mut topics: Vec<Asked<'a>>,
    mut list: Reader<'a>,
    version: i16,
) -> Result<Topics<'a>, Malformed> {
    let is_id = |topic: &Asked<'_>| matches!(topic, Asked::Id(id) if !id.is_nil());
    if version >= IDS_SERVED && topics.iter().any(is_id) {
        topics.retain(is_id);
        once_each(&mut topics);
        return Ok(Topics::Listed(topics));
    }
    let error_code = if version >= IDS_SERVED { code::UNKNOWN_SERVER_ERROR } else { code::INVALID_REQUEST };
    let mentions = topics.iter().map(|_| read_mention(&mut list, version)).collect::<Result<_, _>>()?;
    Ok(Topics::Unsound(error_code, mentions))
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
    use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
    use kafka_protocol::protocol::Decodable;

    use super::*;
    use crate::shape::{metadata, random};

    /// Beside `kafka-protocol`'s decoder, on generated bodies of every version. They name topics twice, too.
    #[test]
    fn all_that_is_read_is_what_the_decoder_reads() {
        let (mut doubles, mut kinds) = (0, [0; 3]);
        for version in metadata::REQUEST.versions.min..=metadata::REQUEST.versions.max {
            for seed in 0..400 {
                let body = random::body(&metadata::REQUEST, version, seed, 8);
                let message = MetadataRequest::decode(&mut Bytes::copy_from_slice(&body), version).unwrap();
                let mentions = message.topics.as_ref().map(|topics| {
                    let mention = |topic: &'_ MetadataRequestTopic| (topic.topic_id, topic.name.clone());
                    topics.iter().map(mention).collect::<Vec<_>>()
                });
                let topics = mentions.as_ref().map_or(Topics::All, |mentions| {
                    let mentions: Vec<_> =
                        mentions.iter().map(|(id, name)| (*id, name.as_ref().map(|name| &***name))).collect();
                    asked_for(mentions, version)
                });
                if let (Some(mentions), Topics::Listed(topics)) = (&mentions, &topics) {
                    doubles += mentions.len() - topics.len();
                }
                kinds[match &topics {
                    Topics::All => 0,
                    Topics::Listed(_) => 1,
                    Topics::Unsound(..) => 2,
                }] += 1;
                let expected = MetadataBody {
                    topics,
                    topic_operations: message.include_topic_authorized_operations,
                    cluster_operations: message.include_cluster_authorized_operations,
                };
                assert_eq!(MetadataBody::read(version, &body), Ok(expected), "version {version}: {body:x?}");
            }
        }
        assert!(doubles > 100, "{doubles}");
        assert!(kinds.iter().all(|count| *count > 100), "{kinds:?}");
    }

    fn asked_for(mentions: Vec<Mention<'_>>, version: i16) -> Topics<'_> {
        let ids: Vec<_> = mentions.iter().map(|(id, _)| *id).filter(|id| !id.is_nil()).collect();
        let names: Option<Vec<_>> = mentions.iter().map(|(_, name)| *name).collect();
        let once = |topics: Vec<_>| {
            let mut seen = HashSet::new();
            Topics::Listed(topics.into_iter().filter(|topic| seen.insert(*topic)).collect())
        };
        match (version, &ids[..], names) {
            (_, [], Some(names)) => once(names.into_iter().map(Asked::Name).collect()),
            (12, [], None) => Topics::Unsound(-1, mentions),
            (12, _, _) => once(ids.into_iter().map(Asked::Id).collect()),
            _ => Topics::Unsound(42, mentions),
        }
    }

    #[test]
    fn names_that_look_alike_and_differ_are_all_kept() {
        let names: Vec<String> = (0..2_000).map(|number| format!("stream-{number}")).collect();
        let mut topics: Vec<_> = names.iter().chain(&names).map(|name| Asked::Name(name)).collect();
        once_each(&mut topics);
        assert_eq!(topics, names.iter().map(|name| Asked::Name(name)).collect::<Vec<_>>());
    }
}
