//! SASL between Weir and a broker: what Weir says of itself before anything else, and what the broker answers.
//!
//! These frames are the third origin of `Cleared`, and closed like the others. Must never: carry anything that came from a
//! client, or show a token in `Debug`.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{
    ApiKey, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::StrBytes;

use crate::cleared::{Cleared, NotExpressible};
use crate::cluster::VersionRange;
use crate::codec;
use crate::discovery::{self, BadAnswer};
use crate::gate::Budget;
use crate::header::RequestHeader;
use crate::shape;
use crate::wire::Malformed;

/// The key of SaslHandshake.
pub const HANDSHAKE: i16 = ApiKey::SaslHandshake as i16;
/// The key of SaslAuthenticate.
pub const AUTHENTICATE: i16 = ApiKey::SaslAuthenticate as i16;
/// The versions of SaslAuthenticate that Weir speaks. From 1 on, the answer says for how long it holds (KIP-368).
pub const AUTHENTICATE_VERSIONS: VersionRange = VersionRange { min: 0, max: 1 };
/// The version of SaslHandshake after which tokens go in SaslAuthenticate (KIP-152).
const HANDSHAKE_VERSION: i16 = 1;

/// The broker does not offer the mechanism.
pub const UNSUPPORTED_MECHANISM: i16 = 33;
/// SASL was not to be spoken there, or not now.
pub const ILLEGAL_STATE: i16 = 34;
/// The broker does not take who asks for whom it says it is.
pub const AUTHENTICATION_FAILED: i16 = 58;

/// What Weir says to show who it is.
pub enum SaslRequest<'a> {
    /// Which mechanism it means to use.
    Handshake {
        /// Its name.
        mechanism: &'a str,
    },
    /// A step of the mechanism.
    Authenticate {
        /// The version, of `AUTHENTICATE_VERSIONS`.
        version: i16,
        /// What the mechanism says. It is, or is made from, a secret.
        token: Bytes,
    },
}

impl fmt::Debug for SaslRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake { mechanism } => write!(f, "Handshake({mechanism})"),
            Self::Authenticate { version, token } => write!(f, "Authenticate(v{version}, {} bytes)", token.len()),
        }
    }
}

impl Cleared {
    /// What Weir says to show who it is.
    ///
    /// # Errors
    /// Where the version cannot express it; Weir's fault.
    pub fn sasl(request: &SaslRequest<'_>, correlation_id: i32, client_id: &str) -> Result<Cleared, NotExpressible> {
        let (key, api, version, body) = match request {
            SaslRequest::Handshake { mechanism } => {
                let mechanism = StrBytes::from_string((*mechanism).to_owned());
                let message = SaslHandshakeRequest::default().with_mechanism(mechanism);
                (HANDSHAKE, "SaslHandshake", HANDSHAKE_VERSION, codec::encode(&message, HANDSHAKE_VERSION))
            }
            SaslRequest::Authenticate { version, token } => {
                let message = SaslAuthenticateRequest::default().with_auth_bytes(token.clone());
                let body = AUTHENTICATE_VERSIONS.holds(*version).then(|| codec::encode(&message, *version)).flatten();
                (AUTHENTICATE, "SaslAuthenticate", *version, body)
            }
        };
        let body = body.ok_or(NotExpressible { api, version })?;
        let header = RequestHeader { api_key: key, version, correlation_id, client_id: Some(client_id) };
        // None of these versions is flexible.
        Ok(Cleared::judged(&header, false, &[&body]))
    }
}

/// What a broker says to a mechanism.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeAnswer {
    /// Kafka's error code; 0 where the mechanism may be used.
    pub code: i16,
    /// The mechanisms that the broker offers, as it names them.
    pub mechanisms: Vec<String>,
}

/// What a broker says to a step of a mechanism.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticateAnswer {
    /// Kafka's error code; 0 where the broker goes on, or is content.
    pub code: i16,
    /// What the mechanism says.
    pub token: Bytes,
    /// For how long the broker takes the connection for authenticated; nothing for as long as it is open.
    pub lifetime: Option<Duration>,
}

/// Reads an answer to SaslHandshake, header included.
///
/// # Errors
/// Where it is malformed.
pub fn read_handshake(answer: &Bytes) -> Result<HandshakeAnswer, BadAnswer> {
    let body = discovery::body(answer, false)?;
    let message: SaslHandshakeResponse =
        codec::decode(&shape::sasl_handshake::RESPONSE, HANDSHAKE_VERSION, &body, &Budget::RESPONSE)?;
    let mechanisms = message.mechanisms.iter().map(ToString::to_string).collect();
    Ok(HandshakeAnswer { code: message.error_code, mechanisms })
}

/// Reads an answer to SaslAuthenticate, header included.
///
/// # Errors
/// Where it is malformed.
pub fn read_authenticate(version: i16, answer: &Bytes) -> Result<AuthenticateAnswer, BadAnswer> {
    if !AUTHENTICATE_VERSIONS.holds(version) {
        return Err(BadAnswer::Malformed(Malformed::NotDecodable));
    }
    let body = discovery::body(answer, false)?;
    let message: SaslAuthenticateResponse =
        codec::decode(&shape::sasl_authenticate::RESPONSE, version, &body, &Budget::RESPONSE)?;
    let lifetime = u64::try_from(message.session_lifetime_ms).ok().filter(|lifetime| *lifetime > 0);
    Ok(AuthenticateAnswer {
        code: message.error_code,
        token: message.auth_bytes,
        lifetime: lifetime.map(Duration::from_millis),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(request: &SaslRequest<'_>) -> Vec<u8> {
        Cleared::sasl(request, 7, "weir").unwrap().into_frame()
    }

    #[test]
    fn the_frames_are_those_of_the_protocol() {
        let handshake = frame(&SaslRequest::Handshake { mechanism: "PLAIN" });
        assert_eq!(handshake, b"\0\0\0\x15\0\x11\0\x01\0\0\0\x07\0\x04weir\0\x05PLAIN");
        let authenticate = |version| frame(&SaslRequest::Authenticate { version, token: Bytes::from_static(b"abc") });
        assert_eq!(authenticate(0), b"\0\0\0\x15\0\x24\0\0\0\0\0\x07\0\x04weir\0\0\0\x03abc");
        assert_eq!(authenticate(1), b"\0\0\0\x15\0\x24\0\x01\0\0\0\x07\0\x04weir\0\0\0\x03abc");
        let token = Bytes::from_static(b"abc");
        assert!(Cleared::sasl(&SaslRequest::Authenticate { version: 2, token }, 7, "weir").is_err());
    }

    #[test]
    fn answers_are_read_and_a_hostile_one_is_an_error() {
        let answer = Bytes::from_static(b"\0\0\0\x07\0\x21\0\0\0\x02\0\x05PLAIN\0\x01X");
        let mechanisms = vec!["PLAIN".to_owned(), "X".to_owned()];
        assert_eq!(read_handshake(&answer).unwrap(), HandshakeAnswer { code: UNSUPPORTED_MECHANISM, mechanisms });
        let answer = Bytes::from_static(b"\0\0\0\x07\0\0\xff\xff\0\0\0\x01x\0\0\0\0\0\0\x03\xe8");
        let read = read_authenticate(1, &answer).unwrap();
        let lifetime = Some(Duration::from_secs(1));
        assert_eq!(read, AuthenticateAnswer { code: 0, token: Bytes::from_static(b"x"), lifetime });
        assert_eq!(read_authenticate(0, &answer.slice(..13)).unwrap().lifetime, None);
        for cut in 0..answer.len() {
            assert!(read_authenticate(1, &answer.slice(..cut)).is_err(), "{cut} bytes");
        }
        // 2^31-1 mechanisms, or as many bytes, in a few.
        assert!(read_handshake(&Bytes::from_static(b"\0\0\0\x07\0\0\x7f\xff\xff\xff\0\x01X")).is_err());
        assert!(read_authenticate(1, &Bytes::from_static(b"\0\0\0\x07\0\0\xff\xff\x7f\xff\xff\xffx")).is_err());
        assert!(read_authenticate(2, &answer).is_err());
    }

    #[test]
    fn a_secret_is_not_in_debug() {
        let request = SaslRequest::Authenticate { version: 1, token: Bytes::from_static(b"p=secret") };
        let cleared = Cleared::sasl(&request, 7, "weir").unwrap();
        let shown = format!("{request:?} {cleared:?}");
        assert!(!shown.contains("secret") && !shown.contains("112"), "{shown}");
    }
}
