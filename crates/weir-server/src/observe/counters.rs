//! Counters that one worker writes and a scrape reads.
//!
//! Must never: be shared by two workers on the way of a request.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};

use weir_kafka::outcome::{Ending, Outcome};
use weir_kafka::table::{Row, TABLE};
use weir_policy::Reason;

use super::histogram::Histogram;
use super::latency::Spent;
use crate::close_reason::CloseReason;

/// What one worker counted since the start. Two of them never lie in one cache line, nor in two that a processor
/// fetches together.
#[derive(Debug)]
#[repr(align(128))]
pub struct WorkerCounters {
    pub(super) accepted: AtomicU64,
    pub(super) authenticated: AtomicU64,
    pub(super) bytes_from_clients: AtomicU64,
    pub(super) bytes_to_clients: AtomicU64,
    pub(super) closed: [AtomicU64; CloseReason::ALL.len()],
    pub(super) refused: [AtomicU64; Reason::ALL.len()],
    pub(super) apis: [ApiCounters; TABLE.len()],
}

/// What was counted of one API.
#[derive(Debug, Default)]
pub(super) struct ApiCounters {
    pub(super) taken: AtomicU64,
    pub(super) answered: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) unanswered: AtomicU64,
    pub(super) request_time: Histogram,
    pub(super) client_time: Histogram,
    pub(super) upstream_time: Histogram,
    pub(super) own_time: Histogram,
}

impl Default for WorkerCounters {
    fn default() -> Self {
        Self {
            accepted: AtomicU64::default(),
            authenticated: AtomicU64::default(),
            bytes_from_clients: AtomicU64::default(),
            bytes_to_clients: AtomicU64::default(),
            closed: array::from_fn(|_| AtomicU64::default()),
            refused: array::from_fn(|_| AtomicU64::default()),
            apis: array::from_fn(|_| ApiCounters::default()),
        }
    }
}

impl WorkerCounters {
    /// A connection was accepted.
    pub fn accepted(&self) {
        add(&self.accepted, 1);
    }

    /// A client's handshake succeeded and its principal is known.
    pub fn authenticated(&self) {
        add(&self.authenticated, 1);
    }

    /// An accepted connection ended.
    pub fn closed(&self, reason: CloseReason) {
        if let Some(cell) = self.closed.get(reason.index()) {
            add(cell, 1);
        }
    }

    /// A request was understood and taken.
    pub fn taken(&self, row: &Row) {
        if let Some(api) = self.apis.get(row.index()) {
            add(&api.taken, 1);
        }
    }

    /// A request ended, in whatever way, and this is what its time went to.
    pub fn request(&self, outcome: &Outcome, spent: &Spent) {
        add(&self.bytes_from_clients, u64::try_from(outcome.request_bytes).unwrap_or(u64::MAX));
        add(&self.bytes_to_clients, outcome.response_bytes);
        for (reason, items) in outcome.refusals.iter() {
            // `Reason::ALL` has the order of the enum; a test holds it.
            if let Some(cell) = self.refused.get(reason as usize) {
                add(cell, items.into());
            }
        }
        let Some(api) = self.apis.get(outcome.row.index()) else { return };
        let result = match outcome.ending {
            Ending::Unanswered => &api.unanswered,
            Ending::Answered if outcome.refusals.is_empty() => &api.answered,
            Ending::Answered => &api.refused,
        };
        add(result, 1);
        api.request_time.observe(spent.total);
        api.client_time.observe(spent.client);
        api.upstream_time.observe(spent.upstream);
        api.own_time.observe(spent.weir);
    }
}

/// Adds without the cost of a locked instruction: of every cell, one thread alone is the writer.
pub(super) fn add(cell: &AtomicU64, more: u64) {
    cell.store(cell.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_in_the_order_of_their_list() {
        for (index, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index);
        }
    }
}
