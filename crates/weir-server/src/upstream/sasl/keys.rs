//! The keys that SCRAM makes from a password: they take thousands of hashes, so they are made once for all connections.
//!
//! Must never: be made on the thread of a worker, or twice at the same time for one user.

use std::num::NonZeroU32;
use std::sync::Arc;

use aws_lc_rs::{digest, hmac, pbkdf2};
use tokio::sync::Mutex;

use super::secret::Secret;
use super::{SaslError, ScramHash};

/// ClientKey and ServerKey of RFC 5802. They are as good as the password, so there is no `Debug`.
pub(super) struct SaltedKeys {
    pub(super) client: Vec<u8>,
    pub(super) server: hmac::Key,
}

/// From what keys are made, beside the password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Salting {
    pub(super) hash: ScramHash,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: NonZeroU32,
}

/// The keys that were made last: all brokers of a cluster have the same salt for a user.
#[derive(Default)]
pub(super) struct KeyCache(Mutex<Option<Cached>>);

struct Cached {
    password: Secret,
    salting: Salting,
    keys: Arc<SaltedKeys>,
}

impl KeyCache {
    /// The keys of a password.
    pub(super) async fn keys(&self, password: &Secret, salting: Salting) -> Result<Arc<SaltedKeys>, SaslError> {
        let mut cached = self.0.lock().await;
        if let Some(known) = cached.as_ref().filter(|known| known.password == *password && known.salting == salting) {
            return Ok(Arc::clone(&known.keys));
        }
        let (secret, from) = (password.clone(), salting.clone());
        let made = tokio::task::spawn_blocking(move || SaltedKeys::derive(&secret, &from)).await;
        // It cannot panic, and is not aborted but at the end of the process.
        let keys = Arc::new(made.map_err(|_| SaslError::Malformed)?);
        *cached = Some(Cached { password: password.clone(), salting, keys: Arc::clone(&keys) });
        Ok(keys)
    }
}

impl SaltedKeys {
    /// The password is taken as it stands: Kafka's brokers and clients do not prepare it as RFC 4013 says.
    pub(super) fn derive(password: &Secret, salting: &Salting) -> Self {
        let Salting { hash, salt, iterations } = salting;
        let pbkdf2 = match hash {
            ScramHash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            ScramHash::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        let mut salted = vec![0; hash.algorithm().output_len()];
        pbkdf2::derive(pbkdf2, *iterations, salt, password.expose().as_bytes(), &mut salted);
        let salted = hash.hmac(&salted);
        let client = hmac::sign(&salted, b"Client Key").as_ref().to_vec();
        let server = hash.hmac(hmac::sign(&salted, b"Server Key").as_ref());
        Self { client, server }
    }
}

impl ScramHash {
    pub(super) fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }

    pub(super) fn hmac(self, key: &[u8]) -> hmac::Key {
        let algorithm = match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::Key::new(algorithm, key)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Mechanism;
    use super::*;

    #[tokio::test]
    async fn a_password_is_stretched_once_for_all_connections() {
        let password = |text: &str| Secret::parse(Mechanism::Scram(ScramHash::Sha256), text.as_bytes()).unwrap();
        let salting = |salt: &[u8]| Salting {
            hash: ScramHash::Sha256,
            salt: salt.to_vec(),
            iterations: NonZeroU32::new(4_096).unwrap(),
        };
        let cache = KeyCache::default();
        let (pencil, other) = (password("pencil"), password("other"));
        let (one, two) = tokio::join!(cache.keys(&pencil, salting(b"salt")), cache.keys(&pencil, salting(b"salt")));
        let one = one.unwrap();
        assert!(Arc::ptr_eq(&one, &two.unwrap()), "those who come at once wait for one another");
        let resalted = cache.keys(&pencil, salting(b"pepper")).await.unwrap();
        assert!(resalted.client != one.client, "another salt");
        let another = cache.keys(&other, salting(b"pepper")).await.unwrap();
        assert!(another.client != resalted.client, "another password");
        assert!(another.client == cache.keys(&other, salting(b"pepper")).await.unwrap().client);
    }
}
