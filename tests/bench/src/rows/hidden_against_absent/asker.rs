//! The client: asks, looks for the answer without ever sleeping, and reads it when the time is taken.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustls::ClientConnection;

use super::Topic;
use super::asked::Asked;
use crate::failure::{Context, Failure};
use crate::fetch::{self, PATIENCE, unexpected};
use crate::tls::Certificates;

/// A connected client.
pub struct Asker {
    tcp: TcpStream,
    tls: ClientConnection,
    correlation_id: i32,
    /// What came and was not yet an answer.
    inbound: Vec<u8>,
}

impl Asker {
    /// Connects and shakes hands.
    pub fn connect(target: SocketAddr, certificates: &Certificates) -> Result<Self, Failure> {
        let config = certificates.client_config()?;
        let connect = || -> io::Result<Self> {
            let mut tcp = TcpStream::connect_timeout(&target, PATIENCE)?;
            fetch::prepare(&tcp)?;
            let mut tls = fetch::tls(&config, target)?;
            while tls.is_handshaking() {
                tls.complete_io(&mut tcp)?;
            }
            tcp.set_nonblocking(true)?;
            Ok(Self { tcp, tls, correlation_id: 0, inbound: Vec::new() })
        };
        connect().context("the client cannot connect")
    }

    /// How long the answer took. It must be the one that all topics get.
    pub fn ask(&mut self, asked: &mut Asked, topic: &Topic) -> Result<Duration, Failure> {
        self.correlation_id += 1;
        asked.set(topic, self.correlation_id);
        let failed = || format!("{} of {}", asked.name, topic.name);
        let (took, answer) = self.exchange(&asked.frame).context(&failed())?;
        if answer.first_chunk() != Some(&self.correlation_id.to_be_bytes()) {
            return Err(Failure::new(format!("{}: the answer to another request", failed())));
        }
        if !asked.is_as_before(topic, answer[4..].to_vec()) {
            return Err(Failure::new(format!("{} of {}: another answer than before", asked.name, topic.name)));
        }
        Ok(took)
    }

    fn exchange(&mut self, frame: &[u8]) -> io::Result<(Duration, Vec<u8>)> {
        // Encrypted before the clock starts.
        self.tls.writer().write_all(frame)?;
        let began = Instant::now();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.tcp)?;
        }
        loop {
            self.wait(began)?;
            let took = began.elapsed();
            let came = self.tls.process_new_packets().map_err(io::Error::other)?.plaintext_bytes_to_read();
            let before = self.inbound.len();
            self.inbound.resize(before + came, 0);
            self.tls.reader().read_exact(&mut self.inbound[before..])?;
            if let Some(answer) = self.cut() {
                return Ok((took, answer));
            }
        }
    }

    fn wait(&mut self, began: Instant) -> io::Result<()> {
        loop {
            match self.tls.read_tls(&mut self.tcp) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if began.elapsed() > PATIENCE {
                return Err(unexpected("no answer"));
            }
        }
    }

    /// An answer that is whole, without its length.
    fn cut(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(i32::from_be_bytes(*self.inbound.first_chunk()?)).ok()?;
        if self.inbound.len() < 4 + length {
            return None;
        }
        let answer = self.inbound[4..4 + length].to_vec();
        self.inbound.drain(..4 + length);
        Some(answer)
    }
}
