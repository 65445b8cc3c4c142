//! Accepting: what can be checked before TLS is, then a worker takes the connection.
//!
//! Must never: wait for a client, or spin when the process is out of descriptors.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::audit::{Desk, TurnedAway};
use crate::close_reason::CloseReason;
use crate::listen::{self, Gatekeeper};
use crate::live::Generation;
use crate::observe::Metrics;
use crate::worker::{Accepted, WorkerHandle};

/// Accepts the connections of one address and hands them to workers in turn.
pub(crate) struct Acceptor {
    /// The listener's name.
    pub name: Arc<str>,
    pub generations: watch::Receiver<Arc<Generation>>,
    pub gatekeeper: Gatekeeper,
    pub metrics: Metrics,
    pub workers: Arc<Vec<WorkerHandle>>,
    pub stop: watch::Receiver<bool>,
    pub audit: Desk,
}

impl Acceptor {
    /// Accepts until the process stops, and gives the socket back.
    pub(crate) async fn run(mut self, listener: TcpListener) -> TcpListener {
        let mut turn: usize = 0;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = self.stop.wait_for(|stop| *stop) => return listener,
            };
            match accepted {
                Ok((tcp, peer)) => {
                    turn = turn.wrapping_add(1);
                    if let Err(reason) = self.hand_over(tcp, peer, turn) {
                        self.metrics.refused_at_the_door(reason);
                        self.audit.turned_away(TurnedAway::at_the_door(reason, &self.name, peer.ip()));
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Out of descriptors, mostly: waiting is all that helps, spinning does not.
                    tracing::warn!(%error, listener = &*self.name, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Checks what can be checked before TLS, and gives the connection to the next worker.
    fn hand_over(&self, tcp: TcpStream, peer: SocketAddr, turn: usize) -> Result<(), CloseReason> {
        if self.audit.audit().blocks() {
            return Err(CloseReason::AuditBlocked);
        }
        let behind_proxy = self.is_behind_proxy(peer)?;
        // A proxy stands for many clients: the limit per address is not for it.
        let address = (!behind_proxy).then_some(peer.ip());
        let permit = self.gatekeeper.admit(address)?;
        listen::tune(&tcp).map_err(|_| CloseReason::ClientReset)?;
        let local = tcp.local_addr().map_err(|_| CloseReason::ClientReset)?;
        let tcp = tcp.into_std().map_err(|_| CloseReason::Internal)?;
        let worker = turn.checked_rem(self.workers.len()).and_then(|index| self.workers.get(index));
        let accepted = Accepted { tcp, peer, local, listener: Arc::clone(&self.name), permit };
        let worker = worker.ok_or(CloseReason::Internal)?;
        worker.accepted.try_send(accepted).map_err(|_| CloseReason::Unauthenticated)?;
        worker.counters.accepted();
        Ok(())
    }

    /// Whether a connection begins with a proxy's header, by what is in force.
    fn is_behind_proxy(&self, peer: SocketAddr) -> Result<bool, CloseReason> {
        let generation = self.generations.borrow();
        let listener = generation.listener(&self.name).ok_or(CloseReason::Internal)?;
        let behind_proxy = listener.trusts_proxy(peer.ip());
        if behind_proxy || listener.allows(peer.ip()) { Ok(behind_proxy) } else { Err(CloseReason::AddressNotAllowed) }
    }
}

/// The one connection broke before it was accepted; those behind it need not wait for that.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_who_leaves_before_the_door_holds_up_nobody() {
        assert!(is_of_one_connection(&io::ErrorKind::ConnectionAborted.into()));
        let out_of_descriptors = rustix::io::Errno::MFILE.raw_os_error();
        assert!(!is_of_one_connection(&io::Error::from_raw_os_error(out_of_descriptors)));
    }
}
