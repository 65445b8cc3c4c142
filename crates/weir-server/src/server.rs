//! The process: upstreams, workers, listeners, admin; started, watched and stopped.
//!
//! Must never: accept before every address is bound, or stop without having told the connections.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use weir_kafka::advertise::{AdvertisedNodes, Target};
use weir_kafka::cluster::{ClusterView, ShownClusterId};
use weir_kafka::frame::FrameLimits;
use weir_kafka::gate::Budget;
use weir_kafka::session::{Env, SessionLimits};
use weir_policy::{Policy, Principal};

use crate::admin::{self, Readiness};
use crate::close_reason::CloseReason;
use crate::config::{Limits, Listener};
use crate::listen::{self, Gatekeeper, PrincipalPlaces};
use crate::observe::Metrics;
use crate::snapshot::Snapshot;
use crate::upstream::{Upstream, UpstreamReadiness, WantedTopics};
use crate::worker::{Accepted, WorkerHandle};

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

/// A listener, as its connections see it.
pub(crate) struct ListenerState {
    pub name: String,
    pub nodes: AdvertisedNodes,
    pub upstream: Arc<Upstream>,
    pub frame_limits: FrameLimits,
    pub session_limits: SessionLimits,
    pub principals: Arc<PrincipalPlaces>,
    cluster_id: ShownClusterId,
    trusted_proxies: Vec<ipnet::IpNet>,
    allow: Option<Vec<ipnet::IpNet>>,
}

impl ListenerState {
    /// Whether connections from an address begin with a PROXY header.
    pub(crate) fn trusts_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }

    /// Whether clients may come from an address.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        self.allow.as_ref().is_none_or(|networks| networks.iter().any(|network| network.contains(&address)))
    }

    /// What a request of this listener is judged against.
    pub(crate) fn env<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        principal: &'a Principal,
        target: Target,
        view: Option<&'a ClusterView>,
        broker_connected: bool,
        now: Instant,
    ) -> Env<'a> {
        Env {
            policy: &snapshot.policy,
            policy_generation: snapshot.generation,
            principal,
            view,
            nodes: &self.nodes,
            target,
            cluster_id: &self.cluster_id,
            limits: &self.session_limits,
            broker_connected,
            now,
        }
    }
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
        let state = Arc::new(listener_state(&snapshot, config, upstream, &principals));
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
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
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
    (0..snapshot.config.workers.get()).map(|index| WorkerHandle::start(index).map_err(ServeError::System)).collect()
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

fn listener_state(
    snapshot: &Snapshot,
    config: &Listener,
    upstream: &Arc<Upstream>,
    principals: &Arc<PrincipalPlaces>,
) -> ListenerState {
    let limits = &snapshot.config.limits;
    ListenerState {
        name: config.name.clone(),
        nodes: config.advertise.clone(),
        upstream: Arc::clone(upstream),
        frame_limits: FrameLimits {
            request: limits.request,
            group: limits.request_group,
            small: limits.request_small,
        },
        session_limits: session_limits(limits),
        principals: Arc::clone(principals),
        cluster_id: snapshot.config.shown_cluster_id.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        allow: config.allow.clone(),
    }
}

fn session_limits(limits: &Limits) -> SessionLimits {
    let count = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
    let request = Budget {
        topics: count(limits.topics),
        partitions: count(limits.partitions),
        tags: count(limits.tagged_fields),
        ..Budget::REQUEST
    };
    SessionLimits { request, in_flight: limits.in_flight, ..SessionLimits::default() }
}

/// Accepts the connections of one address and hands them to workers in turn.
struct Acceptor {
    state: Arc<ListenerState>,
    snapshot: Arc<Snapshot>,
    gatekeeper: Gatekeeper,
    metrics: Metrics,
    workers: Arc<Vec<WorkerHandle>>,
    stop: watch::Receiver<bool>,
}

impl Acceptor {
    async fn run(mut self, listener: TcpListener) {
        let mut turn: usize = 0;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = self.stop.wait_for(|stop| *stop) => return,
            };
            match accepted {
                Ok((tcp, peer)) => {
                    turn = turn.wrapping_add(1);
                    if let Err(reason) = self.hand_over(tcp, peer, turn) {
                        self.metrics.refused_at_the_door(reason);
                    }
                }
                Err(error) => {
                    // Out of descriptors, mostly: waiting is all that helps, spinning does not.
                    tracing::warn!(%error, listener = self.state.name, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Checks what can be checked before TLS, and gives the connection to the next worker.
    fn hand_over(&self, tcp: tokio::net::TcpStream, peer: SocketAddr, turn: usize) -> Result<(), CloseReason> {
        let behind_proxy = self.state.trusts_proxy(peer.ip());
        if !behind_proxy && !self.state.allows(peer.ip()) {
            return Err(CloseReason::AddressNotAllowed);
        }
        // A proxy stands for many clients: the limit per address is not for it.
        let address = (!behind_proxy).then_some(peer.ip());
        let permit = self.gatekeeper.admit(address)?;
        listen::tune(&tcp).map_err(|_| CloseReason::ClientReset)?;
        let local = tcp.local_addr().map_err(|_| CloseReason::ClientReset)?;
        let tcp = tcp.into_std().map_err(|_| CloseReason::Internal)?;
        let worker = turn.checked_rem(self.workers.len()).and_then(|index| self.workers.get(index));
        let accepted = Accepted {
            tcp,
            peer,
            local,
            listener: Arc::clone(&self.state),
            snapshot: Arc::clone(&self.snapshot),
            permit,
        };
        let worker = worker.ok_or(CloseReason::Internal)?;
        worker.accepted.try_send(accepted).map_err(|_| CloseReason::Unauthenticated)?;
        worker.counters.accepted();
        Ok(())
    }
}
