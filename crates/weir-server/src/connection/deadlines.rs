//! How long a client may take: for its first frame, for the rest of a frame, for reading its answers, for saying
//! nothing.
//!
//! Must never: read the clock; `now` is always handed in.

use std::time::{Duration, Instant};

use weir_kafka::session::{Head, Session};

use super::client::Client;
use crate::close_reason::CloseReason;
use crate::config::Limits;

/// When things happened that deadlines count from.
pub(super) struct Deadlines {
    opened: Instant,
    first_frame_taken: bool,
    frame_began: Option<Instant>,
    last_activity: Instant,
    unread: Option<Unread>,
    /// When the client's certificate ends.
    expires: Option<Instant>,
}

/// Answers wait for the client: since when, and what it took meanwhile.
struct Unread {
    since: Instant,
    sent: usize,
}

impl Deadlines {
    pub(super) fn new(now: Instant, expires: Option<Instant>) -> Self {
        Self { opened: now, first_frame_taken: false, frame_began: None, last_activity: now, unread: None, expires }
    }

    /// What counts from the connection's beginning counts from here.
    pub(super) fn begin_at(&mut self, from: Instant) {
        self.opened = from;
        self.last_activity = from;
    }

    pub(super) fn expires_at(&mut self, expires: Option<Instant>) {
        self.expires = expires;
    }

    pub(super) fn frame_began(&mut self, now: Instant) {
        self.frame_began = Some(now);
        self.last_activity = now;
    }

    pub(super) fn frame_taken(&mut self, now: Instant, another_began: bool) {
        self.first_frame_taken = true;
        self.frame_began = another_began.then_some(now);
        self.last_activity = now;
    }

    pub(super) fn answered(&mut self, now: Instant) {
        self.last_activity = now;
    }

    pub(super) fn sent(&mut self, bytes: usize, all: bool, now: Instant) {
        if all {
            self.unread = None;
        } else {
            let unread = self.unread.get_or_insert(Unread { since: now, sent: 0 });
            unread.sent = unread.sent.saturating_add(bytes);
        }
    }

    /// Ends the connection where a deadline has passed.
    pub(super) fn check(
        &mut self,
        now: Instant,
        limits: &Limits,
        client: &Client,
        session: &Session,
    ) -> Result<(), CloseReason> {
        if let Some(unread) = &mut self.unread
            && now >= after(unread.since, limits.slow_reader)
        {
            let seconds = usize::try_from(limits.slow_reader.as_secs()).unwrap_or(usize::MAX);
            if unread.sent < limits.reader_min_rate.saturating_mul(seconds) {
                return Err(CloseReason::SlowReader);
            }
            *unread = Unread { since: now, sent: 0 };
        }
        match self.nearest(limits, client, session) {
            (due, reason) if now >= due => Err(reason),
            _ => Ok(()),
        }
    }

    /// When the next deadline is, and what it ends the connection for.
    pub(super) fn nearest(&self, limits: &Limits, client: &Client, session: &Session) -> (Instant, CloseReason) {
        let quiet = (after(self.last_activity, limits.idle), CloseReason::Idle);
        let mut nearest = match session.head() {
            // What is waited for has its own deadline: a rebalance may take longer than a connection may be quiet. A
            // client that has closed its side may only not have read its last answers yet, or it is gone and holds a
            // place.
            Head::Broker { deadline, .. } if !client.link.has_pending() => {
                match (deadline, CloseReason::UpstreamTimeout) {
                    answer if client.at_end => answer.min((after(self.last_activity, GONE), CloseReason::ClientEof)),
                    answer => answer,
                }
            }
            Head::Broker { .. } | Head::Local { .. } | Head::Idle => quiet,
        };
        let mut consider = |due: Instant, reason| {
            if due < nearest.0 {
                nearest = (due, reason);
            }
        };
        if let Some(expires) = self.expires {
            consider(expires, CloseReason::CertExpired);
        }
        if !self.first_frame_taken {
            consider(after(self.opened, limits.first_frame), CloseReason::FirstFrameTimeout);
        }
        if let Some(began) = self.frame_began.filter(|_| client.amid_frame() && client.drained) {
            consider(after(began, frame_allowance(limits, client.buffered())), CloseReason::FrameStalled);
        }
        nearest
    }

    /// When the client's reading is looked at next.
    pub(super) fn reader_checked_at(&self, limits: &Limits) -> Option<Instant> {
        self.unread.as_ref().map(|unread| after(unread.since, limits.slow_reader))
    }
}

/// How long answers are waited for on behalf of a client that has closed its side.
const GONE: Duration = Duration::from_secs(10);

/// A frame may take its time-out, and longer only as long as it keeps its lowest rate.
fn frame_allowance(limits: &Limits, arrived: usize) -> Duration {
    let seconds = arrived.checked_div(limits.frame_min_rate.max(1)).unwrap_or(0);
    limits.frame.max(Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)))
}

fn after(instant: Instant, time: Duration) -> Instant {
    instant.checked_add(time).unwrap_or(instant)
}
