//! The door of the admin pages: who may come in, how many at once, and for how long.
//!
//! Must never: read a byte of somebody who may not come in, or let anybody stay.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

use crate::config;

/// Connections at once.
const CONNECTIONS: usize = 32;

/// How long one connection may live, whatever it does.
pub(super) const LIFETIME: Duration = Duration::from_secs(30);

/// Accepts a connection only where there is a place for it; the others wait in the kernel.
pub(super) struct Bounded {
    listener: TcpListener,
    /// From where connections are taken; nothing for anywhere.
    allow: Option<Vec<IpNet>>,
    places: Arc<Semaphore>,
}

impl Bounded {
    /// Everybody who reaches this address.
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, allow: None, places: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    /// Those alone who come from these networks.
    pub(super) fn from_networks(listener: TcpListener, allow: Vec<IpNet>) -> Self {
        Self { allow: Some(allow), ..Self::new(listener) }
    }
}

impl Listener for Bounded {
    type Io = Mortal;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        loop {
            let (tcp, address) = Listener::accept(&mut self.listener).await;
            if config::allows(self.allow.as_deref(), address.ip()) {
                return (Mortal { tcp, end: Box::pin(tokio::time::sleep(LIFETIME)), _place: place }, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that breaks when its time is over.
pub(super) struct Mortal {
    tcp: TcpStream,
    end: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Mortal {
    /// Lets `step` have its turn while there is time.
    fn in_time<T>(
        &mut self,
        context: &mut Context<'_>,
        step: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Ready(ready!(step(Pin::new(&mut self.tcp), context)))
    }
}

impl AsyncRead for Mortal {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.in_time(context, |tcp, context| tcp.poll_read(context, buffer))
    }
}

impl AsyncWrite for Mortal {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.in_time(context, |tcp, context| tcp.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context, |tcp, context| tcp.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context, |tcp, context| tcp.poll_shutdown(context))
    }
}
