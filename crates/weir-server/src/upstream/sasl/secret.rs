//! A password or a token, and the file that it stands in.
//!
//! Must never: be shown, or be taken from a file that holds something else as well.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::{Mechanism, SaslError};
use crate::snapshot::file_bytes;

/// The longest password.
const PASSWORD: usize = 1024;
/// The longest token. Those of identity providers have one to four thousand bytes.
const TOKEN: usize = 64 * 1024;

/// A password or a token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Arc<str>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Takes a secret from what a file holds: one line.
    ///
    /// # Errors
    /// What is wrong with the file, in words that follow its name.
    pub(crate) fn parse(mechanism: Mechanism, content: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(content).map_err(|_| "is not UTF-8 text")?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let longest = match mechanism {
            Mechanism::Scram(_) => PASSWORD,
            Mechanism::OAuthBearer => TOKEN,
        };
        if line.is_empty() {
            return Err("is empty");
        }
        if line.len() > longest {
            return Err("is too long for what it has to hold");
        }
        match mechanism {
            Mechanism::Scram(_) if line.chars().any(char::is_control) => {
                Err("holds more than the one line of a password")
            }
            Mechanism::OAuthBearer if !is_token(line) => Err("holds something else than a bearer token (RFC 6750)"),
            _ => Ok(Self(line.into())),
        }
    }

    /// Reads a file, off the thread that asks.
    pub(super) async fn read(mechanism: Mechanism, file: &Path) -> Result<Self, SaslError> {
        let path = file.to_owned();
        let content = tokio::task::spawn_blocking(move || file_bytes(&path)).await;
        let told = |why: String| SaslError::Secret { file: file.display().to_string(), why };
        let content = content.map_err(|_| told("was not read".to_owned()))?;
        let content = content.map_err(|error| told(format!("cannot be read: {error}")))?;
        Self::parse(mechanism, &content).map_err(|why| told(why.to_owned()))
    }

    /// The secret itself. It goes into a mechanism, and nowhere else.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

/// Whether a text is `b64token` of RFC 6750.
fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && body.bytes().all(sound)
}

#[cfg(test)]
mod tests {
    use super::super::ScramHash;
    use super::*;

    #[test]
    fn a_file_holds_one_secret_on_one_line() {
        let password = |content: &str| Secret::parse(Mechanism::Scram(ScramHash::Sha512), content.as_bytes());
        for (content, secret) in [("pencil", "pencil"), ("pencil\n", "pencil"), ("a b=,\u{e9}\r\n", "a b=,\u{e9}")] {
            assert_eq!(password(content).unwrap().expose(), secret);
        }
        for content in ["", "\n", "\r\n", "one\ntwo\n", "tab\t", "\u{0}", &"x".repeat(1025)] {
            assert!(password(content).is_err(), "{content:?}");
        }
        let token = |content: &str| Secret::parse(Mechanism::OAuthBearer, content.as_bytes());
        assert_eq!(token("eyJhbGciOiJub25lIn0.e30.\n").unwrap().expose(), "eyJhbGciOiJub25lIn0.e30.");
        for content in ["", "==", "a b", "a\u{1}auth=Bearer b", "a,b", "a\nb", &"x".repeat(65_537)] {
            assert!(token(content).is_err(), "{content:?}");
        }
        assert_eq!(Secret::parse(Mechanism::OAuthBearer, b"\xff"), Err("is not UTF-8 text"));
        assert_eq!(format!("{:?}", password("pencil").unwrap()), "Secret");
    }
}
