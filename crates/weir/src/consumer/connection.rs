//! One TLS connection to whoever answers: bytes out, whole answers in, and how it ended.
//!
//! Must never: wait without a deadline, or keep more than the longest answer.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::protocol::Request;
use rustls::{ClientConnection, Error, ProtocolVersion};
use rustls_pki_types::ServerName;
use weir_kafka::consumer::{self, NoAnswer};

use super::bundle::Bundle;
use super::deadline::Deadline;
use super::tls::{self, ServerCheck};

/// The longest answer, in bytes: a batch of records comes whole.
const LONGEST: usize = 32 * 1024 * 1024;
/// How long a TLS 1.3 server is given to say whether it takes our certificate: its first ticket comes at once.
const SETTLE: Duration = Duration::from_secs(2);
/// As much is read at once.
const SCRATCH: usize = 16 * 1024;
/// As many of the first bytes are kept, to tell what else speaks there.
const FIRST: usize = 16;
/// How it calls itself.
pub(crate) const CLIENT_ID: &str = "weir";

/// How a connection ended, or why there is no answer.
#[derive(Debug)]
pub(crate) enum End {
    /// The other side closed it.
    Closed,
    /// Nothing came in time.
    Silent,
    /// The other side's TLS alert, or what is wrong with its TLS.
    Tls(Error),
    /// An answer of so many bytes was announced.
    Length(i32),
    /// Bytes that are no answer to what was asked.
    NotAnAnswer(NoAnswer),
    /// The request cannot be written in a version that both speak.
    NotSpoken,
}

/// An open connection. Closed when dropped.
pub(crate) struct Connection {
    tcp: TcpStream,
    tls: ClientConnection,
    check: Arc<ServerCheck>,
    received: BytesMut,
    /// The first bytes that came, before TLS looked at them.
    first: Vec<u8>,
    correlation_id: i32,
}

impl Connection {
    /// Over a TCP connection; no hands are shaken yet.
    pub(crate) fn new(tcp: TcpStream, host: &str, bundle: &Bundle, now: i64) -> Result<Self, End> {
        let (config, check) = tls::settings(bundle, now).map_err(End::Tls)?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| End::Tls(Error::UnsupportedNameType))?;
        let tls = ClientConnection::new(config, name).map_err(End::Tls)?;
        Ok(Self { tcp, tls, check, received: BytesMut::new(), first: Vec::new(), correlation_id: 0 })
    }

    /// Shakes hands, and waits until the server has said whether it takes our certificate: with TLS 1.3 it says that
    /// only afterwards.
    pub(crate) fn shake_hands(&mut self, deadline: Deadline) -> Result<(), End> {
        while self.tls.is_handshaking() || self.tls.wants_write() {
            if self.tls.wants_write() {
                self.flush(deadline)?;
            } else {
                self.receive(deadline)?;
            }
        }
        if self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
            match self.receive(deadline.or_after(SETTLE)) {
                Ok(()) | Err(End::Silent) => {}
                Err(end) => return Err(end),
            }
        }
        Ok(())
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask<R: Request>(
        &mut self,
        version: i16,
        request: &R,
        deadline: Deadline,
    ) -> Result<R::Response, End> {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let asked = self.correlation_id;
        let frame = consumer::request(request, version, asked, CLIENT_ID).ok_or(End::NotSpoken)?;
        self.send(&frame, deadline)?;
        let answer = self.frame(deadline)?;
        consumer::answer::<R>(&answer, version, asked).map_err(End::NotAnAnswer)
    }

    /// What the server showed.
    pub(crate) fn check(&self) -> &ServerCheck {
        &self.check
    }

    /// The first bytes that came.
    pub(crate) fn first(&self) -> &[u8] {
        &self.first
    }

    /// As TLS calls it; nothing where it was not agreed on.
    pub(crate) fn version(&self) -> Option<&'static str> {
        match self.tls.protocol_version()? {
            ProtocolVersion::TLSv1_3 => Some("TLS 1.3"),
            ProtocolVersion::TLSv1_2 => Some("TLS 1.2"),
            _ => None,
        }
    }

    fn send(&mut self, frame: &[u8], deadline: Deadline) -> Result<(), End> {
        let mut rest = frame;
        while !rest.is_empty() {
            let taken = self.tls.writer().write(rest).map_err(|_| End::Closed)?;
            rest = rest.get(taken..).unwrap_or_default();
            self.flush(deadline)?;
        }
        Ok(())
    }

    fn flush(&mut self, deadline: Deadline) -> Result<(), End> {
        while self.tls.wants_write() {
            let left = deadline.left().ok_or(End::Silent)?;
            self.tcp.set_write_timeout(Some(left)).map_err(|_| End::Closed)?;
            match self.tls.write_tls(&mut self.tcp) {
                Ok(0) => return Err(self.last_words(deadline)),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_late(error.kind()) => return Err(End::Silent),
                Err(_) => return Err(self.last_words(deadline)),
            }
        }
        Ok(())
    }

    /// Nothing more can be written: what did the other side say before it closed?
    fn last_words(&mut self, deadline: Deadline) -> End {
        loop {
            match self.receive(deadline) {
                Ok(()) => {}
                Err(end) => return end,
            }
        }
    }

    fn frame(&mut self, deadline: Deadline) -> Result<Bytes, End> {
        let length = loop {
            if let Some(length) = self.received.first_chunk::<4>() {
                break i32::from_be_bytes(*length);
            }
            self.receive(deadline)?;
        };
        let whole = usize::try_from(length).ok().filter(|length| (4..=LONGEST).contains(length));
        let whole = whole.ok_or(End::Length(length))?;
        self.received.advance(4);
        // The buffer grows with what arrives, not with what was announced.
        while self.received.len() < whole {
            self.receive(deadline)?;
        }
        Ok(self.received.split_to(whole).freeze())
    }

    /// Takes what comes next.
    fn receive(&mut self, deadline: Deadline) -> Result<(), End> {
        let mut scratch = [0; SCRATCH];
        let count = loop {
            let left = deadline.left().ok_or(End::Silent)?;
            self.tcp.set_read_timeout(Some(left)).map_err(|_| End::Closed)?;
            match self.tcp.read(&mut scratch) {
                Ok(0) => return Err(End::Closed),
                Ok(count) => break count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_late(error.kind()) => return Err(End::Silent),
                Err(_) => return Err(End::Closed),
            }
        };
        let mut arrived = scratch.get(..count).unwrap_or_default();
        let wanted = FIRST.saturating_sub(self.first.len()).min(arrived.len());
        self.first.extend_from_slice(arrived.get(..wanted).unwrap_or_default());
        while !arrived.is_empty() {
            match self.tls.read_tls(&mut arrived) {
                Ok(0) | Err(_) => return Err(End::Closed),
                Ok(_) => self.process(deadline)?,
            }
        }
        Ok(())
    }

    fn process(&mut self, deadline: Deadline) -> Result<(), End> {
        let state = match self.tls.process_new_packets() {
            Ok(state) => state,
            Err(error) => {
                // So that the server's log says why, too.
                let _ = self.flush_alert(deadline);
                return Err(End::Tls(error));
            }
        };
        let start = self.received.len();
        self.received.resize(start.saturating_add(state.plaintext_bytes_to_read()), 0);
        if let Some(room) = self.received.get_mut(start..) {
            self.tls.reader().read_exact(room).map_err(|_| End::Closed)?;
        }
        Ok(())
    }

    fn flush_alert(&mut self, deadline: Deadline) -> Option<()> {
        self.tcp.set_write_timeout(Some(deadline.left()?)).ok()?;
        self.tls.write_tls(&mut self.tcp).ok().map(drop)
    }
}

fn is_late(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
