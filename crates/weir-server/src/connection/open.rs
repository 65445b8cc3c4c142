//! The way of a connection from its first byte to its principal: PROXY header, first byte, TLS handshake, identity.
//!
//! All of it is under one deadline. Must never: answer a client that does not speak TLS, or dial a broker.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ServerConnection;
use rustls_pki_types::UnixTime;
use tokio::net::TcpStream;
use weir_policy::{Account, Meter, Principal, Taken};

use super::{Connection, Own, Places};
use crate::audit::{Certificate, TurnedAway, Visit};
use crate::close_reason::{CloseReason, Fault};
use crate::link::Link;
use crate::listen;
use crate::observe::LinesPerSecond;
use crate::tls;
use crate::worker::{Accepted, Worker};

/// Serves one accepted connection to its end, and counts why it ended.
pub(crate) async fn serve(worker: Rc<Worker>, accepted: Accepted) {
    let mut ending = Ending { worker: Rc::clone(&worker), reason: None };
    ending.reason = Some(run(worker, accepted).await);
}

/// Counts the end of a connection, whatever the end is.
struct Ending {
    worker: Rc<Worker>,
    reason: Option<CloseReason>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let reason = self.reason.unwrap_or(if std::thread::panicking() {
            CloseReason::InternalPanic
        } else {
            CloseReason::Drain
        });
        self.worker.counters.closed(reason);
    }
}

async fn run(worker: Rc<Worker>, accepted: Accepted) -> CloseReason {
    let handshake: Duration = worker.generation().snapshot.config.limits.tls_handshake;
    let (peer, listener) = (accepted.peer, Arc::clone(&accepted.listener));
    let mut met = Met { address: peer.ip(), fingerprint: None, principal: None };
    let opened = tokio::time::timeout(handshake, open(&worker, accepted, &mut met)).await;
    match opened {
        Ok(Ok(connection)) => {
            let principal = connection.principal_name();
            let reason = connection.serve().await;
            log_end(peer, &principal, reason);
            reason
        }
        Ok(Err(reason)) => refused(&worker, met, listener, reason),
        Err(_) => refused(&worker, met, listener, CloseReason::TlsTimeout),
    }
}

/// What is known of a client when it is refused.
struct Met {
    address: IpAddr,
    fingerprint: Option<[u8; 32]>,
    principal: Option<String>,
}

fn refused(worker: &Worker, met: Met, listener: Arc<str>, reason: CloseReason) -> CloseReason {
    let Met { address, fingerprint, principal } = met;
    log_refusal(address, reason);
    worker.audit.turned_away(TurnedAway { reason, listener, principal, fingerprint, address: Some(address) });
    reason
}

/// Clients that come and go are no news; what somebody has to look at is.
fn log_end(peer: SocketAddr, principal: &str, reason: CloseReason) {
    match reason.fault() {
        Fault::Client => tracing::debug!(%peer, principal, reason = reason.name(), "connection ended"),
        Fault::Broker if LOST.allow() => {
            tracing::warn!(%peer, principal, reason = reason.name(), "connection ended with its broker's");
        }
        Fault::Weir if reason != CloseReason::Drain => {
            tracing::error!(%peer, principal, reason = reason.name(), "connection ended by a defect of Weir");
        }
        Fault::Broker | Fault::Weir => {}
    }
}

/// Strangers can cause as many of these as they like.
fn log_refusal(peer: IpAddr, reason: CloseReason) {
    if REFUSED.allow() {
        tracing::info!(%peer, reason = reason.name(), meaning = reason.meaning(), "connection refused");
    }
}

static REFUSED: LinesPerSecond = LinesPerSecond::new(10);
static LOST: LinesPerSecond = LinesPerSecond::new(10);

async fn open(worker: &Rc<Worker>, accepted: Accepted, met: &mut Met) -> Result<Connection, CloseReason> {
    let Accepted { tcp, peer, local, listener, mut permit } = accepted;
    let generation = worker.generation();
    let listener = Arc::clone(generation.listener(&listener).ok_or(CloseReason::Internal)?);
    let snapshot = Arc::clone(&generation.snapshot);
    let tcp = TcpStream::from_std(tcp).map_err(|_| CloseReason::Internal)?;
    let mut client = peer;
    if listener.trusts_proxy(peer.ip()) {
        client = proxied_address(&tcp, peer).await?;
        met.address = client.ip();
        permit.assign(client.ip())?;
    }
    if !listener.allows(client.ip()) {
        return Err(CloseReason::AddressNotAllowed);
    }
    listen::first_byte::expect_tls(&tcp).await?;
    let tls = snapshot.tls.get(&listener.name).ok_or(CloseReason::Internal)?;
    let connection = ServerConnection::new(Arc::clone(&tls.config)).map_err(|_| CloseReason::TlsInternal)?;
    let mut link = Link::server(tcp, connection);
    shake_hands(&mut link, met).await?;
    let tls_state = link.server_tls().ok_or(CloseReason::Internal)?;
    let known = tls::peer(tls_state, &snapshot, UnixTime::now())?;
    met.principal = Some(known.principal.name.clone());
    let target = tls::target(tls_state, &listener.nodes, local.port())?;
    worker.counters.authenticated();
    if !known.principal.allows_address(client.ip()) {
        return Err(CloseReason::PrincipalAddress);
    }
    let account = generation.accounts.of(&known.principal);
    let wait = turn(&account, &known.principal)?;
    let place = listener.principals.admit(&known.principal).ok_or(CloseReason::PrincipalConnections)?;
    // From here on the connection counts for its principal, not for its address.
    let places = Places { principal: place, process: permit.authenticated() };
    tracing::debug!(%client, principal = known.principal.name, ?target, "client connected");
    let certificate = || Certificate::of(tls_state.peer_certificates());
    let visit = Visit::begin(worker.audit.audit(), &known.principal.name, &listener.name, certificate, client.ip());
    let own = Own { generation, snapshot, listener, peer: known, account, address: client.ip(), visit };
    Ok(Connection::new(Rc::clone(worker), own, places, target, link).after(wait))
}

/// How long a connection waits for its turn among those that its principal opens. Each counts, also one that is
/// refused.
fn turn(account: &Account, principal: &Principal) -> Result<Duration, CloseReason> {
    match account.take(Meter::Connects, 1, &principal.limits, Instant::now()) {
        Taken::Fine => Ok(Duration::ZERO),
        Taken::Owed(wait) => Ok(wait),
        Taken::Refused => Err(CloseReason::PrincipalRate),
    }
}

/// Shakes hands, and notes which certificate the client shows.
async fn shake_hands(link: &mut Link, met: &mut Met) -> Result<(), CloseReason> {
    let mut handshake = pin!(link.handshake());
    let done = poll_fn(|context| {
        tls::take_shown();
        let step = handshake.as_mut().poll(context);
        met.fingerprint = tls::take_shown().or(met.fingerprint);
        step
    });
    done.await.map_err(|error| handshake_failed(&error))
}

/// The client's own address, from the header of a proxy that is trusted.
async fn proxied_address(tcp: &TcpStream, proxy: SocketAddr) -> Result<SocketAddr, CloseReason> {
    listen::proxy_protocol::read(tcp, proxy).await.map_err(|_| CloseReason::ProxyProtocol)
}

fn handshake_failed(error: &io::Error) -> CloseReason {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => tls::close_reason(error),
        None => CloseReason::TlsEof,
    }
}
