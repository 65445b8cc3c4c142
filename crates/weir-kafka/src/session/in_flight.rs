//! One request that waits for its answer, and who will make it.
//!
//! Must never: know how to answer; it only knows whose turn it is and until when.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::{DescribeClusterRequest, MetadataRequest};

use super::{Head, ViewNeed};
use crate::apis::Withheld;
use crate::outcome::{AnswerSource, Ending, Outcome, Refusals};
use crate::table::Row;

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
    pub sent_upstream: Option<Instant>,
    pub upstream_answered: Option<Instant>,
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
    /// When it became the oldest that waits: a broker serves one request of a connection at a time.
    pub since: Instant,
    /// How long the broker may take from then on.
    pub patience: Duration,
    pub withheld: Withheld,
    /// The answer that the client gets when the dial fails before a byte of the request was written.
    pub if_unreachable: Option<Bytes>,
}

/// An answer of Weir's own.
#[derive(Debug)]
pub(crate) enum LocalAnswer {
    /// The body is there.
    Ready { body: Bytes, not_before: Option<Instant> },
    /// The body is made when it is its turn, from what is known of the cluster then.
    Deferred(Deferred),
}

/// Answers that are made from the cluster view, late.
#[derive(Debug)]
pub(crate) enum Deferred {
    ApiVersions,
    Metadata { request: MetadataRequest, not_older_than: Instant },
    DescribeCluster { request: DescribeClusterRequest },
}

impl InFlight {
    pub(crate) fn head(&self) -> Head {
        match &self.source {
            Source::Broker(at_broker) => {
                Head::Broker { deadline: at_broker.since.checked_add(at_broker.patience).unwrap_or(at_broker.since) }
            }
            Source::Local(LocalAnswer::Ready { not_before, .. }) => {
                Head::Local { not_before: *not_before, view: ViewNeed::None }
            }
            Source::Local(LocalAnswer::Deferred(deferred)) => {
                let view = match deferred {
                    Deferred::Metadata { not_older_than, .. } => ViewNeed::NotOlderThan(*not_older_than),
                    Deferred::ApiVersions | Deferred::DescribeCluster { .. } => ViewNeed::Any,
                };
                Head::Local { not_before: None, view }
            }
        }
    }

    pub(crate) fn answered(self, now: Instant) -> Outcome {
        self.outcome(Ending::Answered, now)
    }

    pub(crate) fn unanswered(self, now: Instant) -> Outcome {
        self.outcome(Ending::Unanswered, now)
    }

    fn outcome(self, ending: Ending, ended: Instant) -> Outcome {
        let source = match self.source {
            Source::Local(_) => AnswerSource::Local,
            Source::Broker(_) => AnswerSource::Broker,
        };
        Outcome {
            row: self.row,
            version: self.version,
            source,
            ending,
            refusals: self.refusals,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            received: self.received,
            sent_upstream: self.sent_upstream,
            upstream_answered: self.upstream_answered,
            ended,
        }
    }
}
