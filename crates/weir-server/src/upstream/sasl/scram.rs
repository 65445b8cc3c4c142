//! The client's side of SCRAM (RFC 5802 and RFC 7677), without channel binding, which Kafka does not have.
//!
//! Must never: compute as long as a broker likes, prove anything to a broker that answers another conversation, or take one
//! for authentic whose signature it did not verify.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::keys::{SaltedKeys, Salting};
use super::{SaslError, ScramHash};

/// Iterations that are computed: no fewer than RFC 7677 has, for who is asked for one gives the password away; and no more
/// than some tenths of a second. Kafka itself takes 4,096 to 16,384.
pub(super) const ITERATIONS: RangeInclusive<u32> = 4_096..=262_144;

/// The longest salt and the longest nonce. Kafka's have some 26 characters.
const LONGEST: usize = 1024;

/// What Weir says first.
pub(super) struct Opening {
    hash: ScramHash,
    nonce: String,
    /// `client-first-message-bare`.
    first: String,
}

/// The broker has answered: keys are needed.
pub(super) struct Challenged {
    pub(super) salting: Salting,
    auth_message: String,
    /// `client-final-message-without-proof`.
    last: String,
}

/// Weir has proved who it is: now the broker must.
pub(super) struct Proved {
    server: hmac::Key,
    auth_message: String,
}

impl Opening {
    /// Begins with a nonce of base64's letters, which nobody can foresee.
    pub(super) fn new(hash: ScramHash, username: &str, nonce: String) -> Self {
        let username = username.replace('=', "=3D").replace(',', "=2C");
        Self { hash, first: format!("n={username},r={nonce}"), nonce }
    }

    /// The first message: no channel binding, and nobody else to act as.
    pub(super) fn message(&self) -> Vec<u8> {
        format!("n,,{}", self.first).into_bytes()
    }

    /// Reads what the broker answers.
    pub(super) fn challenged(self, answer: &[u8]) -> Result<Challenged, SaslError> {
        let answer = std::str::from_utf8(answer).map_err(|_| SaslError::Malformed)?;
        // What may follow are extensions, which there are none of; one that must be understood comes first, as `m=`.
        let mut parts = answer.splitn(4, ',');
        let mut part = |name| parts.next().and_then(|part| part.strip_prefix(name)).ok_or(SaslError::Malformed);
        let (nonce, salt, iterations) = (part("r=")?, part("s=")?, part("i=")?);
        if nonce.len() > LONGEST || salt.len() > LONGEST || !nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SaslError::Malformed);
        }
        if nonce.strip_prefix(&self.nonce).is_none_or(str::is_empty) {
            return Err(SaslError::Nonce);
        }
        let salt = STANDARD.decode(salt).ok().filter(|salt| !salt.is_empty()).ok_or(SaslError::Malformed)?;
        if !iterations.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SaslError::Malformed);
        }
        let iterations: u32 = iterations.parse().map_err(|_| SaslError::Malformed)?;
        let counted = NonZeroU32::new(iterations).filter(|_| ITERATIONS.contains(&iterations));
        let iterations = counted.ok_or(SaslError::Iterations(iterations))?;
        // `c` is the first message's beginning, `n,,`, in base64.
        let last = format!("c=biws,r={nonce}");
        let auth_message = format!("{},{answer},{last}", self.first);
        Ok(Challenged { salting: Salting { hash: self.hash, salt, iterations }, auth_message, last })
    }
}

impl Challenged {
    /// The proof that Weir knows the password.
    pub(super) fn prove(self, keys: &SaltedKeys) -> (Vec<u8>, Proved) {
        let Self { salting, auth_message, last } = self;
        let stored = digest::digest(salting.hash.algorithm(), &keys.client);
        let signature = hmac::sign(&salting.hash.hmac(stored.as_ref()), auth_message.as_bytes());
        let proof: Vec<u8> = keys.client.iter().zip(signature.as_ref()).map(|(key, sign)| key ^ sign).collect();
        let message = format!("{last},p={}", STANDARD.encode(proof)).into_bytes();
        (message, Proved { server: keys.server.clone(), auth_message })
    }
}

impl Proved {
    /// Looks at the broker's own proof. `refused` is what is told where it says no.
    pub(super) fn verify(&self, answer: &[u8], refused: impl FnOnce() -> SaslError) -> Result<(), SaslError> {
        let answer = std::str::from_utf8(answer).map_err(|_| SaslError::Malformed)?;
        let first = answer.split(',').next().unwrap_or_default();
        if first.starts_with("e=") {
            return Err(refused());
        }
        let signature = first.strip_prefix("v=").and_then(|text| STANDARD.decode(text).ok());
        let signature = signature.ok_or(SaslError::Malformed)?;
        // In constant time.
        hmac::verify(&self.server, self.auth_message.as_bytes(), &signature).map_err(|_| SaslError::Unproven)
    }
}

#[cfg(test)]
mod tests;
