//! As whom Weir comes to brokers that ask for SASL, after the TLS handshake and before anything else.
//!
//! `scram` and `bearer` are the mechanisms, as state machines over bytes; `conversation` speaks them over a connection;
//! `identity` is one user of the brokers, with its `secret`, its `keys`, and the `pauses` that it makes where it is refused.
//! Must never: go over a connection without TLS, take a broker for authentic that did not prove it, or show a secret.

mod bearer;
mod conversation;
mod error;
mod identity;
mod keys;
mod pauses;
mod scram;
mod secret;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use conversation::Lease;
pub use error::SaslError;
pub use identity::Identity;
pub(crate) use identity::Login;
pub(crate) use secret::Secret;

use super::settings::{Caller, HostPort, UpstreamSettings};
use super::versions::Ranges;

/// How Weir shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// User and password (RFC 5802, RFC 7677).
    Scram(ScramHash),
    /// A token that somebody else issued (RFC 7628).
    OAuthBearer,
}

/// The hash of a SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScramHash {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

impl Mechanism {
    /// Its name at the brokers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scram(ScramHash::Sha256) => "SCRAM-SHA-256",
            Self::Scram(ScramHash::Sha512) => "SCRAM-SHA-512",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }
}

/// Reads what a login at a broker needs; nothing where the brokers do not ask for one. `versions` are what the broker
/// serves, where that is known.
///
/// # Errors
/// The file is of no use, or the broker has refused what is in it shortly before: it need not be dialled.
pub(super) async fn login(
    settings: &UpstreamSettings,
    caller: Caller<'_>,
    broker: &HostPort,
    versions: Option<&Ranges>,
) -> Result<Option<Login>, SaslError> {
    let Some(sasl) = settings.tls.as_ref().and_then(|tls| tls.sasl.as_ref()) else { return Ok(None) };
    let version = match versions {
        Some(versions) => Some(conversation::authenticate_version(versions).ok_or(SaslError::TooOld)?),
        None => None,
    };
    sasl.of(caller).login(broker, version).await.map(Some)
}

/// As whom Weir comes to the brokers of one cluster.
#[derive(Clone, Debug)]
pub struct UpstreamSasl {
    /// As whom Weir itself comes, and principals of tiers without an identity of their own.
    pub own: Arc<Identity>,
    /// As whom principals of a tier come, by the tier's name.
    pub of_tiers: BTreeMap<String, Arc<Identity>>,
}

impl UpstreamSasl {
    fn of(&self, caller: Caller<'_>) -> &Arc<Identity> {
        match caller {
            Caller::Weir => &self.own,
            Caller::Tier(tier) => self.of_tiers.get(tier).unwrap_or(&self.own),
        }
    }
}
