//! Fetch: every partition is judged on every Fetch, in a session or not (trap C17), and what was refused returns with
//! its code behind what the broker answered.
//!
//! `judge` is the way of the request; `answer` makes Weir's own answers; `walk` checks the broker's as it streams.
//! Must never: ask for a refused topic, as a replica, or in a session of another connection; or look into records.

mod answer;
mod endpoints;
mod sessions;
mod walk;

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchTopic, ReplicaState};
use kafka_protocol::messages::{BrokerId, FetchRequest};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;
use weir_policy::{Operation, Reason, Resource};

use super::{Forward, ForwardBody, Judged, Request, Withheld};
use crate::codec;
use crate::env::Env;
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code;

use crate::wire::Malformed;
pub(crate) use sessions::{FetchSession, FetchSessions, FetchTopics, SessionTopic, TopicKey};

pub(crate) use walk::{FetchWalk, Scope};

/// Topics have ids, and no names, from this version on.
pub(crate) const BY_ID: i16 = 13;
/// Sessions exist from this version on.
pub(crate) const SESSIONS: i16 = 7;
/// Kafka answers at once when nothing may be read, and the client asks again at once: Weir lets it wait (trap C24).
const REFUSED_WAIT: Duration = Duration::from_millis(500);
/// As many bytes of topic names as one session may hold: what one request brings, however many requests add to it.
const SESSION_NAMES: usize = 1024 * 1024;

/// What a Fetch at the broker was about.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Which partitions the answer may hold, whatever becomes of the session while it is on the way.
    pub topics: Arc<FetchTopics>,
    /// The session of this connection that was asked in; without one, the topics become a session if the broker gives one
    /// out.
    pub session: Option<i32>,
    pub generations: (u64, u64),
}

pub(super) fn judge(
    request: &Request<'_>,
    sessions: &mut FetchSessions,
    refusals: &mut Refusals,
) -> Result<Judged, Fault> {
    let gated = request.decode::<FetchRequest>()?;
    let mut fetch = Fetch { message: gated.message, touched: !gated.passed.canonical };
    normalise(&mut fetch, request);
    let (id, epoch) = (fetch.message.session_id, fetch.message.session_epoch);
    match epoch {
        // An id below zero is no session; brokers divide by it to find its shelf.
        _ if id < 0 => answer::top_level(request, code::FETCH_SESSION_ID_NOT_FOUND),
        0 | -1 => full(request, fetch, sessions, refusals),
        _ => incremental(request, fetch, sessions, refusals),
    }
}

/// A request and whether it still is what the client sent.
struct Fetch {
    message: FetchRequest,
    touched: bool,
}

impl Fetch {
    fn set<T: PartialEq>(&mut self, field: impl FnOnce(&mut FetchRequest) -> &mut T, value: T) {
        let field = field(&mut self.message);
        if *field != value {
            *field = value;
            self.touched = true;
        }
    }
}

/// Takes out what only a replica says (traps S1, S2) and brings what may be asked for into its bounds (A8, A9).
fn normalise(fetch: &mut Fetch, request: &Request<'_>) {
    let limits = request.env.limits;
    fetch.set(|message| &mut message.replica_id, BrokerId(-1));
    fetch.set(|message| &mut message.replica_state, ReplicaState::default());
    fetch.set(|message| &mut message.cluster_id, None);
    // Racks are the brokers' own: a preferred replica would tell where they stand (trap L19).
    fetch.set(|message| &mut message.rack_id, StrBytes::default());
    let longest = i32::try_from(limits.fetch_max_wait.as_millis()).unwrap_or(i32::MAX);
    let wait = fetch.message.max_wait_ms.clamp(0, longest);
    fetch.set(|message| &mut message.max_wait_ms, wait);
    let bytes = fetch.message.max_bytes.clamp(1, limits.fetch_max_bytes);
    fetch.set(|message| &mut message.max_bytes, bytes);
    let isolation = i8::from(fetch.message.isolation_level != 0);
    fetch.set(|message| &mut message.isolation_level, isolation);
    let mut cleaned = false;
    for partition in fetch.message.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        if partition.replica_directory_id != Uuid::nil() {
            partition.replica_directory_id = Uuid::nil();
            cleaned = true;
        }
    }
    fetch.touched |= cleaned;
}

/// A Fetch that names all it wants: without a session, or as the first of one.
fn full(
    request: &Request<'_>,
    mut fetch: Fetch,
    sessions: &mut FetchSessions,
    refusals: &mut Refusals,
) -> Result<Judged, Fault> {
    let id = fetch.message.session_id;
    if id != 0 && !sessions.forget(id) {
        fetch.set(|message| &mut message.session_id, 0);
    }
    if fetch.message.session_id == 0
        && request.version >= SESSIONS
        && let Some(retired) = sessions.take_retired()
    {
        fetch.set(|message| &mut message.session_id, retired);
    }
    if fetch.message.session_epoch == 0 && !sessions.has_room() {
        fetch.set(|message| &mut message.session_epoch, -1);
    }
    if !fetch.message.forgotten_topics_data.is_empty() {
        fetch.message.forgotten_topics_data.clear();
        fetch.touched = true;
    }
    let mut topics = FetchTopics::new();
    let asked_for_some = !fetch.message.topics.is_empty();
    add_topics(&mut topics, &mut fetch, request, refusals)?;
    if fetch.message.topics.is_empty() && asked_for_some {
        sessions.not_ended(fetch.message.session_id);
        let wait = Duration::from_millis(u64::try_from(fetch.message.max_wait_ms).unwrap_or(0)).min(REFUSED_WAIT);
        return answer::refused_only(request, &topics, request.env.now.checked_add(wait));
    }
    let if_unreachable = if request.env.broker_connected { None } else { Some(answer::unreachable(request, &topics)?) };
    let asked = Asked { topics: Arc::new(topics), session: None, generations: generations(request.env) };
    forward(request, fetch, asked, if_unreachable)
}

/// A Fetch in a session: it names what changes.
fn incremental(
    request: &Request<'_>,
    mut fetch: Fetch,
    sessions: &mut FetchSessions,
    refusals: &mut Refusals,
) -> Result<Judged, Fault> {
    let id = fetch.message.session_id;
    let Some(session) = sessions.get_mut(id) else {
        return answer::top_level(request, code::FETCH_SESSION_ID_NOT_FOUND);
    };
    if session.by_id != (request.version >= BY_ID) {
        return answer::top_level(request, code::FETCH_SESSION_TOPIC_ID_ERROR);
    }
    if verdicts_changed(session, request.env) {
        // The client comes back with its full list: what it lost and what it gained take effect together (C17, C18).
        sessions.retire(id);
        return answer::top_level(request, code::FETCH_SESSION_ID_NOT_FOUND);
    }
    // In the steady state nothing changes, and nothing is walked.
    if !fetch.message.forgotten_topics_data.is_empty() || !fetch.message.topics.is_empty() {
        let topics = Arc::make_mut(&mut session.topics);
        add_topics(topics, &mut fetch, request, refusals)?;
        forget_topics(topics, &mut fetch, request.version);
        topics.retain(|_, topic| !topic.partitions.is_empty());
    }
    for topic in session.topics.values() {
        if let Some(reason) = topic.refused {
            refusals.add(reason, topic.partitions.len());
        }
    }
    let topics = Arc::clone(&session.topics);
    let asked = Asked { topics, session: Some(id), generations: generations(request.env) };
    // A session lives on an open connection; were it gone, the client starts anew.
    let if_unreachable = if request.env.broker_connected {
        None
    } else {
        Some(answer::encode_top_level(request.version, code::FETCH_SESSION_ID_NOT_FOUND)?)
    };
    forward(request, fetch, asked, if_unreachable)
}

fn forward(request: &Request<'_>, fetch: Fetch, asked: Asked, if_unreachable: Option<Bytes>) -> Result<Judged, Fault> {
    let patience = request.patience(fetch.message.max_wait_ms);
    let body = if fetch.touched {
        ForwardBody::Encoded(codec::encode(&fetch.message, request.version).ok_or(Fault::NotEncodable)?)
    } else {
        ForwardBody::Original
    };
    Ok(Judged::Forward(Forward { body, withheld: Withheld::Fetch(Box::new(asked)), patience, if_unreachable }))
}

/// Judges the topics of a request, notes all of them, and cuts the refused ones out.
fn add_topics(
    known: &mut FetchTopics,
    fetch: &mut Fetch,
    request: &Request<'_>,
    refusals: &mut Refusals,
) -> Result<(), Fault> {
    let by_id = request.version >= BY_ID;
    let in_session = fetch.message.session_epoch > 0;
    let before = fetch.message.topics.len();
    fetch.message.topics.retain(|topic| {
        let refused = note_topic(known, topic, by_id, request.env);
        if let (Some(reason), false) = (refused, in_session) {
            refusals.add(reason, topic.partitions.len());
        }
        refused.is_none()
    });
    fetch.touched |= fetch.message.topics.len() != before;
    let partitions: usize = known.values().map(|topic| topic.partitions.len()).sum();
    let names: usize = known.keys().map(TopicKey::name_len).sum();
    let most = usize::try_from(request.env.limits.request.partitions).unwrap_or(usize::MAX);
    match (partitions > most, names > SESSION_NAMES) {
        (true, _) => Err(Fault::Malformed(Malformed::TooManyPartitions)),
        (_, true) => Err(Fault::Malformed(Malformed::TooManyTopics)),
        _ => Ok(()),
    }
}

fn note_topic(known: &mut FetchTopics, topic: &FetchTopic, by_id: bool, env: &Env<'_>) -> Option<Reason> {
    let key = if by_id { TopicKey::Id(topic.topic_id) } else { TopicKey::Name(topic.topic.to_string()) };
    let noted = match known.entry(key) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => {
            let refused = verdict(entry.key(), env).err();
            entry.insert(SessionTopic { refused, partitions: Vec::new() })
        }
    };
    noted.add(topic.partitions.iter().map(|partition| partition.partition));
    noted.refused
}

/// What a client forgets is taken out of the session; forgetting a refused topic is no business of the broker's (C19).
fn forget_topics(known: &mut FetchTopics, fetch: &mut Fetch, version: i16) {
    let before = fetch.message.forgotten_topics_data.len();
    fetch.message.forgotten_topics_data.retain(|forgotten| {
        let key = if version >= BY_ID {
            TopicKey::Id(forgotten.topic_id)
        } else {
            TopicKey::Name(forgotten.topic.to_string())
        };
        let Some(topic) = known.get_mut(&key) else { return false };
        for partition in &forgotten.partitions {
            topic.forget(*partition);
        }
        topic.refused.is_none()
    });
    fetch.touched |= fetch.message.forgotten_topics_data.len() != before;
}

/// Judges a topic by the client's name for it.
fn verdict(key: &TopicKey, env: &Env<'_>) -> Result<(), Reason> {
    match key {
        TopicKey::Name(name) => env.policy.judge(env.principal, Operation::Read, Resource::Topic(name)),
        TopicKey::Id(id) => {
            let (name, _) = env.view.and_then(|view| view.topic_by_id(*id)).ok_or(Reason::TopicIdUnknown)?;
            // Hidden and unknown ids are told apart by nobody (trap L3).
            env.policy.judge(env.principal, Operation::Read, Resource::Topic(&name)).map_err(|_| Reason::TopicIdUnknown)
        }
    }
}

/// Whether any verdict of a session is another one now. Judged again only when the policy or the view is new.
fn verdicts_changed(session: &mut FetchSession, env: &Env<'_>) -> bool {
    let now = generations(env);
    if session.generations == now {
        return false;
    }
    let changed = session.topics.iter().any(|(key, topic)| verdict(key, env).err() != topic.refused);
    session.generations = now;
    changed
}

fn generations(env: &Env<'_>) -> (u64, u64) {
    (env.policy_generation, env.view.map_or(0, |view| view.topics_generation))
}
