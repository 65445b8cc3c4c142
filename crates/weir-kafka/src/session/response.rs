//! The way of a response: the oldest entry is looked at, the broker's answer is checked and restored, and the outcome
//! leaves.
//!
//! Must never: give the client a byte of an answer to another request, or of one that was not understood.

use std::time::Instant;

use bytes::Bytes;

use super::follow::may_be_told;
use super::in_flight::{InFlight, Source};
use super::{Session, throttle};
use crate::answer::{LocalAnswer, Sink};
use crate::apis::fetch::{Asked, FetchTopics, FetchWalk, Scope, Walked, charge_far};
use crate::apis::{self, Answer, Withheld};
use crate::env::Env;
use crate::fault::Fault;
use crate::gate;
use crate::outcome::Ending;
use crate::table::{ResponseMode, Row};
use crate::wire::Malformed;

/// Length prefix and correlation id.
pub(super) const PREFIX: usize = 8;

/// A Fetch answer up to this length is edited exactly, in one piece; a longer one streams.
pub const WHOLE_FETCH: usize = 32 * 1024;

/// The broker's answer that is on its way.
#[derive(Debug, Default)]
pub(crate) enum Incoming {
    /// None: the next bytes are a length prefix.
    #[default]
    Nothing,
    /// One that is held whole before it is given out.
    Whole { held: Vec<u8>, left: usize },
    /// A Fetch that streams.
    Fetch(FetchWalk),
    /// One that nobody waits for any more.
    Dropped { left: usize },
}

impl Session {
    /// Makes the answer of the oldest request, which is Weir's to answer and due.
    ///
    /// # Errors
    /// Where an answer cannot be encoded, a fault of Weir's own.
    pub fn answer_head(&mut self, env: &Env<'_>, sink: &mut impl Sink) -> Result<(), Fault> {
        let Some(entry) = self.queue.front_mut() else { return Ok(()) };
        let mut frame = match &entry.source {
            Source::Local(LocalAnswer::Ready { body, .. }) => {
                let mut frame = start_of_frame(entry, body.len());
                frame.extend_from_slice(body);
                frame
            }
            Source::Local(LocalAnswer::Deferred(deferred)) => {
                let mut frame = start_of_frame(entry, 1024);
                apis::answer_deferred(deferred, entry.version, env, &mut entry.refusals, &mut frame)?;
                frame
            }
            Source::Broker(_) => return Err(Fault::BrokerDesync),
        };
        let start = PREFIX.saturating_add(header_tags(entry.row, entry.version));
        throttle::tell(entry.row, entry.version, frame.get_mut(start..).unwrap_or_default(), env.owed.told);
        let length = give_whole(frame, entry.client_correlation_id, sink)?;
        let Some(mut entry) = self.queue.pop_front() else { return Ok(()) };
        entry.response_bytes = length;
        self.finish(entry, env.now);
        Ok(())
    }

    /// Takes bytes of the broker's answer to the oldest request and gives the client what was checked of them. Says how
    /// many bytes were taken; the rest must be offered again with more behind it.
    ///
    /// # Errors
    /// Where the answer is not understood, or is not an answer to this request: both connections end.
    pub fn feed_broker(&mut self, buffer: &mut [u8], env: &Env<'_>, sink: &mut impl Sink) -> Result<usize, Fault> {
        if let Some(InFlight { source: Source::Broker(at_broker), .. }) = self.queue.front_mut() {
            // A broker that answers is not silent, however long its answer is.
            at_broker.since = env.now;
        }
        match &mut self.incoming {
            Incoming::Nothing => self.begin(buffer, env, sink),
            Incoming::Whole { held, left } => {
                let here = buffer.len().min(*left);
                held.extend_from_slice(buffer.get(..here).unwrap_or_default());
                *left = left.saturating_sub(here);
                if *left == 0 {
                    let held = std::mem::take(held);
                    self.incoming = Incoming::Nothing;
                    self.finish_whole(Bytes::from(held), env, sink)?;
                }
                Ok(here)
            }
            Incoming::Dropped { left } => {
                let here = buffer.len().min(*left);
                *left = left.saturating_sub(here);
                if *left == 0 {
                    self.incoming = Incoming::Nothing;
                }
                Ok(here)
            }
            Incoming::Fetch(walk) => {
                let Some(asked) = asked(self.queue.front()) else { return Err(Fault::BrokerDesync) };
                let walked = walk.body(buffer, &scope(asked, self.narrowed.as_deref(), env))?;
                give(sink, [&[], &[]], buffer, &walked, &mut walk.refused);
                charge_far(std::mem::take(&mut walk.far_bytes), env);
                if walk.is_done() {
                    let Incoming::Fetch(walk) = std::mem::take(&mut self.incoming) else { return Ok(walked.taken) };
                    self.finish_fetch(&walk, env)?;
                }
                Ok(walked.taken)
            }
        }
    }

    /// Whether an answer of the broker's is on its way: some of it is here, or went to the client.
    #[must_use]
    pub fn is_amid_answer(&self) -> bool {
        !matches!(self.incoming, Incoming::Nothing)
    }

    /// Reads the start of an answer: whose it is, and how long.
    fn begin(&mut self, buffer: &mut [u8], env: &Env<'_>, sink: &mut impl Sink) -> Result<usize, Fault> {
        let Some((prefix, _)) = buffer.split_first_chunk::<PREFIX>() else { return Ok(0) };
        let [l0, l1, l2, l3, c0, c1, c2, c3] = *prefix;
        let length = usize::try_from(i32::from_be_bytes([l0, l1, l2, l3]))
            .map_err(|_| Fault::BrokerMalformed(Malformed::NegativeLength))?;
        let correlation_id = i32::from_be_bytes([c0, c1, c2, c3]);
        if self.dropped.front().is_some_and(|dropped| dropped.correlation_id == correlation_id) {
            return self.begin_dropped(buffer, length, env);
        }
        let Some(entry) = self.queue.front_mut() else { return Err(Fault::BrokerDesync) };
        let Source::Broker(at_broker) = &entry.source else { return Err(Fault::BrokerDesync) };
        if at_broker.correlation_id != correlation_id {
            return Err(Fault::BrokerDesync);
        }
        entry.upstream_answered.get_or_insert(env.now);
        let streams = entry.row.response_mode == ResponseMode::Stream;
        let left = length.checked_sub(4).ok_or(Fault::BrokerMalformed(Malformed::Truncated))?;
        if streams {
            return self.begin_fetch(buffer, left, env, sink);
        }
        if left > env.limits.whole_answer {
            return Err(Fault::BrokerAnswerTooLong);
        }
        let frame = PREFIX.saturating_add(left);
        if at_broker.withheld.is_nothing()
            && let Some(frame) = buffer.get_mut(..frame)
            && self.pass_whole(frame, env, sink)?
        {
            return Ok(frame.len());
        }
        self.incoming = Incoming::Whole { held: Vec::new(), left };
        let rest = buffer.get_mut(PREFIX..).unwrap_or_default();
        // An answer without a body ends here.
        let taken = self.feed_broker(rest, env, sink)?;
        Ok(PREFIX.saturating_add(taken))
    }

    /// Gives the client an answer that is in the buffer whole and passes as it is; false where it must be looked at more.
    fn pass_whole(&mut self, frame: &mut [u8], env: &Env<'_>, sink: &mut impl Sink) -> Result<bool, Fault> {
        let Some(entry) = self.queue.front() else { return Err(Fault::BrokerDesync) };
        let start = PREFIX.saturating_add(header_tags(entry.row, entry.version));
        if start > PREFIX && frame.get(PREFIX) != Some(&0) {
            return Err(Fault::BrokerUnasked);
        }
        let body = frame.get(start..).unwrap_or_default();
        let passed = gate::walk(entry.row.response, entry.version, body, &env.limits.response);
        let passed = passed.map_err(Fault::BrokerMalformed)?;
        if !passed.canonical {
            return Ok(false);
        }
        may_be_told(entry, body.get(..passed.body_len).unwrap_or_default(), env)?;
        throttle(entry, frame.get_mut(start..).unwrap_or_default(), env);
        let end = start.saturating_add(passed.body_len);
        put_prefix(frame, end, entry.client_correlation_id)?;
        let Some(mut entry) = self.queue.pop_front() else { return Err(Fault::BrokerDesync) };
        sink.put(frame.get(..end).unwrap_or_default());
        entry.response_bytes = u64::try_from(end).unwrap_or(u64::MAX);
        self.finish(entry, env.now);
        Ok(true)
    }

    fn begin_fetch(
        &mut self,
        buffer: &mut [u8],
        left: usize,
        env: &Env<'_>,
        sink: &mut impl Sink,
    ) -> Result<usize, Fault> {
        let frame = PREFIX.saturating_add(left);
        let whole = frame <= WHOLE_FETCH;
        if whole && buffer.len() < frame {
            return Ok(0);
        }
        let Some(entry) = self.queue.front_mut() else { return Err(Fault::BrokerDesync) };
        let tags = header_tags(entry.row, entry.version);
        let left = left.checked_sub(tags).ok_or(Fault::BrokerMalformed(Malformed::Truncated))?;
        // The response header's tag section is empty: brokers know no tag for it.
        if tags > 0 && buffer.get(PREFIX) != Some(&0) {
            return if buffer.len() > PREFIX { Err(Fault::BrokerUnasked) } else { Ok(0) };
        }
        let start = PREFIX.saturating_add(tags);
        throttle::coarsen(entry.row, entry.version, buffer.get_mut(start..).unwrap_or_default());
        let mut walk = FetchWalk::new(entry.version, u64::try_from(left).unwrap_or(u64::MAX), whole);
        let client = entry.client_correlation_id;
        let Some(asked) = asked(Some(&*entry)) else { return Err(Fault::BrokerDesync) };
        let scope = scope(asked, None, env);
        let Some(mut head) = walk.head(buffer.get(start..).unwrap_or_default(), &scope)? else { return Ok(0) };
        let head_end = start.saturating_add(head.consumed);
        let Some((front, body)) = buffer.split_at_mut_checked(head_end) else { return Err(Fault::BrokerDesync) };
        let first =
            if head.instead.is_empty() { front.get_mut(start..).unwrap_or_default() } else { &mut head.instead };
        throttle::tell(entry.row, entry.version, first, env.owed.told);
        let walked = walk.body(body, &scope)?;
        if whole && !walk.is_done() {
            return Err(Fault::BrokerMalformed(Malformed::Truncated));
        }
        let given = frame.saturating_add(head.grows);
        let given = given.saturating_add(walked.end_len()).saturating_sub(walked.end_taken());
        put_prefix(front, given, client)?;
        if head.instead.is_empty() && walked.is_plain() {
            // As nearly always: all of it stands where the broker put it.
            let end = head_end.saturating_add(walked.taken);
            sink.put(buffer.get(..end).unwrap_or_default());
        } else {
            let front = if head.instead.is_empty() { front } else { front.get_mut(..start).unwrap_or_default() };
            give(sink, [front, &head.instead], body, &walked, &mut walk.refused);
        }
        entry.response_bytes = u64::try_from(given).unwrap_or(u64::MAX);
        if walk.is_done() {
            self.finish_fetch(&walk, env)?;
        } else {
            charge_far(std::mem::take(&mut walk.far_bytes), env);
            self.incoming = Incoming::Fetch(walk);
        }
        Ok(head_end.saturating_add(walked.taken))
    }

    fn finish_whole(&mut self, answer: Bytes, env: &Env<'_>, sink: &mut impl Sink) -> Result<(), Fault> {
        let Some(entry) = self.queue.front() else { return Err(Fault::BrokerDesync) };
        let Source::Broker(at_broker) = &entry.source else { return Err(Fault::BrokerDesync) };
        let tags = header_tags(entry.row, entry.version);
        if tags > 0 && answer.first() != Some(&0) {
            return Err(Fault::BrokerUnasked);
        }
        let body = answer.slice(tags.min(answer.len())..);
        let answer = Answer { row: entry.row, version: entry.version, body, env };
        let restored = apis::restore(&answer, &at_broker.withheld)?;
        may_be_told(entry, &answer.body, env)?;
        self.view_is_stale |= restored.view_is_stale;
        // Not sooner: of an answer that is not understood the request must still be there, to have its outcome (W7).
        let Some(mut entry) = self.queue.pop_front() else { return Err(Fault::BrokerDesync) };
        let mut frame = start_of_frame(&entry, restored.body.len());
        frame.extend_from_slice(&restored.body);
        throttle(&entry, frame.get_mut(PREFIX.saturating_add(tags)..).unwrap_or_default(), env);
        entry.response_bytes = give_whole(frame, entry.client_correlation_id, sink)?;
        self.finish(entry, env.now);
        Ok(())
    }

    /// A Fetch answer was given whole: so is what it says of its session.
    fn finish_fetch(&mut self, walk: &FetchWalk, env: &Env<'_>) -> Result<(), Fault> {
        let Some(mut entry) = self.queue.pop_front() else { return Err(Fault::BrokerDesync) };
        self.narrowed = None;
        self.view_is_stale |= walk.view_is_stale;
        if let Source::Broker(at_broker) = &mut entry.source
            && let Withheld::Fetch(asked) = std::mem::replace(&mut at_broker.withheld, Withheld::Nothing)
        {
            self.fetches.settle(asked, walk, entry.version, env);
        }
        self.finish(entry, env.now);
        Ok(())
    }

    fn finish(&mut self, mut entry: InFlight, now: Instant) {
        super::rest(&mut self.queue);
        if self.outcomes.capacity() == 0 {
            self.outcomes.reserve_exact(1);
        }
        self.outcomes.push_back(entry.outcome(Ending::Answered, now, self.told));
        if let Some(InFlight { source: Source::Broker(at_broker), .. }) = self.queue.front_mut() {
            at_broker.since = now;
        }
    }
}

/// Tells in a broker's answer for how long the client is throttled.
fn throttle(entry: &InFlight, body: &mut [u8], env: &Env<'_>) {
    throttle::coarsen(entry.row, entry.version, body);
    throttle::tell(entry.row, entry.version, body, env.owed.told);
}

fn asked(entry: Option<&InFlight>) -> Option<&Asked> {
    match &entry?.source {
        Source::Broker(at_broker) => match &at_broker.withheld {
            Withheld::Fetch(asked) => Some(asked),
            _ => None,
        },
        Source::Local(_) => None,
    }
}

fn scope<'a>(asked: &'a Asked, narrowed: Option<&'a FetchTopics>, env: &Env<'a>) -> Scope<'a> {
    let racks = env.view.map(|view| &view.racks);
    Scope {
        topics: narrowed.unwrap_or(&asked.topics),
        narrowed: narrowed.is_some(),
        nodes: env.nodes,
        racks,
        left_out: asked.left_out(),
        behind: env.limits.catch_up.behind,
    }
}

/// Bytes of the empty tag section of a response header.
fn header_tags(row: &Row, version: i16) -> usize {
    usize::from(row.response_header_is_flexible(version))
}

/// A frame with room for a prefix and a body, and no tagged fields in its header.
fn start_of_frame(entry: &InFlight, body: usize) -> Vec<u8> {
    let start = PREFIX.saturating_add(header_tags(entry.row, entry.version));
    let mut frame = Vec::with_capacity(start.saturating_add(body));
    frame.resize(start, 0);
    frame
}

fn give_whole(mut frame: Vec<u8>, correlation_id: i32, sink: &mut impl Sink) -> Result<u64, Fault> {
    let length = frame.len();
    put_prefix(&mut frame, length, correlation_id)?;
    sink.put(&frame);
    Ok(u64::try_from(length).unwrap_or(u64::MAX))
}

/// Gives the client what was walked of a Fetch answer, behind what stands before it.
fn give(sink: &mut impl Sink, front: [&[u8]; 2], walked_of: &[u8], walked: &Walked, refused: &mut Vec<u8>) {
    let [before, instead] = front;
    let end_at = walked.taken.saturating_sub(walked.end_taken());
    let refused_at = walked.refused_at.unwrap_or(end_at);
    let own = |from, to| walked_of.get(from..to).unwrap_or_default();
    let end = walked.end.as_ref().map(|(_, end)| end.as_slice()).unwrap_or_default();
    let refused = if walked.refused_at.is_some() { std::mem::take(refused) } else { Vec::new() };
    sink.put_all(&[before, instead, own(0, refused_at), &refused, own(refused_at, end_at), end]);
}

/// Makes the prefix of a broker's frame that of the client's: its length without itself, and its correlation id.
fn put_prefix(frame: &mut [u8], length: usize, correlation_id: i32) -> Result<(), Fault> {
    let length = i32::try_from(length.saturating_sub(4)).map_err(|_| Fault::BrokerAnswerTooLong)?;
    if let Some((prefix, rest)) = frame.split_first_chunk_mut::<4>() {
        *prefix = length.to_be_bytes();
        if let Some(id) = rest.first_chunk_mut::<4>() {
            *id = correlation_id.to_be_bytes();
        }
    }
    Ok(())
}
