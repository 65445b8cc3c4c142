//! A TLS client that does what it is told, byte by byte where need be.
//!
//! All that it receives is added to a transcript. Every read and write has a deadline.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tokio::net::TcpSocket;
use weir_testkit::kafka::wire;
use weir_testkit::transcript::{Side, Transcript};
use weir_testkit::{Ended, RawTarget};

use super::SOON;

/// How to dial.
#[derive(Clone, Copy)]
pub struct Dial {
    /// The address that Weir sees.
    pub from: Ipv4Addr,
    /// The end is a reset and no goodbye.
    pub resets: bool,
    /// Bytes that the kernel takes before the client reads.
    pub receive_buffer: Option<u32>,
}

impl Default for Dial {
    fn default() -> Self {
        Self { from: Ipv4Addr::LOCALHOST, resets: false, receive_buffer: None }
    }
}

/// A TCP connection.
pub fn dial(to: &str, how: Dial) -> io::Result<TcpStream> {
    let to: SocketAddr = to.parse().map_err(io::Error::other)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(IpAddr::V4(how.from), 0))?;
        if how.resets {
            socket.set_zero_linger()?;
        }
        if let Some(size) = how.receive_buffer {
            socket.set_recv_buffer_size(size)?;
        }
        tokio::time::timeout(SOON, socket.connect(to)).await?
    })?;
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SOON))?;
    stream.set_write_timeout(Some(SOON))?;
    Ok(stream)
}

/// What came on a TCP connection until it ended, and whether it did in time.
pub fn everything(mut tcp: &TcpStream, limit: Duration) -> (Vec<u8>, bool) {
    let (end, mut all, mut some) = (Instant::now() + limit, Vec::new(), [0; 4096]);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return (all, false);
        }
        tcp.set_read_timeout(Some(left)).expect("a socket takes a time-out");
        match tcp.read(&mut some) {
            Ok(0) => return (all, true),
            Ok(count) => all.extend_from_slice(&some[..count]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_) => return (all, true),
        }
    }
}

/// A TLS connection.
pub struct Tls {
    pub stream: StreamOwned<ClientConnection, TcpStream>,
    transcript: Option<Transcript>,
    correlation: i32,
}

impl Tls {
    /// Connects and shakes hands. With TLS 1.3 a refusal shows only at the first read.
    pub fn connect(target: &RawTarget) -> Result<Self, String> {
        Self::connect_with(target, target.config(), Dial::default())
    }

    /// The same from another address, or with sessions of earlier connections.
    pub fn connect_with(target: &RawTarget, config: Arc<ClientConfig>, how: Dial) -> Result<Self, String> {
        let tcp = dial(&target.address, how).map_err(|error| error.to_string())?;
        Self::over(tcp, &target.name, config, |tcp, bytes| tcp.write_all(bytes))
    }

    /// Shakes hands over a connection, giving each flight of bytes to `write`.
    pub fn over(
        mut tcp: TcpStream,
        name: &str,
        config: Arc<ClientConfig>,
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
        Ok(Self { stream: StreamOwned::new(tls, tcp), transcript: None, correlation: 0 })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Reads one whole answer, or finds the end of the connection before it. An error is an end in the middle.
    pub fn read_whole_frame(&mut self, limit: Duration) -> Result<Option<Vec<u8>>, Ended> {
        let end = Instant::now() + limit;
        let mut first = [0];
        match self.read_some(&mut first, end) {
            Ok(_) => {}
            Err(Ended::Closed) => return Ok(None),
            Err(other) => return Err(other),
        }
        let mut rest = [0; 3];
        self.fill(&mut rest, end)?;
        let length = u32::from_be_bytes([first[0], rest[0], rest[1], rest[2]]);
        let mut body = vec![0; usize::try_from(length).expect("a length")];
        self.fill(&mut body, end)?;
        Ok(Some(body))
    }

    /// Reads one whole answer, without its length.
    pub fn read_frame(&mut self, limit: Duration) -> Result<Vec<u8>, Ended> {
        let end = Instant::now() + limit;
        let mut length = [0; 4];
        self.fill(&mut length, end)?;
        let length = usize::try_from(i32::from_be_bytes(length)).expect("Weir sends no negative length");
        assert!(length <= 64 << 20, "Weir announces an answer of {length} bytes");
        let mut body = vec![0; length];
        self.fill(&mut body, end)?;
        Ok(body)
    }

    /// Whether Weir answers. The question is one that it answers whatever the brokers do: ApiVersions 99.
    pub fn is_served(&mut self) -> Result<(), Ended> {
        self.correlation += 1;
        let asked = self.correlation;
        self.send(&ping(asked)).map_err(|_| Ended::Closed)?;
        self.read_pong(asked)
    }

    /// The answer to `ping`.
    pub fn read_pong(&mut self, correlation: i32) -> Result<(), Ended> {
        let answer = self.read_frame(SOON)?;
        let (id, body): (i32, ApiVersionsResponse) =
            wire::open::<ApiVersionsRequest>(0, &answer).expect("an answer in the form of version 0");
        assert_eq!((id, body.error_code), (correlation, 35));
        assert_eq!((body.api_keys.len(), body.api_keys[0].max_version), (1, 4));
        Ok(())
    }

    /// Waits for the end of the connection. Gives it and how many bytes came before.
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
                self.transcript.get_or_insert_with(|| Transcript::new(Side::Edge)).add(&buffer[..count]);
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

/// A request that Weir answers whatever the brokers do.
pub fn ping(correlation: i32) -> Vec<u8> {
    request(18, 99, correlation, Some(b"edge"), &[0, 1, 1, 0])
}

/// A request frame. The header has tagged fields only where `body` begins with them.
pub fn request(key: i16, version: i16, correlation: i32, client_id: Option<&[u8]>, body: &[u8]) -> Vec<u8> {
    let mut frame = [key.to_be_bytes(), version.to_be_bytes()].concat();
    frame.extend(correlation.to_be_bytes());
    match client_id {
        Some(id) => {
            frame.extend(i16::try_from(id.len()).expect("a client id").to_be_bytes());
            frame.extend(id);
        }
        None => frame.extend([0xff, 0xff]),
    }
    frame.extend(body);
    framed(&frame)
}

/// Bytes with their length before them.
pub fn framed(bytes: &[u8]) -> Vec<u8> {
    [&i32::try_from(bytes.len()).expect("a short frame").to_be_bytes(), bytes].concat()
}

fn how(error: &io::Error) -> Ended {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Ended::Silent,
        _ => {}
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => Ended::Alert(format!("{alert:?}")),
        Some(other) => panic!("Weir broke TLS: {other}"),
        None => Ended::Closed,
    }
}
