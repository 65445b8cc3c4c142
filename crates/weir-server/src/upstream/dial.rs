//! Connections to brokers for clients: paced, bounded in time, and only to addresses where the right cluster answers.
//!
//! Neither the bootstrap list nor a broker's host name is dialled here: Weir's own connections learn which cluster
//! answers there, and at which address. Must never: write a byte of a request, or look a name up on a worker's thread.

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
use super::settings::Caller;
use super::{NotReady, Shared, UpstreamReadiness};
use crate::link::Link;

/// How long one broker's TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long until a connection is open, however many brokers are tried.
const OPEN: Duration = Duration::from_secs(10);

/// A connection to a broker.
#[derive(Debug)]
pub struct Dialed {
    /// Connected, without Nagle's delay.
    pub stream: TcpStream,
    /// What the TLS handshake needs; nothing for a plaintext upstream.
    pub tls: Option<TlsPeer>,
    /// The broker that was dialled.
    pub broker: RealBrokerId,
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
    /// The broker's host is no name that a certificate could bear.
    #[error("the broker's host cannot be a TLS server name; set `server_name`")]
    ServerName(#[source] io::Error),
}

/// Dials and, where the upstream speaks TLS, shakes hands. Where any broker will do and one does not shake hands, the
/// next is tried.
pub(super) async fn open(shared: &Shared, target: Target, caller: Caller<'_>, whose: &str) -> Result<Link, DialError> {
    let deadline = deadline_in(OPEN);
    let mut passed_over = Vec::new();
    loop {
        let Dialed { stream, tls, broker } = dial(shared, target, (caller, whose), &passed_over).await?;
        let until = deadline_in(HANDSHAKE).min(deadline);
        let failed = match timeout_at(until, secure(stream, tls)).await {
            Ok(Ok(link)) => return Ok(link),
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
        tracing::warn!(upstream = shared.settings.name, broker = broker.0, "no TLS handshake with a broker: {failed}");
        if let Some(broker) = shared.brokers.load().get(&broker) {
            broker.mark_suspect();
        }
        passed_over.push(broker);
        let all_tried = shared.brokers.load().keys().all(|listed| passed_over.contains(listed));
        if target != Target::Bootstrap || all_tried || deadline <= tokio::time::Instant::now() {
            return Err(DialError::Handshake(failed));
        }
    }
}

/// Connects to the target's broker; where any will do, to none that was passed over.
pub(super) async fn dial(
    shared: &Shared,
    target: Target,
    caller: (Caller<'_>, &str),
    passed_over: &[RealBrokerId],
) -> Result<Dialed, DialError> {
    let deadline = deadline_in(shared.settings.timeouts.dial);
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
    // Whoever waits for its turn must have the time left to connect.
    let patience = deadline.into_std().saturating_duration_since(Instant::now()).saturating_sub(one_try);
    broker.turn(caller.1, patience).await.ok_or(DialError::TooManyDials)?;
    match timeout_at(deadline, connect(&[address], one_try)).await {
        Ok(Ok(stream)) => Ok(Dialed { stream, tls, broker: broker.id }),
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

fn deadline_in(time: Duration) -> tokio::time::Instant {
    let now = tokio::time::Instant::now();
    now.checked_add(time).unwrap_or(now)
}
