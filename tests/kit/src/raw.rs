//! A Kafka client of single frames, over mutual TLS: for tests that send what no client library would.
//!
//! All that it receives from Weir is added to a transcript. Every read and write has a deadline.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_protocol::protocol::Request;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use crate::kafka::wire;
use crate::pki::{Identity, Pki};
use crate::transcript::{Side, Transcript};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long `call` waits for an answer.
const CALL_LIMIT: Duration = Duration::from_secs(30);

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

/// Where to connect, and as whom.
#[derive(Debug, Clone)]
pub struct RawTarget {
    /// `host:port` to dial.
    pub address: String,
    /// The TLS server name; an IP address sends none.
    pub name: String,
    /// The client certificate; none is sent without it.
    pub identity: Option<Identity>,
    /// Whom to trust.
    pub ca: std::path::PathBuf,
    /// Whose bytes these are in the transcripts: `Edge`, unless it goes to a broker.
    pub side: Side,
    /// TLS versions that are offered.
    pub versions: Vec<&'static SupportedProtocolVersion>,
}

impl RawTarget {
    /// With TLS 1.3, the host as the server name, and the authority of this test process.
    pub fn new(address: &str, identity: &Identity) -> Self {
        Self {
            address: address.into(),
            name: address.rsplit_once(':').map_or(address, |(host, _)| host).into(),
            identity: Some(identity.clone()),
            ca: Pki::shared().ca(),
            side: Side::Edge,
            versions: vec![&rustls::version::TLS13],
        }
    }

    /// A TLS configuration for it, for connections that shall share sessions.
    pub fn config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(&self.ca).expect("the authority's file is there") {
            roots.add(certificate.expect("it is PEM")).expect("it is a certificate");
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions)
            .expect("these TLS versions exist")
            .with_root_certificates(roots);
        Arc::new(match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = material(identity);
                builder.with_client_auth_cert(chain, key).expect("the key belongs to the certificate")
            }
        })
    }
}

/// A connection. Closed when dropped.
#[derive(Debug)]
pub struct RawClient {
    stream: StreamOwned<ClientConnection, TcpStream>,
    transcript: Transcript,
    correlation: i32,
}

impl RawClient {
    /// Connects and completes the TLS handshake. With TLS 1.3 a refused client certificate shows only at the first
    /// read: `ended` tells.
    pub fn connect(target: &RawTarget) -> Result<Self, String> {
        Self::connect_with(target, target.config())
    }

    /// The same with a configuration that may hold TLS sessions of earlier connections.
    pub fn connect_with(target: &RawTarget, config: Arc<ClientConfig>) -> Result<Self, String> {
        let failed = |error: io::Error| format!("{}: {error}", target.address);
        let address = target.address.to_socket_addrs().map_err(failed)?.next().ok_or("the name has no address")?;
        let mut tcp = TcpStream::connect_timeout(&address, CONNECT_LIMIT).map_err(failed)?;
        tcp.set_nodelay(true).map_err(failed)?;
        tcp.set_write_timeout(Some(CONNECT_LIMIT)).map_err(failed)?;
        tcp.set_read_timeout(Some(CONNECT_LIMIT)).map_err(failed)?;
        let name = ServerName::try_from(target.name.clone()).map_err(|error| error.to_string())?;
        let mut tls = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp).map_err(failed)?;
        }
        let stream = StreamOwned::new(tls, tcp);
        Ok(Self { stream, transcript: Transcript::new(target.side), correlation: 0 })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Sends a body with its length before it.
    pub fn send_frame(&mut self, body: &[u8]) -> io::Result<()> {
        let length = i32::try_from(body.len()).expect("a test frame is short");
        self.send(&[&length.to_be_bytes(), body].concat())
    }

    /// Reads one whole answer, without its length.
    pub fn read_frame(&mut self, limit: Duration) -> Result<Vec<u8>, Ended> {
        let end = Instant::now() + limit;
        let mut length = [0; 4];
        self.fill(&mut length, end)?;
        let length = usize::try_from(i32::from_be_bytes(length)).expect("Weir sends no negative length");
        assert!(length <= 256 << 20, "Weir announces an answer of {length} bytes");
        let mut body = vec![0; length];
        self.fill(&mut body, end)?;
        Ok(body)
    }

    /// Sends a request and gives its decoded answer.
    ///
    /// # Panics
    /// When the answer's correlation id is another one's.
    pub fn call<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response, String> {
        self.correlation += 1;
        let sent = self.correlation;
        self.send(&wire::frame(sent, version, request)?).map_err(|error| error.to_string())?;
        let answer = self.read_frame(CALL_LIMIT).map_err(|ended| format!("{ended:?}"))?;
        let (correlation, body) = wire::open::<R>(version, &answer)?;
        assert_eq!(correlation, sent, "answers come in the order of their requests");
        Ok(body)
    }

    /// Waits for the other side to end the connection, and says how it did. Bytes that come before are recorded.
    pub fn ended(&mut self, limit: Duration) -> Ended {
        let end = Instant::now() + limit;
        let mut some = [0; 4096];
        loop {
            match self.read_some(&mut some, end) {
                Ok(_) => {}
                Err(ended) => return ended,
            }
        }
    }

    /// Sends nothing more; still reads.
    pub fn shut_write(&mut self) {
        let _ = self.stream.sock.shutdown(Shutdown::Write);
    }

    /// The TCP socket below.
    pub fn socket(&self) -> &TcpStream {
        &self.stream.sock
    }

    /// The TLS session.
    pub fn tls(&self) -> &ClientConnection {
        &self.stream.conn
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
                self.transcript.add(&buffer[..count]);
                Ok(count)
            }
            Err(error) => Err(how(&error)),
        }
    }
}

/// The chain and the key of an identity, as rustls takes them.
pub(crate) fn material(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::pem_slice_iter(identity.issued.chain_pem.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("the chain is PEM");
    let key = PrivateKeyDer::from_pem_slice(identity.issued.key_pem.as_bytes()).expect("the key is PEM");
    (chain, key)
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
