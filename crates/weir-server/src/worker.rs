//! A worker: one thread with its own runtime, its own scratch and its own counters. A connection lives on one worker.
//!
//! Must never: share anything that is written on the way of a request with another worker.

use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, TcpStream as StdTcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::connection::open;
use crate::listen::UnauthenticatedPermit;
use crate::listener::ListenerState;
use crate::observe::WorkerCounters;
use crate::snapshot::Snapshot;

/// What is read from a broker at once. Not 64 KiB: with its TLS records that is more than one segment of loopback, and
/// every write leaves as a segment and a tail, at half as much again of the cost (`make bench ONLY=bulk-fetch`).
const SCRATCH: usize = 60 * 1024;

/// A connection that was just accepted, on its way to a worker.
pub(crate) struct Accepted {
    pub tcp: StdTcpStream,
    pub peer: SocketAddr,
    pub local: SocketAddr,
    pub listener: Arc<ListenerState>,
    pub snapshot: Arc<Snapshot>,
    pub permit: UnauthenticatedPermit,
}

/// What the connections of one worker share.
pub(crate) struct Worker {
    scratch: RefCell<Vec<u8>>,
    pub counters: Arc<WorkerCounters>,
    drain: watch::Receiver<bool>,
}

impl Worker {
    pub(crate) fn new(counters: Arc<WorkerCounters>, drain: watch::Receiver<bool>) -> Self {
        Self { scratch: RefCell::new(vec![0; SCRATCH]), counters, drain }
    }

    /// Lends the scratch for one step, which does not wait.
    pub(crate) fn with_scratch<T>(&self, step: impl FnOnce(&mut [u8]) -> T) -> T {
        step(&mut self.scratch.borrow_mut())
    }

    /// Follows whether the process is stopping.
    pub(crate) fn drain(&self) -> watch::Receiver<bool> {
        self.drain.clone()
    }
}

/// The main thread's handle of a worker.
pub(crate) struct WorkerHandle {
    pub accepted: mpsc::Sender<Accepted>,
    pub counters: Arc<WorkerCounters>,
    drain: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl WorkerHandle {
    /// Starts a worker for which up to `waiting` connections may wait: as many as there may be strangers, so that the
    /// one limit for them is the one that is configured.
    ///
    /// # Errors
    /// Where the system gives no thread or no runtime.
    pub(crate) fn start(index: usize, waiting: usize) -> io::Result<Self> {
        let (accepted, inbox) = mpsc::channel(waiting);
        let (drain, draining) = watch::channel(false);
        let counters = Arc::new(WorkerCounters::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&counters);
        let thread = std::thread::Builder::new().name(format!("weir-worker-{index}")).spawn(move || {
            LocalSet::new().block_on(&runtime, run(Rc::new(Worker::new(shared, draining)), inbox));
        })?;
        Ok(Self { accepted, counters, drain, thread })
    }

    /// Tells the connections to end at the next answer's end.
    pub(crate) fn start_draining(&self) {
        self.drain.send_replace(true);
    }

    /// Whether every connection has ended and the thread with them.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}

/// Takes connections until the process drains, then waits for those that are left.
async fn run(worker: Rc<Worker>, mut inbox: mpsc::Receiver<Accepted>) {
    let mut drain = worker.drain();
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = inbox.recv() => match accepted {
                Some(accepted) => {
                    connections.spawn_local(open::serve(Rc::clone(&worker), accepted));
                }
                None => break,
            },
            Some(_) = connections.join_next() => {}
            Ok(_) = drain.wait_for(|draining| *draining) => break,
        }
    }
    while connections.join_next().await.is_some() {}
}
