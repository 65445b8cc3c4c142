//! One question and its answer on a control connection.
//!
//! Must never: send what is not `Cleared`, wait without a deadline, or use a connection again after anything went wrong
//! on it: `ask` takes the connection and gives it back only with a whole answer.

use std::io;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use tokio::time::timeout;
use weir_kafka::cleared::{Cleared, NotExpressible, OwnRequest};
use weir_kafka::discovery::{self, BadAnswer};
use weir_kafka::sasl::SaslRequest;

use super::connect::{receive, send};
use super::sasl::{Lease, SaslError};
use super::settings::UpstreamTimeouts;
use crate::link::Link;

/// An open control connection to one broker.
#[derive(Debug)]
pub(crate) struct ControlConnection {
    link: Link,
    /// What arrived and was not read yet.
    received: BytesMut,
    scratch: Box<[u8]>,
    next_correlation_id: i32,
    silence: Duration,
    exchange: Duration,
    /// For how long the broker takes the connection for authenticated, where it said so.
    lease: Option<Lease>,
}

/// Why a control connection was given up.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// Its name is not known.
    #[error("its name has no address")]
    Unresolved,
    /// No connection.
    #[error("cannot be reached: {0}")]
    Connect(#[source] io::Error),
    /// No TLS.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[source] io::Error),
    /// The broker does not let Weir in, or is not who it claims to be.
    #[error("{0}")]
    Sasl(#[from] SaslError),
    /// The connection broke.
    #[error("the connection was lost: {0}")]
    Io(#[from] io::Error),
    /// The broker closed it.
    #[error("it closed the connection")]
    Closed,
    /// It took too long.
    #[error("it did not answer in time")]
    TimedOut,
    /// A length that no answer has.
    #[error("it announced an answer of {0} bytes")]
    FrameLength(i32),
    /// An answer to another question.
    #[error("it answered a question that was not asked")]
    Desync,
    /// More than one answer.
    #[error("it sent more than the answer that was asked for")]
    Unsolicited,
    /// Its address leads to another cluster now.
    #[error("another cluster answers there")]
    WrongCluster,
    /// An answer of no use.
    #[error("{0}")]
    BadAnswer(#[from] BadAnswer),
    /// A broker that Weir cannot work with.
    #[error("it serves no version of Metadata that tells the cluster's id; Weir needs Kafka 0.10.1 or newer")]
    TooOld,
    /// A question that the version cannot express.
    #[error("{0}")]
    NotExpressible(#[from] NotExpressible),
}

impl ControlConnection {
    pub(super) fn new(link: Link, timeouts: &UpstreamTimeouts) -> Self {
        Self {
            link,
            received: BytesMut::new(),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            next_correlation_id: 0,
            silence: timeouts.silence,
            exchange: timeouts.exchange,
            lease: None,
        }
    }

    /// The broker takes the connection for authenticated, for a time or for good.
    pub(super) fn leased(self, lease: Option<Lease>) -> Self {
        Self { lease, ..self }
    }

    /// The connection itself, for a client: every answer was read to its last byte.
    pub(super) fn into_parts(self) -> (Link, Option<Lease>) {
        (self.link, self.lease)
    }

    /// Sends one request of Weir's own and returns its answer: the frame after its length prefix, header included, with
    /// the correlation id checked.
    pub(crate) async fn ask(self, request: &OwnRequest) -> Result<(Self, Bytes), ExchangeError> {
        self.renewed().await?.ask_now(request).await
    }

    /// The same, whether the connection is authenticated or not.
    pub(super) async fn ask_now(self, request: &OwnRequest) -> Result<(Self, Bytes), ExchangeError> {
        self.put(|correlation_id| Cleared::own(request, correlation_id, CLIENT_ID), longest_answer(request)).await
    }

    /// Sends a step of a login and returns its answer, in the same way. The broker is not known yet, and its answers are
    /// short.
    pub(super) async fn ask_sasl(self, request: &SaslRequest<'_>) -> Result<(Self, Bytes), ExchangeError> {
        self.put(|correlation_id| Cleared::sasl(request, correlation_id, CLIENT_ID), MAX_SASL_ANSWER).await
    }

    /// Sends what a principal's session has cleared, and returns the answer: the frame after its length prefix. Whose
    /// it is the session checks.
    pub(crate) async fn pass(self, request: Cleared) -> Result<(Self, Bytes), ExchangeError> {
        let mut renewed = self.renewed().await?;
        let answer = timeout(renewed.exchange, renewed.exchange(request, MAX_ANSWER)).await;
        Ok((renewed, answer.map_err(|_| ExchangeError::TimedOut)??))
    }

    /// Returns when the broker closes the connection, or says something that nobody asked for.
    pub(super) async fn until_lost(&mut self) -> ExchangeError {
        match receive(&mut self.link, &mut self.scratch).await {
            Ok(0) => ExchangeError::Closed,
            Ok(_) => ExchangeError::Unsolicited,
            Err(error) => ExchangeError::Io(error),
        }
    }

    /// The connection, authenticated anew where that is due.
    async fn renewed(mut self) -> Result<Self, ExchangeError> {
        match self.lease.take() {
            Some(lease) if lease.is_due(Instant::now()) => lease.renew(self).await,
            lease => Ok(self.leased(lease)),
        }
    }

    async fn put(
        mut self,
        cleared: impl FnOnce(i32) -> Result<Cleared, NotExpressible>,
        longest: i32,
    ) -> Result<(Self, Bytes), ExchangeError> {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.wrapping_add(1);
        let frame = cleared(correlation_id)?;
        let answer = timeout(self.exchange, self.exchange(frame, longest)).await;
        let answer = answer.map_err(|_| ExchangeError::TimedOut)??;
        if discovery::correlation_id(&answer) != Some(correlation_id) {
            return Err(ExchangeError::Desync);
        }
        Ok((self, answer))
    }

    async fn exchange(&mut self, request: Cleared, longest: i32) -> Result<Bytes, ExchangeError> {
        let sent = timeout(self.silence, send(&mut self.link, &request.into_frame())).await;
        sent.map_err(|_| ExchangeError::TimedOut)??;
        let length = loop {
            if let Some(prefix) = self.received.first_chunk::<4>() {
                break answer_length(i32::from_be_bytes(*prefix), longest)?;
            }
            self.receive().await?;
        };
        self.received.advance(4);
        // The buffer grows with what arrives, not with what was announced.
        while self.received.len() < length {
            self.receive().await?;
        }
        let answer = self.received.split_to(length).freeze();
        if self.received.is_empty() { Ok(answer) } else { Err(ExchangeError::Unsolicited) }
    }

    async fn receive(&mut self) -> Result<(), ExchangeError> {
        let arrived = timeout(self.silence, receive(&mut self.link, &mut self.scratch)).await;
        match arrived.map_err(|_| ExchangeError::TimedOut)?? {
            0 => Err(ExchangeError::Closed),
            count => {
                self.received.extend_from_slice(self.scratch.get(..count).unwrap_or_default());
                Ok(())
            }
        }
    }
}

/// How Weir's own requests call themselves to the brokers.
const CLIENT_ID: &str = "weir";
/// How much is read at a time.
const SCRATCH: usize = 16 * 1024;
/// The longest answer that a control connection takes.
const MAX_ANSWER: i32 = 64 * 1024 * 1024;

/// The longest answer to what every new connection begins with.
const MAX_FIRST_ANSWER: i32 = 1024 * 1024;
/// The longest answer of a broker that does not know yet who asks.
const MAX_SASL_ANSWER: i32 = 64 * 1024;

/// How much a broker may answer. What a connection begins with is asked on many at once, for as many clients.
fn longest_answer(request: &OwnRequest) -> i32 {
    match request {
        OwnRequest::ApiVersions { .. } => MAX_FIRST_ANSWER,
        OwnRequest::MetadataByName { topics, .. } if topics.is_empty() => MAX_FIRST_ANSWER,
        _ => MAX_ANSWER,
    }
}

fn answer_length(announced: i32, longest: i32) -> Result<usize, ExchangeError> {
    let length = usize::try_from(announced).ok().filter(|_| (4..=longest).contains(&announced));
    length.ok_or(ExchangeError::FrameLength(announced))
}
