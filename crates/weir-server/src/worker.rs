//! A worker: one thread with its own runtime, its own scratch and its own counters. A connection lives on one worker.
//!
//! Must never: share anything that is written on the way of a request with another worker.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpStream as StdTcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, watch};

use crate::audit::Desk;
use crate::close_reason::CloseReason;
use crate::connection::open;
use crate::listen::UnauthenticatedPermit;
use crate::live::Generation;
use crate::observe::WorkerCounters;

/// What is read from a broker at once. Not 64 KiB: with its TLS records that is more than one segment of loopback, and
/// every write leaves as a segment and a tail, at half as much again of the cost (`make bench ONLY=bulk-fetch`).
const SCRATCH: usize = 60 * 1024;

/// A connection that was just accepted, on its way to a worker.
pub(crate) struct Accepted {
    pub tcp: StdTcpStream,
    pub peer: SocketAddr,
    pub local: SocketAddr,
    /// The listener's name.
    pub listener: Arc<str>,
    pub permit: UnauthenticatedPermit,
}

/// Whether the process stops, and how soon its connections end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stopping {
    /// It does not.
    #[default]
    No,
    /// Each ends at an instant of its own, and goes on until then.
    Spread {
        /// The latest of those instants.
        by: Instant,
    },
    /// All of them end now.
    Now,
}

/// What the connections of one worker share.
pub(crate) struct Worker {
    scratch: RefCell<Vec<u8>>,
    /// Where what this worker refuses is counted for the audit.
    pub audit: Desk,
    pub counters: Arc<WorkerCounters>,
    stopping: Cell<Stopping>,
    /// What is in force.
    generation: RefCell<Arc<Generation>>,
    /// Whom to wake when the process stops, or something else is in force.
    sleepers: RefCell<HashMap<u64, Waker>>,
    next_sleeper: Cell<u64>,
}

/// A connection is woken when the process stops or another generation is in force, until this is dropped.
pub(crate) struct Waking {
    worker: Rc<Worker>,
    sleeper: u64,
}

impl Worker {
    pub(crate) fn new(counters: Arc<WorkerCounters>, audit: Desk, generation: Arc<Generation>) -> Self {
        Self {
            scratch: RefCell::new(vec![0; SCRATCH]),
            audit,
            counters,
            stopping: Cell::default(),
            generation: RefCell::new(generation),
            sleepers: RefCell::default(),
            next_sleeper: Cell::new(0),
        }
    }

    /// Lends the scratch for one step, which does not wait.
    pub(crate) fn with_scratch<T>(&self, step: impl FnOnce(&mut [u8]) -> T) -> T {
        step(&mut self.scratch.borrow_mut())
    }

    /// Whether the process is stopping.
    pub(crate) fn stopping(&self) -> Stopping {
        self.stopping.get()
    }

    /// What is in force.
    pub(crate) fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.generation.borrow())
    }

    /// Whether this is what is in force.
    pub(crate) fn is_in_force(&self, generation: &Arc<Generation>) -> bool {
        Arc::ptr_eq(&self.generation.borrow(), generation)
    }

    /// Has a connection's task woken when the process stops or another generation is in force.
    pub(crate) fn wake_at_change(self: &Rc<Self>, task: &Waker) -> Waking {
        let sleeper = self.next_sleeper.get();
        self.next_sleeper.set(sleeper.wrapping_add(1));
        self.sleepers.borrow_mut().insert(sleeper, task.clone());
        Waking { worker: Rc::clone(self), sleeper }
    }

    /// The process stops: every connection looks at what that means for it.
    pub(crate) fn stop(&self, stopping: Stopping) {
        self.stopping.set(stopping);
        self.wake_all();
    }

    /// Another generation is in force: every connection looks at what that means for it.
    pub(crate) fn put_in_force(&self, generation: Arc<Generation>) {
        *self.generation.borrow_mut() = generation;
        self.wake_all();
    }

    fn wake_all(&self) {
        self.sleepers.borrow().values().for_each(Waker::wake_by_ref);
    }
}

impl Drop for Waking {
    fn drop(&mut self) {
        self.worker.sleepers.borrow_mut().remove(&self.sleeper);
    }
}

/// The main thread's handle of a worker.
pub(crate) struct WorkerHandle {
    pub accepted: mpsc::Sender<Accepted>,
    pub counters: Arc<WorkerCounters>,
    stopping: watch::Sender<Stopping>,
    /// Asked for signs of life, and the last one that was answered.
    pulse: watch::Sender<u64>,
    answered: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl WorkerHandle {
    /// Starts a worker for which up to `waiting` connections may wait: as many as there may be strangers, so that the
    /// one limit for them is the one that is configured.
    ///
    /// # Errors
    /// Where the system gives no thread or no runtime.
    pub(crate) fn start(
        index: usize,
        waiting: usize,
        generations: watch::Receiver<Arc<Generation>>,
        audit: Desk,
    ) -> io::Result<Self> {
        let (accepted, inbox) = mpsc::channel(waiting);
        let (stopping, stop) = watch::channel(Stopping::No);
        let (pulse, asked) = watch::channel(0);
        let answered = Arc::new(AtomicU64::new(0));
        let counters = Arc::new(WorkerCounters::default());
        let shared = Arc::clone(&counters);
        let answers = Arc::clone(&answered);
        let (started, start) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name(format!("weir-worker-{index}")).spawn(move || {
            // Made here: it may not leave its thread.
            let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            match runtime {
                Ok(runtime) => {
                    let _ = started.send(Ok(()));
                    let told = Told { stop, asked, answers, generations };
                    runtime.block_on(run(shared, audit, inbox, told));
                }
                Err(error) => drop(started.send(Err(error))),
            }
        })?;
        start.recv().map_err(io::Error::other)??;
        Ok(Self { accepted, counters, stopping, pulse, answered, thread })
    }

    /// Tells the connections when to end.
    pub(crate) fn stop(&self, stopping: Stopping) {
        self.stopping.send_replace(stopping);
    }

    /// Asks for a sign of life, and says whether the last one that was asked for came, or the worker is done.
    pub(crate) fn answers(&self) -> bool {
        let answers = self.answered.load(Ordering::Relaxed) == *self.pulse.borrow();
        if answers {
            self.pulse.send_modify(|asked| *asked = asked.wrapping_add(1));
        }
        answers || (self.has_ended() && *self.stopping.borrow() != Stopping::No)
    }

    /// Whether every connection has ended and the thread with them.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}

/// What a worker is told while it runs.
struct Told {
    stop: watch::Receiver<Stopping>,
    asked: watch::Receiver<u64>,
    answers: Arc<AtomicU64>,
    generations: watch::Receiver<Arc<Generation>>,
}

/// Serves connections until the process stops and the last one has ended. What is in force reaches them until then.
async fn run(counters: Arc<WorkerCounters>, audit: Desk, mut inbox: mpsc::Receiver<Accepted>, mut told: Told) {
    let first = Arc::clone(&told.generations.borrow_and_update());
    let worker = Rc::new(Worker::new(counters, audit, first));
    let mut connections = tokio::task::JoinSet::new();
    while worker.stopping() == Stopping::No || !connections.is_empty() {
        tokio::select! {
            accepted = inbox.recv() => match accepted {
                Some(accepted) => {
                    connections.spawn_local(open::serve(Rc::clone(&worker), accepted));
                }
                None => break,
            },
            Some(_) = connections.join_next() => {}
            Ok(()) = told.generations.changed() => {
                let newest = Arc::clone(&told.generations.borrow_and_update());
                worker.put_in_force(newest);
            }
            Ok(()) = told.stop.changed() => worker.stop(*told.stop.borrow_and_update()),
            Ok(()) = told.asked.changed() => told.answers.store(*told.asked.borrow_and_update(), Ordering::Relaxed),
        }
    }
    // What came too late to be looked at ends, too.
    inbox.close();
    while inbox.try_recv().is_ok() {
        worker.counters.closed(CloseReason::Drain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_does_not_answer_is_noticed_until_it_does() {
        let (end, ends) = std::sync::mpsc::sync_channel::<()>(1);
        let handle = WorkerHandle {
            accepted: mpsc::channel(1).0,
            counters: Arc::default(),
            stopping: watch::channel(Stopping::No).0,
            pulse: watch::channel(0).0,
            answered: Arc::default(),
            thread: std::thread::spawn(move || {
                let _ = ends.recv();
            }),
        };
        assert!(handle.answers(), "nothing was asked of it yet");
        assert!(!handle.answers() && !handle.answers());
        handle.answered.store(*handle.pulse.borrow(), Ordering::Relaxed);
        assert!(handle.answers());
        drop(end);
        while !handle.has_ended() {
            std::thread::yield_now();
        }
        assert!(!handle.answers(), "one that ended by itself is no worker");
        handle.stop(Stopping::Now);
        assert!(handle.answers(), "one that was told to is done");
    }
}
