//! Metadata: answered by Weir, from catalogue topics and the brokers as they are shown.
//!
//! Must never: tell a hidden name from an absent one (traps L1, L3, L5, L6), create a topic, or show a real address.

mod encode;
mod request;

use std::borrow::Cow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use uuid::Uuid;
use weir_policy::{Operation, Reason, Resource};

use self::encode::Encoder;
use self::request::{Asked, Mention, MetadataBody, Topics};
use super::{Judged, Request, by_id, operations};
use crate::advertise::ShownAddress;
use crate::answer::{Deferred, LocalAnswer};
use crate::cluster::TopicView;
use crate::env::Env;
use crate::fault::Fault;
use crate::gate::{self, Budget};
use crate::outcome::Refusals;
use crate::refusal::code_of;
use crate::wire::Malformed;

/// Compact lengths and tagged fields exist from this version on.
const FLEXIBLE: i16 = 9;

/// What Kafka says of operations that were not asked for (trap K8).
pub(super) const NOT_ASKED: i32 = i32::MIN;

/// A client that asks has a reason to: what it is told is no older than this.
const MAX_AGE: Duration = Duration::from_secs(1);

/// librdkafka (seen with 2.12 and 2.16) asks for all topics, from version 9 on, with four bytes where the null list has
/// one: three bytes stand behind the last field. Kafka does not look there. Weir answers by itself, so they go nowhere.
const LIBRDKAFKA_SURPLUS: usize = 3;

pub(super) fn judge(request: &Request<'_>) -> Result<Judged, Fault> {
    let body = walked(request)?;
    let not_older_than = oldest_answer(request.env);
    Ok(Judged::Answer(LocalAnswer::Deferred(Deferred::Metadata { body, not_older_than })))
}

/// When the brokers must have said what an answer to this request may hold.
pub(super) fn oldest_answer(env: &Env<'_>) -> Instant {
    env.now.checked_sub(MAX_AGE).unwrap_or(env.now)
}

/// The body, walked, without what stands behind it.
fn walked(request: &Request<'_>) -> Result<Bytes, Fault> {
    let budget = Budget { trailing_bytes: request.version >= 9, ..request.env.limits.request };
    let passed = gate::walk(request.row.request, request.version, &request.body, &budget).map_err(Fault::Malformed)?;
    let surplus = request.body.len().saturating_sub(passed.body_len);
    let asks_for_all = || request.version >= 9 && request.body.first() == Some(&0);
    if surplus == 0 || (asks_for_all() && surplus <= LIBRDKAFKA_SURPLUS) {
        Ok(request.body.slice(..passed.body_len.min(request.body.len())))
    } else {
        Err(Fault::Malformed(Malformed::TrailingBytes))
    }
}

/// Written in one pass, behind what stands in `out`: this is the largest answer that Weir makes by itself.
pub(super) fn answer(
    body: &[u8],
    version: i16,
    env: &Env<'_>,
    refusals: &mut Refusals,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let request = MetadataBody::read(version, body).map_err(Fault::Malformed)?;
    let mut answer = Encoder::new(version, env, out);
    if let Topics::Unsound(error_code, mentions) = &request.topics {
        refusals.add(Reason::RequestShape, mentions.len());
        fail_all(answer, *error_code, mentions);
        return Ok(());
    }
    answer.cluster(&shown_brokers(env), Some(&env.cluster_id.0));
    let operations = if request.topic_operations { operations::bits(Operation::given_by_grant) } else { NOT_ASKED };
    match &request.topics {
        Topics::Listed(named) if version > 0 || !named.is_empty() => {
            answer.count(named.len());
            for topic in named {
                answer_named(&mut answer, *topic, operations, env, refusals);
            }
        }
        // Null, and in version 0 an empty list, mean all.
        _ => {
            let all: Vec<_> = readable(env).collect();
            answer.count(all.len());
            for (name, topic) in &all {
                answer.topic(name, topic, operations);
            }
        }
    }
    answer.finish(if request.cluster_operations { 0 } else { NOT_ASKED });
    Ok(())
}

/// As Kafka fails a request: no brokers and no cluster, and each topic as the client wrote it, as often as it did.
fn fail_all(mut answer: Encoder<'_>, error_code: i16, mentions: &[Mention<'_>]) {
    answer.cluster(&[], None);
    answer.count(mentions.len());
    for (id, name) in mentions {
        answer.failed(error_code, Some(name.unwrap_or_default()), *id);
    }
    answer.finish(NOT_ASKED);
}

/// The brokers that have an address on this listener, by id.
pub(super) fn shown_brokers(env: &Env<'_>) -> Vec<ShownAddress> {
    let brokers = env.view.into_iter().flat_map(|view| view.brokers.keys());
    brokers.filter_map(|id| env.nodes.shown(*id)).collect()
}

/// The topics that exist and that the principal may describe.
pub(super) fn readable<'a>(env: &Env<'a>) -> impl Iterator<Item = (Cow<'a, str>, &'a TopicView)> {
    let env = *env;
    let topics = env.view.into_iter().flat_map(|view| &view.topics);
    topics
        .map(|(real, topic)| (real.shown_name(), topic))
        .filter(move |(name, _)| env.judge(Operation::Describe, Resource::Topic(name)).is_ok())
}

fn answer_named(answer: &mut Encoder<'_>, asked: Asked<'_>, operations: i32, env: &Env<'_>, refusals: &mut Refusals) {
    match asked {
        Asked::Name(name) => answer_by_name(answer, name, operations, env, refusals),
        Asked::Id(id) => answer_by_id(answer, id, operations, env, refusals),
    }
}

/// Judged before it is looked for: what is hidden and what does not exist take the same way.
fn answer_by_name(answer: &mut Encoder<'_>, name: &str, operations: i32, env: &Env<'_>, refusals: &mut Refusals) {
    if let Err(reason) = env.judge(Operation::Describe, Resource::Topic(name)) {
        refusals.add(reason, 1);
        return answer.failed(code_of(reason), Some(name), Uuid::nil());
    }
    match env.view.and_then(|view| view.topic(name)) {
        Some(topic) => answer.topic(name, topic, operations),
        None => answer.absent(name, operations),
    }
}

fn answer_by_id(answer: &mut Encoder<'_>, id: Uuid, operations: i32, env: &Env<'_>, refusals: &mut Refusals) {
    if let Some((name, topic)) = by_id::allowed(env, Operation::Describe, id) {
        return answer.topic(&name, topic, operations);
    }
    refusals.add(Reason::TopicIdUnknown, 1);
    answer.failed(code_of(Reason::TopicIdUnknown), None, id);
}
