//! What holds the baseline to its word: the relay that a user of tokio-rustls would write, with good buffers. If the bare
//! relay costs more than this one, the run is void.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::RelayOptions;
use crate::failure::{Context, Failure};
use crate::relay::listen;
use crate::tls;

/// Bytes copied at once.
const BUFFER: usize = 256 * 1024;
/// Bytes that TLS may hold.
const TLS_BUFFER: usize = 1024 * 1024;

/// Relays until the parent ends.
pub fn run(options: &RelayOptions) -> Result<(), Failure> {
    let config = tls::server_config(&options.certificates)?;
    let listener = listen()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(serve(listener, config, options.upstream)).context("the relay stopped")
}

async fn serve(listener: TcpListener, config: Arc<ServerConfig>, upstream: SocketAddr) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let acceptor = TlsAcceptor::from(config);
    loop {
        let (client, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A connection that ends is no news.
            let _ = relay(client, &acceptor, upstream).await;
        });
    }
}

async fn relay(client: TcpStream, acceptor: &TlsAcceptor, upstream: SocketAddr) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut tls = acceptor.accept(client).await?;
    tls.get_mut().1.set_buffer_limit(Some(TLS_BUFFER));
    let mut broker = TcpStream::connect(upstream).await?;
    broker.set_nodelay(true)?;
    tokio::io::copy_bidirectional_with_sizes(&mut tls, &mut broker, BUFFER, BUFFER).await?;
    Ok(())
}
