//! Fetch answers of Weir's own, and the refused topics that go into a broker's.
//!
//! Must never: hold a record.

use std::time::Instant;

use bytes::Bytes;

use super::far::{Known, LeftOut};
use super::key::TopicKey;
use super::request::{FetchBody, Topic, Topics};
use super::topics::{FetchTopics, SessionTopic};
use super::{BY_ID, FLEXIBLE, Judged, LOG_START, PREFERRED_REPLICA, Request, SESSIONS};
use crate::answer::LocalAnswer;
use crate::fault::Fault;
use crate::refusal::{code, code_of};
use crate::wire::{put_i16, put_i32, put_length};

/// An answer that is nothing but its code.
pub(super) fn top_level(request: &Request<'_>, error_code: i16) -> Judged {
    let body = encode_top_level(request.version, error_code);
    Judged::Answer(LocalAnswer::Ready { body, not_before: None })
}

pub(super) fn encode_top_level(version: i16, error_code: i16) -> Bytes {
    let mut out = Vec::new();
    head(&mut out, version, (error_code, 0), 0);
    end(out, version)
}

/// The answer where Kafka fails as a whole: each partition as the client named it, and only the code where it names ids.
pub(super) fn all_failed(request: &Request<'_>, body: &FetchBody<'_>, error_code: i16) -> Result<Judged, Fault> {
    let (version, mut out) = (request.version, Vec::new());
    let mut topics = if version >= BY_ID { Topics::none(version) } else { body.topics.clone() };
    head(&mut out, version, (error_code, body.terms.session_id), topics.len());
    while let Some(Topic { key, mut partitions }) = topics.next().map_err(Fault::Malformed)? {
        key.write(&mut out, version);
        put_length(&mut out, version >= FLEXIBLE, partitions.len());
        while let Some(partition) = partitions.next().map_err(Fault::Malformed)? {
            put_partition(&mut out, version, partition, error_code);
        }
        no_tags(&mut out, version);
    }
    Ok(Judged::Answer(LocalAnswer::Ready { body: end(out, version), not_before: None }))
}

/// The answer where nothing of a full Fetch may be read: no session, every partition with its code.
pub(super) fn refused_only(request: &Request<'_>, topics: &FetchTopics, not_before: Option<Instant>) -> Judged {
    let mut out = Vec::new();
    head(&mut out, request.version, (code::NONE, 0), topics.refused().count());
    put_refused(&mut out, request.version, topics);
    Judged::Answer(LocalAnswer::Ready { body: end(out, request.version), not_before })
}

/// The answer where nothing of a full Fetch may be read now: what is refused has its code, and in the rest nothing is new.
pub(super) fn nothing_new(
    request: &Request<'_>,
    topics: &FetchTopics,
    left_out: &LeftOut,
    not_before: Option<Instant>,
) -> Judged {
    let mut out = Vec::new();
    head(&mut out, request.version, (code::NONE, 0), topics.refused().count().saturating_add(left_out.topics));
    out.extend_from_slice(&left_out.answer);
    put_refused(&mut out, request.version, topics);
    Judged::Answer(LocalAnswer::Ready { body: end(out, request.version), not_before })
}

/// The answer where the broker cannot be reached: what may be read has moved, for all that the client can tell.
pub(super) fn unreachable(request: &Request<'_>, topics: &FetchTopics) -> Bytes {
    put_all(request.version, topics, |topic| topic.refused.map_or(request.row.unreachable_code(), code_of))
}

/// An answer without a session in which every partition has a code, and none a record.
pub(super) fn put_all(version: i16, topics: &FetchTopics, code_of: impl Fn(&SessionTopic<'_>) -> i16) -> Bytes {
    let mut out = Vec::new();
    let told = || topics.iter().filter(|topic| !topic.partitions.is_empty());
    head(&mut out, version, (code::NONE, 0), told().count());
    for topic in told() {
        put_failed(&mut out, version, &topic, code_of(&topic));
    }
    end(out, version)
}

/// Writes the refused topics as elements of an answer's list, and says how many they are.
pub(super) fn put_refused(out: &mut Vec<u8>, version: i16, topics: &FetchTopics) -> usize {
    let mut count: usize = 0;
    for (reason, topic) in topics.refused() {
        put_failed(out, version, &topic, code_of(reason));
        count = count.saturating_add(1);
    }
    count
}

/// All that stands before the first topic. `session` is the code and the session's number.
fn head(out: &mut Vec<u8>, version: i16, session: (i16, i32), topics: usize) {
    // No throttle time.
    put_i32(out, 0);
    if version >= SESSIONS {
        put_i16(out, session.0);
        put_i32(out, session.1);
    }
    put_length(out, version >= FLEXIBLE, topics);
}

fn end(mut out: Vec<u8>, version: i16) -> Bytes {
    no_tags(&mut out, version);
    Bytes::from(out)
}

fn put_failed(out: &mut Vec<u8>, version: i16, topic: &SessionTopic<'_>, error_code: i16) {
    put_head_of_topic(out, version, topic.key, topic.partitions.len());
    for partition in topic.partitions {
        put_partition(out, version, *partition, error_code);
    }
    put_end_of_topic(out, version);
}

/// What stands before the partitions of a topic.
pub(super) fn put_head_of_topic(out: &mut Vec<u8>, version: i16, key: TopicKey<'_>, partitions: usize) {
    key.write(out, version);
    put_length(out, version >= FLEXIBLE, partitions);
}

/// What stands behind them.
pub(super) fn put_end_of_topic(out: &mut Vec<u8>, version: i16) {
    no_tags(out, version);
}

/// As Kafka answers a partition that it does not serve: no watermark, no records.
fn put_partition(out: &mut Vec<u8>, version: i16, partition: i32, error_code: i16) {
    put_empty(out, version, partition, error_code, [-1; 3]);
}

/// As Kafka answers a partition in which nothing is new.
pub(super) fn put_nothing_new(out: &mut Vec<u8>, version: i16, partition: i32, known: Known) {
    // Transactions that are open far ahead of the reader are no business of its.
    put_empty(out, version, partition, code::NONE, [known.high_watermark, known.high_watermark, known.log_start]);
}

/// `offsets` are the high watermark, the last stable offset and the log's start.
fn put_empty(out: &mut Vec<u8>, version: i16, partition: i32, error_code: i16, offsets: [i64; 3]) {
    put_i32(out, partition);
    put_i16(out, error_code);
    let named = if version >= LOG_START { 3 } else { 2 };
    offsets.iter().take(named).for_each(|offset| out.extend_from_slice(&offset.to_be_bytes()));
    // No aborted transactions.
    put_length(out, version >= FLEXIBLE, 0);
    if version >= PREFERRED_REPLICA {
        put_i32(out, -1);
    }
    // No records: empty, not null.
    put_length(out, version >= FLEXIBLE, 0);
    no_tags(out, version);
}

fn no_tags(out: &mut Vec<u8>, version: i16) {
    out.extend((version >= FLEXIBLE).then_some(0));
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::FetchResponse;
    use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
    use kafka_protocol::messages::{BrokerId, TopicName};
    use kafka_protocol::protocol::{Encodable, StrBytes};
    use uuid::Uuid;
    use weir_policy::Reason;

    use super::*;

    fn by_the_schema(version: i16, response: &FetchResponse) -> Vec<u8> {
        let mut out = bytes::BytesMut::new();
        response.encode(&mut out, version).unwrap();
        out.to_vec()
    }

    fn failed(version: i16, number: u8, partitions: i32) -> FetchableTopicResponse {
        let partition = |index| {
            PartitionData::default()
                .with_partition_index(index)
                .with_error_code(29)
                .with_high_watermark(-1)
                .with_last_stable_offset(-1)
                .with_log_start_offset(-1)
                .with_aborted_transactions(Some(Vec::new()))
                .with_preferred_read_replica(BrokerId(-1))
                .with_records(Some(Bytes::new()))
        };
        let topic = FetchableTopicResponse::default().with_partitions((0..partitions).map(partition).collect());
        if version >= BY_ID {
            return topic.with_topic_id(Uuid::from_u128(number.into()));
        }
        topic.with_topic(TopicName(StrBytes::from_string(format!("topic-{number}"))))
    }

    #[test]
    fn trap_c15_refused_topics_are_written_as_the_schema_says_in_every_version() {
        for version in 4..=17 {
            let mut topics = FetchTopics::default();
            let names: Vec<_> = (0..200_u8).map(|number| format!("topic-{number}")).collect();
            let mut responses: Vec<_> = (0..200_u8).collect();
            responses.sort_by_key(|number| names[usize::from(*number)].clone());
            if version >= BY_ID {
                responses.sort_unstable();
            }
            for number in 0..200_u8 {
                let named = TopicKey::Name(&names[usize::from(number)]);
                let key = if version >= BY_ID { TopicKey::Id(Uuid::from_u128(number.into())) } else { named };
                topics.add_all(key, Some(Reason::TopicNotGranted), 0..=i32::from(number));
            }
            topics.settle();
            let responses =
                responses.into_iter().map(|number| failed(version, number, i32::from(number) + 1)).collect();
            let mut out = Vec::new();
            head(&mut out, version, (code::NONE, 0), topics.refused().count());
            assert_eq!(put_refused(&mut out, version, &topics), 200);
            assert_eq!(end(out, version), by_the_schema(version, &FetchResponse::default().with_responses(responses)));
        }
    }

    #[test]
    fn an_answer_that_is_a_code_is_written_as_the_schema_says_in_every_version() {
        for version in SESSIONS..=17 {
            let schema = by_the_schema(version, &FetchResponse::default().with_error_code(70));
            assert_eq!(encode_top_level(version, 70), schema);
        }
    }
}
