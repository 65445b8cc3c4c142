//! What one connection has done for its principal: cells that its worker alone writes.
//!
//! Must never: be written by two threads, or be lost when the connection ends.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use weir_kafka::outcome::Refusals;
use weir_kafka::software::ClientSoftware;
use weir_policy::Reason;

use super::Activity;
use crate::observe::counters::add;

/// Classes of reasons: the first word of the reason's name, where it is one of these. All reasons of all principals
/// would be too many series.
pub(crate) const CLASSES: [&str; 4] = ["topic", "group", "quota", "other"];

/// What one connection has done.
#[derive(Debug, Default)]
pub(super) struct Cells {
    bytes_out: AtomicU64,
    requests: AtomicU64,
    refused: [AtomicU64; CLASSES.len()],
    throttled_micros: AtomicU64,
    went_on: AtomicU64,
    last_request: AtomicU64,
}

/// What several connections have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Bytes that went to the clients' sockets, TLS included.
    pub bytes_out: u64,
    /// Requests that ended, in whatever way.
    pub requests: u64,
    /// Refused items of requests, by class.
    pub refused: [u64; CLASSES.len()],
    /// For how long connections took no request for what was owed.
    pub throttled_micros: u64,
    /// How often a client's offset was not there and it went on at another.
    pub went_on: u64,
    /// When a request ended last, in seconds since 1970; 0 where none has.
    pub last_request: u64,
}

impl Totals {
    pub(super) fn add(&mut self, cells: &Cells) {
        let of = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        self.bytes_out = self.bytes_out.saturating_add(of(&cells.bytes_out));
        self.requests = self.requests.saturating_add(of(&cells.requests));
        for (sum, cell) in self.refused.iter_mut().zip(&cells.refused) {
            *sum = sum.saturating_add(of(cell));
        }
        self.throttled_micros = self.throttled_micros.saturating_add(of(&cells.throttled_micros));
        self.went_on = self.went_on.saturating_add(of(&cells.went_on));
        self.last_request = self.last_request.max(of(&cells.last_request));
    }
}

/// A connection's way to count for its principal.
#[derive(Debug)]
pub(crate) struct Tally {
    activity: Arc<Activity>,
    cells: Arc<Cells>,
    muted_since: Option<Instant>,
}

impl Tally {
    pub(super) fn new(activity: Arc<Activity>, cells: Arc<Cells>) -> Self {
        Self { activity, cells, muted_since: None }
    }

    /// Bytes went to the client's socket.
    pub(crate) fn sent(&self, bytes: usize) {
        if bytes > 0 {
            add(&self.cells.bytes_out, u64::try_from(bytes).unwrap_or(u64::MAX));
        }
    }

    /// A client's offset was not there, and it went on at another.
    pub(crate) fn went_on(&self) {
        add(&self.cells.went_on, 1);
    }

    /// A request ended, of which this was refused.
    pub(crate) fn request(&self, refusals: &Refusals, now: Instant) {
        add(&self.cells.requests, 1);
        for (reason, items) in refusals.iter() {
            if let Some(cell) = self.cells.refused.get(class(reason)) {
                add(cell, items.into());
            }
        }
        self.cells.last_request.store(since_1970(now), Ordering::Relaxed);
    }

    /// Whether the connection takes no request now for what is owed.
    pub(crate) fn muted(&mut self, is_muted: bool, now: Instant) {
        if let Some(since) = self.muted_since {
            let micros = now.saturating_duration_since(since).as_micros();
            add(&self.cells.throttled_micros, u64::try_from(micros).unwrap_or(u64::MAX));
        }
        self.muted_since = is_muted.then_some(now);
    }

    /// The client has said what it is.
    pub(crate) fn says(&self, software: ClientSoftware) {
        self.activity.says(software);
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.activity.ended(&self.cells);
    }
}

fn class(reason: Reason) -> usize {
    static BY_REASON: LazyLock<[usize; Reason::ALL.len()]> =
        LazyLock::new(|| array::from_fn(|index| Reason::ALL.get(index).map_or(OTHER, |reason| by_name(*reason))));
    // `Reason::ALL` has the order of the enum; a test of the counters holds it.
    BY_REASON.get(reason as usize).copied().unwrap_or(OTHER)
}

const OTHER: usize = CLASSES.len() - 1;

fn by_name(reason: Reason) -> usize {
    let word = reason.name().split('-').next().unwrap_or_default();
    CLASSES.iter().position(|class| *class == word).unwrap_or(OTHER)
}

/// Seconds since 1970, by the clock of when the process began.
fn since_1970(now: Instant) -> u64 {
    static BEGAN: LazyLock<(Instant, Duration)> =
        LazyLock::new(|| (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()));
    BEGAN.1.saturating_add(now.saturating_duration_since(BEGAN.0)).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_the_class_of_its_first_word() {
        for (reason, expected) in [
            (Reason::TopicNotGranted, "topic"),
            (Reason::GroupNameInvalid, "group"),
            (Reason::QuotaGroups, "quota"),
            (Reason::ClusterOperation, "other"),
            (Reason::RequestShape, "other"),
        ] {
            assert_eq!(CLASSES[class(reason)], expected, "{reason}");
        }
    }
}
