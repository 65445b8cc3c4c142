//! What the time of requests goes to: when each was judged, and for how long answers waited for the client meanwhile.
//!
//! Must never: read a clock; whoever has one tells.

use std::time::{Duration, Instant};

use super::Session;
use crate::software::ClientSoftware;
use crate::table::Row;

impl Session {
    /// The API of the newest request that waits for its answer.
    #[must_use]
    pub fn newest(&self) -> Option<&'static Row> {
        self.queue.back().map(|entry| entry.row)
    }

    /// The newest request, just taken, was judged by now, and is on its way where it is the broker's to answer.
    pub fn judged(&mut self, now: Instant) {
        if let Some(entry) = self.queue.back_mut() {
            entry.judged = now;
        }
    }

    /// For so long the client's socket had no room for what waits to be sent.
    pub fn waited_for_client(&mut self, time: Duration) {
        self.told = self.told.and(time, Duration::ZERO);
    }

    /// For so long answers were made, or passed on as they came.
    pub fn worked(&mut self, time: Duration) {
        self.told = self.told.and(Duration::ZERO, time);
    }

    /// What the client said that it is, if it did since last asked.
    pub fn take_software(&mut self) -> Option<Box<ClientSoftware>> {
        self.software.take()
    }
}
