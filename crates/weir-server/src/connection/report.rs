//! What a connection tells of itself: each request when the client has its answer, and what its principal used.
//!
//! Must never: lose a request that was taken, whatever ends the connection.

use std::time::{Duration, Instant};

use weir_kafka::session::WentOn;

use super::Connection;
use crate::close_reason::CloseReason;
use crate::observe::{LinesPerSecond, Spent};

impl Connection {
    /// Sends the client what waits for it, keeps account of it, and reports the requests whose answers it has.
    pub(super) fn flush(&mut self, now: Instant) -> Result<(), CloseReason> {
        let sent = self.client.flush(now, &mut self.deadlines)?;
        self.dues.sent(sent);
        self.tally.sent(sent);
        self.tally.muted(self.dues.are_muted(), now);
        let waits = self.client.link.has_pending();
        self.session.waited_for_client(self.held.look(waits, now));
        if !waits {
            self.report();
        }
        Ok(())
    }

    /// A request was taken, and will be reported.
    pub(super) fn taken(&mut self) {
        if let Some(row) = self.session.newest() {
            self.worker.counters.taken(row);
        }
        if let Some(software) = self.session.take_software() {
            self.tally.says(*software);
        }
        for went_on in self.session.take_went_on() {
            self.tally.went_on();
            self.worker.audit.went_on(&self.principal.name, &went_on);
            tell_went_on(&self.principal.name, &went_on);
        }
        self.is_judging = true;
    }

    /// The last turn's request was judged by now.
    pub(super) fn judged(&mut self, now: Instant) {
        if std::mem::take(&mut self.is_judging) {
            self.session.judged(now);
        }
    }

    /// From then until now an answer was made or passed on, if one was.
    pub(super) fn answered_since(&mut self, then: Option<Instant>, now: Instant) {
        if let Some(then) = then {
            self.session.worked(now.saturating_duration_since(then));
        }
    }

    /// Counts the requests that have ended.
    fn report(&mut self) {
        let held = self.held.take_unreported();
        let mut finished = None;
        while let Some(outcome) = self.session.outcome() {
            let finished = *finished.get_or_insert_with(Instant::now);
            self.dues.refused(outcome.refusals.iter().map(|(_, items)| u64::from(items)).sum());
            self.tally.request(&outcome.refusals, finished);
            self.visit.request(&outcome);
            self.tell_groups(&outcome);
            self.worker.audit.request(&self.principal.name, &outcome);
            self.worker.counters.request(&outcome, &Spent::of(&outcome, finished, held));
        }
    }
}

/// The log has some of them, the audit all.
fn tell_went_on(principal: &str, went_on: &WentOn) {
    static LINES: LinesPerSecond = LinesPerSecond::new(10);
    if LINES.allow() {
        let WentOn { topic, partition, offset } = went_on;
        tracing::info!(
            principal,
            topic,
            partition,
            offset,
            "the client's offset was not there, and it went on at another"
        );
    }
}

impl Drop for Connection {
    /// Every request that was taken has its outcome, also where this is an unwinding.
    fn drop(&mut self) {
        let now = Instant::now();
        self.session.waited_for_client(self.held.look(false, now));
        self.session.leave(now);
        self.session.end(now);
        self.report();
        self.tally.muted(false, now);
        self.settle(now);
    }
}

/// The client does not read, or has not for a while.
#[derive(Debug, Default)]
pub(super) struct Held {
    since: Option<Instant>,
    /// Since requests were reported last.
    unreported: Duration,
}

impl Held {
    /// Something waits to be sent, or nothing does any more: then, for how long something did.
    pub(super) fn look(&mut self, waits: bool, now: Instant) -> Duration {
        if waits {
            self.since.get_or_insert(now);
            return Duration::ZERO;
        }
        let Some(since) = self.since.take() else { return Duration::ZERO };
        let held = now.saturating_duration_since(since);
        self.unreported = self.unreported.saturating_add(held);
        held
    }

    /// For how long, since last asked.
    pub(super) fn take_unreported(&mut self) -> Duration {
        std::mem::take(&mut self.unreported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_held_from_when_something_waits_until_nothing_does() {
        let (mut held, start) = (Held::default(), Instant::now());
        let mut look = |waits, millis| held.look(waits, start + Duration::from_millis(millis)).as_millis();
        let told = [look(false, 0), look(true, 1), look(true, 5), look(false, 8), look(false, 9), look(true, 10)];
        assert_eq!(told, [0, 0, 0, 7, 0, 0]);
        assert_eq!(look(false, 12), 2);
        assert_eq!([held.take_unreported().as_millis(), held.take_unreported().as_millis()], [9, 0]);
    }
}
