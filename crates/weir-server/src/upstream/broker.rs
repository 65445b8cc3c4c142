//! One listed broker: where it answers, its API versions, and the task that keeps both true.
//!
//! The task holds a connection of its own to the broker, so that a restart is noticed when it happens and the broker is
//! asked again at once. Must never: carry a client's bytes, or let a broker of another cluster be dialled.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use weir_kafka::cleared::OwnRequest;
use weir_kafka::cluster::{RealAddress, RealBrokerId, RealClusterId};
use weir_kafka::discovery;

use super::backoff::Backoff;
use super::connect::{connect, secure};
use super::exchange::{ControlConnection, ExchangeError};
use super::pace::Pacer;
use super::resolve::Resolver;
use super::sasl;
use super::settings::{Caller, HostPort, UpstreamSettings};
use super::turns::Turns;
use super::versions::{API_VERSIONS_ASKED, METADATA_BY_NAME, Ranges, metadata_version};

/// A broker that the cluster lists.
#[derive(Debug)]
pub(super) struct Broker {
    pub(super) id: RealBrokerId,
    pub(super) address: RealAddress,
    /// The cluster that lists it.
    cluster: RealClusterId,
    state: watch::Sender<BrokerState>,
    turns: Turns,
    suspect: Notify,
}

/// What is known of a broker.
#[derive(Clone, Debug, Default)]
pub(super) struct BrokerState {
    pub(super) health: Health,
    /// Where it answered last, and its cluster's id was asked for: no other address is dialled for a client.
    pub(super) address: Option<SocketAddr>,
    /// What it serves; what it served when it was last reached.
    pub(super) versions: Option<Arc<Ranges>>,
    /// The id of the other cluster that answers at its address.
    pub(super) foreign: Option<RealClusterId>,
}

/// Whether a broker answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Health {
    /// Not asked yet.
    #[default]
    Unknown,
    Up,
    Down,
}

impl Broker {
    pub(super) fn new(id: RealBrokerId, address: RealAddress, cluster: RealClusterId, dials_per_second: u32) -> Self {
        Self {
            id,
            address,
            cluster,
            state: watch::Sender::default(),
            turns: Turns::new(Pacer::new(dials_per_second)),
            suspect: Notify::new(),
        }
    }

    pub(super) fn host_port(&self) -> HostPort {
        HostPort { host: self.address.host.clone(), port: self.address.port }
    }

    pub(super) fn state(&self) -> BrokerState {
        self.state.borrow().clone()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<BrokerState> {
        self.state.subscribe()
    }

    /// Waits for a principal's turn to dial; nothing where it would not come in time.
    pub(super) async fn turn(&self, whose: &str, patience: Duration) -> Option<()> {
        self.turns.take(whose, patience).await
    }

    /// Opens a control connection to where the broker answered last, and sees that its own cluster still answers there:
    /// what another one says of topics and groups of the same names is nothing to this one.
    pub(super) async fn open(&self, settings: &UpstreamSettings) -> Result<ControlConnection, ExchangeError> {
        let BrokerState { address, versions, .. } = self.state();
        let versions = versions.ok_or(ExchangeError::Unresolved)?;
        let (connection, _) = open(address.as_slice(), &self.host_port(), settings).await?;
        match self.foreign_cluster(connection, &versions, settings).await? {
            (connection, None) => Ok(connection),
            (_, Some(_)) => {
                self.mark_suspect();
                Err(ExchangeError::WrongCluster)
            }
        }
    }

    /// The id of the cluster that answers on a connection to the broker, where it is not the broker's own. Brokers too old
    /// to tell it cheaply are not asked.
    pub(super) async fn foreign_cluster(
        &self,
        connection: ControlConnection,
        versions: &Ranges,
        settings: &UpstreamSettings,
    ) -> Result<(ControlConnection, Option<RealClusterId>), ExchangeError> {
        let version = metadata_version(versions, &settings.max_versions).ok_or(ExchangeError::TooOld)?;
        if version < METADATA_BY_NAME {
            return Ok((connection, None));
        }
        let (connection, answer) = connection.ask(&OwnRequest::MetadataByName { version, topics: Vec::new() }).await?;
        let cluster_id = discovery::read_metadata(version, &answer, &|_| false)?.cluster_id;
        Ok((connection, (cluster_id != self.cluster).then_some(cluster_id)))
    }

    /// A dial failed: the broker's name is looked up and the broker asked anew.
    pub(super) fn mark_suspect(&self) {
        self.suspect.notify_one();
    }
}

/// Keeps one broker's state true until it is aborted. `changed` is told when the broker's versions or cluster changed.
pub(super) async fn watch_broker(broker: Arc<Broker>, settings: Arc<UpstreamSettings>, changed: Arc<Notify>) {
    let mut watcher = Watcher { resolver: Resolver::new(broker.host_port()), broker, settings, changed };
    let mut backoff = Backoff::new();
    loop {
        if let Err(lost) = watcher.one_connection(&mut backoff).await {
            watcher.report_lost(&lost);
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

struct Watcher {
    broker: Arc<Broker>,
    settings: Arc<UpstreamSettings>,
    resolver: Resolver,
    changed: Arc<Notify>,
}

impl Watcher {
    /// Asks the broker again and again on one connection, until the connection is lost (an error) or the broker became
    /// suspect (no error).
    async fn one_connection(&mut self, backoff: &mut Backoff) -> Result<(), ExchangeError> {
        let found = self.resolver.lookup(self.settings.timeouts.connect).await.to_vec();
        let (mut connection, address) = open(&found, self.resolver.name(), &self.settings).await?;
        loop {
            let answer;
            (connection, answer) = connection.ask(&OwnRequest::ApiVersions { version: API_VERSIONS_ASKED }).await?;
            let versions = discovery::read_api_versions(API_VERSIONS_ASKED, &answer)?;
            let foreign;
            (connection, foreign) = self.broker.foreign_cluster(connection, &versions, &self.settings).await?;
            self.report_answered(address, versions, foreign);
            backoff.reset();
            tokio::select! {
                lost = connection.until_lost() => return Err(lost),
                () = self.broker.suspect.notified() => return Ok(()),
                () = tokio::time::sleep(self.settings.timeouts.recheck) => {}
            }
            if !self.resolver.lookup(self.settings.timeouts.connect).await.contains(&address) {
                // The name leads elsewhere now: whoever answers there is asked before a client is sent to it.
                return Ok(());
            }
        }
    }

    fn report_lost(&self, lost: &ExchangeError) {
        let (upstream, broker, address) = (&self.settings.name, self.broker.id.0, self.broker.host_port());
        let mut was = Health::Down;
        self.broker.state.send_modify(|state| was = std::mem::replace(&mut state.health, Health::Down));
        if was == Health::Down {
            tracing::debug!(upstream, broker, %address, "broker is still down: {lost}");
        } else {
            tracing::warn!(upstream, broker, %address, "broker is down: {lost}");
            self.changed.notify_one();
        }
    }

    fn report_answered(&self, address: SocketAddr, versions: Ranges, foreign: Option<RealClusterId>) {
        let before = self.broker.state();
        if let Some(answered) = foreign.as_ref().filter(|_| before.foreign != foreign) {
            let (upstream, broker, pinned, answered) =
                (&self.settings.name, self.broker.id.0, &self.broker.cluster.0, &answered.0);
            tracing::error!(upstream, broker, %address, pinned, answered, "another cluster answers; it is not dialled");
        }
        let same_versions = before.versions.as_deref() == Some(&versions);
        let same = same_versions && before.foreign == foreign && before.health == Health::Up;
        if before.health == Health::Down {
            tracing::info!(upstream = self.settings.name, broker = self.broker.id.0, "broker is back");
        }
        self.broker.state.send_modify(|state| {
            state.health = Health::Up;
            state.address = Some(address);
            state.foreign = foreign;
            if !same_versions {
                state.versions = Some(Arc::new(versions));
            }
        });
        if !same {
            self.changed.notify_one();
        }
    }
}

/// Opens a control connection to the first of the addresses that answers, and says which one that is.
pub(super) async fn open(
    addresses: &[SocketAddr],
    name: &HostPort,
    settings: &UpstreamSettings,
) -> Result<(ControlConnection, SocketAddr), ExchangeError> {
    open_for(addresses, name, settings, Caller::Weir).await
}

/// The same, as this caller.
pub(super) async fn open_for(
    addresses: &[SocketAddr],
    name: &HostPort,
    settings: &UpstreamSettings,
    caller: Caller<'_>,
) -> Result<(ControlConnection, SocketAddr), ExchangeError> {
    if addresses.is_empty() {
        return Err(ExchangeError::Unresolved);
    }
    let timeouts = &settings.timeouts;
    // Before the broker is dialled: it is left alone where it would refuse.
    let login = tokio::time::timeout(timeouts.silence, sasl::login(settings, caller, name, None)).await;
    let login = login.map_err(|_| ExchangeError::TimedOut)??;
    let stream = connect(addresses, timeouts.connect).await.map_err(ExchangeError::Connect)?;
    let address = stream.peer_addr()?;
    let peer = settings.tls_peer(&name.host, caller).map_err(ExchangeError::Handshake)?;
    let secured = tokio::time::timeout(timeouts.handshake, secure(stream, peer)).await;
    let link = secured.map_err(|_| ExchangeError::TimedOut)?.map_err(ExchangeError::Handshake)?;
    let connection = ControlConnection::new(link, timeouts);
    match login {
        Some(login) => Ok((login.authenticate(connection).await?, address)),
        None => Ok((connection, address)),
    }
}
