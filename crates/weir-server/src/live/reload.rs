//! Looks at the files when something changed, and publishes the next generation if nothing is wrong with it.
//!
//! It has a thread of its own: compiling ten thousand principals takes longer than a client should wait.
//! Must never: publish what has a problem, hold up whoever asks it to look, or end over a fault of Weir's own: whoever
//! is revoked after that would not be.

#[cfg(test)]
mod tests;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use weir_policy::{ConfigErrors, Problem};

use super::changes;
use super::status::{Notes, ReloadStatus};
use super::watch::{DirectoryWatch, Told};
use crate::audit::Event;
use crate::snapshot::{Loaded, Loader, Look, Snapshot};

/// How long nothing must change before the files are looked at: whoever writes several is let finish.
const QUIET: Duration = Duration::from_millis(5);
/// How long they may go on changing before they are looked at all the same.
const RESTLESS: Duration = Duration::from_millis(100);
/// How often they are looked at where nobody says that they changed: watches get lost, and not every file system has
/// them.
const CLOCK: Duration = Duration::from_secs(10);
/// Problems that are written to the log, of one look; the others are counted.
const LOGGED: usize = 20;

/// Has the files looked at again. Dropping the last one ends the thread.
#[derive(Clone, Debug)]
pub(crate) struct Reloader {
    told: Told,
}

impl Reloader {
    /// Starts to look. `publish` is called with each new generation, one after the other.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(
        loader: Loader,
        status: Arc<ReloadStatus>,
        publish: impl Fn(Arc<Snapshot>) + Send + 'static,
    ) -> io::Result<Self> {
        let (look, asked) = mpsc::sync_channel(1);
        let told = Told::new(look);
        let watch = DirectoryWatch::new(told.clone());
        let thread = Thread { loader, told: told.clone(), watch, status, publish };
        std::thread::Builder::new().name("weir-reload".to_owned()).spawn(move || thread.run(&asked))?;
        Ok(Self { told })
    }

    /// Has all files looked at soon.
    pub(crate) fn look(&self) {
        self.told.anything();
    }
}

struct Thread<P> {
    loader: Loader,
    told: Told,
    watch: DirectoryWatch,
    status: Arc<ReloadStatus>,
    publish: P,
}

impl<P: Fn(Arc<Snapshot>)> Thread<P> {
    fn run(mut self, asked: &Receiver<()>) {
        let mut look = Look::All;
        loop {
            // Before the look: what changes during it is told.
            self.watch.follow(self.loader.directories());
            // What it may leave half done is begun anew with the next look.
            if catch_unwind(AssertUnwindSafe(|| self.look(&look))).is_err() {
                self.refused(&ConfigErrors(vec![own_fault()]));
            }
            self.told.trust(self.loader.plain());
            look = match asked.recv_timeout(CLOCK) {
                Ok(()) => {
                    settle(asked);
                    self.told.take()
                }
                Err(RecvTimeoutError::Timeout) => Look::All,
                Err(RecvTimeoutError::Disconnected) => return,
            };
        }
    }

    fn look(&mut self, look: &Look) {
        let began = Instant::now();
        let (before, last) = (self.loader.policy(), self.status.generation.load(Ordering::Relaxed));
        match self.loader.look(look) {
            Ok(loaded) => self.loaded(loaded, began),
            Err(errors) => {
                // What takes a right away does not wait for other files.
                if let Some(snapshot) = self.loader.restrict() {
                    self.put_in_force(snapshot, began);
                }
                self.refused(&errors);
            }
        }
        let generation = self.status.generation.load(Ordering::Relaxed);
        if let Some((before, after)) = before.zip(self.loader.policy()).filter(|_| generation != last) {
            changes::tell(&before, &after, generation, &self.status.audit);
        }
    }

    fn loaded(&self, loaded: Loaded, began: Instant) {
        let before = self.status.notes();
        for key in loaded.waits_for_restart.iter().filter(|key| !before.waits_for_restart.contains(key)) {
            tracing::warn!(
                key,
                "the configuration has changed in what only a restart can change: nothing of it is in force"
            );
        }
        if !before.refused.is_empty() {
            tracing::info!("the files are sound again");
        }
        self.status.set_notes(Notes { refused: Vec::new(), waits_for_restart: loaded.waits_for_restart });
        if let Some(snapshot) = loaded.snapshot {
            self.put_in_force(snapshot, began);
        }
    }

    fn put_in_force(&self, snapshot: Snapshot, began: Instant) {
        for warning in &snapshot.warnings {
            tracing::warn!("{warning}");
        }
        let generation = snapshot.generation;
        let snapshot = Arc::new(snapshot);
        (self.publish)(Arc::clone(&snapshot));
        self.status.in_force(&snapshot);
        self.status.loaded.fetch_add(1, Ordering::Relaxed);
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(generation, took_ms, "a new generation is in force");
    }

    fn refused(&self, errors: &ConfigErrors) {
        let refused: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
        let before = self.status.notes();
        if before.refused == refused {
            return;
        }
        self.status.refused.fetch_add(1, Ordering::Relaxed);
        for problem in refused.iter().take(LOGGED) {
            tracing::error!("{problem}");
        }
        tracing::error!(problems = refused.len(), "the files are not in force: what was, stays");
        let (problems, more) = changes::some(refused.iter().map(String::as_str), LOGGED);
        self.status.audit.note(Event::PolicyRefused { problems, more });
        let waits_for_restart = before.waits_for_restart.clone();
        self.status.set_notes(Notes { refused, waits_for_restart });
    }
}

fn own_fault() -> Problem {
    let what = "the files could not be looked at, by a fault of Weir's own, which is in the log".to_owned();
    let fix = "take the last change back, and report the fault".to_owned();
    Problem { place: None, what, fix }
}

/// Waits until nothing more is told for a moment, or for as long as anybody may be made to wait.
fn settle(asked: &Receiver<()>) {
    let began = Instant::now();
    while began.elapsed() < RESTLESS && asked.recv_timeout(QUIET).is_ok() {}
}
