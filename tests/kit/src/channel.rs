//! One TLS connection, whole or torn as a test wants it: bytes out as they are, frames in, and how it ended.
//!
//! All that it receives is added to a transcript. Every read and write has a deadline.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::transcript::{Side, Transcript};

/// The longest answer that a test waits for: no limit of Weir's lets a longer one through.
const LONGEST: usize = 256 << 20;

/// Why no frame came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The other side closed, cleanly or not, without a TLS alert.
    Closed,
    /// It sent a TLS alert; its name is here.
    Alert(String),
    /// Nothing came in time; the connection is open.
    Silent,
}

/// A connection after its handshake. Closed when dropped.
#[derive(Debug)]
pub struct Channel {
    /// TLS over TCP, for what no method here does.
    pub stream: StreamOwned<ClientConnection, TcpStream>,
    side: Side,
    /// Made when something comes: most of a thousand connections never hear anything.
    transcript: Option<Transcript>,
}

impl Channel {
    /// Shakes hands over a TCP connection, whose time-outs are set, and gives each flight of bytes to `write`. With TLS
    /// 1.3 a refused client certificate shows only at the first read: `ended` tells.
    pub fn over(
        mut tcp: TcpStream,
        name: &str,
        config: Arc<ClientConfig>,
        side: Side,
        mut write: impl FnMut(&mut TcpStream, &[u8]) -> io::Result<()>,
    ) -> Result<Self, String> {
        let name = ServerName::try_from(name.to_string()).map_err(|error| error.to_string())?;
        let mut tls = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
        while tls.is_handshaking() || tls.wants_write() {
            if tls.wants_write() {
                let flight = unsent(&mut tls);
                write(&mut tcp, &flight).map_err(|error| error.to_string())?;
            } else if tls.read_tls(&mut tcp).map_err(|error| error.to_string())? == 0 {
                return Err("closed in the handshake".into());
            } else {
                tls.process_new_packets().map_err(|error| error.to_string())?;
            }
        }
        Ok(Self { stream: StreamOwned::new(tls, tcp), side, transcript: None })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Reads one whole answer, without its length.
    pub fn read_frame(&mut self, limit: Duration) -> Result<Vec<u8>, Ended> {
        self.read_whole_frame(limit)?.ok_or(Ended::Closed)
    }

    /// Reads one whole answer, or finds the end of the connection before it: then nothing. An error is an end in the middle.
    pub fn read_whole_frame(&mut self, limit: Duration) -> Result<Option<Vec<u8>>, Ended> {
        let end = Instant::now() + limit;
        let mut length = [0; 4];
        match self.read_some(&mut length[..1], end) {
            Ok(_) => {}
            Err(Ended::Closed) => return Ok(None),
            Err(other) => return Err(other),
        }
        self.fill(&mut length[1..], end)?;
        let length = usize::try_from(i32::from_be_bytes(length)).expect("Weir sends no negative length");
        assert!(length <= LONGEST, "Weir announces an answer of {length} bytes");
        let mut body = vec![0; length];
        self.fill(&mut body, end)?;
        Ok(Some(body))
    }

    /// Waits for the other side to end the connection, and says how it did and how many bytes came before.
    pub fn ended(&mut self, limit: Duration) -> (Ended, usize) {
        let (end, mut some, mut count) = (Instant::now() + limit, [0; 4096], 0);
        loop {
            match self.read_some(&mut some, end) {
                Ok(more) => count += more,
                Err(ended) => return (ended, count),
            }
        }
    }

    /// Sends nothing more; still reads.
    pub fn shut_write(&mut self) {
        let _ = self.stream.sock.shutdown(Shutdown::Write);
    }

    fn fill(&mut self, mut buffer: &mut [u8], end: Instant) -> Result<(), Ended> {
        while !buffer.is_empty() {
            let count = self.read_some(buffer, end)?;
            buffer = &mut buffer[count..];
        }
        Ok(())
    }

    fn read_some(&mut self, buffer: &mut [u8], end: Instant) -> Result<usize, Ended> {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Ended::Silent);
        }
        self.stream.sock.set_read_timeout(Some(left)).expect("a socket takes a time-out");
        match self.stream.read(buffer) {
            Ok(0) => Err(Ended::Closed),
            Ok(count) => {
                let side = self.side;
                self.transcript.get_or_insert_with(|| Transcript::new(side)).add(&buffer[..count]);
                Ok(count)
            }
            Err(error) => Err(how(&error)),
        }
    }
}

/// What TLS has to send.
pub fn unsent(tls: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut bytes).expect("a vector takes bytes");
    }
    bytes
}

fn how(error: &io::Error) -> Ended {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Ended::Silent,
        _ => {}
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => Ended::Alert(format!("{alert:?}")),
        Some(other) => panic!("the other side broke TLS: {other}"),
        None => Ended::Closed,
    }
}
