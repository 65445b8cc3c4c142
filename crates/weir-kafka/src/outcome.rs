//! One outcome per request: the one value that metrics, the audit and byte charges are made from.
//!
//! Must never: be skipped. A request that is refused and one that succeeds leave by the same door.

use std::time::{Duration, Instant};

use weir_policy::Reason;

use crate::table::Row;

/// Who made the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerSource {
    /// Weir, from what it knows.
    Local,
    /// The broker.
    Broker,
}

/// What a connection's time went to, as far as whoever has a clock has told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// In nanoseconds: every request that is under way has one.
    client: u64,
    work: u64,
}

impl Told {
    /// The client's socket had no room for what waited to be sent.
    #[must_use]
    pub fn client(self) -> Duration {
        Duration::from_nanos(self.client)
    }

    /// Weir passed on what came of an answer, or made one.
    #[must_use]
    pub fn work(self) -> Duration {
        Duration::from_nanos(self.work)
    }

    /// With so much more of both.
    #[must_use]
    pub fn and(self, client: Duration, work: Duration) -> Self {
        Self { client: self.client.saturating_add(nanos(client)), work: self.work.saturating_add(nanos(work)) }
    }

    /// What was told since then.
    #[must_use]
    pub fn since(self, then: Self) -> Self {
        Self { client: self.client.saturating_sub(then.client), work: self.work.saturating_sub(then.work) }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its answer was handed to the client's connection, whole.
    Answered,
    /// The connection ended first.
    Unanswered,
}

/// What became of one request. Small: it is moved about for each.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The API's row.
    pub row: &'static Row,
    /// The version that was spoken.
    pub version: i16,
    /// Who made the answer.
    pub source: AnswerSource,
    /// How it ended.
    pub ending: Ending,
    /// What was refused of it, and how many items each.
    pub refusals: Refusals,
    /// Bytes of the request frame, its length prefix included.
    pub request_bytes: usize,
    /// Bytes of the answer frame, its length prefix included.
    pub response_bytes: u64,
    /// When the request was read.
    pub received: Instant,
    /// When it was judged, and handed to the broker's connection where it was sent there.
    pub judged: Instant,
    /// Whether it was handed to the broker's connection.
    pub sent_upstream: bool,
    /// When the first byte of the broker's answer was there, if one came.
    pub upstream_answered: Option<Instant>,
    /// What its connection's time went to meanwhile.
    pub meanwhile: Told,
    /// When it ended: when the last of its answer had come, and was handed to the client's connection.
    pub ended: Instant,
}

/// Refused items by reason. Empty, without an allocation, for a request that was not refused anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals(Box<[(Reason, u32)]>);

impl Refusals {
    /// Counts `items` more refused for a reason.
    pub fn add(&mut self, reason: Reason, items: usize) {
        let items = u32::try_from(items).unwrap_or(u32::MAX);
        match self.0.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count = count.saturating_add(items),
            None => self.0 = self.iter().chain([(reason, items)]).collect(),
        }
    }

    /// The reasons and their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u32)> + '_ {
        self.0.iter().copied()
    }

    /// Whether nothing was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
