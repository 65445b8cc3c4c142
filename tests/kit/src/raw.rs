//! A Kafka client of single frames, over mutual TLS: for tests that send what no client library would.

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::protocol::Request;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::channel::{Channel, Ended};
use crate::kafka::wire;
use crate::pki::{Identity, Pki};
use crate::transcript::Side;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long `call` waits for an answer.
const CALL_LIMIT: Duration = Duration::from_secs(30);

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

/// A connection on which one request after the other is asked and answered. Closed when dropped.
#[derive(Debug)]
pub struct RawClient {
    channel: Channel,
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
        let tcp = TcpStream::connect_timeout(&address, CONNECT_LIMIT).map_err(failed)?;
        tcp.set_nodelay(true).map_err(failed)?;
        tcp.set_write_timeout(Some(CONNECT_LIMIT)).map_err(failed)?;
        tcp.set_read_timeout(Some(CONNECT_LIMIT)).map_err(failed)?;
        let channel = Channel::over(tcp, &target.name, config, target.side, |tcp, bytes| tcp.write_all(bytes))
            .map_err(|error| format!("{}: {error}", target.address))?;
        Ok(Self { channel, correlation: 0 })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.channel.send(bytes)
    }

    /// Reads one whole answer, without its length.
    pub fn read_frame(&mut self, limit: Duration) -> Result<Vec<u8>, Ended> {
        self.channel.read_frame(limit)
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
        self.channel.ended(limit).0
    }
}

/// The chain and the key of an identity, as rustls takes them.
pub(crate) fn material(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::pem_slice_iter(identity.issued.chain_pem.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("the chain is PEM");
    let key = PrivateKeyDer::from_pem_slice(identity.issued.key_pem.as_bytes()).expect("the key is PEM");
    (chain, key)
}
