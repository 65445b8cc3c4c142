//! The part of the configuration that says as whom Weir comes to brokers that ask for SASL.
//!
//! Must never: have a key for a password or a token itself: they stand in files of their own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::At;

/// SASL to brokers, over `tls`. Passwords and tokens stand in files that are read anew for each connection.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSasl {
    /// How Weir shows who it is.
    pub mechanism: At<RawMechanism>,
    /// The user of a SCRAM mechanism. With `OAUTHBEARER` the token says it.
    #[serde(default)]
    pub username: Option<At<String>>,
    /// A file with the password, for a SCRAM mechanism, readable like a key: 0600 or 0640.
    #[serde(default)]
    pub password_file: Option<At<String>>,
    /// A file with the token, for `OAUTHBEARER`, readable like a key: 0600 or 0640. Whoever gives the tokens writes it anew
    /// before the last one expires.
    #[serde(default)]
    pub token_file: Option<At<String>>,
    /// As whom what principals of a tier ask comes instead, by the tier's name, so that the brokers' logs, ACLs and quotas
    /// tell tiers apart.
    #[serde(default)]
    pub identities: BTreeMap<String, At<RawSaslIdentity>>,
}

/// As whom a tier comes.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSaslIdentity {
    /// The user, for a SCRAM mechanism.
    #[serde(default)]
    pub username: Option<At<String>>,
    /// A file with its password.
    #[serde(default)]
    pub password_file: Option<At<String>>,
    /// A file with the token, for `OAUTHBEARER`.
    #[serde(default)]
    pub token_file: Option<At<String>>,
}

/// A SASL mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum RawMechanism {
    /// User and password; neither the password nor what it could be guessed from goes over the wire in clear (RFC 7677).
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// The same with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// A token that somebody else issued (RFC 7628).
    #[serde(rename = "OAUTHBEARER")]
    OAuthBearer,
}

impl RawMechanism {
    /// The name that Kafka has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }
}
