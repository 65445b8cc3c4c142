//! Connections to brokers for clients: paced, bounded in time, and only to where the right cluster answers.
//!
//! Neither the bootstrap list nor a broker's host name is dialled here: Weir's own connections learn which cluster
//! answers there, and at which address. An address may change hands between two of their looks, so each new connection
//! is asked for its cluster, too: an offset that is committed to another one is no offset. Must never: write a byte of a
//! client's request, or look a name up on a worker's thread.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout_at;
use weir_kafka::advertise::Target;
use weir_kafka::cluster::RealBrokerId;

use super::broker::{Broker, Health};
use super::connect::{TlsPeer, connect, secure};
use super::exchange::{ControlConnection, ExchangeError};
use super::sasl::{self, Lease, Login, SaslError};
use super::settings::{Caller, UpstreamSettings};
use super::{NotReady, Shared, UpstreamReadiness};
use crate::link::Link;

/// How long one broker's TLS handshake may take, with the login and the question that come after it.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long until a connection is open, however many brokers are tried.
pub(super) const OPEN: Duration = Duration::from_secs(10);

/// A connection to a broker.
#[derive(Debug)]
pub struct Dialed {
    /// Connected, without Nagle's delay.
    pub stream: TcpStream,
    /// What the TLS handshake needs; nothing for a plaintext upstream.
    pub tls: Option<TlsPeer>,
    /// The broker that was dialled.
    pub broker: RealBrokerId,
    /// What a login needs, where the brokers ask for one.
    pub(super) login: Option<Login>,
}

/// A connection on which a broker takes requests.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) link: Link,
    /// For how long the broker takes it for authenticated; nothing where that has no end.
    pub(crate) lease: Option<Lease>,
}

/// Why there is no connection. No byte was written to a broker.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The cluster does not list this broker (now).
    #[error("the cluster has no such broker")]
    NoSuchBroker,
    /// No broker has answered since the start, so that none is known.
    #[error("the cluster was not reached yet")]
    NeverReached,
    /// Another cluster answers: at this broker's address, or wherever this upstream is asked for.
    #[error("another cluster answers there")]
    WrongCluster,
    /// The broker is listed and has not answered Weir's own questions yet.
    #[error("the broker has not answered yet")]
    NotAnswered,
    /// As many dials as may wait for this broker wait already.
    #[error("too many connections are being opened to this broker")]
    TooManyDials,
    /// It took too long.
    #[error("the broker did not answer in time")]
    TimedOut,
    /// The broker refused or cannot be reached.
    #[error("the broker cannot be reached: {0}")]
    Unreachable(#[source] io::Error),
    /// The broker did not shake hands: the last that was tried, where any would do.
    #[error("the TLS handshake with a broker failed: {0}")]
    Handshake(#[source] io::Error),
    /// The broker shook hands and did not say which cluster it is of: the last that was tried, where any would do.
    #[error("a broker did not say which cluster it is of: {0}")]
    Unverified(#[source] ExchangeError),
    /// The broker does not let Weir in, or is not who it claims to be.
    #[error("a login at a broker failed: {0}")]
    Login(#[source] SaslError),
    /// The broker shook hands and did not come to the end of the login.
    #[error("a login at a broker was broken off: {0}")]
    BrokenOff(#[source] ExchangeError),
    /// The broker's host is no name that a certificate could bear.
    #[error("the broker's host cannot be a TLS server name; set `server_name`")]
    ServerName(#[source] io::Error),
}

/// Dials, shakes hands where the upstream speaks TLS, logs in where brokers ask for it, and asks for the cluster. Where any
/// broker will do and one cannot be used, the next is tried.
pub(super) async fn open(
    shared: &Shared,
    target: Target,
    caller: Caller<'_>,
    whose: &str,
) -> Result<Opened, DialError> {
    let deadline = deadline_in(OPEN);
    let mut passed_over = Vec::new();
    loop {
        let dialed = dial(shared, target, (caller, whose), &passed_over, deadline).await?;
        let broker = dialed.broker;
        let until = deadline_in(HANDSHAKE).min(deadline);
        let failed = match timeout_at(until, verified(shared, dialed)).await {
            Ok(Ok(opened)) => return Ok(opened),
            Ok(Err(error)) => error,
            Err(_) => DialError::TimedOut,
        };
        tracing::warn!(upstream = shared.settings.name, broker = broker.0, "a broker cannot be used: {failed}");
        // Whom a broker does not let in has not learnt that it is another one.
        let is_suspect = !matches!(failed, DialError::Login(_));
        if let Some(broker) = shared.brokers.load().get(&broker).filter(|_| is_suspect) {
            broker.mark_suspect();
        }
        passed_over.push(broker);
        let all_tried = shared.brokers.load().keys().all(|listed| passed_over.contains(listed));
        if target != Target::Bootstrap || all_tried || deadline <= tokio::time::Instant::now() {
            return Err(failed);
        }
    }
}

/// Shakes hands, logs in, and asks which cluster it is that answers here and now.
async fn verified(shared: &Shared, dialed: Dialed) -> Result<Opened, DialError> {
    let Dialed { stream, tls, broker, login } = dialed;
    let link = secure(stream, tls).await.map_err(DialError::Handshake)?;
    let known = shared.brokers.load().get(&broker).cloned().ok_or(DialError::NoSuchBroker)?;
    let versions = known.state().versions.ok_or(DialError::NotAnswered)?;
    let mut connection = ControlConnection::new(link, &shared.settings.timeouts);
    if let Some(login) = login {
        connection = login.authenticate(connection).await.map_err(not_let_in)?;
    }
    let asked = known.foreign_cluster(connection, &versions, &shared.settings).await;
    match asked.map_err(DialError::Unverified)? {
        (connection, None) => Ok(connection.into()),
        (_, Some(_)) => Err(DialError::WrongCluster),
    }
}

fn not_let_in(error: ExchangeError) -> DialError {
    match error {
        ExchangeError::Sasl(error) => DialError::Login(error),
        other => DialError::BrokenOff(other),
    }
}

impl Opened {
    /// Shows the broker anew who Weir is; nothing where it does not take that. It must owe no answer.
    pub(super) async fn renewed(self, settings: &UpstreamSettings) -> Option<Self> {
        let Some(lease) = self.lease else { return Some(self) };
        let (upstream, broker) = (&settings.name, lease.broker().to_string());
        let renewed = lease.renew(ControlConnection::new(self.link, &settings.timeouts)).await;
        let renewed =
            renewed.inspect_err(|error| tracing::warn!(upstream, broker, "a broker did not let Weir stay: {error}"));
        renewed.ok().map(Self::from)
    }
}

#[cfg(test)]
impl From<Link> for Opened {
    /// One that needs no login.
    fn from(link: Link) -> Self {
        Self { link, lease: None }
    }
}

impl From<ControlConnection> for Opened {
    fn from(connection: ControlConnection) -> Self {
        let (link, lease) = connection.into_parts();
        Self { link, lease }
    }
}

/// Connects to the target's broker, by an instant at the latest; where any will do, to none that was passed over.
pub(super) async fn dial(
    shared: &Shared,
    target: Target,
    caller: (Caller<'_>, &str),
    passed_over: &[RealBrokerId],
    by: tokio::time::Instant,
) -> Result<Dialed, DialError> {
    let deadline = deadline_in(shared.settings.timeouts.dial).min(by);
    wait_for_first_view(shared, deadline).await?;
    if matches!(*shared.readiness.borrow(), UpstreamReadiness::NotReady(NotReady::WrongCluster { .. })) {
        return Err(DialError::WrongCluster);
    }
    let brokers = shared.brokers.load_full();
    match target {
        Target::Broker(id) => {
            let broker = brokers.get(&id).ok_or(DialError::NoSuchBroker)?;
            dial_broker(shared, broker, caller, deadline).await
        }
        Target::Bootstrap => {
            let mut last = DialError::NeverReached;
            for broker in in_turn(shared, &brokers).into_iter().filter(|broker| !passed_over.contains(&broker.id)) {
                match dial_broker(shared, broker, caller, deadline).await {
                    Ok(dialed) => return Ok(dialed),
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
    }
}

/// A client may come in the first moments after a start, before there is a view.
async fn wait_for_first_view(shared: &Shared, deadline: tokio::time::Instant) -> Result<(), DialError> {
    let patience = deadline_in(shared.settings.timeouts.connect).min(deadline);
    let mut views = shared.views.subscribe();
    match timeout_at(patience, views.wait_for(Option::is_some)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(DialError::NeverReached),
    }
}

/// Every broker, each time beginning with the next one; those that answer go first.
fn in_turn<'a>(shared: &Shared, brokers: &'a BTreeMap<RealBrokerId, Arc<Broker>>) -> Vec<&'a Arc<Broker>> {
    let mut in_turn: Vec<_> = brokers.values().collect();
    let turn = shared.turn.fetch_add(1, Ordering::Relaxed);
    if let Some(shift) = turn.checked_rem(in_turn.len()) {
        in_turn.rotate_left(shift);
    }
    in_turn.sort_by_key(|broker| broker.state().health != Health::Up);
    in_turn
}

async fn dial_broker(
    shared: &Shared,
    broker: &Broker,
    caller: (Caller<'_>, &str),
    deadline: tokio::time::Instant,
) -> Result<Dialed, DialError> {
    let dialed = try_broker(shared, broker, caller, deadline).await;
    if let Err(DialError::NotAnswered | DialError::TimedOut | DialError::Unreachable(_)) = &dialed {
        broker.mark_suspect();
    }
    dialed
}

async fn try_broker(
    shared: &Shared,
    broker: &Broker,
    caller: (Caller<'_>, &str),
    deadline: tokio::time::Instant,
) -> Result<Dialed, DialError> {
    let tls = shared.settings.tls_peer(&broker.address.host, caller.0).map_err(DialError::ServerName)?;
    let one_try = shared.settings.timeouts.connect;
    let address = checked_address(broker, deadline_in(one_try).min(deadline)).await?;
    let (name, versions) = (broker.host_port(), broker.state().versions);
    let login = sasl::login(&shared.settings, caller.0, &name, versions.as_deref());
    let login = timeout_at(deadline, login).await.map_err(|_| DialError::TimedOut)?.map_err(DialError::Login)?;
    // Whoever waits for its turn must have the time left to connect.
    let patience = deadline.into_std().saturating_duration_since(Instant::now()).saturating_sub(one_try);
    broker.turn(caller.1, patience).await.ok_or(DialError::TooManyDials)?;
    match timeout_at(deadline, connect(&[address], one_try)).await {
        Ok(Ok(stream)) => Ok(Dialed { stream, tls, broker: broker.id, login }),
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Err(DialError::TimedOut),
        Ok(Err(error)) => Err(DialError::Unreachable(error)),
        Err(_) => Err(DialError::TimedOut),
    }
}

/// Where the broker answered Weir's own questions; a broker that was listed just now may still be asked.
async fn checked_address(broker: &Broker, deadline: tokio::time::Instant) -> Result<SocketAddr, DialError> {
    let mut states = broker.subscribe();
    let known = states.wait_for(|state| state.address.is_some() || state.health == Health::Down);
    let state = match timeout_at(deadline, known).await {
        Ok(Ok(state)) => state.clone(),
        Ok(Err(_)) | Err(_) => return Err(DialError::NotAnswered),
    };
    if state.foreign.is_some() {
        return Err(DialError::WrongCluster);
    }
    state.address.ok_or(DialError::NotAnswered)
}

pub(super) fn deadline_in(time: Duration) -> tokio::time::Instant {
    let now = tokio::time::Instant::now();
    now.checked_add(time).unwrap_or(now)
}
