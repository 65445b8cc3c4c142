//! A peer in a row: with what was measured of it, or why nothing was.

use std::net::SocketAddr;

use super::Peer;
use crate::failure::Failure;
use crate::proxy::Proxy;
use crate::rows::Run;
use crate::tls::Certificates;

/// A peer, and its figures.
pub struct Contender<S> {
    /// Which.
    pub peer: &'static Peer,
    proxy: Result<Proxy, String>,
    side: S,
}

impl<S: Default> Contender<S> {
    /// Starts it.
    pub fn start(peer: &'static Peer, run: &Run, upstream: SocketAddr, certificates: &Certificates) -> Self {
        Self { peer, proxy: peer.start(run, upstream, certificates), side: S::default() }
    }

    /// Takes one figure, if it runs. One that fails under way is not measured; the row goes on.
    pub fn take(&mut self, figure: impl FnOnce(&Proxy, &mut S) -> Result<(), Failure>) {
        if let Ok(proxy) = &self.proxy
            && let Err(failure) = figure(proxy, &mut self.side)
        {
            self.proxy = Err(failure.to_string());
        }
    }

    /// Its figures, or why there are none.
    pub fn side(&self) -> Result<&S, String> {
        self.proxy.as_ref().map(|_| &self.side).map_err(Clone::clone)
    }
}
