//! The thread that writes: it takes events from the queue, has them sealed into lines, and deletes what is too old.
//!
//! A batch is written whole or tried again; meanwhile the queue fills, and what has no room there is counted.
//! Must never: be waited for, or take more into memory than one batch.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;

use super::address::Addresses;
use super::event::Event;
use super::files::{self, Files};
use super::tally::Tally;
use super::{Message, Shared};
use crate::config::AuditSettings;
use crate::lock::lock;

/// Events that become lines before they are written.
const BATCH: usize = 512;
/// How often what was counted is told.
const WINDOW: Duration = Duration::from_secs(10);
/// How soon again where a write failed.
const AGAIN: Duration = Duration::from_secs(1);
/// How often the system is asked to put lines on the disk, and old files are looked for.
const SYNC: Duration = Duration::from_secs(1);
const DELETE: Duration = Duration::from_secs(60);
/// A clock that moved further than this beside the time that passed has jumped; for so long nothing is deleted then.
const JUMP: Duration = Duration::from_secs(3_600);
const AFTER_JUMP: Duration = Duration::from_secs(86_400);

pub(super) struct Writer {
    files: Files,
    addresses: Addresses,
    keep: Duration,
    inbox: Receiver<Message>,
    shared: Arc<Shared>,
    /// What is not written yet.
    batch: Vec<Line>,
    told: Instant,
    synced: Instant,
    is_dirty: bool,
    old: Old,
}

/// What becomes a line.
struct Line {
    at: SystemTime,
    address: Option<String>,
    event: Event,
}

/// When old files were looked for last.
struct Old {
    looked: Option<(Instant, SystemTime)>,
    held_until: Option<Instant>,
}

impl Writer {
    pub(super) fn new(settings: &AuditSettings, files: Files, inbox: Receiver<Message>, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        Self {
            files,
            addresses: Addresses::new(settings.addresses),
            keep: settings.keep,
            inbox,
            shared,
            batch: Vec::new(),
            told: now,
            synced: now,
            is_dirty: false,
            old: Old { looked: None, held_until: None },
        }
    }

    /// Writes until it is told to stop.
    pub(super) fn run(mut self) {
        loop {
            if self.shared.stops.load(Ordering::Relaxed) {
                return self.end();
            }
            if self.batch.is_empty() && self.told.elapsed() >= WINDOW {
                self.tell();
            }
            let wrote = self.write();
            self.look_for_old();
            match wrote {
                Ok(()) => self.take(),
                // The end of the process wakes it.
                Err(_) => std::thread::park_timeout(AGAIN),
            }
        }
    }

    /// Waits for events, and takes those that are there.
    fn take(&mut self) {
        let first = match self.inbox.recv_timeout(SYNC.min(WINDOW.saturating_sub(self.told.elapsed()))) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => return,
            // The sender is in `shared`: it never goes.
            Err(RecvTimeoutError::Disconnected) => return std::thread::park_timeout(AGAIN),
        };
        self.receive(first);
        for _ in 1..BATCH {
            let Ok(next) = self.inbox.try_recv() else { return };
            self.receive(next);
        }
    }

    fn receive(&mut self, message: Message) {
        let Message::Event { at, address, event } = message else { return };
        self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        let address = address.and_then(|address| self.shown(address));
        self.push(at, address, event);
    }

    fn shown(&mut self, address: IpAddr) -> Option<String> {
        self.addresses.shown(address, files::today(SystemTime::now().into()))
    }

    fn push(&mut self, at: SystemTime, address: Option<String>, event: Event) {
        let cut = self.files.take_cut();
        if cut > 0 {
            tracing::warn!(bytes = cut, "the audit ended in the middle of a line, which was cut off");
            self.batch.push(Line { at, address: None, event: Event::AuditRecovered { bytes: cut } });
        }
        let events = self.shared.untold.swap(0, Ordering::Relaxed);
        if events > 0 {
            self.batch.push(Line { at, address: None, event: Event::AuditLost { events } });
        }
        self.batch.push(Line { at, address, event });
    }

    /// Takes what was counted.
    fn tell(&mut self) {
        let time = self.told.elapsed();
        self.told = Instant::now();
        let mut sum = Tally::default();
        for desk in lock(&self.shared.desks).iter() {
            let counted = std::mem::take(&mut *lock(desk));
            sum.absorb(counted);
        }
        let now = SystemTime::now();
        for (address, event) in sum.told(time, |address| self.shown(address)) {
            self.push(now, address, event);
        }
    }

    /// Writes what there is, and tells where that fails.
    fn write(&mut self) -> io::Result<()> {
        let written = self.write_lines();
        let has_failed = self.shared.failed.load(Ordering::Relaxed);
        match &written {
            Ok(()) if has_failed => tracing::warn!("the audit is written again"),
            Err(error) => {
                *lock(&self.shared.why_failed) = error.to_string();
                if !has_failed {
                    tracing::error!(%error, "the audit cannot be written");
                }
            }
            Ok(()) => {}
        }
        self.shared.failed.store(written.is_err(), Ordering::Relaxed);
        written
    }

    fn write_lines(&mut self) -> io::Result<()> {
        if !self.batch.is_empty() {
            let today = files::today(SystemTime::now().into());
            let batch = &self.batch;
            self.files.append(today, |chain, out| {
                for Line { at, address, event } in batch {
                    // It fails for no event: each is made of texts and numbers.
                    let _ = chain.seal(OffsetDateTime::from(*at), address.as_deref(), event, out);
                }
            })?;
            self.shared.written.fetch_add(self.waiting_here(), Ordering::Relaxed);
            self.batch.clear();
            self.is_dirty = true;
        }
        if self.is_dirty && self.synced.elapsed() >= SYNC {
            self.files.sync()?;
            (self.is_dirty, self.synced) = (false, Instant::now());
        }
        Ok(())
    }

    fn waiting_here(&self) -> u64 {
        u64::try_from(self.batch.len()).unwrap_or(u64::MAX)
    }

    /// Writes what still waits. What cannot be written now never will be.
    fn end(mut self) {
        while let Ok(message) = self.inbox.try_recv() {
            self.receive(message);
        }
        self.tell();
        let last = lock(&self.shared.last).take();
        if let Some(last) = last {
            self.push(SystemTime::now(), None, last);
        }
        let wrote = self.write().and_then(|()| self.files.sync());
        if let Err(error) = wrote {
            let lost = self.waiting_here();
            self.shared.lose(lost);
            tracing::error!(%error, lost, "the process ends, and the last events are not in the audit");
        }
    }

    /// Deletes files that hold what is older than it may be.
    fn look_for_old(&mut self) {
        let (now, clock) = (Instant::now(), SystemTime::now());
        if !self.old.is_due(now, clock) {
            return;
        }
        let Some(oldest) = clock.checked_sub(self.keep) else { return };
        // That day began before it.
        let Some(first_kept) = files::today(oldest.into()).next_day() else { return };
        match self.files.delete_before(first_kept) {
            Ok(0) => {}
            Ok(deleted) => tracing::info!(deleted, "old files of the audit are deleted"),
            Err(error) => tracing::error!(%error, "old files of the audit cannot be deleted"),
        }
    }
}

impl Old {
    /// Whether old files are to be looked for. A clock that jumps must not delete what was written today.
    fn is_due(&mut self, now: Instant, clock: SystemTime) -> bool {
        if let Some((looked, clock_then)) = self.looked {
            let passed = now.saturating_duration_since(looked);
            if passed < DELETE {
                return false;
            }
            if clock.duration_since(clock_then).unwrap_or_default() > passed.saturating_add(JUMP) {
                tracing::warn!("the clock has jumped: for a day, no file of the audit is deleted");
                self.held_until = now.checked_add(AFTER_JUMP);
            }
        }
        self.looked = Some((now, clock));
        self.held_until.is_none_or(|until| now >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_o7_a_clock_that_jumps_deletes_nothing_for_a_day() {
        let (start, clock) = (Instant::now(), SystemTime::now());
        let mut old = Old { looked: None, held_until: None };
        let mut is_due = |passed: u64, jumped: u64| {
            let passed = Duration::from_secs(passed);
            old.is_due(start + passed, clock + passed + Duration::from_secs(jumped))
        };
        let years = 10 * 365 * 86_400;
        assert!(is_due(0, 0));
        assert!(!is_due(59, 0), "not all the time");
        assert!(is_due(60, 0));
        assert!(!is_due(120, years));
        assert!(!is_due(180, 0) && !is_due(80_000, 0), "nor when it has come back");
        assert!(is_due(120 + 86_400, 0));
        assert!(!is_due(90_000, years), "a second time");
        assert!(is_due(90_000 + 86_400, years), "after a day the clock is believed");
    }
}
