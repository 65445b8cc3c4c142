//! The process: upstreams, workers, listeners, admin; started, watched and stopped.
//!
//! Must never: accept before every address is bound, or stop without having told the connections.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use weir_policy::Policy;

use crate::acceptor::Acceptor;
use crate::accounts::{self, Accounts};
use crate::admin::{self, Readiness, Ready};
use crate::audit::{Audit, AuditEnd, Event};
use crate::compaction;
use crate::config::Listener;
use crate::drain::{Drain, STOP};
use crate::listen::{Gatekeeper, Inherited, PrincipalPlaces};
use crate::live::{Generation, ReloadStatus, Reloader};
use crate::observe::{LoginSeries, Metrics};
use crate::retention;
use crate::service_manager::{self, Pulse};
use crate::snapshot::{Loader, Snapshot};
use crate::sockets::{Socket, Sockets};
use crate::upstream::{Upstream, UpstreamReadiness, UpstreamSettings, WantedTopics};
use crate::worker::WorkerHandle;

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
    /// A service manager handed over a socket that nothing is configured for.
    #[error(
        "the service manager handed over a socket for {address}, and no `bind` of the configuration is that: whoever \
         connects to it would wait for ever; print the socket unit anew (`weir systemd-socket`), or change `bind`"
    )]
    NotConfigured {
        /// The address.
        address: SocketAddr,
    },
    /// The audit cannot be begun.
    #[error("the audit in {directory} cannot be written: {source}; see that this user may write there")]
    Audit {
        /// Its directory.
        directory: String,
        /// Why.
        source: io::Error,
    },
    /// The system gave no thread, no runtime or no signal.
    #[error("the process cannot start: {0}")]
    System(#[from] io::Error),
}

/// Serves until the process is told to stop, on the sockets that were `inherited` where they are for it. `loader` gave
/// the snapshot, and gives those that follow it.
///
/// # Errors
/// Where it cannot start.
pub fn serve(snapshot: Snapshot, loader: Loader, inherited: Inherited) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(Arc::new(snapshot), loader, inherited))
}

async fn run(snapshot: Arc<Snapshot>, loader: Loader, inherited: Inherited) -> Result<(), ServeError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let (audit, audit_end) = start_audit(&snapshot)?;
    let places = Arc::new(PrincipalPlaces::default());
    let accounts = Arc::new(Accounts::default());
    accounts.follow(&snapshot.policy);
    let clusters = Clusters::start(&snapshot);
    let sockets = Sockets::open(&snapshot.config, inherited)?;
    let first = Generation::new(Arc::clone(&snapshot), &clusters.upstreams, &places, &accounts);
    let (publisher, generations) = watch::channel(Arc::new(first));
    let publisher = Arc::new(publisher);
    let workers = start_workers(&snapshot, &generations, &audit)?;
    let status = Arc::new(ReloadStatus::with(audit.clone()));
    status.in_force(&snapshot);
    let counters = workers.iter().map(|worker| Arc::clone(&worker.counters)).collect();
    let (stopping, stop) = watch::channel(false);
    let readiness = readiness(&clusters.upstreams, Arc::clone(&status), Arc::clone(&accounts), stop.clone());
    let logins = snapshot.upstreams.values().flat_map(LoginSeries::of).collect();
    let metrics = Metrics::new(counters, Arc::clone(&status), &accounts, readiness.clone(), logins);
    tokio::spawn(accounts::count(clusters.named(), Arc::clone(&accounts), generations.clone()));
    tokio::spawn(retention::watch(
        clusters.named(),
        generations.clone(),
        Arc::clone(&accounts.retention),
        audit.clone(),
    ));
    watch_compaction(&clusters, &publisher, &accounts.compaction, &audit);
    let pulse = Pulse::default();
    tokio::spawn(admin::serve(sockets.admin, readiness.clone(), pulse.clone(), metrics.clone()));
    if let Some((listener, allowed)) = sockets.metrics.zip(snapshot.config.admin.metrics.as_ref()) {
        tokio::spawn(admin::serve_metrics(listener, allowed.allow.clone(), metrics.clone()));
    }
    let gatekeeper = Gatekeeper::new(&snapshot.config.limits);
    let workers = Arc::new(workers);
    let of_listener = |config: &Listener| Acceptor {
        name: config.name.as_str().into(),
        generations: generations.clone(),
        gatekeeper: gatekeeper.clone(),
        metrics: metrics.clone(),
        workers: Arc::clone(&workers),
        stop: stop.clone(),
        audit: audit.desk(),
    };
    let held = start_acceptors(sockets.clients, of_listener);
    let publish = move |snapshot: Arc<Snapshot>| {
        clusters.want(&snapshot.policy);
        accounts.follow(&snapshot.policy);
        publisher.send_replace(Arc::new(Generation::new(snapshot, &clusters.upstreams, &places, &accounts)));
    };
    let reloader = Reloader::start(loader, status, publish)?;
    tokio::spawn(service_manager::keep_told(readiness, Arc::clone(&workers), pulse));
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            reloader.look();
        }
    });
    tracing::info!(generation = snapshot.generation, "serving");
    audit.note(started(&snapshot));
    service_manager::serving();
    drop(snapshot);
    told_to_stop(&mut terminate, &mut interrupt).await;
    let spread = generations.borrow().snapshot.config.drain_spread;
    service_manager::stopping(spread.unwrap_or_default().saturating_add(STOP));
    let spread_seconds = spread.unwrap_or_default().as_secs();
    tracing::info!(spread_seconds, "stopping: no new connections, open ones end after their answer");
    audit.note(Event::DrainBegun);
    stopping.send_replace(true);
    let queues = if spread.is_some() { queues_of(held).await } else { Vec::new() };
    Drain { workers: &workers, spread, queues }.run(told_to_stop(&mut terminate, &mut interrupt)).await;
    audit_end.finish(Event::DrainEnded { cut: !workers.iter().all(WorkerHandle::has_ended) });
    Ok(())
}

/// Watches over topics that must be compacted. Connections look again at what they may when another generation is
/// published, so the one that is in force is published once more.
fn watch_compaction(
    clusters: &Clusters,
    publisher: &Arc<watch::Sender<Arc<Generation>>>,
    standing: &Arc<compaction::Standing>,
    audit: &Audit,
) {
    for (name, upstream) in clusters.named() {
        let again = Arc::clone(publisher);
        let wake = move || again.send_modify(|generation| *generation = Arc::new(generation.again()));
        let (generations, standing, audit) = (publisher.subscribe(), Arc::clone(standing), audit.clone());
        tokio::spawn(compaction::watch(name, upstream, generations, standing, audit, Arc::new(wake)));
    }
}

/// Accepts at every socket. Those that a service manager holds, too, are given back when nobody accepts there any more.
fn start_acceptors(
    sockets: Vec<(Socket, &Listener)>,
    of_listener: impl Fn(&Listener) -> Acceptor,
) -> JoinSet<TcpListener> {
    let mut held = JoinSet::new();
    for (socket, config) in sockets {
        let accepts = of_listener(config).run(socket.listener);
        if socket.is_held { drop(held.spawn(accepts)) } else { drop(tokio::spawn(accepts)) }
    }
    held
}

/// The sockets of acceptors that end: their queues show whether somebody else accepts.
async fn queues_of(mut acceptors: JoinSet<TcpListener>) -> Vec<TcpListener> {
    let mut queues = Vec::new();
    while let Some(listener) = acceptors.join_next().await {
        queues.extend(listener);
    }
    queues
}

fn start_audit(snapshot: &Snapshot) -> Result<(Audit, AuditEnd), ServeError> {
    let settings = snapshot.config.audit.as_ref();
    let directory = settings.map(|settings| settings.directory.display().to_string()).unwrap_or_default();
    Audit::start(settings).map_err(|source| ServeError::Audit { directory, source })
}

fn started(snapshot: &Snapshot) -> Event {
    let listeners = snapshot.config.listeners.iter().map(|listener| listener.name.clone()).collect();
    Event::ProcessStarted { version: env!("CARGO_PKG_VERSION"), generation: snapshot.generation, listeners }
}

async fn told_to_stop(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
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

fn start_workers(
    snapshot: &Snapshot,
    generations: &watch::Receiver<Arc<Generation>>,
    audit: &Audit,
) -> Result<Vec<WorkerHandle>, ServeError> {
    let waiting = snapshot.config.limits.unauthenticated;
    let start =
        |index| WorkerHandle::start(index, waiting, generations.clone(), audit.desk()).map_err(ServeError::System);
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
        let mut of_all = Vec::new();
        if *stop.borrow() {
            of_all.push("stopping".to_owned());
        }
        if !accounts.are_counted() {
            of_all.push("the groups at the brokers are not counted yet".to_owned());
        }
        let (mut against, mut by_upstream) = (of_all.clone(), BTreeMap::new());
        for (name, upstream) in &upstreams {
            let own = match upstream.readiness() {
                UpstreamReadiness::Ready => None,
                UpstreamReadiness::NotReady(reason) => Some(format!("upstream {name}: {reason}")),
            };
            by_upstream.insert(name.clone(), of_all.iter().cloned().chain(own.clone()).collect());
            against.extend(own);
        }
        Ready { against, notes: [status.lines(), accounts.compaction.lines()].concat(), upstreams: by_upstream }
    })
}
