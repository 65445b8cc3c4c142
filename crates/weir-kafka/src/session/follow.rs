//! Following the policy: what waits at the broker is judged again when something else is in force.
//!
//! A Fetch that lost a topic is answered at once; what the broker will say to it is read and dropped. Must never: drop a
//! byte of an answer that somebody waits for.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Instant;

use weir_policy::{Operation, Resource, SessionPlace};

use super::Session;
use super::in_flight::{AtBroker, InFlight, Source};
use super::response::{Incoming, PREFIX};
use crate::answer::LocalAnswer;
use crate::apis::Withheld;
use crate::apis::fetch::{FetchSessions, FetchTopics, Held};
use crate::env::Env;
use crate::fault::Fault;
use crate::outcome::Refusals;
use crate::wire::Malformed;
use crate::{gate, skim, table};

/// Answers of the broker's that nobody waits for any more, the next first.
pub(crate) type Dropped = VecDeque<DroppedAnswer>;

/// One answer that nobody waits for any more.
#[derive(Debug)]
pub(crate) struct DroppedAnswer {
    pub correlation_id: i32,
    /// The broker may take until then.
    pub until: Instant,
    /// Where the number of a new session stands, behind the correlation id.
    pub session_at: Option<usize>,
    /// The place of that session.
    pub place: Option<SessionPlace>,
    /// What it holds until then.
    pub held: Held,
}

impl Session {
    /// Judges again what waits at the broker.
    pub fn follow(&mut self, env: &Env<'_>) {
        let owed = self.dropped.len();
        let mut entries = self.queue.iter_mut();
        if let Incoming::Fetch(_) = self.incoming
            && let Some(entry) = entries.next()
        {
            // Its length has left: what was lost is noticed when the walk comes to it, unless it was given back by then.
            self.narrowed = lost(entry, env).map(Box::new);
        }
        for entry in entries {
            if let Some(lost) = lost(entry, env) {
                self.dropped.extend(answer_instead(entry, &lost, &mut self.fetches.sessions));
            }
        }
        if owed > 0 && self.dropped.len() > owed {
            // What was asked before may be lost after: the broker answers in the order in which it was asked.
            let next = self.next_correlation_id;
            let age = |dropped: &DroppedAnswer| next.wrapping_sub(dropped.correlation_id);
            self.dropped.make_contiguous().sort_by_key(|dropped| Reverse(age(dropped)));
        }
    }

    /// Begins to drop an answer. A session that it gives out is one that nobody uses: it is ended with the next Fetch.
    pub(super) fn begin_dropped(&mut self, buffer: &[u8], length: usize, env: &Env<'_>) -> Result<usize, Fault> {
        let left = length.checked_sub(4).ok_or(Fault::BrokerMalformed(Malformed::Truncated))?;
        let mut session = 0;
        let session_at = self.dropped.front().and_then(|dropped| dropped.session_at);
        if let Some(at) = session_at.filter(|at| at.saturating_add(4) <= left) {
            let at = PREFIX.saturating_add(at);
            let Some(id) = buffer.get(at..).and_then(|rest| rest.first_chunk::<4>()) else { return Ok(0) };
            session = i32::from_be_bytes(*id);
        }
        if let Some(dropped) = self.dropped.pop_front() {
            self.fetches.share.give_back(dropped.held);
            self.fetches.sessions.not_ended(dropped.place.filter(|_| session != 0).map(|place| (session, place)));
        }
        super::rest(&mut self.dropped);
        self.incoming = if left > 0 { Incoming::Dropped { left } } else { Incoming::Nothing };
        if let Some(InFlight { source: Source::Broker(at_broker), .. }) = self.queue.front_mut() {
            at_broker.since = env.now;
        }
        Ok(PREFIX)
    }

    /// Whether the broker still owes an answer that nobody waits for.
    #[must_use]
    pub fn drops_answers(&self) -> bool {
        !self.dropped.is_empty() || matches!(self.incoming, Incoming::Dropped { .. })
    }
}

fn lost(entry: &InFlight, env: &Env<'_>) -> Option<FetchTopics> {
    match &entry.source {
        Source::Broker(AtBroker { withheld: Withheld::Fetch(asked), .. }) => asked.lost(env),
        Source::Broker(_) | Source::Local(_) => None,
    }
}

/// Whether offsets, as a broker tells them now, may be told: a client that asks ahead has its question wait there, behind
/// any number of parked Fetches, and the answer is of the moment when it is given.
pub(super) fn may_be_told(entry: &InFlight, body: &[u8], env: &Env<'_>) -> Result<(), Fault> {
    let Source::Broker(at_broker) = &entry.source else { return Ok(()) };
    let tells_offsets = matches!(entry.row.key, table::LIST_OFFSETS | table::OFFSET_FOR_LEADER_EPOCH);
    if !tells_offsets || at_broker.generations == env.generations() {
        return Ok(());
    }
    let walked = gate::walk(entry.row.response, entry.version, body, &env.limits.response);
    let body = body.get(..walked.map_err(Fault::BrokerMalformed)?.body_len).unwrap_or_default();
    let may = |topic: &str| env.judge(Operation::Describe, Resource::Topic(topic)).is_ok();
    match skim::all(entry.row.response, entry.version, body, may, |_, _| true).map_err(Fault::BrokerMalformed)? {
        true => Ok(()),
        false => Err(Fault::Revoked),
    }
}

/// Has Weir answer in the broker's place.
fn answer_instead(entry: &mut InFlight, lost: &FetchTopics, sessions: &mut FetchSessions) -> Option<DroppedAnswer> {
    let Source::Broker(at_broker) = &mut entry.source else { return None };
    let Withheld::Fetch(asked) = &mut at_broker.withheld else { return None };
    let body = asked.answer_lost(entry.version, lost, sessions);
    let tags = usize::from(entry.row.response_header_is_flexible(entry.version));
    let dropped = DroppedAnswer {
        correlation_id: at_broker.correlation_id,
        until: at_broker.since.checked_add(at_broker.patience).unwrap_or(at_broker.since),
        session_at: asked.new_session_at(entry.version).map(|at| at.saturating_add(tags)),
        place: asked.take_place(),
        held: asked.held,
    };
    let mut refusals = Refusals::default();
    for (reason, topic) in lost.refused() {
        refusals.add(reason, topic.partitions.len());
    }
    entry.refusals = refusals;
    entry.source = Source::Local(LocalAnswer::Ready { body, not_before: None });
    Some(dropped)
}
