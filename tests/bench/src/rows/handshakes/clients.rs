//! Clients that shake hands, and do nothing else: one thread looks at all of them in turn, and naps when nothing came.
//! Nobody wakes it.
//!
//! A handshake counts when the server, which has read the client's last message and that the client closes, has closed
//! too, and has sent no alert. A client that resumes needs a ticket each time. Some servers send none before they have
//! something else to send: their clients ask for as many answers as they need tickets, before anything is counted.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, NamedGroup, Stream};
use rustls_pki_types::ServerName;

use crate::failure::{Context, Failure};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to leave the core to the broker, which must see that a peer has closed.
const NAP: Duration = Duration::from_micros(50);
/// ApiVersions, version 0, of a client that does not say its name.
const API_VERSIONS: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];

/// Clients that shake hands with one server, each again and again.
pub struct Clients {
    target: SocketAddr,
    kind: HandshakeKind,
    clients: Vec<Client>,
}

struct Client {
    config: Arc<ClientConfig>,
    tickets: Arc<Tickets>,
    /// Handshakes that it shall still begin.
    left: u32,
    connection: Option<Connection>,
}

struct Connection {
    tcp: TcpStream,
    tls: ClientConnection,
    /// The handshake is over, and the client has closed.
    closing: bool,
}

impl Clients {
    /// As many clients, each with tickets of its own where it shall resume: enough to shake hands `each` times.
    pub fn open(
        target: SocketAddr,
        config: &ClientConfig,
        many: u32,
        resume: bool,
        each: u32,
    ) -> Result<Self, Failure> {
        let clients = (0..many).map(|_| Client::new(config, resume)).collect();
        let kind = if resume { HandshakeKind::Resumed } else { HandshakeKind::Full };
        let mut clients = Self { target, kind, clients };
        for client in &clients.clients {
            client.ask(target).context("the handshakes cannot start")?;
        }
        let held = |clients: &Self| clients.clients.iter().map(|client| client.tickets.held()).sum::<usize>();
        let before = held(&clients);
        clients.run(1)?;
        if held(&clients) < before {
            let wanted = usize::try_from(each).unwrap_or(usize::MAX);
            for client in &clients.clients {
                client.gather(target, wanted).context("tickets cannot be had")?;
            }
        }
        Ok(clients)
    }

    /// Each client shakes hands so often.
    pub fn run(&mut self, each: u32) -> Result<(), Failure> {
        self.run_all(each).context("the handshakes stopped")
    }

    fn run_all(&mut self, each: u32) -> io::Result<()> {
        self.clients.iter_mut().for_each(|client| client.left = each);
        let mut progress = Instant::now();
        while self.clients.iter().any(Client::is_busy) {
            let mut moved = false;
            for client in &mut self.clients {
                moved |= client.advance(self.target, self.kind)?;
            }
            if moved {
                progress = Instant::now();
            } else if progress.elapsed() > PATIENCE {
                return Err(ErrorKind::TimedOut.into());
            } else {
                thread::sleep(NAP);
            }
        }
        Ok(())
    }
}

impl Client {
    fn new(config: &ClientConfig, resume: bool) -> Self {
        let mut config = config.clone();
        let tickets = Arc::new(Tickets::default());
        let store = || Resumption::store(Arc::clone(&tickets) as Arc<dyn ClientSessionStore>);
        config.resumption = if resume { store() } else { Resumption::disabled() };
        Self { config: Arc::new(config), tickets, left: 0, connection: None }
    }

    /// Asks until it holds as many tickets as it wants.
    fn gather(&self, target: SocketAddr, wanted: usize) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.tickets.held() < wanted {
            self.ask(target)?;
            if Instant::now() > deadline {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    /// Shakes hands, and asks what the server speaks.
    fn ask(&self, target: SocketAddr) -> io::Result<()> {
        let mut tcp = TcpStream::connect_timeout(&target, PATIENCE)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let mut tls = Connection::tls(target, &self.config)?;
        let mut stream = Stream::new(&mut tls, &mut tcp);
        stream.write_all(&API_VERSIONS)?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length)).map_err(io::Error::other)?];
        stream.read_exact(&mut answer)
    }

    fn is_busy(&self) -> bool {
        self.left > 0 || self.connection.is_some()
    }

    /// Does what can be done at once; false where that was nothing.
    fn advance(&mut self, target: SocketAddr, kind: HandshakeKind) -> io::Result<bool> {
        let Some(connection) = &mut self.connection else {
            if self.left == 0 {
                return Ok(false);
            }
            self.left -= 1;
            self.connection = Some(Connection::open(target, &self.config)?);
            return Ok(true);
        };
        match connection.advance(kind) {
            Ok(true) => self.connection = None,
            Ok(false) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }
}

impl Connection {
    fn open(target: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let tcp = TcpStream::connect_timeout(&target, PATIENCE)?;
        tcp.set_nodelay(true)?;
        tcp.set_nonblocking(true)?;
        let mut connection = Self { tcp, tls: Self::tls(target, config)?, closing: false };
        connection.flush()?;
        Ok(connection)
    }

    fn tls(target: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<ClientConnection> {
        let name = ServerName::IpAddress(target.ip().into());
        ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)
    }

    /// Reads once, and answers; true when all is over.
    fn advance(&mut self, kind: HandshakeKind) -> io::Result<bool> {
        match self.tls.read_tls(&mut self.tcp) {
            Ok(0) if self.closing => return Ok(true),
            Ok(0) => return Err(unexpected("the server closed in a handshake")),
            read => drop(read?),
        }
        self.tls.process_new_packets().map_err(io::Error::other)?;
        self.flush()?;
        if !self.closing && !self.tls.is_handshaking() {
            if self.tls.handshake_kind() != Some(kind) {
                return Err(unexpected(&format!("a handshake of kind {:?}", self.tls.handshake_kind())));
            }
            self.tls.send_close_notify();
            self.flush()?;
            self.tcp.shutdown(Shutdown::Write)?;
            self.closing = true;
        }
        Ok(false)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.tcp)?;
        }
        self.tcp.flush()
    }
}

/// A client's tickets; the newest is the next.
#[derive(Debug, Default)]
struct Tickets(Mutex<Vec<Tls13ClientSessionValue>>);

impl Tickets {
    fn held(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Tls13ClientSessionValue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.lock().push(ticket);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.lock().pop()
    }
}

fn unexpected(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("unexpected: {what}"))
}
