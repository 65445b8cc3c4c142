//! The client's side of OAUTHBEARER (RFC 7628), as Kafka has it (KIP-255), without extensions.
//!
//! Must never: put anything into a message that a token could break out of: `Secret` lets no such token in.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::secret::Secret;

/// What a client says to a broker that has told why it refuses the token, so that it ends the conversation.
pub(super) const ACKNOWLEDGED: &[u8] = b"\x01";

/// The one message.
pub(super) fn message(token: &Secret) -> Vec<u8> {
    format!("n,,\x01auth=Bearer {}\x01\x01", token.expose()).into_bytes()
}

/// Whether a token has expired, as far as it says so itself. For words to operators alone: nothing is decided by it.
pub(super) fn has_expired(token: &Secret, now: SystemTime) -> bool {
    expires(token).is_some_and(|end| end <= now)
}

/// When a token ends, where it is one that says so.
fn expires(token: &Secret) -> Option<SystemTime> {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }
    let payload = token.expose().split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(claims.exp).ok()?)
}

#[cfg(test)]
mod tests {
    use super::super::Mechanism;
    use super::*;

    fn token(text: &str) -> Secret {
        Secret::parse(Mechanism::OAuthBearer, text.as_bytes()).unwrap()
    }

    #[test]
    fn the_message_is_that_of_the_rfc() {
        // RFC 7628, section 4.1, without its user, host and port.
        let message = message(&token("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="));
        assert_eq!(message, b"n,,\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01");
    }

    #[test]
    fn a_token_that_says_when_it_ends_is_known_to_have_expired() {
        let jwt = |claims: &str| token(&format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims)));
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        for expired in [jwt(r#"{"sub":"weir","exp":990}"#), jwt(r#"{"exp":999.5}"#), jwt(r#"{"exp":1000}"#)] {
            assert!(has_expired(&expired, now));
        }
        for other in [jwt(r#"{"exp":1001}"#), jwt(r#"{"exp":-1}"#), jwt(r#"{"exp":"1"}"#), jwt("{}"), token("opaque")] {
            assert!(!has_expired(&other, now));
        }
    }
}
