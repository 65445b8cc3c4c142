//! One user of the brokers, as which Weir comes.
//!
//! Must never: show a secret, or log in at a broker that has just refused it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use super::keys::KeyCache;
use super::pauses::Pauses;
use super::secret::Secret;
use super::{Mechanism, SaslError, bearer};
use crate::upstream::settings::HostPort;

/// A user of the brokers.
pub struct Identity {
    pub(super) mechanism: Mechanism,
    pub(super) username: String,
    /// Where the password or the token stands.
    file: PathBuf,
    pub(super) keys: KeyCache,
    pauses: Pauses,
    accepted: AtomicU64,
    refused: AtomicU64,
}

/// A secret that was read for one connection to one broker.
pub(crate) struct Login {
    pub(super) identity: Arc<Identity>,
    pub(super) secret: Secret,
    pub(super) broker: HostPort,
    /// The version of SaslAuthenticate that the broker speaks, where that is known.
    pub(super) version: Option<i16>,
}

impl Identity {
    /// A user. `username` is of no use with OAUTHBEARER. The file is read when it is needed, each time anew.
    #[must_use]
    pub fn new(mechanism: Mechanism, username: Option<String>, file: PathBuf) -> Self {
        Self {
            mechanism,
            username: username.unwrap_or_default(),
            file,
            keys: KeyCache::default(),
            pauses: Pauses::default(),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// How often brokers took it, and how often they did not.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.accepted.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// Reads the secret for a connection to a broker, which need not be dialled where this fails.
    pub(in crate::upstream) async fn login(
        self: &Arc<Self>,
        broker: &HostPort,
        version: Option<i16>,
    ) -> Result<Login, SaslError> {
        let secret = Secret::read(self.mechanism, &self.file).await?;
        self.pauses.may_try(broker, &secret, Instant::now())?;
        Ok(Login { identity: Arc::clone(self), secret, broker: broker.clone(), version })
    }
}

impl Login {
    pub(super) fn accepted(&self) {
        self.identity.pauses.accepted(&self.broker);
        self.identity.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, error: &SaslError) {
        self.identity.pauses.refused(&self.broker, &self.secret, error, Instant::now());
        self.identity.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// That the broker does not take user and password, or the token.
    pub(super) fn refusal(&self) -> SaslError {
        let Identity { mechanism, username, file, .. } = &*self.identity;
        let (name, file) = (mechanism.name(), file.display());
        let whom = match mechanism {
            Mechanism::Scram(_) => format!("user `{username}` with the password in `{file}` ({name})"),
            Mechanism::OAuthBearer if bearer::has_expired(&self.secret, SystemTime::now()) => {
                format!("the token in `{file}`, which has expired ({name})")
            }
            Mechanism::OAuthBearer => format!("the token in `{file}` ({name})"),
        };
        SaslError::Refused { whom }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mechanism, username, file, .. } = self;
        write!(f, "Identity({mechanism:?}, {username:?}, {})", file.display())
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({:?}, {})", self.identity, self.broker)
    }
}
