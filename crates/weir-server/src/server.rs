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
use crate::accounts::{self, Accounts};
use crate::admin::{self, Readiness, Ready};
use crate::config::Listener;
use crate::listen::{self, Gatekeeper, PrincipalPlaces};
use crate::live::{Generation, ReloadStatus, Reloader};
use crate::observe::Metrics;
use crate::snapshot::{Loader, Snapshot};
use crate::upstream::{Upstream, UpstreamReadiness, UpstreamSettings, WantedTopics};
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

/// Serves until the process is told to stop. `loader` gave the snapshot, and gives those that follow it.
///
/// # Errors
/// Where it cannot start.
pub fn serve(snapshot: Snapshot, loader: Loader) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(Arc::new(snapshot), loader))
}

async fn run(snapshot: Arc<Snapshot>, loader: Loader) -> Result<(), ServeError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let places = Arc::new(PrincipalPlaces::default());
    let accounts = Arc::new(Accounts::default());
    let clusters = Clusters::start(&snapshot);
    let bound = bind(&snapshot)?;
    let admin_listener = bind_admin(&snapshot)?;
    let first = Generation::new(Arc::clone(&snapshot), &clusters.upstreams, &places, &accounts);
    let (publisher, generations) = watch::channel(Arc::new(first));
    let workers = start_workers(&snapshot, &generations)?;
    let status = Arc::new(ReloadStatus::default());
    status.in_force(&snapshot);
    let counters = workers.iter().map(|worker| Arc::clone(&worker.counters)).collect();
    let metrics = Metrics::new(counters, Arc::clone(&status));
    let (stopping, stop) = watch::channel(false);
    let readiness = readiness(&clusters.upstreams, Arc::clone(&status), Arc::clone(&accounts), stop.clone());
    tokio::spawn(accounts::count_groups(clusters.named(), Arc::clone(&accounts), generations.clone()));
    tokio::spawn(admin::serve(admin_listener, readiness, metrics.clone()));
    let gatekeeper = Gatekeeper::new(&snapshot.config.limits);
    let workers = Arc::new(workers);
    for (listener, config) in bound {
        let acceptor = Acceptor {
            name: config.name.as_str().into(),
            generations: generations.clone(),
            gatekeeper: gatekeeper.clone(),
            metrics: metrics.clone(),
            workers: Arc::clone(&workers),
            stop: stop.clone(),
        };
        tokio::spawn(acceptor.run(listener));
    }
    let publish = move |snapshot: Arc<Snapshot>| {
        clusters.want(&snapshot.policy);
        accounts.follow(&snapshot.policy);
        publisher.send_replace(Arc::new(Generation::new(snapshot, &clusters.upstreams, &places, &accounts)));
    };
    let reloader = Reloader::start(loader, status, publish)?;
    tracing::info!(generation = snapshot.generation, "serving");
    drop(snapshot);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => reloader.look(),
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

/// The clusters, which outlive generations, and the way to tell each which topics are wanted of it.
struct Clusters {
    upstreams: HashMap<String, Arc<Upstream>>,
    wishes: watch::Sender<Arc<WantedTopics>>,
}

impl Clusters {
    fn start(snapshot: &Snapshot) -> Self {
        let (wishes, wanted) = watch::channel(Arc::new(wanted_topics(&snapshot.policy)));
        let start = |(name, settings): (&String, &UpstreamSettings)| {
            (name.clone(), Upstream::start(settings.clone(), wanted.clone()))
        };
        Self { upstreams: snapshot.upstreams.iter().map(start).collect(), wishes }
    }

    /// The clusters, by name.
    fn named(&self) -> Vec<(String, Arc<Upstream>)> {
        self.upstreams.iter().map(|(name, upstream)| (name.clone(), Arc::clone(upstream))).collect()
    }

    /// Asks for the topics of this policy from now on.
    fn want(&self, policy: &Arc<Policy>) {
        self.wishes.send_replace(Arc::new(wanted_topics(policy)));
    }
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

fn start_workers(
    snapshot: &Snapshot,
    generations: &watch::Receiver<Arc<Generation>>,
) -> Result<Vec<WorkerHandle>, ServeError> {
    let waiting = snapshot.config.limits.unauthenticated;
    let start = |index| WorkerHandle::start(index, waiting, generations.clone()).map_err(ServeError::System);
    (0..snapshot.config.workers.get()).map(start).collect()
}

fn readiness(
    upstreams: &HashMap<String, Arc<Upstream>>,
    status: Arc<ReloadStatus>,
    accounts: Arc<Accounts>,
    stop: watch::Receiver<bool>,
) -> Readiness {
    let upstreams: Vec<_> = upstreams.iter().map(|(name, upstream)| (name.clone(), Arc::clone(upstream))).collect();
    Readiness::new(move || {
        let mut reasons = Vec::new();
        if *stop.borrow() {
            reasons.push("stopping".to_owned());
        }
        if !accounts.are_counted() {
            reasons.push("the groups at the brokers are not counted yet".to_owned());
        }
        for (name, upstream) in &upstreams {
            if let UpstreamReadiness::NotReady(reason) = upstream.readiness() {
                reasons.push(format!("upstream {name}: {reason}"));
            }
        }
        Ready { against: reasons, notes: status.lines() }
    })
}
