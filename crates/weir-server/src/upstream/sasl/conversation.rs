//! The way of a login over a connection: SaslHandshake, then the mechanism's steps in SaslAuthenticate (KIP-43, KIP-152),
//! and again when what the broker granted comes to its end (KIP-368).
//!
//! Must never: send a step before the broker took the mechanism, take longer than `PATIENCE`, or leave a connection in use
//! on which a login failed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::timeout;
use weir_kafka::cleared::OwnRequest;
use weir_kafka::discovery::{self, BadAnswer};
use weir_kafka::sasl::{self, AuthenticateAnswer, HandshakeAnswer, SaslRequest};

use super::identity::{Identity, Login};
use super::scram::Opening;
use super::{Mechanism, SaslError, ScramHash, bearer, error};
use crate::upstream::backoff::random;
use crate::upstream::exchange::{ControlConnection, ExchangeError};
use crate::upstream::settings::HostPort;
use crate::upstream::versions::{API_VERSIONS_ASKED, Ranges};

/// How long a login may take, all in all.
const PATIENCE: Duration = Duration::from_secs(5);
/// Kafka refuses two logins on one connection within a second.
const APART: Duration = Duration::from_millis(1_100);
/// Bytes of a nonce.
const NONCE: usize = 24;

/// For how long a broker takes a connection for authenticated, and how that is renewed.
///
/// Kafka's brokers look at it when a request comes, and close the connection where it is over; they let a new SaslHandshake
/// through all the same. So nothing needs to happen while nothing is asked.
#[derive(Debug)]
pub(crate) struct Lease {
    identity: Arc<Identity>,
    broker: HostPort,
    version: i16,
    renew_at: Instant,
}

impl Lease {
    /// Whether the next request is to wait until this was renewed.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.renew_at
    }

    /// Who takes it.
    pub(in crate::upstream) fn broker(&self) -> &HostPort {
        &self.broker
    }

    /// Shows who Weir is again, on the same connection, which owes no answer.
    pub(in crate::upstream) async fn renew(
        self,
        connection: ControlConnection,
    ) -> Result<ControlConnection, ExchangeError> {
        let login = timeout(PATIENCE, self.identity.login(&self.broker, Some(self.version))).await;
        login.map_err(|_| ExchangeError::TimedOut)??.authenticate(connection).await
    }
}

#[cfg(test)]
impl Lease {
    /// One that is to be renewed from an instant on.
    pub(crate) fn until(identity: Arc<Identity>, renew_at: Instant) -> Self {
        Self { identity, broker: HostPort { host: "kafka1".to_owned(), port: 9093 }, version: 1, renew_at }
    }
}

impl Login {
    /// Shows the broker who Weir is, and sees that the broker knows it, too. The connection must be in TLS.
    pub(in crate::upstream) async fn authenticate(
        self,
        connection: ControlConnection,
    ) -> Result<ControlConnection, ExchangeError> {
        let began = Instant::now();
        let done = timeout(PATIENCE, self.converse(connection)).await.unwrap_or(Err(ExchangeError::TimedOut));
        match done {
            Ok((connection, version, lifetime)) => {
                self.accepted();
                Ok(connection.leased(lifetime.and_then(|lifetime| self.lease(version, began, lifetime))))
            }
            Err(error) => {
                if let ExchangeError::Sasl(error) = &error {
                    self.refused(error);
                }
                Err(error)
            }
        }
    }

    /// From 85 to 95 % of the time on, as Kafka's own clients do it, and not of all connections at once.
    fn lease(self, version: i16, began: Instant, lifetime: Duration) -> Option<Lease> {
        let part = u32::try_from(random() % 102).unwrap_or(0).saturating_add(871);
        let renew_at = began.checked_add((lifetime / 1024).saturating_mul(part).max(APART))?;
        Some(Lease { identity: self.identity, broker: self.broker, version, renew_at })
    }

    async fn converse(&self, connection: ControlConnection) -> Result<Agreed, ExchangeError> {
        let (connection, version) = match self.version {
            Some(version) => (connection, version),
            None => ask_version(connection).await?,
        };
        let mechanism = self.identity.mechanism;
        let (connection, answer) = connection.ask_sasl(&SaslRequest::Handshake { mechanism: mechanism.name() }).await?;
        judge(&sasl::read_handshake(&answer)?, mechanism)?;
        let (connection, lifetime) = match mechanism {
            Mechanism::Scram(hash) => self.scram(connection, version, hash).await?,
            Mechanism::OAuthBearer => self.bearer(connection, version).await?,
        };
        Ok((connection, version, lifetime))
    }

    async fn scram(
        &self,
        connection: ControlConnection,
        version: i16,
        hash: ScramHash,
    ) -> Result<Taken, ExchangeError> {
        let opening = Opening::new(hash, &self.identity.username, nonce()?);
        let (connection, answer) = self.step(connection, version, opening.message()).await?;
        let challenged = opening.challenged(&answer.token)?;
        let keys = self.identity.keys.keys(&self.secret, challenged.salting.clone()).await?;
        let (proof, proved) = challenged.prove(&keys);
        let (connection, answer) = self.step(connection, version, proof).await?;
        proved.verify(&answer.token, || self.refusal())?;
        Ok((connection, answer.lifetime))
    }

    async fn bearer(&self, connection: ControlConnection, version: i16) -> Result<Taken, ExchangeError> {
        let (connection, answer) = self.step(connection, version, bearer::message(&self.secret)).await?;
        if answer.token.is_empty() {
            return Ok((connection, answer.lifetime));
        }
        // It has said why it refuses. It says so once more when it has heard that this was understood.
        self.step(connection, version, bearer::ACKNOWLEDGED.to_vec()).await?;
        Err(ExchangeError::Sasl(SaslError::Malformed))
    }

    async fn step(
        &self,
        connection: ControlConnection,
        version: i16,
        token: Vec<u8>,
    ) -> Result<(ControlConnection, AuthenticateAnswer), ExchangeError> {
        let request = SaslRequest::Authenticate { version, token: Bytes::from(token) };
        let (connection, answer) = connection.ask_sasl(&request).await?;
        let answer = sasl::read_authenticate(version, &answer)?;
        match answer.code {
            0 => Ok((connection, answer)),
            sasl::AUTHENTICATION_FAILED => Err(ExchangeError::Sasl(self.refusal())),
            sasl::ILLEGAL_STATE => Err(ExchangeError::Sasl(SaslError::NotAsked)),
            code => Err(ExchangeError::BadAnswer(BadAnswer::Code(code))),
        }
    }
}

/// A connection, the version of SaslAuthenticate that is spoken there, and for how long it is authenticated.
type Agreed = (ControlConnection, i16, Option<Duration>);

/// A connection whose broker is content, and for how long.
type Taken = (ControlConnection, Option<Duration>);

/// The version of SaslAuthenticate to speak to a broker that serves these.
pub(super) fn authenticate_version(versions: &Ranges) -> Option<i16> {
    versions.get(&sasl::AUTHENTICATE)?.intersect(sasl::AUTHENTICATE_VERSIONS).map(|range| range.max)
}

/// A broker says what it serves before it knows who asks.
async fn ask_version(connection: ControlConnection) -> Result<(ControlConnection, i16), ExchangeError> {
    let request = OwnRequest::ApiVersions { version: API_VERSIONS_ASKED };
    let (connection, answer) = connection.ask_now(&request).await?;
    let versions = discovery::read_api_versions(API_VERSIONS_ASKED, &answer)?;
    Ok((connection, authenticate_version(&versions).ok_or(SaslError::TooOld)?))
}

fn judge(answer: &HandshakeAnswer, mechanism: Mechanism) -> Result<(), ExchangeError> {
    match answer.code {
        0 => Ok(()),
        sasl::UNSUPPORTED_MECHANISM => {
            let offered = error::offered(&answer.mechanisms);
            Err(ExchangeError::Sasl(SaslError::Mechanism { wanted: mechanism.name(), offered }))
        }
        sasl::ILLEGAL_STATE => Err(ExchangeError::Sasl(SaslError::NotAsked)),
        code => Err(ExchangeError::BadAnswer(BadAnswer::Code(code))),
    }
}

fn nonce() -> Result<String, ExchangeError> {
    use base64::Engine;
    let mut bytes = [0; NONCE];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| std::io::Error::other("the system gives no random bytes"))?;
    Ok(base64::engine::general_purpose::STANDARD.encode(bytes))
}
