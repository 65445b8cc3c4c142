//! One TCP connection with or without TLS on it, driven by readiness: reads and writes never wait, waiting is asked for.
//!
//! A read that gave less than it had room for has emptied the socket, and a write that took less than it was given has
//! filled it: neither is tried again before the system tells of more. The caller writes only while nothing waits to be
//! sent, so what is held here is what it put in at once.
//! Must never: hold a byte back that could be sent, or take a broken TLS stream for an end.

use std::io::{self, IoSlice, Read, Write};
use std::task::{Context, Poll};

use rustls::{ClientConnection, ServerConnection};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Reads of ciphertext in one go, once they gave something: a client may put next to nothing into each record.
const READS: usize = 32;

/// A connection.
#[derive(Debug)]
pub(crate) struct Link {
    tcp: TcpStream,
    tls: Option<Box<rustls::Connection>>,
    /// What could not be sent at once, on a connection without TLS.
    pending: Vec<u8>,
}

impl Link {
    /// A connection without TLS.
    pub(crate) fn plain(tcp: TcpStream) -> Self {
        Self { tcp, tls: None, pending: Vec::new() }
    }

    /// A connection on which the peer is the TLS client.
    pub(crate) fn server(tcp: TcpStream, mut tls: ServerConnection) -> Self {
        tls.set_buffer_limit(None);
        Self { tcp, tls: Some(Box::new(tls.into())), pending: Vec::new() }
    }

    /// A connection on which the peer is the TLS server.
    pub(crate) fn client(tcp: TcpStream, mut tls: ClientConnection) -> Self {
        tls.set_buffer_limit(None);
        Self { tcp, tls: Some(Box::new(tls.into())), pending: Vec::new() }
    }

    /// Shakes hands. The caller bounds the time.
    pub(crate) async fn handshake(&mut self) -> io::Result<()> {
        while self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            let flushed = self.try_flush()?;
            let Some(tls) = &mut self.tls else { break };
            if !tls.is_handshaking() {
                break;
            }
            if !flushed {
                self.tcp.writable().await?;
            } else if tls.wants_read() {
                match self.read_tls() {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.tcp.readable().await?,
                    Err(error) => return Err(error),
                }
            } else {
                // Neither side has anything to say, and the handshake is not done: it never will be.
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(())
    }

    /// The TLS state of a connection on which the peer is the client.
    pub(crate) fn server_tls(&self) -> Option<&ServerConnection> {
        match self.tls.as_deref() {
            Some(rustls::Connection::Server(tls)) => Some(tls),
            _ => None,
        }
    }

    /// Reads what is there: 0 bytes are the end, `WouldBlock` is nothing now.
    pub(crate) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return receive(&self.tcp, buffer) };
        let mut filled = 0;
        let mut reads: usize = 0;
        loop {
            let room = buffer.get_mut(filled..).unwrap_or_default();
            if room.is_empty() || (reads >= READS && filled > 0) {
                return Ok(filled);
            }
            match tls.reader().read(room) {
                Ok(0) => return Ok(filled),
                Ok(bytes) => {
                    filled = filled.saturating_add(bytes);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A peer that goes without a TLS goodbye has gone all the same: frames carry their own length.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(filled),
                Err(error) => return Err(error),
            }
            reads = reads.saturating_add(1);
            match read_tls(tls, &self.tcp) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && filled > 0 => return Ok(filled),
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds bytes to what is to be sent.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        match &mut self.tls {
            // Writing to rustls' buffer, which has no limit, cannot fail.
            Some(tls) => {
                let _ = tls.writer().write_all(bytes);
            }
            None => self.pending.extend_from_slice(bytes),
        }
    }

    /// Adds bytes that stand in several places: one run of TLS records, not one for each.
    pub(crate) fn put_all(&mut self, parts: &[&[u8]]) {
        match &mut self.tls {
            Some(tls) => {
                let parts: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
                // As above: all of it is taken.
                let _ = tls.writer().write_vectored(&parts);
            }
            None => parts.iter().for_each(|part| self.pending.extend_from_slice(part)),
        }
    }

    /// Adds bytes to what is to be sent, and may keep them instead of a copy.
    pub(crate) fn put_owned(&mut self, bytes: Vec<u8>) {
        if self.tls.is_none() && self.pending.is_empty() {
            self.pending = bytes;
        } else {
            self.put(&bytes);
        }
    }

    /// Sends what can be sent; true when nothing is left.
    pub(crate) fn try_flush(&mut self) -> io::Result<bool> {
        self.try_flush_counting().map(|(_, all)| all)
    }

    /// Sends what can be sent: how many bytes went, and whether nothing is left.
    pub(crate) fn try_flush_counting(&mut self) -> io::Result<(usize, bool)> {
        let mut sent: usize = 0;
        while self.has_pending() {
            let wrote = match &mut self.tls {
                Some(tls) => tls.write_tls(&mut Socket(&self.tcp)),
                None => send(&self.tcp, &self.pending),
            };
            match wrote {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    sent = sent.saturating_add(bytes);
                    if self.tls.is_none() {
                        self.pending.drain(..bytes.min(self.pending.len()));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok((sent, false)),
                Err(error) => return Err(error),
            }
        }
        // An idle connection holds no buffer.
        self.pending = Vec::new();
        Ok((sent, true))
    }

    /// Whether something waits to be sent.
    pub(crate) fn has_pending(&self) -> bool {
        match &self.tls {
            Some(tls) => tls.wants_write(),
            None => !self.pending.is_empty(),
        }
    }

    /// Says goodbye, as far as that goes without waiting.
    pub(crate) fn close(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        let _ = self.try_flush();
    }

    /// Waits until something can be read.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.tcp.readable().await
    }

    /// Waits until something can be sent.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.tcp.writable().await
    }

    /// Asks for the task to be woken when something can be read, if nothing can be now. The last task that asked is woken.
    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        // An error is met by whoever reads.
        self.tcp.poll_read_ready(context).map(drop)
    }

    /// The same for sending.
    pub(crate) fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.tcp.poll_write_ready(context).map(drop)
    }

    fn read_tls(&mut self) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => read_tls(tls, &self.tcp),
            None => Ok(0),
        }
    }
}

/// Reads and processes ciphertext. A TLS error is sent to the peer as its alert before it is told here.
fn read_tls(tls: &mut rustls::Connection, tcp: &TcpStream) -> io::Result<usize> {
    let bytes = tls.read_tls(&mut Socket(tcp))?;
    if let Err(error) = tls.process_new_packets() {
        let _ = tls.write_tls(&mut Socket(tcp));
        return Err(io::Error::new(io::ErrorKind::InvalidData, error));
    }
    Ok(bytes)
}

/// The socket as rustls reads and writes it: never waiting.
struct Socket<'a>(&'a TcpStream);

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        receive(self.0, buffer)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        send(self.0, bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let all = slices.iter().fold(0, |sum: usize, slice| sum.saturating_add(slice.len()));
        try_once(self.0, Interest::WRITABLE, all, || rustix::io::writev(self.0, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn receive(tcp: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    try_once(tcp, Interest::READABLE, buffer.len(), || rustix::io::read(tcp, buffer))
}

fn send(tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    try_once(tcp, Interest::WRITABLE, bytes.len(), || rustix::io::write(tcp, bytes))
}

/// Reads or writes once, unless the socket is known not to be ready. One that moved fewer than `all` bytes is not ready
/// until the system tells so; that the peer has closed is not forgotten over it.
fn try_once(
    tcp: &TcpStream,
    interest: Interest,
    all: usize,
    once: impl FnOnce() -> rustix::io::Result<usize>,
) -> io::Result<usize> {
    let mut moved = 0;
    let done = tcp.try_io(interest, || {
        moved = once()?;
        if moved > 0 && moved < all { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(moved) }
    });
    if moved > 0 { Ok(moved) } else { done }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Link, TcpStream) {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(door.local_addr().unwrap()).await.unwrap();
        (Link::plain(door.accept().await.unwrap().0), peer)
    }

    async fn readable(link: &Link) {
        poll_fn(|context| link.poll_readable(context)).await;
    }

    #[tokio::test]
    async fn a_socket_that_was_emptied_tells_of_what_comes_later() {
        let (mut link, mut peer) = pair().await;
        let mut buffer = [0; 64];
        for _ in 0..3 {
            peer.write_all(b"frame").await.unwrap();
            readable(&link).await;
            assert_eq!(link.try_read(&mut buffer).unwrap(), 5);
            assert_eq!(link.try_read(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
    }

    #[tokio::test]
    async fn an_end_that_comes_with_the_last_bytes_is_not_lost() {
        let (mut link, mut peer) = pair().await;
        peer.write_all(b"frame").await.unwrap();
        peer.shutdown().await.unwrap();
        let mut buffer = [0; 64];
        readable(&link).await;
        assert_eq!(link.try_read(&mut buffer).unwrap(), 5);
        readable(&link).await;
        assert_eq!(link.try_read(&mut buffer).unwrap(), 0);
    }

    #[tokio::test]
    async fn a_socket_that_was_full_takes_the_rest_when_there_is_room() {
        use tokio::io::AsyncReadExt;
        let (mut link, mut peer) = pair().await;
        let all = 16 << 20;
        link.put_owned(vec![7; all]);
        assert!(!link.try_flush().unwrap(), "the socket has no room for so much");
        let reader = tokio::spawn(async move {
            let mut got = vec![0; all];
            peer.read_exact(&mut got).await.unwrap();
            got.iter().all(|byte| *byte == 7)
        });
        while !link.try_flush().unwrap() {
            poll_fn(|context| link.poll_writable(context)).await;
        }
        assert!(reader.await.unwrap());
    }
}
