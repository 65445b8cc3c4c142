//! Fetch: every partition is judged on every Fetch, in a session or not (trap C17), and what was refused returns with
//! its code behind what the broker answered.
//!
//! `judge` is the way of the request; `answer` makes Weir's own answers; `walk` checks the broker's as it streams.
//! Must never: ask for a refused topic, as a replica, or in a session of another connection; or look into records.

mod answer;
mod endpoints;
mod far;
mod key;
mod lost;
mod out_of_range;
mod request;
mod sessions;
mod state;
mod topics;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use weir_policy::{Operation, Reason, Resource, SessionPlace};

use self::far::{Allowed, LeftOut};
use self::request::{FetchBody, Terms, Topic, Topics};
use self::sessions::{FetchSession, Retired};
use self::state::{Share, time};
use super::{Forward, ForwardBody, Judged, Request, Withheld, by_id};
use crate::env::{Env, Generations};
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::refusal::code;
use crate::wire::Malformed;

pub(crate) use key::TopicKey;
pub use out_of_range::WentOn;
pub(crate) use sessions::FetchSessions;
pub(crate) use state::{Fetches, Held, charge_far};
pub(crate) use topics::FetchTopics;
pub(crate) use walk::{FetchWalk, Scope, Walked};

/// The log's start stands in requests and answers from this version on.
const LOG_START: i16 = 5;
/// Sessions exist from this version on.
pub(crate) const SESSIONS: i16 = 7;
/// Preferred replicas exist from this version on.
const PREFERRED_REPLICA: i16 = 11;
/// Lengths are compact, and tags exist, from this version on.
const FLEXIBLE: i16 = 12;
/// Topics have ids, and no names, from this version on.
pub(crate) const BY_ID: i16 = 13;
/// Kafka answers at once when nothing may be read, and the client asks again at once: Weir lets it wait (trap C24).
const REFUSED_WAIT: Duration = Duration::from_millis(500);
/// What a Fetch of who owes bytes may ask for at least: many small ones cost the brokers more.
const LEAST_BYTES: i32 = 64 * 1024;
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
    pub generations: Generations,
    /// What it holds while it is at the broker.
    pub held: Held,
    /// What no Fetch in a session has.
    pub of_full: Option<Box<OfFull>>,
}

/// What a full Fetch at the broker has beside. Boxed: the requests that are under way are moved about.
#[derive(Debug, Default)]
pub(crate) struct OfFull {
    /// The place of the session that the broker may give out.
    pub place: Option<SessionPlace>,
    /// What was left out, and stands in the answer all the same.
    pub left_out: Option<LeftOut>,
}

impl Asked {
    /// What was left out, and stands in the answer all the same.
    pub(crate) fn left_out(&self) -> Option<&LeftOut> {
        self.of_full.as_ref()?.left_out.as_ref()
    }

    /// Takes the place of the session that the broker may give out.
    pub(crate) fn take_place(&mut self) -> Option<SessionPlace> {
        self.of_full.as_mut()?.place.take()
    }
}

pub(super) fn judge(request: &Request<'_>, fetches: &mut Fetches, refusals: &mut Refusals) -> Result<Judged, Fault> {
    let canonical = request.walk()?.canonical;
    let body = FetchBody::read(request.version, &request.body).map_err(Fault::Malformed)?;
    fetches.out_of_range.follow(&body.topics, request.env).map_err(Fault::Malformed)?;
    let terms = bounded(&body.terms, request.env);
    let as_sent = canonical && !body.says_more;
    let fetch = Fetch { body: &body, terms, as_sent };
    match fetch.terms.session_epoch {
        // An id below zero is no session; brokers divide by it to find its shelf.
        _ if fetch.terms.session_id < 0 => Ok(answer::top_level(request, code::FETCH_SESSION_ID_NOT_FOUND)),
        0 | -1 => full(request, fetch, fetches, refusals),
        _ => incremental(request, fetch, fetches, refusals),
    }
}

/// A request, and what becomes of it.
struct Fetch<'a> {
    body: &'a FetchBody<'a>,
    /// What the broker is asked for.
    terms: Terms<'a>,
    /// The client's bytes say no more than may go to the broker, whatever becomes of terms and topics.
    as_sent: bool,
}

impl Fetch<'_> {
    /// Whether its isolation level is none. Kafka looks at that once there is something to read, and fails as a whole.
    fn has_no_level(&self) -> bool {
        self.terms.isolation_level != self.body.terms.isolation_level
    }
}

/// Brings what may be asked for into its bounds (traps A8, A9).
fn bounded<'a>(terms: &Terms<'a>, env: &Env<'a>) -> Terms<'a> {
    let longest = i32::try_from(env.limits.fetch_max_wait.as_millis()).unwrap_or(i32::MAX);
    Terms {
        max_wait_ms: terms.max_wait_ms.clamp(0, longest),
        // Below zero it stays as it is, as what each partition may bring does: Kafka then reads nothing and says so.
        max_bytes: terms.max_bytes.min(most_bytes(env)),
        // No other level is forwarded, whatever else becomes of the request.
        isolation_level: i8::from(terms.isolation_level != 0),
        rack: real_rack(terms.rack, env),
        ..*terms
    }
}

/// The most bytes that one Fetch may ask for: of who owes bytes, no more than are given in a second (trap Q5). Brokers give a
/// batch that is larger all the same.
fn most_bytes(env: &Env<'_>) -> i32 {
    let most = env.limits.fetch_max_bytes;
    if !env.owed.bytes_out {
        return most;
    }
    let in_a_second = env.principal.limits.bytes_out.per_minute / 60;
    i32::try_from(in_a_second).unwrap_or(i32::MAX).clamp(LEAST_BYTES, most.max(LEAST_BYTES))
}

/// The brokers' name of the rack that a client means by its label. Any other is none: a preferred replica would tell
/// where the brokers stand (trap L19).
fn real_rack<'a>(label: &str, env: &Env<'a>) -> &'a str {
    // Nearly always.
    if label.is_empty() {
        return "";
    }
    env.view.and_then(|view| view.racks.real(label, env.nodes)).unwrap_or_default()
}

/// A Fetch that names all it wants: without a session, or as the first of one.
fn full(
    request: &Request<'_>,
    mut fetch: Fetch<'_>,
    fetches: &mut Fetches,
    refusals: &mut Refusals,
) -> Result<Judged, Fault> {
    let env = request.env;
    let Fetches { sessions, share, .. } = fetches;
    let mut ended = ends(request, &mut fetch.terms, sessions);
    let mut topics = FetchTopics::with_room_for(&fetch.body.topics);
    let refuse = |reason, partitions| refusals.add(reason, partitions);
    let kept = judge_topics(&mut topics, &fetch.body.topics, env, refuse)?;
    if kept == 0 && fetch.body.topics.len() > 0 {
        sessions.not_ended(ended);
        let wait = time(fetch.terms.max_wait_ms).min(REFUSED_WAIT);
        return Ok(answer::refused_only(request, &topics, env.now.checked_add(wait)));
    }
    if kept > 0 && fetch.has_no_level() {
        sessions.not_ended(ended);
        return answer::all_failed(request, fetch.body, code::UNKNOWN_SERVER_ERROR);
    }
    let far = if share.far.is_empty() { None } else { admit_far(request, &fetch, &topics, share)? };
    let (allowed, left_out) = far.map_or((None, None), |(allowed, left_out)| (Some(allowed), left_out));
    if let Some((allowed, left_out)) = allowed.zip(left_out.as_ref())
        && left_out.partitions.partition_count() == topics.allowed_partitions()
    {
        sessions.not_ended(ended);
        let not_before = share.wait_for_turn(allowed.after, fetch.terms.max_wait_ms, env.now);
        return Ok(answer::nothing_new(request, &topics, left_out, not_before));
    }
    Share::bound_unknown(&mut fetch.terms, env);
    let held = share.hold(&mut fetch.terms, allowed, env);
    // Who is far behind names all it wants each time: what is left out of a session would have to be forgotten in it.
    let opens = fetch.terms.session_epoch == 0 && allowed.is_none() && sessions.has_room();
    let place = if opens {
        ended.take().map(|(_, place)| place).or_else(|| env.account.take_session(&env.principal.limits, env.now))
    } else {
        None
    };
    if place.is_none() {
        fetch.terms.session_epoch = -1;
    }
    let if_unreachable = (!env.broker_connected).then(|| Box::new(answer::unreachable(request, &topics)));
    let untouched = kept == fetch.body.topics.len() && fetch.body.forgotten.len() == 0 && left_out.is_none();
    let left = left_out.as_ref().map(|left_out| &left_out.partitions);
    let body = body(&fetch, untouched, left, |topic| topics.allow(topic.key), |_| false)?;
    let generations = env.generations();
    let of_full = (place.is_some() || left_out.is_some()).then(|| Box::new(OfFull { place, left_out }));
    let asked = Asked { topics: Arc::new(topics), session: None, generations, held, of_full };
    Ok(forward(request, &fetch, body, asked, if_unreachable))
}

/// The session that a full Fetch ends: its own, or one that nobody uses.
fn ends(request: &Request<'_>, terms: &mut Terms<'_>, sessions: &mut FetchSessions) -> Option<Retired> {
    let own = if terms.session_id == 0 { None } else { sessions.forget(terms.session_id) };
    let ended = if request.version >= SESSIONS { own.or_else(|| sessions.take_retired()) } else { None };
    terms.session_id = ended.as_ref().map_or(0, |(id, _)| *id);
    ended
}

/// A Fetch in a session: it names what changes.
fn incremental(
    request: &Request<'_>,
    mut fetch: Fetch<'_>,
    fetches: &mut Fetches,
    refusals: &mut Refusals,
) -> Result<Judged, Fault> {
    let id = fetch.terms.session_id;
    let Fetches { sessions, share, .. } = fetches;
    let Some(session) = sessions.get_mut(id) else {
        return Ok(answer::top_level(request, code::FETCH_SESSION_ID_NOT_FOUND));
    };
    if session.by_id != (request.version >= BY_ID) {
        return Ok(answer::top_level(request, code::FETCH_SESSION_TOPIC_ID_ERROR));
    }
    if verdicts_changed(session, request.env) {
        // The client comes back with its full list: what it lost and what it gained take effect together (C17, C18).
        sessions.retire(id);
        return Ok(answer::top_level(request, code::FETCH_SESSION_ID_NOT_FOUND));
    }
    if fetch.has_no_level() {
        return answer::all_failed(request, fetch.body, code::UNKNOWN_SERVER_ERROR);
    }
    let (topics, forgotten) = (&fetch.body.topics, &fetch.body.forgotten);
    // What moves on in partitions that are known, or does not, is no change.
    let adds = !session.topics.hold_all(topics).map_err(Fault::Malformed)?;
    if (adds || forgotten.len() > 0) && !session.may_change() {
        sessions.retire(id);
        return Ok(answer::top_level(request, code::FETCH_SESSION_ID_NOT_FOUND));
    }
    let far = if share.far.is_empty() { None } else { admit_far_in(session, topics, request.env, share)? };
    if far.is_some_and(|far| !far.all) {
        share.give_back(Held::far(far));
        // It comes back with all that it wants: then something can be left out.
        sessions.retire(id);
        return Ok(answer::top_level(request, code::FETCH_SESSION_ID_NOT_FOUND));
    }
    let known =
        if adds { with_more(&session.topics, topics, request.env)?.into() } else { Arc::clone(&session.topics) };
    // What a client forgets is no business of the broker's where it was refused (C19).
    let allowed = |topic: &Topic<'_>| known.allow(topic.key);
    // All that is asked for is known by now.
    let untouched = (known.allow_all() || topics.all(allowed).map_err(Fault::Malformed)?)
        && forgotten.all(allowed).map_err(Fault::Malformed)?;
    let held = share.hold(&mut fetch.terms, far, request.env);
    let body = body(&fetch, untouched, None, allowed, allowed)?;
    if forgotten.len() > 0 {
        session.change(known.without(&listed(forgotten)?).into());
    } else if adds {
        session.change(known);
    }
    for (reason, topic) in session.topics.refused() {
        refusals.add(reason, topic.partitions.len());
    }
    let topics = Arc::clone(&session.topics);
    let generations = request.env.generations();
    let asked = Asked { topics, session: Some(id), generations, held, of_full: None };
    // A session lives on an open connection; were it gone, the client starts anew.
    let if_unreachable = (!request.env.broker_connected)
        .then(|| Box::new(answer::encode_top_level(request.version, code::FETCH_SESSION_ID_NOT_FOUND)));
    Ok(forward(request, &fetch, body, asked, if_unreachable))
}

/// How much of what is far behind a full Fetch may bring, and what is left out of it.
fn admit_far(
    request: &Request<'_>,
    fetch: &Fetch<'_>,
    topics: &FetchTopics,
    share: &mut Share,
) -> Result<Option<(Allowed, Option<LeftOut>)>, Fault> {
    let bounds = Share::bounds(request.env);
    let wanted = share.far.wanted_of_all(&fetch.body.topics, topics, bounds).map_err(Fault::Malformed)?;
    let Some(allowed) = share.admit_far(wanted.len(), request.env) else { return Ok(None) };
    let left_out = || share.far.leave_out(request.version, &wanted, allowed.partitions);
    Ok(Some((allowed, (!allowed.all).then(left_out))))
}

/// The same for a Fetch in a session, out of which nothing can be left.
fn admit_far_in(
    session: &FetchSession,
    moved: &Topics<'_>,
    env: &Env<'_>,
    share: &mut Share,
) -> Result<Option<Allowed>, Fault> {
    let wanted = share.far.wanted_in(&session.topics, moved, Share::bounds(env)).map_err(Fault::Malformed)?;
    Ok(share.admit_far(wanted, env))
}

fn forward(
    request: &Request<'_>,
    fetch: &Fetch<'_>,
    body: ForwardBody,
    asked: Asked,
    if_unreachable: Option<Box<Bytes>>,
) -> Judged {
    let patience = request.patience(fetch.terms.max_wait_ms);
    Judged::Forward(Forward { body, withheld: Withheld::Fetch(asked), patience, if_unreachable })
}

/// The client's own bytes if nothing of them changes, or new ones with the topics that are kept.
fn body(
    fetch: &Fetch<'_>,
    untouched: bool,
    left_out: Option<&FetchTopics>,
    keeps: impl Fn(&Topic<'_>) -> bool,
    forgets: impl Fn(&Topic<'_>) -> bool,
) -> Result<ForwardBody, Fault> {
    if untouched && fetch.as_sent && fetch.terms == fetch.body.terms {
        return Ok(ForwardBody::Original);
    }
    fetch.body.write(&fetch.terms, left_out, keeps, forgets).map(ForwardBody::Encoded).map_err(Fault::Malformed)
}

/// Judges the topics of a request and notes all of them. Says how many may be asked for.
fn judge_topics(
    noted: &mut FetchTopics,
    topics: &Topics<'_>,
    env: &Env<'_>,
    mut refuse: impl FnMut(Reason, usize),
) -> Result<usize, Fault> {
    let mut kept: usize = 0;
    let mut topics = topics.clone();
    while let Some(topic) = topics.next().map_err(Fault::Malformed)? {
        let verdict = verdict(topic.key, env);
        match verdict {
            Ok(()) => kept = kept.saturating_add(1),
            Err(reason) => refuse(reason, topic.partitions.len()),
        }
        noted.add(topic.key, verdict.err(), topic.partitions).map_err(Fault::Malformed)?;
    }
    noted.settle();
    let most = usize::try_from(env.limits.request.partitions).unwrap_or(usize::MAX);
    match (noted.partition_count() > most, noted.name_bytes() > SESSION_NAMES) {
        (true, _) => Err(Fault::Malformed(Malformed::TooManyPartitions)),
        (_, true) => Err(Fault::Malformed(Malformed::TooManyTopics)),
        _ => Ok(kept),
    }
}

/// A session's topics and those that a request adds. What is refused of them is told with every answer, and counted then.
fn with_more(known: &FetchTopics, topics: &Topics<'_>, env: &Env<'_>) -> Result<FetchTopics, Fault> {
    let mut more = known.clone();
    judge_topics(&mut more, topics, env, |_, _| {})?;
    Ok(more)
}

/// The topics that a request forgets; nothing is asked for them.
fn listed(topics: &Topics<'_>) -> Result<FetchTopics, Fault> {
    let mut listed = FetchTopics::with_room_for(topics);
    let mut topics = topics.clone();
    while let Some(topic) = topics.next().map_err(Fault::Malformed)? {
        listed.add(topic.key, None, topic.partitions).map_err(Fault::Malformed)?;
    }
    listed.settle();
    Ok(listed)
}

/// Judges a topic by the client's name for it.
fn verdict(key: TopicKey<'_>, env: &Env<'_>) -> Result<(), Reason> {
    match key {
        TopicKey::Name(name) => env.judge(Operation::Read, Resource::Topic(name)),
        TopicKey::Id(id) => match by_id::allowed(env, Operation::Read, id) {
            Some(_) => Ok(()),
            None => Err(Reason::TopicIdUnknown),
        },
    }
}

/// Whether any verdict of a session is another one now. Judged again only when the policy or the view is new.
fn verdicts_changed(session: &mut FetchSession, env: &Env<'_>) -> bool {
    let now = env.generations();
    if session.generations == now {
        return false;
    }
    let changed = session.topics.iter().any(|topic| verdict(topic.key, env).err() != topic.refused);
    session.generations = now;
    changed
}
