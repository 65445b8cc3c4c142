//! What the index says of one certificate. Must never hold a key.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::index::{Act, Certificate, Record};
use crate::serial::SerialHex;
use crate::subject::ClientSubject;

/// Who does something to a CA directory, and where that was decided. Both end up in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// The operator, as the organisation names people: a login name.
    pub operator: String,
    /// The ticket or request in which it was decided.
    pub ticket: Option<String>,
}

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
    /// The name by which it is renewed and revoked: its common name, else its first alternative name.
    pub name: String,
    /// Its common name (CN); empty where it has none.
    pub common_name: String,
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
    /// SHA-256 over its public key (DER of SubjectPublicKeyInfo), in lower-case hexadecimal digits.
    pub public_key_sha256: String,
    /// The certificate that it continues.
    pub renews: Option<SerialHex>,
    /// When it was issued.
    pub issued_at: OffsetDateTime,
    /// By whom, and for which ticket.
    pub issued_by: By,
    /// Whether it is revoked, and why.
    pub revocation: Option<Revocation>,
}

/// Something that was done, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: OffsetDateTime,
    /// By whom, and for which ticket.
    pub by: By,
    /// What, in a sentence.
    pub what: String,
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

    /// Whom it names, as it was ordered.
    pub fn subject(&self) -> ClientSubject {
        let of = |kind: &str| {
            let names = self.alternative_names.iter().filter_map(|name| name.strip_prefix(kind));
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        ClientSubject {
            common_name: self.common_name.clone(),
            organisation: self.organisation.clone(),
            san_uris: of("URI:"),
            san_dns: of("DNS:"),
            san_emails: of("email:"),
        }
    }

    /// The names of a server: DNS names and addresses, without their types, in their order.
    pub fn server_names(&self) -> Vec<&str> {
        let name = |typed: &'_ String| -> Option<usize> {
            ["DNS:", "IP:"].into_iter().find(|kind| typed.starts_with(kind)).map(str::len)
        };
        self.alternative_names.iter().filter_map(|typed| typed.get(name(typed)?..)).collect()
    }

    /// Whether it is neither revoked nor expired at `now`.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        matches!(self.standing(now), Standing::Valid | Standing::NotYetValid)
    }
}

impl Event {
    pub(super) fn of(record: &Record) -> Event {
        let issued = |verb: &str, certificate: &Certificate| {
            let Certificate { serial, purpose, name, renews, .. } = certificate;
            let renewal = renews.as_ref().map(|older| format!(", which continues {older}")).unwrap_or_default();
            format!("{verb} {} certificate {serial} for {name}{renewal}", purpose.name())
        };
        let what = match &record.act {
            Act::Created { name, .. } => format!("made the authority {name}"),
            Act::Installed { fingerprint_sha256 } => {
                format!("installed the authority's certificate with SHA-256 fingerprint {fingerprint_sha256}")
            }
            Act::Issued(certificate) => issued("issued", certificate),
            Act::Signed(certificate) => issued("signed a request:", certificate),
            Act::Revoked { serial, cause } => format!("revoked certificate {serial}: {}", cause.name()),
            Act::Listed(list) => format!("wrote revocation list {} with {} certificates", list.number, list.revoked),
            Act::Repaired { cut } => format!("cut off {} bytes that a crash left of a line", cut.len()),
        };
        Event { at: record.at, by: record.by.clone(), what }
    }
}

impl Purpose {
    /// Its name, as the index has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Authority => "authority",
        }
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
