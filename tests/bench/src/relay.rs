//! The baseline: a relay that terminates mutual TLS and understands nothing, as cheap as rustls allows.
//!
//! One thread, edge-triggered readiness, one buffer for all connections; a broker is read only while nothing waits for
//! its client. 60 KiB is what fits one segment of loopback with its TLS records. Must never: know Kafka.

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustls::{ServerConfig, ServerConnection};

use crate::RelayOptions;
use crate::failure::{Context, Failure};
use crate::tls;

/// Bytes read at once.
const BUFFER: usize = 60 * 1024;
/// Steps of one connection before the others have theirs.
const STEPS: usize = 16;
/// The event of the listener; connections count from 1.
const LISTENER: u64 = 0;

/// Relays until the parent ends.
pub fn run(options: &RelayOptions) -> Result<(), Failure> {
    let config = tls::server_config(&options.certificates)?;
    let listener = listen()?;
    let epoll = epoll::create(CreateFlags::CLOEXEC).context("no epoll")?;
    let mut relay =
        Relay { epoll, config, upstream: options.upstream, pairs: HashMap::new(), last: 0, buffer: vec![0; BUFFER] };
    epoll::add(&relay.epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN).context("no epoll")?;
    relay.run(&listener).context("the relay stopped")
}

/// Listens, and tells the parent where: the port is the first line of the output.
pub fn listen() -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("the relay cannot listen")?;
    println!("{}", listener.local_addr().context("the relay has no address")?.port());
    // Without a parent there is nobody to relay for.
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    Ok(listener)
}

struct Relay {
    epoll: std::os::fd::OwnedFd,
    config: Arc<ServerConfig>,
    upstream: SocketAddr,
    pairs: HashMap<u64, Pair>,
    last: u64,
    buffer: Vec<u8>,
}

impl Relay {
    fn run(&mut self, listener: &TcpListener) -> io::Result<()> {
        let mut events: Vec<Event> = Vec::with_capacity(256);
        let mut busy: VecDeque<u64> = VecDeque::new();
        let at_once = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        loop {
            let timeout = (!busy.is_empty()).then_some(&at_once);
            match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in events.drain(..) {
                let data = event.data;
                if data.u64() == LISTENER {
                    self.accept(listener)?;
                    continue;
                }
                // The two ends of a pair are the two halves of a number.
                let (id, is_broker) = (data.u64() >> 1, data.u64() & 1 == 1);
                let Some(pair) = self.pairs.get_mut(&id) else { continue };
                pair.note(is_broker, event.flags);
                if !busy.contains(&id) {
                    busy.push_back(id);
                }
            }
            for _ in 0..busy.len() {
                let Some(id) = busy.pop_front() else { break };
                let Some(pair) = self.pairs.get_mut(&id) else { continue };
                match pair.advance(&mut self.buffer) {
                    Ok(true) => busy.push_back(id),
                    Ok(false) => {}
                    Err(_) => drop(self.pairs.remove(&id)),
                }
            }
        }
    }

    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        let (client, _) = listener.accept()?;
        let broker = TcpStream::connect(self.upstream)?;
        for stream in [&client, &broker] {
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
        }
        let mut tls = ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
        tls.set_buffer_limit(None);
        self.last += 1;
        let both = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, &client, EventData::new_u64(self.last << 1), both)?;
        epoll::add(&self.epoll, &broker, EventData::new_u64(self.last << 1 | 1), both)?;
        let pair =
            Pair { client, tls, broker, to_broker: Vec::new(), client_ready: Ready::NO, broker_ready: Ready::NO };
        self.pairs.insert(self.last, pair);
        Ok(())
    }
}

/// What a socket may have, as far as events and calls told.
struct Ready {
    read: bool,
    write: bool,
}

impl Ready {
    const NO: Self = Self { read: false, write: false };
}

struct Pair {
    client: TcpStream,
    tls: ServerConnection,
    broker: TcpStream,
    to_broker: Vec<u8>,
    client_ready: Ready,
    broker_ready: Ready,
}

impl Pair {
    fn note(&mut self, is_broker: bool, flags: EventFlags) {
        let ready = if is_broker { &mut self.broker_ready } else { &mut self.client_ready };
        let gone = EventFlags::HUP | EventFlags::ERR | EventFlags::RDHUP;
        ready.read |= flags.intersects(EventFlags::IN | gone);
        ready.write |= flags.intersects(EventFlags::OUT | gone);
    }

    /// Moves what can be moved; true where more could be moved at once. An end is an error.
    fn advance(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        for _ in 0..STEPS {
            let moved =
                self.write_client()? | self.read_broker(buffer)? | self.read_client(buffer)? | self.write_broker()?;
            if !moved {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn write_client(&mut self) -> io::Result<bool> {
        let mut moved = false;
        while self.tls.wants_write() && self.client_ready.write {
            let sent = self.tls.write_tls(&mut &self.client);
            moved |= now(sent, &mut self.client_ready.write)?.is_some();
        }
        Ok(moved)
    }

    fn read_broker(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        if self.tls.wants_write() || self.tls.is_handshaking() || !self.broker_ready.read {
            return Ok(false);
        }
        match now((&self.broker).read(buffer), &mut self.broker_ready.read)? {
            None => Ok(false),
            Some(0) => Err(ErrorKind::UnexpectedEof.into()),
            Some(bytes) => {
                // Fewer than there was room for: nothing is left, and an event will tell of more.
                self.broker_ready.read = bytes == buffer.len();
                self.tls.writer().write_all(&buffer[..bytes])?;
                Ok(true)
            }
        }
    }

    fn read_client(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        if !self.client_ready.read || !self.to_broker.is_empty() {
            return Ok(false);
        }
        match now(self.tls.read_tls(&mut &self.client), &mut self.client_ready.read)? {
            None => return Ok(false),
            Some(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Some(_) => {}
        }
        let state = self.tls.process_new_packets().map_err(io::Error::other)?;
        let plaintext = state.plaintext_bytes_to_read().min(buffer.len());
        self.tls.reader().read_exact(&mut buffer[..plaintext])?;
        self.to_broker.extend_from_slice(&buffer[..plaintext]);
        Ok(true)
    }

    fn write_broker(&mut self) -> io::Result<bool> {
        if self.to_broker.is_empty() || !self.broker_ready.write {
            return Ok(false);
        }
        let Some(sent) = now((&self.broker).write(&self.to_broker), &mut self.broker_ready.write)? else {
            return Ok(false);
        };
        self.to_broker.drain(..sent);
        Ok(true)
    }
}

/// What a call that never waits did; nothing where it would have waited, and then the socket is not ready.
fn now(done: io::Result<usize>, ready: &mut bool) -> io::Result<Option<usize>> {
    match done {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            *ready = false;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
