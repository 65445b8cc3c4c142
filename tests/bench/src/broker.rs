//! The canned broker: answers ApiVersions, Metadata and Fetch, the last with prepared bytes and with sessions as Kafka
//! keeps them. A thread for each connection, all on the core of the thread that started it.
//!
//! Must never: copy an answer's records before they are sent; what it costs is not what is measured, but it shares the
//! machine.

use std::collections::HashMap;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::thread;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{ApiVersionsResponse, BrokerId, FetchRequest, MetadataRequest, MetadataResponse};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use crate::canned::{self, Answers, PARTITIONS, REFUSED, TOPICS};
use crate::failure::{Context, Failure};

/// The one broker's id.
pub const ID: i32 = 1;

const FETCH: i16 = 1;
const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;
/// What it serves: key, lowest and highest version.
const SERVED: [(i16, i16, i16); 3] = [(FETCH, 4, 17), (METADATA, 4, 12), (API_VERSIONS, 0, 3)];
const SESSION_NOT_FOUND: i16 = 70;
const WRONG_EPOCH: i16 = 71;
/// The longest request that it reads, in bytes.
const LONGEST: usize = 1024 * 1024;

/// A running broker. It ends with the process.
pub struct CannedBroker {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it was asked.
    pub asked: Arc<Asked>,
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
    /// Starts it.
    pub fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("the canned broker cannot listen")?;
        let address = listener.local_addr().context("the canned broker has no address")?;
        let asked = Arc::new(Asked::default());
        let shared = Arc::new(Shared {
            address,
            answers: Answers::new()?,
            asked: Arc::clone(&asked),
            last_id: AtomicI32::new(0),
        });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || Connection { stream, shared, sessions: HashMap::new() }.serve());
            }
        });
        Ok(Self { address, asked })
    }
}

struct Shared {
    address: SocketAddr,
    answers: Answers,
    asked: Arc<Asked>,
    last_id: AtomicI32,
}

struct Connection {
    stream: TcpStream,
    shared: Arc<Shared>,
    /// The epoch that is expected next, by session. A relay has a connection of its own for each client, as a client has.
    sessions: HashMap<i32, i32>,
}

impl Connection {
    fn serve(mut self) {
        // A client that goes away is no news; what goes wrong otherwise, the client reports.
        if let Err(error) = self.try_serve()
            && !matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
        {
            eprintln!("canned broker: {error}");
        }
    }

    fn try_serve(&mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        loop {
            let mut prefix = [0; 4];
            self.stream.read_exact(&mut prefix)?;
            let length = usize::try_from(i32::from_be_bytes(prefix)).ok().filter(|length| *length <= LONGEST);
            let mut frame = vec![0; length.ok_or_else(|| broken("a request's length"))?];
            self.stream.read_exact(&mut frame)?;
            self.answer(Bytes::from(frame))?;
        }
    }

    fn answer(&mut self, frame: Bytes) -> io::Result<()> {
        let request = Request::read(frame).ok_or_else(|| broken("a request's header"))?;
        match request.key {
            FETCH => self.fetch(request),
            METADATA => {
                let wanted: MetadataRequest = request.decode()?;
                let body = encoded(&metadata(&wanted, self.shared.address), request.version)?;
                self.send(&request, request.version >= 9, &[], &body)
            }
            API_VERSIONS => {
                let body = encoded(&api_versions(), request.version.min(3))?;
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
                let topics = shared.answers.of(request.version).ok_or_else(|| broken("a version of Fetch"))?;
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

struct Request {
    key: i16,
    version: i16,
    correlation_id: i32,
    body: Bytes,
}

impl Request {
    fn read(frame: Bytes) -> Option<Self> {
        let (fixed, _) = frame.split_first_chunk::<10>()?;
        let [k0, k1, v0, v1, c0, c1, c2, c3, n0, n1] = *fixed;
        let (key, version) = (i16::from_be_bytes([k0, k1]), i16::from_be_bytes([v0, v1]));
        let name = usize::try_from(i16::from_be_bytes([n0, n1])).unwrap_or(0);
        let flexible = match key {
            FETCH => version >= 12,
            METADATA => version >= 9,
            _ => version >= 3,
        };
        // A flexible header ends with tagged fields, of which nobody sends any.
        let start = fixed.len() + name + usize::from(flexible);
        let body = (start <= frame.len()).then(|| frame.slice(start..))?;
        Some(Self { key, version, correlation_id: i32::from_be_bytes([c0, c1, c2, c3]), body })
    }

    fn decode<M: Decodable>(&self) -> io::Result<M> {
        M::decode(&mut self.body.clone(), self.version).map_err(|error| broken(&error.to_string()))
    }
}

/// Throttle time, code and session.
fn head(code: i16, session: i32) -> [u8; 10] {
    let mut head = [0; 10];
    head[4..6].copy_from_slice(&code.to_be_bytes());
    head[6..].copy_from_slice(&session.to_be_bytes());
    head
}

fn api_versions() -> ApiVersionsResponse {
    let api = |(key, min, max): &(i16, i16, i16)| {
        ApiVersion::default().with_api_key(*key).with_min_version(*min).with_max_version(*max)
    };
    ApiVersionsResponse::default().with_api_keys(SERVED.iter().map(api).collect())
}

fn metadata(wanted: &MetadataRequest, address: SocketAddr) -> MetadataResponse {
    let is_wanted = |name: &str| {
        wanted.topics.as_ref().is_none_or(|topics| {
            topics.iter().any(|topic| topic.name.as_ref().is_some_and(|wanted| wanted.0.as_str() == name))
        })
    };
    let partition = |index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(BrokerId(ID))
            .with_leader_epoch(0)
            .with_replica_nodes(vec![BrokerId(ID)])
            .with_isr_nodes(vec![BrokerId(ID)])
    };
    let known = TOPICS.iter().chain([&REFUSED]).filter(|(name, _)| is_wanted(name));
    let topic = |(name, id): &(&'static str, uuid::Uuid)| {
        MetadataResponseTopic::default()
            .with_name(Some(canned::topic_name(name)))
            .with_topic_id(*id)
            .with_partitions((0..PARTITIONS).map(partition).collect())
    };
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(ID))
        .with_host(StrBytes::from_string(address.ip().to_string()))
        .with_port(address.port().into());
    MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(StrBytes::from_static_str("canned")))
        .with_controller_id(BrokerId(ID))
        .with_topics(known.map(topic).collect())
}

fn encoded(message: &impl Encodable, version: i16) -> io::Result<Bytes> {
    let mut body = BytesMut::new();
    message.encode(&mut body, version).map_err(|error| broken(&error.to_string()))?;
    Ok(body.freeze())
}

fn broken(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("not understood: {what}"))
}
