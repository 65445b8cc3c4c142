//! Fetch answers of Weir's own, and the refused topics that go into a broker's.
//!
//! Must never: hold a record.

use std::time::Instant;

use bytes::Bytes;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{BrokerId, FetchResponse};
use weir_policy::Reason;

use super::sessions::{FetchTopics, SessionTopic, TopicKey};
use super::{Judged, Request};
use crate::answer::LocalAnswer;
use crate::apis::topic_name;
use crate::codec;
use crate::fault::Fault;
use crate::refusal::code_of;
use crate::wire;

/// An answer that is nothing but its code.
pub(super) fn top_level(request: &Request<'_>, error_code: i16) -> Result<Judged, Fault> {
    let body = encode_top_level(request.version, error_code)?;
    Ok(Judged::Answer(LocalAnswer::Ready { body, not_before: None }))
}

pub(super) fn encode_top_level(version: i16, error_code: i16) -> Result<Bytes, Fault> {
    codec::encode(&FetchResponse::default().with_error_code(error_code), version).ok_or(Fault::NotEncodable)
}

/// The answer where nothing of a full Fetch may be read: no session, every partition with its code.
pub(super) fn refused_only(
    request: &Request<'_>,
    topics: &FetchTopics,
    not_before: Option<Instant>,
) -> Result<Judged, Fault> {
    request.answer_not_before(&FetchResponse::default().with_responses(refused_topics(topics)), not_before)
}

/// The answer where the broker cannot be reached: what may be read has moved, for all that the client can tell.
pub(super) fn unreachable(request: &Request<'_>, topics: &FetchTopics) -> Result<Bytes, Fault> {
    let code_for = |topic: &SessionTopic| topic.refused.map_or(request.row.unreachable_code(), code_of);
    let responses = topics.iter().map(|(key, topic)| failed(key, topic, code_for(topic))).collect();
    codec::encode(&FetchResponse::default().with_responses(responses), request.version).ok_or(Fault::NotEncodable)
}

/// The refused topics, encoded as elements of the answer's list, and how many they are.
pub(super) fn encode_refused(topics: &FetchTopics, version: i16, flexible: bool) -> Result<(usize, Bytes), Fault> {
    let refused = refused_topics(topics);
    if refused.is_empty() {
        return Ok((0, Bytes::new()));
    }
    let count = refused.len();
    let alone = FetchResponse::default().with_responses(refused);
    let body = codec::encode(&alone, version).ok_or(Fault::NotEncodable)?;
    // Before the list stand the throttle time (4), from version 7 on the code (2) and the session (4), and its length.
    let fixed = if version >= super::SESSIONS { 10 } else { 4 };
    let length = if flexible { wire::unsigned_varint_len(count.saturating_add(1)) } else { 4 };
    let end = if flexible { body.len().saturating_sub(1) } else { body.len() };
    let start: usize = fixed + length;
    if start > end { Err(Fault::NotEncodable) } else { Ok((count, body.slice(start..end))) }
}

fn refused_topics(topics: &FetchTopics) -> Vec<FetchableTopicResponse> {
    let refused = |(key, topic): (&TopicKey, &SessionTopic)| {
        let reason: Reason = topic.refused?;
        Some(failed(key, topic, code_of(reason)))
    };
    topics.iter().filter_map(refused).collect()
}

/// As Kafka answers a partition that it does not serve: no watermark, no records.
fn failed(key: &TopicKey, topic: &SessionTopic, error_code: i16) -> FetchableTopicResponse {
    let partition = |index: &i32| {
        PartitionData::default()
            .with_partition_index(*index)
            .with_error_code(error_code)
            .with_high_watermark(-1)
            .with_last_stable_offset(-1)
            .with_log_start_offset(-1)
            .with_aborted_transactions(Some(Vec::new()))
            .with_preferred_read_replica(BrokerId(-1))
            .with_records(Some(Bytes::new()))
    };
    let answer = FetchableTopicResponse::default().with_partitions(topic.partitions.iter().map(partition).collect());
    match key {
        TopicKey::Name(name) => answer.with_topic(topic_name(name)),
        TopicKey::Id(id) => answer.with_topic_id(*id),
    }
}
