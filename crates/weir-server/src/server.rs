//! The process: upstreams, workers, listeners, admin; started, watched and stopped.
//!
//! Must never: accept before every address is bound, or stop without having told the connections.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use weir_policy::Policy;

use crate::acceptor::Acceptor;
use crate::admin::{self, Readiness};
use crate::config::Listener;
use crate::listen::{self, Gatekeeper, PrincipalPlaces};
use crate::listener::ListenerState;
use crate::observe::Metrics;
use crate::snapshot::Snapshot;
use crate::upstream::{Upstream, UpstreamReadiness, WantedTopics};
use crate::worker::WorkerHandle;

/// How long a stop may take: past it, what is left is cut.
const STOP: Duration = Duration::from_secs(4);

/// Why the process cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be bound.
    #[error("{address} cannot be bound for {purpose}: {source}; is another process there?")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What it is for.
        purpose: String,
        /// Why.
        source: io::Error,
    },
    /// The system gave no thread, no runtime or no signal.
    #[error("the process cannot start: {0}")]
    System(#[from] io::Error),
}

/// Serves until the process is told to stop.
///
/// # Errors
/// Where it cannot start.
pub fn serve(snapshot: Snapshot) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(Arc::new(snapshot)))
}

async fn run(snapshot: Arc<Snapshot>) -> Result<(), ServeError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let upstreams = start_upstreams(&snapshot);
    let bound = bind(&snapshot)?;
    let admin_listener = bind_admin(&snapshot)?;
    let workers = start_workers(&snapshot)?;
    let metrics = Metrics::new(workers.iter().map(|worker| Arc::clone(&worker.counters)).collect());
    let (stopping, stop) = watch::channel(false);
    let readiness = readiness(&upstreams, stop.clone());
    tokio::spawn(admin::serve(admin_listener, readiness, metrics.clone()));
    let principals = Arc::new(PrincipalPlaces::default());
    let gatekeeper = Gatekeeper::new(&snapshot.config.limits);
    let workers = Arc::new(workers);
    for (listener, config) in bound {
        let Some(upstream) = upstreams.get(&config.upstream) else { continue };
        let state = Arc::new(ListenerState::new(&snapshot, config, upstream, &principals));
        let acceptor = Acceptor {
            state,
            snapshot: Arc::clone(&snapshot),
            gatekeeper: gatekeeper.clone(),
            metrics: metrics.clone(),
            workers: Arc::clone(&workers),
            stop: stop.clone(),
        };
        tokio::spawn(acceptor.run(listener));
    }
    tracing::info!(generation = snapshot.generation, "serving");
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            // Whatever rotates logs or keeps units sends it; without a handler it would end the process.
            _ = hangup.recv() => tracing::warn!("SIGHUP changes nothing: restart Weir to read its files again"),
        }
    }
    tracing::info!("stopping: no new connections, open ones end after their answer");
    stopping.send_replace(true);
    drain(&workers).await;
    Ok(())
}

/// Waits, for a bounded time, until every connection has ended.
async fn drain(workers: &[WorkerHandle]) {
    workers.iter().for_each(WorkerHandle::start_draining);
    let ended = async {
        while !workers.iter().all(WorkerHandle::has_ended) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(STOP, ended).await.is_err() {
        tracing::warn!("connections were cut: they did not end in time");
    }
}

fn start_upstreams(snapshot: &Snapshot) -> HashMap<String, Arc<Upstream>> {
    let wanted = Arc::new(wanted_topics(&snapshot.policy));
    let start = |(name, settings): (&String, &crate::upstream::UpstreamSettings)| {
        // The sender may go: a wish that never changes is no wish that is gone.
        let (_, wishes) = watch::channel(Arc::clone(&wanted));
        (name.clone(), Upstream::start(settings.clone(), wishes))
    };
    snapshot.upstreams.iter().map(start).collect()
}

fn wanted_topics(policy: &Arc<Policy>) -> WantedTopics {
    let keep = Arc::clone(policy);
    WantedTopics {
        literals: policy.catalogue_literals().map(str::to_owned).collect(),
        keep: Box::new(move |topic| keep.catalogue_allows(topic)),
        pattern: policy.has_patterns(),
    }
}

/// Binds every address before the first connection is accepted.
fn bind(snapshot: &Snapshot) -> Result<Vec<(TcpListener, &Listener)>, ServeError> {
    let mut bound = Vec::new();
    for config in &snapshot.config.listeners {
        for address in config.binds() {
            let listener = listen::bind(address).map_err(|source| ServeError::Bind {
                address,
                purpose: format!("listener {}", config.name),
                source,
            })?;
            bound.push((listener, config));
        }
    }
    Ok(bound)
}

fn bind_admin(snapshot: &Snapshot) -> Result<TcpListener, ServeError> {
    let address = snapshot.config.admin;
    listen::bind(address).map_err(|source| ServeError::Bind { address, purpose: "admin".to_owned(), source })
}

fn start_workers(snapshot: &Snapshot) -> Result<Vec<WorkerHandle>, ServeError> {
    let waiting = snapshot.config.limits.unauthenticated;
    let start = |index| WorkerHandle::start(index, waiting).map_err(ServeError::System);
    (0..snapshot.config.workers.get()).map(start).collect()
}

fn readiness(upstreams: &HashMap<String, Arc<Upstream>>, stop: watch::Receiver<bool>) -> Readiness {
    let upstreams: Vec<_> = upstreams.iter().map(|(name, upstream)| (name.clone(), Arc::clone(upstream))).collect();
    Readiness::new(move || {
        let mut reasons = Vec::new();
        if *stop.borrow() {
            reasons.push("stopping".to_owned());
        }
        for (name, upstream) in &upstreams {
            if let UpstreamReadiness::NotReady(reason) = upstream.readiness() {
                reasons.push(format!("upstream {name}: {reason}"));
            }
        }
        reasons
    })
}
