//! Clients and the broker's ends of their connections, in one thread that looks at each in turn and never sleeps: to wake
//! another core's sleeper is work that would be counted as the proxy's, and more than all that is compared here.
//!
//! A client reads its first answers as any client does. After that it reads TLS records by their headers and leaves them
//! encrypted; an answer that does not end where its plaintext must end is a failure, not a figure.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, FetchResponse};
use kafka_protocol::protocol::{Decodable, Encodable};
use rustls::{ClientConfig, ClientConnection};
use rustls_pki_types::ServerName;

use crate::broker::{CannedBroker, Connection};
use crate::canned::{Answers, Size, TOPICS};
use crate::failure::{Context, Failure};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
const FETCH: i16 = 1;
const VERSION: i16 = 17;
const CLIENT_ID: &[u8] = b"bench";
/// Before the body of an answer: correlation id and an empty tag section.
const RESPONSE_HEADER: usize = 5;
/// In the body, before the topics: throttle time, code, session.
const HEAD: usize = 10;
/// A TLS record's header.
const RECORD_HEADER: usize = 5;
/// What a TLS 1.3 record holds beside its plaintext: the content type and the tag.
const RECORD_EXTRA: usize = 17;
const APPLICATION_DATA: u8 = 23;
/// More than an answer with all that TLS adds.
const READ: usize = 4096;

/// Clients that are connected and have a fetch session.
pub struct Pairs(Vec<Pair>);

struct Pair {
    client: Client,
    broker: Connection,
}

impl Pairs {
    /// Connects all clients and has each read two whole answers, which are compared with what the broker sent.
    pub fn open(
        target: SocketAddr,
        config: &Arc<ClientConfig>,
        connections: u32,
        broker: &CannedBroker,
        answers: &Answers,
    ) -> Result<Self, Failure> {
        let pairs = (0..connections).map(|_| Pair::open(target, config, broker, answers));
        Ok(Self(pairs.collect::<Result<_, _>>().context("the small requests cannot start")?))
    }

    /// Each client sends its next requests, one at a time; how long that took.
    pub fn run(&mut self, requests_each: u32) -> Result<Duration, Failure> {
        let began = Instant::now();
        self.run_all(requests_each).context("the small requests stopped")?;
        Ok(began.elapsed())
    }

    fn run_all(&mut self, requests_each: u32) -> io::Result<()> {
        for pair in &mut self.0 {
            pair.client.wanted = requests_each;
            pair.client.ask()?;
        }
        let mut progress = Instant::now();
        while self.0.iter().any(|pair| pair.client.wanted > 0) {
            let mut moved = false;
            for pair in &mut self.0 {
                moved |= pair.broker.serve_what_came()? | pair.client.advance()?;
            }
            if moved {
                progress = Instant::now();
            } else if progress.elapsed() > PATIENCE {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }
}

impl Pair {
    fn open(
        target: SocketAddr,
        config: &Arc<ClientConfig>,
        broker: &CannedBroker,
        answers: &Answers,
    ) -> io::Result<Self> {
        // Some proxies connect when they are connected to, others with the first request.
        let next = broker.hand_over_next();
        let mut client = Client::connect(target, config)?;
        client.ask()?;
        let broker = next.recv_timeout(PATIENCE).map_err(io::Error::other)?;
        let mut pair = Self { client, broker };
        pair.read_whole(answers)?;
        pair.client.ask()?;
        pair.read_whole(answers)?;
        Ok(pair)
    }

    fn read_whole(&mut self, answers: &Answers) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.broker.serve_what_came()?;
            if let Some(answer) = self.client.decrypted()? {
                return self.client.check(&answer, answers);
            }
        }
        Err(ErrorKind::TimedOut.into())
    }
}

struct Client {
    tcp: TcpStream,
    tls: ClientConnection,
    correlation_id: i32,
    session: i32,
    epoch: i32,
    /// What came and was not looked at: plaintext at first, then TLS records.
    inbound: BytesMut,
    /// Bytes of an answer, its length prefix included.
    answer: usize,
    /// Bytes of the answer on its way that came.
    counted: usize,
    /// Answers that are still wanted, the one on its way included.
    wanted: u32,
}

impl Client {
    fn connect(target: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let mut tcp = TcpStream::connect_timeout(&target, PATIENCE)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::IpAddress(target.ip().into());
        let mut tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        tcp.set_nonblocking(true)?;
        let inbound = BytesMut::with_capacity(READ);
        Ok(Self { tcp, tls, correlation_id: 0, session: 0, epoch: 0, inbound, answer: 0, counted: 0, wanted: 0 })
    }

    /// A whole answer without its length prefix, if it is there.
    fn decrypted(&mut self) -> io::Result<Option<Bytes>> {
        match self.tls.read_tls(&mut self.tcp) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        let plaintext = self.tls.process_new_packets().map_err(io::Error::other)?.plaintext_bytes_to_read();
        let start = self.inbound.len();
        self.inbound.resize(start + plaintext, 0);
        self.tls.reader().read_exact(&mut self.inbound[start..])?;
        let Some(prefix) = self.inbound.first_chunk::<4>() else { return Ok(None) };
        self.answer = 4 + usize::try_from(i32::from_be_bytes(*prefix)).map_err(io::Error::other)?;
        if self.inbound.len() < self.answer {
            return Ok(None);
        }
        let answer = self.inbound.split_to(self.answer).freeze();
        if self.inbound.is_empty() { Ok(Some(answer.slice(4..))) } else { Err(unexpected("bytes behind an answer")) }
    }

    fn check(&mut self, answer: &Bytes, answers: &Answers) -> io::Result<()> {
        if answer[..4] != self.correlation_id.to_be_bytes() {
            return Err(unexpected("the answer to another request"));
        }
        let body = answer.slice(RESPONSE_HEADER..);
        if Some(&body.slice(HEAD..)) != answers.of(VERSION, Size::Small) {
            return Err(unexpected("an answer that the broker did not send"));
        }
        let response = FetchResponse::decode(&mut body.clone(), VERSION).map_err(io::Error::other)?;
        if response.error_code != 0 || response.session_id == 0 {
            return Err(unexpected(&format!("code {} or no session", response.error_code)));
        }
        self.session = response.session_id;
        Ok(())
    }

    fn ask(&mut self) -> io::Result<()> {
        let request = self.request()?;
        self.tls.writer().write_all(&request)?;
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.tcp)?;
        }
        self.epoch += 1;
        self.counted = 0;
        Ok(())
    }

    /// Reads what has come and asks again behind an answer's end; false where nothing has.
    fn advance(&mut self) -> io::Result<bool> {
        if self.wanted == 0 {
            return Ok(false);
        }
        let mut buffer = [0; READ];
        match self.tcp.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(came) => self.inbound.extend_from_slice(&buffer[..came]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        self.count_records()?;
        if self.counted == self.answer && self.inbound.is_empty() {
            self.wanted -= 1;
            if self.wanted > 0 {
                self.ask()?;
            }
        }
        Ok(true)
    }

    fn count_records(&mut self) -> io::Result<()> {
        while let Some([kind, _, _, high, low]) = self.inbound.first_chunk::<RECORD_HEADER>().copied() {
            let length = usize::from(u16::from_be_bytes([high, low]));
            if kind != APPLICATION_DATA || length <= RECORD_EXTRA {
                return Err(unexpected(&format!("a TLS record of type {kind} and {length} bytes")));
            }
            if self.inbound.len() < RECORD_HEADER + length {
                break;
            }
            self.inbound.advance(RECORD_HEADER + length);
            self.counted += length - RECORD_EXTRA;
        }
        if self.counted > self.answer { Err(unexpected("an answer of another length")) } else { Ok(()) }
    }

    /// The next Fetch of a consumer of one partition, in its session: 96 bytes.
    fn request(&mut self) -> io::Result<BytesMut> {
        self.correlation_id += 1;
        let (_, id) = TOPICS[0];
        let partition = FetchPartition::default()
            .with_current_leader_epoch(0)
            .with_fetch_offset(i64::from(self.epoch))
            .with_partition_max_bytes(Size::Small.max_bytes());
        let body = FetchRequest::default()
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(Size::Small.max_bytes())
            .with_session_id(self.session)
            .with_session_epoch(self.epoch)
            .with_topics(vec![FetchTopic::default().with_topic_id(id).with_partitions(vec![partition])]);
        let mut frame = BytesMut::zeroed(4);
        frame.extend_from_slice(&FETCH.to_be_bytes());
        frame.extend_from_slice(&VERSION.to_be_bytes());
        frame.extend_from_slice(&self.correlation_id.to_be_bytes());
        frame.extend_from_slice(&i16::try_from(CLIENT_ID.len()).unwrap_or(0).to_be_bytes());
        frame.extend_from_slice(CLIENT_ID);
        frame.extend_from_slice(&[0]);
        body.encode(&mut frame, VERSION).map_err(io::Error::other)?;
        let length = i32::try_from(frame.len() - 4).map_err(io::Error::other)?;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        Ok(frame)
    }
}

fn unexpected(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("unexpected: {what}"))
}
