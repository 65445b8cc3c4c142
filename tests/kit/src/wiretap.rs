//! Stands between a client that is no part of the kit and Weir, and records every byte that both send, in plaintext.
//!
//! It listens where clients are told to go, as the server that they expect. Towards Weir it is that same client:
//! the kit issued the certificate, so it has the key. It sends the same TLS server name on. It changes no byte.
//! A client whose certificate the kit did not issue is closed: such a test talks to Weir itself.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::pki::{Identity, Pki};
use crate::raw::{RawTarget, material};
use crate::transcript::{Side, Transcript};

/// A running tap. It ends when dropped.
#[derive(Debug)]
pub struct Wiretap {
    stop: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// One port: where clients come, and where Weir listens.
#[derive(Debug, Clone, Copy)]
pub struct Tapped {
    /// Where clients connect.
    pub outside: SocketAddr,
    /// Where Weir is.
    pub inside: SocketAddr,
}

impl Wiretap {
    /// Listens on each `outside` with the certificate of `server`, which is Weir's own. `side` is what the transcripts
    /// are: `Edge`, unless a test puts brokers in the place of Weir.
    ///
    /// # Panics
    /// When a port is taken.
    pub fn start(server: &Identity, ports: &[Tapped], side: Side) -> Self {
        let acceptor = TlsAcceptor::from(server_config(server));
        let listeners: Vec<(StdListener, SocketAddr)> = ports
            .iter()
            .map(|tapped| {
                let listener = StdListener::bind(tapped.outside);
                (listener.unwrap_or_else(|error| panic!("{}: {error}", tapped.outside)), tapped.inside)
            })
            .collect();
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new().name("wiretap".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
            runtime.block_on(serve(listeners, acceptor, side, stopped));
        });
        Self { stop, thread: Some(thread.expect("a thread starts")) }
    }
}

impl Drop for Wiretap {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Remembers an identity, so that a tap can speak for it.
pub(crate) fn remember(identity: &Identity) {
    let (chain, _) = material(identity);
    let leaf = chain.into_iter().next().expect("a chain begins with its leaf");
    known().lock().unwrap_or_else(PoisonError::into_inner).insert(leaf, identity.clone());
}

fn known() -> &'static Mutex<HashMap<CertificateDer<'static>, Identity>> {
    static KNOWN: OnceLock<Mutex<HashMap<CertificateDer<'static>, Identity>>> = OnceLock::new();
    KNOWN.get_or_init(Mutex::default)
}

fn server_config(server: &Identity) -> Arc<ServerConfig> {
    let mut roots = RootCertStore::empty();
    let ca = Pki::shared().authority().certificate_pem().as_bytes();
    for certificate in <CertificateDer<'_> as rustls::pki_types::pem::PemObject>::pem_slice_iter(ca) {
        roots.add(certificate.expect("it is PEM")).expect("it is a certificate");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    let (chain, key) = material(server);
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the default TLS versions exist")
        .with_client_cert_verifier(verifier.expect("the authority can verify"))
        .with_single_cert(chain, key);
    Arc::new(config.expect("the key belongs to the certificate"))
}

async fn serve(
    listeners: Vec<(StdListener, SocketAddr)>,
    acceptor: TlsAcceptor,
    side: Side,
    mut stopped: watch::Receiver<bool>,
) {
    let mut doors = tokio::task::JoinSet::new();
    for (listener, inside) in listeners {
        let acceptor = acceptor.clone();
        doors.spawn(async move {
            listener.set_nonblocking(true).expect("a listener can be made non-blocking");
            let listener = TcpListener::from_std(listener).expect("a listener fits into the runtime");
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((client, _)) = listener.accept().await else { continue };
                // Errors end one connection, as they would without the tap.
                connections.spawn(tap(client, inside, acceptor.clone(), side));
                while connections.try_join_next().is_some() {}
            }
        });
    }
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn tap(client: TcpStream, inside: SocketAddr, acceptor: TlsAcceptor, side: Side) -> io::Result<()> {
    client.set_nodelay(true)?;
    let local = client.local_addr()?.ip();
    let client = acceptor.accept(client).await?;
    let (_, tls) = client.get_ref();
    let name = match tls.server_name() {
        Some(name) => name.to_string(),
        None => local.to_string(),
    };
    let leaf = tls.peer_certificates().and_then(|chain| chain.first()).cloned().map(CertificateDer::into_owned);
    let identity = leaf.and_then(|leaf| known().lock().unwrap_or_else(PoisonError::into_inner).get(&leaf).cloned());
    let identity = identity.ok_or_else(|| io::Error::other("not a certificate of this kit"))?;
    let versions = vec![&rustls::version::TLS13, &rustls::version::TLS12];
    let target = RawTarget { name: name.clone(), versions, ..RawTarget::new(&inside.to_string(), &identity) };
    let name = ServerName::try_from(name).map_err(io::Error::other)?;
    let weir = TcpStream::connect(inside).await?;
    weir.set_nodelay(true)?;
    let weir = TlsConnector::from(target.config()).connect(name, weir).await?;
    let (from_client, to_client) = tokio::io::split(client);
    let (from_weir, to_weir) = tokio::io::split(weir);
    // The first side that ends, ends both: what it sent before has been passed on.
    let port = inside.port();
    tokio::select! {
        ended = pump(from_client, to_weir, Transcript::at(Side::Sent, port)) => ended,
        ended = pump(from_weir, to_client, Transcript::at(side, port)) => ended,
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut transcript: Transcript,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        transcript.add(&buffer[..count]);
        to.write_all(&buffer[..count]).await?;
        to.flush().await?;
    }
}
