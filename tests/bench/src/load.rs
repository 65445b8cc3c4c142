//! The load client, which must never be the bottleneck: it shakes hands and reads its first answers as any client does;
//! after that it counts TLS records by their headers and has the kernel drop what is in them, undecrypted and uncopied.
//!
//! One thread has all connections, and looks at them from time to time instead of waiting: waking a client that sleeps on
//! another core is work that would be counted as the proxy's, and larger than all that is compared here.
//! Counting stays exact: an answer that does not end where its plaintext must end is a failure, not a figure.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, FetchResponse};
use kafka_protocol::protocol::Decodable;
use rustix::net::RecvFlags;
use rustls::{ClientConfig, ClientConnection, Stream};

use crate::canned::{Answers, PARTITIONS, REFUSED, Size, TOPICS, topic_name};
use crate::failure::{Context, Failure};
use crate::fetch::{self, PATIENCE, RESPONSE_HEADER, exchange, unexpected};
use crate::records;

/// More than the longest TLS record.
const JUNK: usize = 32 * 1024;
/// Bytes that are worth looking at; fewer only at an answer's end.
const BATCH: usize = 256 * 1024;
/// How long to look away.
const NAP: Duration = Duration::from_micros(50);
/// After so many naps, whatever has come is worth looking at.
const MOST_NAPS: u32 = 20;

/// Who asks, where, and for what.
#[derive(Clone)]
pub struct Job {
    /// Where the proxy listens.
    pub target: SocketAddr,
    /// The client's side of TLS.
    pub config: Arc<ClientConfig>,
    /// The version of Fetch.
    pub version: i16,
    /// How many clients.
    pub connections: u32,
    /// Each asks, in its session, for a topic that it may not read, and must be refused.
    pub asks_refused: bool,
}

/// What was received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moved {
    /// Bytes of Kafka answers, before TLS.
    pub bytes: u64,
    /// TLS records that they came in.
    pub records: u64,
    /// Answers.
    pub answers: u64,
    /// From the first request to the last answer.
    pub time: Duration,
}

/// Clients that are connected and have a fetch session.
pub struct Load(Vec<Client>);

impl Load {
    /// Connects all clients and has each read two whole answers, which are compared with what the broker sent.
    pub fn open(job: &Job, answers: &Answers) -> Result<Self, Failure> {
        let clients = (0..job.connections).map(|_| Client::open(job, answers));
        Ok(Self(clients.collect::<Result<_, _>>().context("the load client cannot start")?))
    }

    /// Each client asks for its next answers, one at a time.
    pub fn run(&mut self, answers_each: u32) -> Result<Moved, Failure> {
        // A nap is as long as it says.
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1)).context("the load client cannot nap")?;
        let began = Instant::now();
        let records = self.run_all(answers_each).context("the load client stopped")?;
        let answers = u64::from(answers_each);
        Ok(Moved {
            bytes: self.0.iter().map(|client| client.answer as u64 * answers).sum(),
            records,
            answers: answers * self.0.len() as u64,
            time: began.elapsed(),
        })
    }

    fn run_all(&mut self, answers_each: u32) -> io::Result<u64> {
        for client in &mut self.0 {
            client.wanted = answers_each;
            client.records = 0;
            client.ask()?;
        }
        let mut progress = Instant::now();
        while self.0.iter().any(|client| client.wanted > 0) {
            let mut moved = false;
            for client in &mut self.0 {
                moved |= client.advance()?;
            }
            if moved {
                progress = Instant::now();
            } else if progress.elapsed() > PATIENCE {
                return Err(io::ErrorKind::TimedOut.into());
            } else {
                thread::sleep(NAP);
            }
        }
        Ok(self.0.iter().map(|client| client.records).sum())
    }
}

struct Client {
    tcp: TcpStream,
    tls: ClientConnection,
    version: i16,
    asks_refused: bool,
    correlation_id: i32,
    session: i32,
    epoch: i32,
    /// Bytes of an answer in the session, its length prefix included.
    answer: usize,
    /// Answers that are still wanted, the one on its way included.
    wanted: u32,
    /// Bytes of the answer on its way that are in records whose header was read.
    counted: usize,
    /// Bytes of the current record that are to be dropped.
    record_left: usize,
    /// TLS records that came.
    records: u64,
    /// Naps since the last bytes.
    naps: u32,
    junk: Vec<u8>,
}

impl Client {
    fn open(job: &Job, answers: &Answers) -> io::Result<Self> {
        let tcp = TcpStream::connect_timeout(&job.target, PATIENCE)?;
        fetch::prepare(&tcp)?;
        let tls = fetch::tls(&job.config, job.target)?;
        let mut client = Self {
            tcp,
            tls,
            version: job.version,
            asks_refused: job.asks_refused,
            correlation_id: 0,
            session: 0,
            epoch: 0,
            answer: 0,
            wanted: 0,
            counted: 0,
            record_left: 0,
            records: 0,
            naps: 0,
            junk: vec![0; JUNK],
        };
        for _ in 0..2 {
            client.read_whole(answers)?;
        }
        // Whatever else TLS had to say has come before these answers.
        let left = client.tls.process_new_packets().map_err(io::Error::other)?.plaintext_bytes_to_read();
        if left == 0 { Ok(client) } else { Err(unexpected("bytes behind an answer")) }
    }

    /// Asks, and looks at the answer.
    fn read_whole(&mut self, answers: &Answers) -> io::Result<()> {
        let request = self.request()?;
        let answer = exchange(&mut Stream::new(&mut self.tls, &mut self.tcp), &request)?;
        self.answer = 4 + answer.len();
        if answer.first_chunk() != Some(&self.correlation_id.to_be_bytes()) {
            return Err(unexpected("the answer to another request"));
        }
        let body = answer.slice(RESPONSE_HEADER..);
        if !self.asks_refused && Some(&body.slice(10..)) != answers.of(self.version, Size::Bulk) {
            return Err(unexpected("an answer that the broker did not send"));
        }
        let response = FetchResponse::decode(&mut body.clone(), self.version).map_err(io::Error::other)?;
        self.check(&response)?;
        self.session = response.session_id;
        self.epoch += 1;
        Ok(())
    }

    fn check(&self, response: &FetchResponse) -> io::Result<()> {
        if response.error_code != 0 || response.session_id == 0 {
            return Err(unexpected(&format!("code {} or no session", response.error_code)));
        }
        let is_refused = |topic: &&kafka_protocol::messages::fetch_response::FetchableTopicResponse| {
            topic.topic.0.as_str() == REFUSED.0 || topic.topic_id == REFUSED.1
        };
        let refused = response.responses.iter().filter(is_refused);
        let codes: Vec<i16> = refused.flat_map(|topic| &topic.partitions).map(|part| part.error_code).collect();
        let expected: &[i16] = match (self.asks_refused, self.version) {
            (false, _) => &[],
            (true, ..13) => &[29],
            (true, _) => &[100],
        };
        let topics = TOPICS.len() + expected.len();
        if codes != expected || response.responses.len() != topics {
            return Err(unexpected(&format!("{} topics, refused with {codes:?}", response.responses.len())));
        }
        Ok(())
    }

    fn ask(&mut self) -> io::Result<()> {
        let request = self.request()?;
        self.tls.writer().write_all(&request)?;
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.tcp)?;
        }
        self.counted = 0;
        Ok(())
    }

    /// Drops what has come, if it is worth it, and asks again behind an answer's end; false where nothing was done.
    fn advance(&mut self) -> io::Result<bool> {
        if self.wanted == 0 {
            return Ok(false);
        }
        let arrived = usize::try_from(rustix::io::ioctl_fionread(&self.tcp)?).unwrap_or(usize::MAX);
        let left = self.answer - self.counted + self.record_left;
        // A receive buffer may be too small for a batch: after some naps anything will do.
        if arrived < left.min(BATCH) && (arrived == 0 || self.naps < MOST_NAPS) {
            self.naps += 1;
            return Ok(false);
        }
        self.naps = 0;
        self.drop_arrived(arrived)?;
        if self.counted == self.answer && self.record_left == 0 {
            self.epoch += 1;
            self.wanted -= 1;
            if self.wanted > 0 {
                self.ask()?;
            }
        }
        Ok(true)
    }

    fn drop_arrived(&mut self, mut arrived: usize) -> io::Result<()> {
        loop {
            if self.record_left > 0 {
                let now = self.record_left.min(arrived).min(JUNK);
                if now == 0 {
                    return Ok(());
                }
                // With TRUNC, TCP counts the bytes and does not copy them.
                let (_, dropped) = rustix::net::recv(&self.tcp, &mut self.junk[..now], RecvFlags::TRUNC)?;
                if dropped == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.record_left -= dropped;
                arrived -= dropped;
            } else if arrived >= records::HEADER && self.counted < self.answer {
                self.begin_record()?;
                arrived -= records::HEADER;
            } else {
                return Ok(());
            }
        }
    }

    fn begin_record(&mut self) -> io::Result<()> {
        let mut header = [0; records::HEADER];
        self.tcp.read_exact(&mut header)?;
        self.record_left = records::length(header)?;
        self.counted += self.record_left - records::EXTRA;
        self.records += 1;
        if self.counted > self.answer { Err(unexpected("an answer of another length")) } else { Ok(()) }
    }

    /// The next Fetch, as a consumer that got records from every partition sends it: its whole list again, with new
    /// offsets.
    fn request(&mut self) -> io::Result<BytesMut> {
        self.correlation_id += 1;
        let refused = (self.asks_refused && self.epoch == 0).then_some((&REFUSED, 1));
        let topics = TOPICS.iter().map(|topic| (topic, PARTITIONS)).chain(refused);
        let body = FetchRequest::default()
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(Size::Bulk.max_bytes())
            .with_session_id(self.session)
            .with_session_epoch(self.epoch)
            .with_topics(topics.map(|((name, id), partitions)| self.topic(name, *id, partitions)).collect());
        fetch::frame(&body, self.version, self.correlation_id)
    }

    fn topic(&self, name: &'static str, id: uuid::Uuid, partitions: i32) -> FetchTopic {
        let partition = |index| {
            FetchPartition::default()
                .with_partition(index)
                .with_current_leader_epoch(0)
                .with_fetch_offset(i64::from(self.epoch) * 100)
                .with_partition_max_bytes(1024 * 1024)
        };
        let topic = FetchTopic::default().with_partitions((0..partitions).map(partition).collect());
        if self.version < 13 { topic.with_topic(topic_name(name)) } else { topic.with_topic_id(id) }
    }
}
