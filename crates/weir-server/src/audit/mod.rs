//! The audit: who was let in, what was refused, what an operator changed; one JSON object a line, chained by hashes.
//!
//! `event` is the closed list of what is written, `tally` counts what is too frequent for a line each, `visit` is one
//! connection's part; `writer` is a thread of its own behind a bounded queue, `address` its policy for addresses,
//! `chain` and `files` what it writes; `verify` reads it again.
//! Must never: hold up a request or a reload, lose an event without counting it, or write what a stranger sent.

mod address;
mod chain;
mod event;
mod files;
#[cfg(test)]
mod page;
mod tally;
#[cfg(test)]
mod tests;
mod verify;
mod visit;
mod writer;

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use weir_kafka::outcome::Outcome;
use weir_kafka::session::WentOn;
use weir_policy::{GroupChange, GroupNews};

use crate::config::AuditSettings;
use crate::config::raw::RawWhenFull;
use crate::lock::lock;

pub use chain::Broken;
pub use event::{Event, SCHEMA};
pub(crate) use tally::TurnedAway;
pub use verify::{Found, NotWhole, verify};
pub(crate) use visit::{Certificate, Visit};

use files::Files;
use tally::Tally;
use writer::Writer;

/// Events that wait to be written.
const QUEUE: usize = 4_096;
/// With so many waiting, a process that promises to write down every connection takes no more.
const CROWDED: usize = QUEUE / 2;
/// With so many waiting, who has many more waits.
const BUSY: usize = QUEUE / 4;
/// How long the end of the process waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The audit of this process, or none. Its clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audit(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    queue: SyncSender<Message>,
    waiting: AtomicUsize,
    desks: Mutex<Vec<Arc<Mutex<Tally>>>>,
    /// New connections are refused while lines cannot be written.
    blocks: bool,
    connections: AtomicU64,
    written: AtomicU64,
    dropped: AtomicU64,
    /// Of those that were dropped, how many no line tells of yet.
    untold: AtomicU64,
    failed: AtomicBool,
    why_failed: Mutex<String>,
    stops: AtomicBool,
    /// The line behind all others.
    last: Mutex<Option<Event>>,
}

#[derive(Debug)]
enum Message {
    Event { at: SystemTime, address: Option<IpAddr>, event: Event },
    Stop,
}

/// How the audit stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Lines that were written.
    pub(crate) written: u64,
    /// Events that were not, and will not be.
    pub(crate) dropped: u64,
    /// Why no line can be written now.
    pub(crate) failed: Option<String>,
}

/// Ends the audit.
#[derive(Debug)]
#[must_use = "the last lines are written when it finishes"]
pub(crate) struct AuditEnd(Option<(Arc<Shared>, JoinHandle<()>)>);

impl Audit {
    /// Starts to write, where an audit is configured.
    ///
    /// # Errors
    /// The directory cannot be used.
    pub(crate) fn start(settings: Option<&AuditSettings>) -> io::Result<(Self, AuditEnd)> {
        let Some(settings) = settings else { return Ok((Self::default(), AuditEnd(None))) };
        let opened = Files::open(&settings.directory)?;
        let (queue, inbox) = mpsc::sync_channel(QUEUE);
        let shared = Arc::new(Shared {
            queue,
            waiting: AtomicUsize::new(0),
            desks: Mutex::default(),
            blocks: settings.when_full == RawWhenFull::Block,
            connections: AtomicU64::new(0),
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            untold: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            why_failed: Mutex::default(),
            stops: AtomicBool::new(false),
            last: Mutex::default(),
        });
        let writer = Writer::new(settings, opened, inbox, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("weir-audit".to_owned()).spawn(move || writer.run())?;
        Ok((Self(Some(Arc::clone(&shared))), AuditEnd(Some((shared, thread)))))
    }

    /// Writes an event down.
    pub(crate) fn note(&self, event: Event) {
        self.send(None, event);
    }

    fn send(&self, address: Option<IpAddr>, event: Event) {
        let Some(shared) = &self.0 else { return };
        shared.waiting.fetch_add(1, Ordering::Relaxed);
        if shared.queue.try_send(Message::Event { at: SystemTime::now(), address, event }).is_err() {
            shared.waiting.fetch_sub(1, Ordering::Relaxed);
            shared.lose(1);
        }
    }

    /// Whether anything is written at all.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Whether no new connection may be taken, because it could not be written down.
    pub(crate) fn blocks(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| {
            let is_stuck = || shared.waiting.load(Ordering::Relaxed) >= CROWDED;
            shared.blocks && (shared.failed.load(Ordering::Relaxed) || is_stuck())
        })
    }

    /// Whether somebody who has many events to write down is to wait: they would leave no room for those of others.
    pub(crate) fn is_busy(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.waiting.load(Ordering::Relaxed) >= BUSY)
    }

    /// How it stands; nothing where there is none.
    pub(crate) fn standing(&self) -> Option<Standing> {
        self.0.as_ref().map(|shared| Standing {
            written: shared.written.load(Ordering::Relaxed),
            dropped: shared.dropped.load(Ordering::Relaxed),
            failed: shared.failed.load(Ordering::Relaxed).then(|| lock(&shared.why_failed).clone()),
        })
    }

    /// A place to count at, for one thread.
    pub(crate) fn desk(&self) -> Desk {
        let tally = Arc::default();
        if let Some(shared) = &self.0 {
            lock(&shared.desks).push(Arc::clone(&tally));
        }
        Desk { audit: self.clone(), tally }
    }
}

impl Shared {
    fn lose(&self, events: u64) {
        self.dropped.fetch_add(events, Ordering::Relaxed);
        self.untold.fetch_add(events, Ordering::Relaxed);
    }
}

impl AuditEnd {
    /// Has the last lines written, this one behind all others, and waits for that for a bounded time.
    pub(crate) fn finish(self, last: Event) {
        let Some((shared, thread)) = self.0 else { return };
        *lock(&shared.last) = Some(last);
        shared.stops.store(true, Ordering::Relaxed);
        thread.thread().unpark();
        // Where there is no room for it, the writer is awake and comes to see for itself.
        let _ = shared.queue.try_send(Message::Stop);
        let began = Instant::now();
        while !thread.is_finished() && began.elapsed() < LAST_LINES {
            std::thread::sleep(Duration::from_millis(5));
        }
        if !thread.is_finished() {
            tracing::error!("the last lines of the audit could not be written in time");
        }
    }
}

/// Where one thread counts what is told later. Nobody else waits for its lock, but once in a while the writer.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    audit: Audit,
    tally: Arc<Mutex<Tally>>,
}

impl Desk {
    /// A request ended. It costs nothing unless something of it was refused.
    pub(crate) fn request(&self, principal: &str, outcome: &Outcome) {
        if outcome.refusals.is_empty() || !self.audit.is_on() {
            return;
        }
        let mut tally = lock(&self.tally);
        for (reason, items) in outcome.refusals.iter() {
            tally.denied(principal, reason, outcome.row.name, items.into());
        }
    }

    /// A client's offset was not there, and it went on elsewhere.
    pub(crate) fn went_on(&self, principal: &str, went_on: &WentOn) {
        if self.audit.is_on() {
            lock(&self.tally).went_on(principal, went_on);
        }
    }

    /// A connection begins to wait, for what its principal has used.
    pub(crate) fn throttled(&self, principal: &str, wait: Duration) {
        if self.audit.is_on() {
            lock(&self.tally).throttled(principal, wait);
        }
    }

    /// Groups of a principal came to be, or were deleted. Without an audit nobody is asked for them.
    pub(crate) fn groups(&self, principal: &str, news: impl FnOnce() -> GroupNews) {
        if !self.audit.is_on() {
            return;
        }
        let GroupNews { changes, made, deleted } = news();
        if changes.is_empty() {
            return;
        }
        let mut tally = lock(&self.tally);
        for (change, group) in changes {
            if tally.has_line(principal, change) {
                let (principal, group) = (principal.to_owned(), group.into_string());
                self.audit.note(match change {
                    GroupChange::Made => Event::GroupCreated { principal, group },
                    GroupChange::Deleted => Event::GroupDeleted { principal, group },
                });
            }
        }
        tally.groups_changed(principal, made, deleted);
    }

    /// A connection was not let in.
    pub(crate) fn turned_away(&self, who: TurnedAway) {
        if self.audit.is_on() {
            lock(&self.tally).turned_away(who, 1);
        }
    }

    /// The audit that it is of.
    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }
}
