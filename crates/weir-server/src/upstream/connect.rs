//! Opening connections to brokers, and what TLS to them needs.
//!
//! Must never: try one address for longer than its caller's patience.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConnection;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;

use crate::link::Link;
use crate::listen;

/// What a TLS handshake with one broker needs.
#[derive(Clone, Debug)]
pub struct TlsPeer {
    /// Roots, and Weir's own certificate where there is one.
    pub config: Arc<rustls::ClientConfig>,
    /// The name that the broker's certificate must bear.
    pub server_name: ServerName<'static>,
}

/// Connects to the first of the addresses that answers, and sets the socket up; each has `patience`.
pub(super) async fn connect(addresses: &[SocketAddr], patience: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match tokio::time::timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                listen::tune(&stream)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// Puts TLS on a connection, if the upstream speaks it. The caller bounds the time.
pub(crate) async fn secure(stream: TcpStream, tls: Option<TlsPeer>) -> io::Result<Link> {
    let Some(peer) = tls else { return Ok(Link::plain(stream)) };
    let session = ClientConnection::new(peer.config, peer.server_name).map_err(io::Error::other)?;
    let mut link = Link::client(stream, session);
    link.handshake().await?;
    Ok(link)
}

/// Sends all of the bytes. The caller bounds the time.
pub(super) async fn send(link: &mut Link, bytes: &[u8]) -> io::Result<()> {
    link.put(bytes);
    while !link.try_flush()? {
        link.writable().await?;
    }
    Ok(())
}

/// Waits for bytes; 0 when the other side has closed. The caller bounds the time.
pub(super) async fn receive(link: &mut Link, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match link.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => link.readable().await?,
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::UpstreamTimeouts;
    use super::*;

    #[tokio::test]
    async fn one_lost_packet_is_no_broker_that_cannot_be_reached() {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        // Where nobody accepts, the kernel soon drops what comes.
        let mut waiting = Vec::new();
        while let Ok(stream) = connect(&[address], Duration::from_millis(200)).await {
            waiting.push(stream);
            assert!(waiting.len() < 100, "the kernel drops nothing");
        }
        let accepting = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            loop {
                drop(listener.accept().await);
            }
        });
        let began = std::time::Instant::now();
        let connected = connect(&[address], UpstreamTimeouts::default().connect).await;
        accepting.abort();
        assert!(began.elapsed() > Duration::from_millis(900), "nothing was lost");
        connected.expect("what was lost is sent again");
    }

    #[tokio::test]
    async fn a_broker_that_vanishes_without_a_word_is_noticed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = connect(&[listener.local_addr().unwrap()], Duration::from_secs(5)).await.unwrap();
        assert!(stream.nodelay().unwrap());
        assert!(socket2::SockRef::from(&stream).keepalive().unwrap());
    }
}
