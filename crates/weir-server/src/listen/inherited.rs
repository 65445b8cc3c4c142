//! Listening sockets that a service manager opened and holds (systemd's socket activation): while Weir is stopped and
//! started, whoever connects waits in the kernel and is not refused.
//!
//! Must never: leave a socket open that nobody serves.

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};

use listenfd::ListenFd;
use socket2::SockRef;
use tokio::net::TcpListener;

use super::bind::BACKLOG;

/// What was handed over and has not been taken yet.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<(SocketAddr, StdTcpListener)>,
}

impl Inherited {
    /// What `LISTEN_FDS` names; nothing where it is not there or is for another process. To be called once, before
    /// there are threads: the variables are removed, so that no child takes them for its own.
    ///
    /// # Errors
    /// Something was handed over that is no TCP socket.
    pub fn take() -> io::Result<Self> {
        let mut handed_over = ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..handed_over.len() {
            sockets.extend(handed_over.take_tcp_listener(index)?);
        }
        Self::of(sockets)
    }

    /// These sockets.
    pub(crate) fn of(sockets: Vec<StdTcpListener>) -> io::Result<Self> {
        let with_address = |socket: StdTcpListener| Ok((socket.local_addr()?, socket));
        Ok(Self { sockets: sockets.into_iter().map(with_address).collect::<io::Result<_>>()? })
    }

    /// Takes the socket that is bound to exactly this address, on the current runtime.
    ///
    /// # Errors
    /// The system does not let it listen.
    pub(crate) fn of_address(&mut self, address: SocketAddr) -> io::Result<Option<TcpListener>> {
        let Some(index) = self.sockets.iter().position(|(bound, _)| *bound == address) else { return Ok(None) };
        let (_, socket) = self.sockets.swap_remove(index);
        socket.set_nonblocking(true)?;
        // It listens already: this is for the length of its queue.
        SockRef::from(&socket).listen(BACKLOG)?;
        TcpListener::from_std(socket).map(Some)
    }

    /// The addresses of those that nobody took.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.sockets.iter().map(|(address, _)| *address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_taken_by_its_address_once_and_serves_who_waits() {
        let held = StdTcpListener::bind("127.0.0.1:0").unwrap();
        let other = StdTcpListener::bind("127.0.0.1:0").unwrap();
        let (address, left) = (held.local_addr().unwrap(), other.local_addr().unwrap());
        let early = std::net::TcpStream::connect(address).unwrap();
        let mut inherited = Inherited::of(vec![other, held.try_clone().unwrap()]).unwrap();
        let listener = inherited.of_address(address).unwrap().unwrap();
        assert!(inherited.of_address(address).unwrap().is_none());
        assert_eq!(inherited.addresses().collect::<Vec<_>>(), [left]);
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, early.local_addr().unwrap());
        drop(listener);
        assert!(std::net::TcpStream::connect(address).is_ok(), "whoever holds the socket keeps its queue");
    }

    #[test]
    fn without_a_service_manager_there_is_nothing() {
        assert_eq!(Inherited::take().unwrap().addresses().count(), 0);
    }
}
