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
/// What stands before the list of topics: throttle time, code, session.
const HEAD: usize = 10;

/// How much an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// One partition with some records: 1 KB in all.
    Small,
    /// 1 MiB, over all partitions.
    Bulk,
    /// 50 MiB, over all partitions.
    Huge,
}

impl Size {
    /// The `max_bytes` of a Fetch that is answered so.
    pub const fn max_bytes(self) -> i32 {
        match self {
            Self::Small => 1024,
            Self::Bulk => 1024 * 1024,
            Self::Huge => 50 * 1024 * 1024,
        }
    }

    /// Topics in the answer, and partitions in each.
    const fn spread(self) -> (usize, i32) {
        match self {
            Self::Small => (1, 1),
            Self::Bulk | Self::Huge => (TOPICS.len(), PARTITIONS),
        }
    }

    /// Bytes of records in the answer, about.
    fn records(self) -> usize {
        let most = usize::try_from(self.max_bytes()).unwrap_or(0);
        if self == Self::Small { most - SMALL_HEADERS } else { most }
    }
}

/// What is not records in a small answer, about.
const SMALL_HEADERS: usize = 80;

/// The part of an answer that is always the same: the topics with their records, by version and size.
pub struct Answers(Vec<(i16, Size, Bytes)>);

impl Answers {
    /// Makes small and bulk ones.
    pub fn new() -> Result<Self, Failure> {
        Self::of_sizes(&[Size::Small, Size::Bulk])
    }

    /// Makes those of some sizes.
    pub fn of_sizes(sizes: &[Size]) -> Result<Self, Failure> {
        let kinds = VERSIONS.iter().flat_map(|version| sizes.iter().map(|size| (*version, *size)));
        let made = kinds.map(|(version, size)| Ok((version, size, topics(version, size)?)));
        Ok(Self(made.collect::<Result<_, Failure>>()?))
    }

    /// The one of a version and size, which follows the session id.
    pub fn of(&self, version: i16, size: Size) -> Option<&Bytes> {
        self.0.iter().find(|(known, of, _)| (*known, *of) == (version, size)).map(|(_, _, answer)| answer)
    }

    /// The longest of a version that `max_bytes` allow.
    pub fn within(&self, version: i16, max_bytes: i32) -> Option<&Bytes> {
        let fit = self.0.iter().filter(|(known, size, _)| *known == version && size.max_bytes() <= max_bytes);
        fit.max_by_key(|(_, size, _)| *size).map(|(_, _, answer)| answer)
    }
}

/// A topic's name as the protocol wants it.
pub fn topic_name(name: &'static str) -> TopicName {
    TopicName(StrBytes::from_static_str(name))
}

fn topics(version: i16, size: Size) -> Result<Bytes, Failure> {
    let (topics, partitions) = size.spread();
    let records = noise(size.records() / (usize::try_from(partitions).unwrap_or(usize::MAX) * topics));
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
            .with_partitions((0..partitions).map(partition).collect())
    };
    let response = FetchResponse::default().with_responses(TOPICS.iter().take(topics).map(topic).collect());
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

    fn length_and_partitions(version: i16, size: Size) -> (usize, usize) {
        let answers = Answers::of_sizes(&[size]).unwrap();
        let mut body = BytesMut::from(&[0; HEAD][..]);
        body.extend_from_slice(answers.of(version, size).unwrap());
        let length = body.len();
        let decoded = FetchResponse::decode(&mut body.freeze(), version).unwrap();
        (length, decoded.responses.iter().map(|topic| topic.partitions.len()).sum())
    }

    #[test]
    fn a_bulk_answer_is_a_megabyte_over_all_partitions() {
        for version in VERSIONS {
            let (length, partitions) = length_and_partitions(version, Size::Bulk);
            assert!((1024 * 1023..1024 * 1028).contains(&length), "{length}");
            assert_eq!(partitions, 24);
        }
    }

    #[test]
    fn a_small_answer_is_a_kilobyte_of_one_partition() {
        for version in VERSIONS {
            let (length, partitions) = length_and_partitions(version, Size::Small);
            assert!((990..1040).contains(&length), "{length}");
            assert_eq!(partitions, 1);
        }
    }

    #[test]
    fn the_longest_answer_that_fits_is_given() {
        let answers = Answers::new().unwrap();
        let within = |max_bytes| answers.within(17, max_bytes);
        assert_eq!(within(50 * 1024 * 1024), answers.of(17, Size::Bulk));
        assert_eq!(within(1024 * 1024 - 1), answers.of(17, Size::Small));
        assert_eq!(within(1), None);
    }
}
