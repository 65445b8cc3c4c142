//! What a bundle is made of. Must never show a key or a pass-phrase.

use std::fmt;
use std::net::IpAddr;

use time::OffsetDateTime;

use super::manifest::{GroupRule, OffsetReset};

/// Everything that stands in a bundle.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Who the certificate is, by name.
    pub principal: String,
    /// Where to connect first.
    pub bootstrap: Vec<Address>,
    /// The topics that it may read by name.
    pub topics: Vec<Topic>,
    /// Prefixes of further topics that it may read.
    pub topic_prefixes: Vec<String>,
    /// Which group ids it may use.
    pub groups: GroupRule,
    /// Where a group without offsets begins.
    pub offset_reset: OffsetReset,
    /// What it may use.
    pub limits: Vec<Limit>,
    /// Whether commits are kept.
    pub keeps_offsets: bool,
    /// What it may be refused.
    pub refusals: Vec<Refusal>,
    /// The networks that it may connect from, in words; empty for any.
    pub networks: Vec<String>,
    /// The certificate.
    pub certificate: ClientCertificate,
    /// The private key (PKCS#8, PEM), where it is known here.
    pub key: Option<Secret>,
    /// The CAs that the server's certificate comes from (PEM).
    pub ca_pem: String,
    /// The same in PKCS#12. Nothing without a key.
    pub stores: Option<Stores>,
    /// The `weir` program.
    pub weir: Option<Vec<u8>>,
}

/// Where to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A DNS name or an IP address.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse() {
            Ok(IpAddr::V6(address)) => write!(formatter, "[{address}]:{}", self.port),
            _ => write!(formatter, "{}:{}", self.host, self.port),
        }
    }
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// What is in it, for people; any text.
    pub description: String,
}

/// A limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Its key in the operator's files.
    pub key: &'static str,
    /// How much it is, in words.
    pub words: String,
    /// What it counts, in words.
    pub counts: &'static str,
}

/// Something that may be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the client is told.
    pub told: &'static str,
    /// The operator's name for it.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub advice: &'static str,
}

/// The client's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate and the intermediates above it (PEM).
    pub chain_pem: String,
    /// The last second at which it is valid.
    pub not_after: OffsetDateTime,
    /// The serial number, in hexadecimal digits.
    pub serial: String,
}

/// Key store and trust store in PKCS#12.
#[derive(Clone)]
pub struct Stores {
    /// Key and certificate.
    pub client: Vec<u8>,
    /// The CAs.
    pub ca: Vec<u8>,
    /// What opens both.
    pub password: Secret,
}

impl fmt::Debug for Stores {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Stores")
    }
}

/// A key or a pass-phrase: it does not show in a `Debug` form.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes it.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}
