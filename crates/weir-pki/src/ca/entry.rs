//! What the index says of one certificate. Must never hold a key.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::key::KeyKind;

/// Who does something to a CA directory, and where that was decided. Both end up in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// The operator, as the organisation names people: a login name.
    pub operator: String,
    /// The ticket or request in which it was decided.
    pub ticket: Option<String>,
}

/// A serial number in hexadecimal digits: lower case, two for each byte, no zero byte before the first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SerialHex(pub(crate) String);

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// TLS client authentication.
    Client,
    /// TLS server authentication.
    Server,
    /// An intermediate, which signs others.
    Authority,
}

/// Why a certificate is revoked: the codes of RFC 5280 section 5.3.1 that fit a certificate of TLS and are for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationCause {
    /// None of the others.
    Unspecified,
    /// Someone else has, or may have, the key.
    KeyCompromise,
    /// The key of an intermediate is, or may be, in wrong hands.
    CaCompromise,
    /// The names in it do not fit its holder any more.
    AffiliationChanged,
    /// Another certificate has taken its place.
    Superseded,
    /// It is needed no more.
    CessationOfOperation,
    /// Its holder may not do any more what it was for.
    PrivilegeWithdrawn,
}

/// A certificate, as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its serial number.
    pub serial: SerialHex,
    /// What it is for.
    pub purpose: Purpose,
    /// Its common name: of a client the name by which it is renewed and revoked; of a server its first name.
    pub name: String,
    /// Its organisation (O).
    pub organisation: Option<String>,
    /// Its alternative names, each with its type: `DNS:a.example`, `IP:192.0.2.1`, `URI:...`, `email:...`.
    pub alternative_names: Vec<String>,
    /// The first second at which it is valid.
    pub not_before: OffsetDateTime,
    /// The last second at which it is valid.
    pub not_after: OffsetDateTime,
    /// Its key in words, such as `ECDSA P-256`.
    pub key: String,
    /// Whether the key was made by its holder, who sent a request (CSR).
    pub from_request: bool,
    /// SHA-256 over the certificate (DER), in lower-case hexadecimal digits.
    pub fingerprint_sha256: String,
    /// The certificate that it continues.
    pub renews: Option<SerialHex>,
    /// When it was issued.
    pub issued_at: OffsetDateTime,
    /// By whom, and for which ticket.
    pub issued_by: By,
    /// Whether it is revoked, and why.
    pub revocation: Option<Revocation>,
}

/// That a certificate was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Why.
    pub cause: RevocationCause,
    /// Since when.
    pub at: OffsetDateTime,
    /// By whom, and for which ticket.
    pub by: By,
}

/// What a certificate is worth at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its time has not come.
    NotYetValid,
    /// It counts.
    Valid,
    /// Its time is over.
    Expired,
    /// It was revoked, whether its time is over or not.
    Revoked,
}

/// Which certificate is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// The one with this serial number, in hexadecimal digits of either case, with or without colons.
    Serial(&'a str),
    /// Those of clients and servers with this common name.
    Name(&'a str),
}

impl SerialHex {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Entry {
    /// What it is worth at `now`.
    pub fn standing(&self, now: OffsetDateTime) -> Standing {
        if self.revocation.is_some() {
            Standing::Revoked
        } else if now > self.not_after {
            Standing::Expired
        } else if now < self.not_before {
            Standing::NotYetValid
        } else {
            Standing::Valid
        }
    }

    /// Whether it is neither revoked nor expired at `now`.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        matches!(self.standing(now), Standing::Valid | Standing::NotYetValid)
    }
}

impl RevocationCause {
    /// Every cause.
    pub const ALL: [Self; 7] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
    ];

    /// Its name, as it is typed and as the index has it: `key-compromise`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key-compromise",
            Self::CaCompromise => "ca-compromise",
            Self::AffiliationChanged => "affiliation-changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation-of-operation",
            Self::PrivilegeWithdrawn => "privilege-withdrawn",
        }
    }

    /// The cause of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }
}
