//! The cluster that the canned broker plays: its topics, and the one answer to every Fetch, made before anything is
//! measured.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{FetchResponse, TopicName};
use kafka_protocol::protocol::{Encodable, StrBytes};
use uuid::Uuid;

use crate::failure::{Context, Failure};

/// The topics that are read, with their ids.
pub const TOPICS: [(&str, Uuid); 2] =
    [("bench.one", Uuid::from_u128(0x0be1_0000_0001)), ("bench.two", Uuid::from_u128(0x0be1_0000_0002))];
/// A topic that is in the catalogue and granted to nobody.
pub const REFUSED: (&str, Uuid) = ("bench.refused", Uuid::from_u128(0x0be1_0000_0003));
/// Partitions of each topic.
pub const PARTITIONS: i32 = 12;
/// The versions of Fetch that are measured: the last with names and the last of all.
pub const VERSIONS: [i16; 2] = [12, 17];
/// Bytes of records in one answer, about.
const ANSWER: usize = 1024 * 1024;
/// What stands before the list of topics: throttle time, code, session.
const HEAD: usize = 10;

/// The part of an answer that is always the same: the topics with their records, by version.
pub struct Answers(Vec<(i16, Bytes)>);

impl Answers {
    /// Makes them.
    pub fn new() -> Result<Self, Failure> {
        let versions = VERSIONS.iter().map(|version| Ok((*version, topics(*version)?)));
        Ok(Self(versions.collect::<Result<_, Failure>>()?))
    }

    /// The one of a version, which follows the session id.
    pub fn of(&self, version: i16) -> Option<&Bytes> {
        self.0.iter().find(|(known, _)| *known == version).map(|(_, answer)| answer)
    }
}

/// A topic's name as the protocol wants it.
pub fn topic_name(name: &'static str) -> TopicName {
    TopicName(StrBytes::from_static_str(name))
}

fn topics(version: i16) -> Result<Bytes, Failure> {
    let partitions = usize::try_from(PARTITIONS).unwrap_or(usize::MAX) * TOPICS.len();
    let records = noise(ANSWER / partitions);
    let topic = |(name, id): &(&'static str, Uuid)| {
        let partition = |index| {
            PartitionData::default()
                .with_partition_index(index)
                .with_high_watermark(1_000_000)
                .with_last_stable_offset(1_000_000)
                .with_log_start_offset(0)
                .with_aborted_transactions(Some(Vec::new()))
                .with_records(Some(records.clone()))
        };
        FetchableTopicResponse::default()
            .with_topic(topic_name(name))
            .with_topic_id(*id)
            .with_partitions((0..PARTITIONS).map(partition).collect())
    };
    let response = FetchResponse::default().with_responses(TOPICS.iter().map(topic).collect());
    let mut body = BytesMut::new();
    response.encode(&mut body, version).context("the canned answer cannot be made")?;
    Ok(body.freeze().slice(HEAD..))
}

/// Bytes that look like compressed records. Nobody on the way may look into them.
fn noise(bytes: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::from_fn(|| Some(next())).flatten().take(bytes).collect()
}

#[cfg(test)]
mod tests {
    use kafka_protocol::protocol::Decodable;

    use super::*;

    #[test]
    fn an_answer_is_a_megabyte_over_all_partitions() {
        let answers = Answers::new().unwrap();
        for version in VERSIONS {
            let mut body = BytesMut::from(&[0; HEAD][..]);
            body.extend_from_slice(answers.of(version).unwrap());
            assert!((ANSWER - 1024..ANSWER + 4096).contains(&body.len()), "{}", body.len());
            let decoded = FetchResponse::decode(&mut body.freeze(), version).unwrap();
            let partitions: usize = decoded.responses.iter().map(|topic| topic.partitions.len()).sum();
            assert_eq!(partitions, 24);
        }
    }
}
