//! A TLS client that does what it is told, byte by byte where need be.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use rustls::{ClientConfig, ClientConnection};
use tokio::net::TcpSocket;
use weir_testkit::kafka::wire;
use weir_testkit::transcript::Side;
use weir_testkit::{Channel, Ended, RawTarget};

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

/// A TLS connection from an address, after a handshake that a test may write itself.
pub struct Tls {
    channel: Channel,
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
        tcp: TcpStream,
        name: &str,
        config: Arc<ClientConfig>,
        write: impl FnMut(&mut TcpStream, &[u8]) -> io::Result<()>,
    ) -> Result<Self, String> {
        Ok(Self { channel: Channel::over(tcp, name, config, Side::Edge, write)?, correlation: 0 })
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

    /// What is below, to be taken apart.
    pub fn into_parts(self) -> (ClientConnection, TcpStream) {
        (self.channel.stream.conn, self.channel.stream.sock)
    }
}

impl Deref for Tls {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.channel
    }
}

impl DerefMut for Tls {
    fn deref_mut(&mut self) -> &mut Channel {
        &mut self.channel
    }
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
