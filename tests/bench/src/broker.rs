//! The canned broker: answers ApiVersions, Metadata and Fetch, the last with prepared bytes and with sessions as Kafka
//! keeps them. A thread for each connection, all on the core of the thread that started it.
//!
//! A Fetch gets the longest prepared answer that its `max_bytes` allow; one that is shorter than `min_bytes` waits, as at
//! Kafka, for `max_wait_ms`. Whoever is sent much, or has more requests waiting, is served with the lowest priority: how
//! long somebody else waits is to be told of the proxy, and not of this broker.
//!
//! Must never: copy an answer's records before they are sent; what it costs is not what is measured, but it shares the
//! machine.

mod messages;

use std::collections::HashMap;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{FetchRequest, MetadataRequest};
use uuid::Uuid;

use crate::canned::{Answers, REFUSED};
use crate::failure::{Context, Failure};
use messages::{API_VERSIONS, FETCH, METADATA, Request, broken, encoded, head};

/// The one broker's id.
pub const ID: i32 = 1;

const SESSION_NOT_FOUND: i16 = 70;
const WRONG_EPOCH: i16 = 71;
/// Bytes read at once.
const READ: usize = 16 * 1024;
/// An answer from this length on is bulk.
const BULK: usize = 256 * 1024;

/// A running broker. It ends with the process.
pub struct CannedBroker {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it was asked.
    pub asked: Arc<Asked>,
    shared: Arc<Shared>,
}

/// What a broker was asked since its start.
#[derive(Default)]
pub struct Asked {
    sessions: AtomicU64,
    incremental: AtomicU64,
    refused_topics: AtomicU64,
    bad_sessions: AtomicU64,
}

/// The same at one moment.
#[derive(Clone, Copy, Default)]
pub struct AskedCounts {
    /// Sessions that it gave out.
    pub sessions: u64,
    /// Fetches in a session.
    pub incremental: u64,
    /// Topics in Fetches that no client may read.
    pub refused_topics: u64,
    /// Fetches whose session or epoch it did not know.
    pub bad_sessions: u64,
}

impl Asked {
    /// What it is now.
    pub fn now(&self) -> AskedCounts {
        let read = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        AskedCounts {
            sessions: read(&self.sessions),
            incremental: read(&self.incremental),
            refused_topics: read(&self.refused_topics),
            bad_sessions: read(&self.bad_sessions),
        }
    }
}

impl CannedBroker {
    /// Starts it with small and bulk answers.
    pub fn start() -> Result<Self, Failure> {
        Self::with(Answers::new()?)
    }

    /// Starts it with these answers.
    pub fn with(answers: Answers) -> Result<Self, Failure> {
        Self::with_topics(answers, HashMap::new())
    }

    /// Starts it with these answers and with more topics, of which it tells and has no records.
    pub fn with_topics(answers: Answers, more: HashMap<String, Uuid>) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("the canned broker cannot listen")?;
        let address = listener.local_addr().context("the canned broker has no address")?;
        let asked = Arc::new(Asked::default());
        let shared = Arc::new(Shared {
            address,
            answers,
            more,
            asked: Arc::clone(&asked),
            last_id: AtomicI32::new(0),
            wanted: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = Connection::new(stream, Arc::clone(&accepting));
                let wanted = accepting.wanted.lock().unwrap_or_else(PoisonError::into_inner).take();
                match wanted {
                    Some(wanted) => {
                        let _ = connection.stream.set_nonblocking(true).map(|()| wanted.send(connection));
                    }
                    None => drop(thread::spawn(move || connection.serve())),
                }
            }
        });
        Ok(Self { address, asked, shared })
    }

    /// Hands over the next connection, which then is served by whoever has it.
    pub fn hand_over_next(&self) -> Receiver<Connection> {
        let (wanted, next) = sync_channel(1);
        *self.shared.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(wanted);
        next
    }
}

struct Shared {
    address: SocketAddr,
    answers: Answers,
    more: HashMap<String, Uuid>,
    asked: Arc<Asked>,
    last_id: AtomicI32,
    /// Who wants the next connection for itself.
    wanted: Mutex<Option<SyncSender<Connection>>>,
}

/// One connection to the broker.
pub struct Connection {
    stream: TcpStream,
    shared: Arc<Shared>,
    /// The epoch that is expected next, by session. A relay has a connection of its own for each client, as a client has.
    sessions: HashMap<i32, i32>,
    inbound: BytesMut,
    /// It is served with the lowest priority.
    stands_back: bool,
}

impl Connection {
    fn new(stream: TcpStream, shared: Arc<Shared>) -> Self {
        // Without it an answer is late, and the first figure tells.
        let _ = stream.set_nodelay(true);
        Self { stream, shared, sessions: HashMap::new(), inbound: BytesMut::new(), stands_back: false }
    }

    /// Answers what has come, without waiting for more; false where nothing has.
    pub fn serve_what_came(&mut self) -> io::Result<bool> {
        match self.serve_once() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            served => served.map(|()| true),
        }
    }

    fn serve(mut self) {
        // A client that goes away is no news; what goes wrong otherwise, the client reports.
        if let Err(error) = self.try_serve()
            && !matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
        {
            eprintln!("canned broker: {error}");
        }
    }

    fn try_serve(&mut self) -> io::Result<()> {
        loop {
            self.serve_once()?;
        }
    }

    /// Reads once and answers every request that is whole.
    fn serve_once(&mut self) -> io::Result<()> {
        let mut buffer = [0; READ];
        match self.stream.read(&mut buffer)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            came => self.inbound.extend_from_slice(&buffer[..came]),
        }
        while let Some(frame) = messages::cut(&mut self.inbound)? {
            if !self.inbound.is_empty() {
                self.stand_back()?;
            }
            self.answer(frame)?;
        }
        Ok(())
    }

    fn stand_back(&mut self) -> io::Result<()> {
        if !self.stands_back {
            self.stands_back = true;
            // Of this thread alone.
            rustix::process::setpriority_process(None, 19)?;
        }
        Ok(())
    }

    fn answer(&mut self, frame: Bytes) -> io::Result<()> {
        let request = Request::read(frame).ok_or_else(|| broken("a request's header"))?;
        match request.key {
            FETCH => self.fetch(request),
            METADATA => {
                let wanted: MetadataRequest = request.decode()?;
                let body =
                    encoded(&messages::metadata(&wanted, self.shared.address, &self.shared.more), request.version)?;
                self.send(&request, request.version >= 9, &[], &body)
            }
            API_VERSIONS => {
                let body = encoded(&messages::api_versions(), request.version.min(3))?;
                self.send(&request, false, &[], &body)
            }
            key => Err(broken(&format!("a request with key {key}"))),
        }
    }

    fn fetch(&mut self, request: Request) -> io::Result<()> {
        let wanted: FetchRequest = request.decode()?;
        let asked = Arc::clone(&self.shared.asked);
        let named_refused =
            wanted.topics.iter().any(|topic| topic.topic.0.as_str() == REFUSED.0 || topic.topic_id == REFUSED.1);
        asked.refused_topics.fetch_add(named_refused.into(), Ordering::Relaxed);
        let flexible = request.version >= 12;
        match self.session(&wanted) {
            Ok(session) => {
                let head = head(0, session);
                let shared = Arc::clone(&self.shared);
                let topics = shared.answers.within(request.version, wanted.max_bytes);
                let topics = topics.ok_or_else(|| broken("a version of Fetch"))?;
                if topics.len() > BULK {
                    self.stand_back()?;
                } else if topics.len() < usize::try_from(wanted.min_bytes).unwrap_or(0) {
                    thread::sleep(Duration::from_millis(u64::try_from(wanted.max_wait_ms).unwrap_or(0)));
                }
                self.send(&request, flexible, &head, topics)
            }
            Err(code) => {
                asked.bad_sessions.fetch_add(1, Ordering::Relaxed);
                // No topics, no tagged fields.
                self.send(&request, flexible, &head(code, 0), if flexible { &[1, 0] } else { &[0; 4] })
            }
        }
    }

    /// The session of the answer, or why there is none (KIP-227).
    fn session(&mut self, wanted: &FetchRequest) -> Result<i32, i16> {
        let (id, epoch) = (wanted.session_id, wanted.session_epoch);
        match epoch {
            -1 => {
                self.sessions.remove(&id);
                Ok(0)
            }
            0 => {
                self.sessions.remove(&id);
                let new = self.shared.last_id.fetch_add(1, Ordering::Relaxed) + 1;
                self.sessions.insert(new, 1);
                self.shared.asked.sessions.fetch_add(1, Ordering::Relaxed);
                Ok(new)
            }
            _ => {
                let expected = self.sessions.get_mut(&id).ok_or(SESSION_NOT_FOUND)?;
                if *expected != epoch {
                    return Err(WRONG_EPOCH);
                }
                *expected += 1;
                self.shared.asked.incremental.fetch_add(1, Ordering::Relaxed);
                Ok(id)
            }
        }
    }

    /// Sends an answer whose body is `head` and `rest`.
    fn send(&mut self, request: &Request, flexible_header: bool, head: &[u8], rest: &[u8]) -> io::Result<()> {
        let tags = usize::from(flexible_header);
        let length = i32::try_from(4 + tags + head.len() + rest.len()).map_err(io::Error::other)?;
        let mut start = Vec::with_capacity(32);
        start.extend_from_slice(&length.to_be_bytes());
        start.extend_from_slice(&request.correlation_id.to_be_bytes());
        start.extend_from_slice(&[0][..tags]);
        start.extend_from_slice(head);
        let mut parts = [IoSlice::new(&start), IoSlice::new(rest)];
        let mut parts = &mut parts[..];
        while !parts.is_empty() {
            match self.stream.write_vectored(parts)? {
                0 => return Err(ErrorKind::WriteZero.into()),
                sent => IoSlice::advance_slices(&mut parts, sent),
            }
        }
        Ok(())
    }
}
