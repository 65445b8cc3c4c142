//! A client that makes small requests: about 100 bytes up and 1 KB down, in a fetch session.
//!
//! It shakes hands and reads its first answers as any client does; after that it counts plaintext by the headers of TLS
//! records and decrypts nothing, so that it costs less than the proxy. Must never: take a wrong answer for one.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, FetchResponse};
use kafka_protocol::protocol::Decodable;
use rustix::net::{AddressFamily, RecvFlags, SocketType};
use rustls::client::Resumption;
use rustls::{ClientConfig, ClientConnection, Stream};

use crate::canned::{Answers, PARTITIONS, Size, TOPICS};
use crate::failure::Failure;
use crate::fetch::{self, PATIENCE, REQUEST_HEADER, RESPONSE_HEADER, exchange, unexpected};
use crate::records::Records;
use crate::tls::Certificates;

/// Bytes received at once.
pub const RECEIVED: usize = 32 * 1024;
/// The version of Fetch.
const VERSION: i16 = 17;
/// ApiVersions, version 3, with correlation id 0: the first request of every client.
const API_VERSIONS: &[u8] = b"\0\0\0\x1b\0\x12\0\x03\0\0\0\0\0\x05bench\0\x06bench\x041.0\0";
/// Where the correlation id is.
const CORRELATION_ID: usize = 8;
/// Where the body has its wait, its least bytes, and, behind the most bytes, isolation and session, its epoch.
const MAX_WAIT: usize = REQUEST_HEADER;
const MIN_BYTES: usize = MAX_WAIT + 4;
const EPOCH: usize = MIN_BYTES + 4 + 4 + 1 + 4;
/// Before an answer's topics: correlation id, tags, throttle time, code, session.
const ANSWER_HEADER: usize = RESPONSE_HEADER + 4 + 2 + 4;

/// Who asks, where, and for what.
#[derive(Clone)]
pub struct Job {
    /// Where the proxy listens.
    pub target: SocketAddr,
    /// The client's side of TLS; without it, the broker itself is asked.
    pub config: Option<Arc<ClientConfig>>,
    /// What is asked for.
    pub size: Size,
    /// How many partitions of a topic a session begins with.
    pub partitions: i32,
    /// The size of the receive buffer, where it is not the kernel's choice.
    pub receive_buffer: Option<usize>,
}

impl Job {
    /// Small requests through a proxy, answered at once. Every handshake is a full one.
    pub fn small(target: SocketAddr, certificates: &Certificates) -> Result<Self, Failure> {
        let mut config = ClientConfig::clone(&*certificates.client_config()?);
        config.resumption = Resumption::disabled();
        let (config, size) = (Some(Arc::new(config)), Size::Small);
        Ok(Self { target, config, size, partitions: PARTITIONS, receive_buffer: None })
    }
}

/// A connected client.
pub struct Client {
    tcp: TcpStream,
    tls: Option<ClientConnection>,
    /// The next Fetch in the session, but for its epoch and correlation id.
    request: Vec<u8>,
    correlation_id: i32,
    epoch: i32,
    /// What came, by its plaintext.
    records: Records,
    /// Bytes of an answer in the session, its length prefix included.
    answer: u64,
    /// Requests that wait for their answers.
    pub waiting: u64,
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}

impl Client {
    /// Connects, shakes hands and asks for ApiVersions. Weir needs no broker for this much.
    pub fn connect(job: &Job) -> io::Result<Self> {
        let tcp = connect(job)?;
        fetch::prepare(&tcp)?;
        let tls = job.config.as_ref().map(|config| fetch::tls(config, job.target)).transpose()?;
        let records = Records::new(tls.is_some());
        let mut client =
            Self { tcp, tls, request: Vec::new(), correlation_id: 0, epoch: 0, records, answer: 0, waiting: 0 };
        client.exchange(API_VERSIONS)?;
        Ok(client)
    }

    /// Begins a fetch session, and makes one request in it. Both answers are compared with what the broker has.
    pub fn begin_session(&mut self, job: &Job, answers: &Answers) -> io::Result<()> {
        self.request = request(job, 0, 0..job.partitions)?;
        let session = self.fetch_whole(job, answers)?;
        self.request = request(job, session, 0..1)?;
        self.fetch_whole(job, answers)?;
        let left = match &mut self.tls {
            // Whatever else TLS had to say has come before these answers.
            Some(tls) => tls.process_new_packets().map_err(io::Error::other)?.plaintext_bytes_to_read(),
            None => 0,
        };
        if left == 0 { Ok(()) } else { Err(unexpected("bytes behind an answer")) }
    }

    /// Asks so many times at once, without waiting for answers.
    pub fn ask(&mut self, times: u64) -> io::Result<()> {
        self.waiting += times;
        for _ in 0..times {
            self.renew();
            match &mut self.tls {
                Some(tls) => tls.writer().write_all(&self.request)?,
                None => self.tcp.write_all(&self.request)?,
            }
        }
        while let Some(tls) = self.tls.as_mut().filter(|tls| tls.wants_write()) {
            tls.write_tls(&mut self.tcp)?;
        }
        Ok(())
    }

    /// Takes what has come, without waiting: how many answers ended.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<u64> {
        loop {
            match rustix::net::recv(&self.tcp, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok((_, came)) => {
                    self.records.count(&buffer[..came])?;
                    if came < buffer.len() {
                        break;
                    }
                }
                Err(rustix::io::Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        let ended = self.records.plaintext / self.answer;
        self.records.plaintext -= ended * self.answer;
        self.waiting = self.waiting.checked_sub(ended).ok_or_else(|| unexpected("an answer that nobody wants"))?;
        if self.waiting == 0 && self.records.plaintext != 0 {
            return Err(unexpected("an answer of another length"));
        }
        Ok(ended)
    }

    /// Has every further request wait for so long while there are fewer bytes.
    pub fn wait_for(&mut self, min_bytes: i32, max_wait: Duration) {
        let wait = i32::try_from(max_wait.as_millis()).unwrap_or(i32::MAX);
        self.request[MAX_WAIT..][..4].copy_from_slice(&wait.to_be_bytes());
        self.request[MIN_BYTES..][..4].copy_from_slice(&min_bytes.to_be_bytes());
    }

    /// Drops up to so many bytes that have come, undecrypted and uncopied: how many there were.
    pub fn drop_some(&mut self, buffer: &mut [u8]) -> io::Result<u64> {
        match rustix::net::recv(&self.tcp, buffer, RecvFlags::DONTWAIT | RecvFlags::TRUNC) {
            Ok((_, 0)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((_, dropped)) => Ok(dropped as u64),
            Err(rustix::io::Errno::AGAIN) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks for something else than before, and leaves the answer unread.
    pub fn ask_first(&mut self, job: &Job) -> io::Result<()> {
        self.request = request(job, 0, 0..job.partitions)?;
        self.ask(1)
    }

    fn renew(&mut self) {
        self.correlation_id += 1;
        self.request[CORRELATION_ID..][..4].copy_from_slice(&self.correlation_id.to_be_bytes());
        self.request[EPOCH..][..4].copy_from_slice(&self.epoch.to_be_bytes());
        self.epoch += 1;
    }

    /// Asks, and looks at the answer: the session.
    fn fetch_whole(&mut self, job: &Job, answers: &Answers) -> io::Result<i32> {
        self.renew();
        let request = self.request.clone();
        let answer = self.exchange(&request)?;
        self.answer = 4 + answer.len() as u64;
        if answer.first_chunk() != Some(&self.correlation_id.to_be_bytes()) {
            return Err(unexpected("the answer to another request"));
        }
        if answers.of(VERSION, job.size).map(|topics| &topics[..]) != answer.get(ANSWER_HEADER..) {
            return Err(unexpected("an answer that the broker did not send"));
        }
        let response =
            FetchResponse::decode(&mut answer.slice(RESPONSE_HEADER..), VERSION).map_err(io::Error::other)?;
        match (response.error_code, response.session_id) {
            (0, session) if session != 0 => Ok(session),
            (code, session) => Err(unexpected(&format!("code {code} and session {session}"))),
        }
    }

    /// Sends a whole request and waits for its answer, without its length prefix.
    fn exchange(&mut self, request: &[u8]) -> io::Result<Bytes> {
        match &mut self.tls {
            Some(tls) => exchange(&mut Stream::new(tls, &mut self.tcp), request),
            None => exchange(&mut self.tcp, request),
        }
    }
}

fn connect(job: &Job) -> io::Result<TcpStream> {
    let Some(bytes) = job.receive_buffer else { return TcpStream::connect_timeout(&job.target, PATIENCE) };
    // Before the connection there is, for its window is told with the first packet.
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, bytes)?;
    rustix::net::connect(&socket, &job.target)?;
    Ok(socket.into())
}

/// A Fetch of some partitions of the first topic; without a session, the first of one. As a consumer sends it that got
/// records from these partitions.
fn request(job: &Job, session: i32, partitions: std::ops::Range<i32>) -> io::Result<Vec<u8>> {
    let partition = |index| {
        FetchPartition::default()
            .with_partition(index)
            .with_current_leader_epoch(0)
            .with_fetch_offset(1000)
            .with_partition_max_bytes(job.size.max_bytes())
    };
    let topics = if job.size == Size::Small { &TOPICS[..1] } else { &TOPICS[..] };
    let topic = |(_, id): &(&str, uuid::Uuid)| {
        FetchTopic::default().with_topic_id(*id).with_partitions(partitions.clone().map(partition).collect())
    };
    let body = FetchRequest::default()
        .with_max_wait_ms(500)
        .with_min_bytes(1)
        .with_max_bytes(job.size.max_bytes())
        .with_session_id(session)
        .with_topics(topics.iter().map(topic).collect());
    Ok(fetch::frame(&body, VERSION, 0)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_hundred_bytes_and_says_what_is_set_in_it() {
        let target = ([127, 0, 0, 1], 1).into();
        let job = Job { target, config: None, size: Size::Small, partitions: PARTITIONS, receive_buffer: None };
        let mut request = request(&job, 7, 0..1).unwrap();
        request[MAX_WAIT..][..4].copy_from_slice(&250_i32.to_be_bytes());
        request[MIN_BYTES..][..4].copy_from_slice(&9_i32.to_be_bytes());
        request[EPOCH..][..4].copy_from_slice(&3_i32.to_be_bytes());
        assert!((90..120).contains(&request.len()), "{}", request.len());
        let mut body = Bytes::from(request).slice(REQUEST_HEADER..);
        let decoded = FetchRequest::decode(&mut body, VERSION).unwrap();
        assert!(body.is_empty());
        assert_eq!((decoded.max_wait_ms, decoded.min_bytes, decoded.max_bytes), (250, 9, 1024));
        assert_eq!((decoded.session_id, decoded.session_epoch), (7, 3));
    }

    #[test]
    fn the_first_request_is_whole() {
        assert_eq!(API_VERSIONS[..4], i32::try_from(API_VERSIONS.len() - 4).unwrap().to_be_bytes());
    }
}
