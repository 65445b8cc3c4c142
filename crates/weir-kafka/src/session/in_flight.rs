//! One request that waits for its answer, and who will make it.
//!
//! Must never: know how to answer; it only knows whose turn it is and until when.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Head;
use crate::answer::{LocalAnswer, ViewNeed};
use crate::apis::Withheld;
use crate::env::Generations;
use crate::outcome::{AnswerSource, Ending, Outcome, Refusals, Told};
use crate::table::{Deadline, Row};

/// A request in the queue.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub row: &'static Row,
    pub version: i16,
    pub client_correlation_id: i32,
    pub source: Source,
    pub refusals: Refusals,
    pub request_bytes: usize,
    pub response_bytes: u64,
    pub received: Instant,
    pub judged: Instant,
    pub sent_upstream: bool,
    pub upstream_answered: Option<Instant>,
    /// What the connection's time had gone to when it was taken.
    pub before: Told,
}

/// Who answers. A later source (an answer shared by many) is one more variant.
#[derive(Debug)]
pub(crate) enum Source {
    Local(LocalAnswer),
    Broker(AtBroker),
}

/// A request that the broker answers.
#[derive(Debug)]
pub(crate) struct AtBroker {
    pub correlation_id: i32,
    /// What it was judged by.
    pub generations: Generations,
    /// When it became the oldest that waits: a broker serves one request of a connection at a time.
    pub since: Instant,
    /// How long the broker may take from then on.
    pub patience: Duration,
    pub withheld: Withheld,
    /// The answer that the client gets when the dial fails before a byte of the request was written.
    pub if_unreachable: Option<Box<Bytes>>,
}

impl InFlight {
    /// What it waits for. The broker may have something else to say until `after`.
    pub(crate) fn head(&self, after: Option<Instant>) -> Head {
        match &self.source {
            Source::Broker(at_broker) => {
                let since = after.map_or(at_broker.since, |after| at_broker.since.max(after));
                Head::Broker {
                    parked: self.row.deadline != Deadline::Fixed,
                    deadline: since.checked_add(at_broker.patience).unwrap_or(since),
                }
            }
            Source::Local(LocalAnswer::Ready { not_before, .. }) => {
                Head::Local { not_before: *not_before, view: ViewNeed::None }
            }
            Source::Local(LocalAnswer::Deferred(deferred)) => {
                let view = deferred.view_need();
                Head::Local { not_before: None, view }
            }
        }
    }

    /// What became of it, which it gives away.
    pub(crate) fn outcome(&mut self, ending: Ending, ended: Instant, told: Told) -> Outcome {
        let source = match self.source {
            Source::Local(_) => AnswerSource::Local,
            Source::Broker(_) => AnswerSource::Broker,
        };
        Outcome {
            row: self.row,
            version: self.version,
            source,
            ending,
            refusals: std::mem::take(&mut self.refusals),
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            received: self.received,
            judged: self.judged,
            sent_upstream: self.sent_upstream,
            upstream_answered: self.upstream_answered,
            meanwhile: told.since(self.before),
            ended,
        }
    }
}
