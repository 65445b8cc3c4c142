//! Every socket that the process listens on: bound here, or handed over by a service manager.
//!
//! Must never: bind what was handed over, or serve half of what is configured.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::config::{Config, Listener};
use crate::listen::{self, Inherited};
use crate::server::ServeError;

/// A listening socket.
pub(crate) struct Socket {
    pub(crate) listener: TcpListener,
    /// A service manager holds it, too: who connects while nobody accepts waits in its queue.
    pub(crate) is_held: bool,
}

/// All of them, before the first connection is accepted.
pub(crate) struct Sockets<'a> {
    pub(crate) clients: Vec<(Socket, &'a Listener)>,
    pub(crate) admin: TcpListener,
    /// For metrics alone.
    pub(crate) metrics: Option<TcpListener>,
}

impl<'a> Sockets<'a> {
    /// Takes what was handed over and binds the rest.
    ///
    /// # Errors
    /// An address cannot be bound, or a socket was handed over that nothing in the configuration is for: whoever
    /// connects to it would wait for ever.
    pub(crate) fn open(config: &'a Config, mut inherited: Inherited) -> Result<Self, ServeError> {
        let some_are_held = inherited.addresses().next().is_some();
        let mut clients = Vec::new();
        for listener in &config.listeners {
            for address in listener.binds() {
                let socket = open(&mut inherited, address)
                    .map_err(|source| cannot(address, format!("listener {}", listener.name), source))?;
                if some_are_held && !socket.is_held {
                    tracing::warn!(%address, listener = listener.name, "not handed over by the service manager: \
                        clients are refused here during a restart; add it to the socket unit (`weir systemd-socket`)");
                }
                clients.push((socket, listener));
            }
        }
        let mut of_admin = |address: SocketAddr, purpose: &str| {
            let socket = open(&mut inherited, address).map_err(|source| cannot(address, purpose.to_owned(), source));
            socket.map(|socket| socket.listener)
        };
        let admin = of_admin(config.admin.bind, "admin")?;
        let metrics =
            config.admin.metrics.as_ref().map(|metrics| of_admin(metrics.bind, "admin.metrics")).transpose()?;
        if let Some(address) = inherited.addresses().next() {
            return Err(ServeError::NotConfigured { address });
        }
        Ok(Self { clients, admin, metrics })
    }
}

fn open(inherited: &mut Inherited, address: SocketAddr) -> io::Result<Socket> {
    match inherited.of_address(address)? {
        Some(listener) => Ok(Socket { listener, is_held: true }),
        None => Ok(Socket { listener: listen::bind(address)?, is_held: false }),
    }
}

fn cannot(address: SocketAddr, purpose: String, source: io::Error) -> ServeError {
    ServeError::Bind { address, purpose, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::fixture::Fixture;

    fn held(address: &str) -> std::net::TcpListener {
        std::net::TcpListener::bind(address).unwrap()
    }

    /// The fixture's configuration with free ports.
    fn config() -> Config {
        let mut config = Fixture::new().snapshot().config;
        let free = || held("127.0.0.1:0").local_addr().unwrap();
        let (client, admin) = (free(), free());
        config.listeners[0].ip = client.ip();
        config.listeners[0].ports = vec![client.port()];
        config.admin.bind = admin;
        config
    }

    #[tokio::test]
    async fn what_was_handed_over_is_used_and_the_rest_is_bound() {
        let config = config();
        let client = config.listeners[0].binds().next().unwrap();
        let manager = held(&client.to_string());
        let inherited = Inherited::of(vec![manager.try_clone().unwrap()]).unwrap();
        let sockets = Sockets::open(&config, inherited).unwrap();
        let [(socket, _)] = sockets.clients.as_slice() else { panic!("one listener") };
        assert!(socket.is_held && socket.listener.local_addr().unwrap() == client);
        assert_eq!(sockets.admin.local_addr().unwrap(), config.admin.bind);
        drop((sockets, manager));
        let sockets = Sockets::open(&config, Inherited::default()).unwrap();
        assert!(!sockets.clients[0].0.is_held);
    }

    #[tokio::test]
    async fn a_socket_that_nothing_is_configured_for_is_an_error_that_says_what_to_write() {
        let stray = held("127.0.0.1:0");
        let address = stray.local_addr().unwrap();
        let error = Sockets::open(&config(), Inherited::of(vec![stray]).unwrap()).err().unwrap();
        let told = error.to_string();
        assert!(told.contains(&address.to_string()) && told.contains("weir systemd-socket"), "{told}");
    }
}
