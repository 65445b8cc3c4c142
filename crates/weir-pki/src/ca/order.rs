//! What may be ordered of an authority, and which certificate is meant. Must never guess between two.

use std::fmt;

use rcgen::PublicKeyData;
use time::{Duration, OffsetDateTime};

use super::entry::{Entry, Purpose, RevocationCause, Which};
use super::error::CaError;
use super::index::Index;
use super::{CLIENT_DAYS, SERVER_DAYS};
use crate::authority::LeafOrder;
use crate::error::PkiError;
use crate::inspect::CertificateFacts;
use crate::key::KeyKind;
use crate::random;
use crate::request::Granted;
use crate::serial::SerialHex;
use crate::subject::{self, ClientSubject, Validity};

/// Ten years: longer than any leaf should live.
pub(super) const MOST_DAYS: i64 = 3_650;
/// Clocks differ: a new certificate counts where it is an hour earlier.
const START: Duration = Duration::hours(-1);

/// What a certificate that is issued here may differ in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms {
    /// For how many days it is valid; nothing: [`CLIENT_DAYS`] or [`SERVER_DAYS`]. It ends with the authority at the
    /// latest. The start is an hour ago, because clocks differ.
    pub days: Option<i64>,
    /// The kind of its key, where the key is made here.
    pub key: KeyKind,
}

/// Whom a leaf names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    Client(ClientSubject),
    Server(Vec<String>),
}

impl Named {
    /// Whom an older certificate names; an authority is not renewed.
    pub(super) fn of(entry: &Entry) -> Option<Named> {
        match entry.purpose {
            Purpose::Client => Some(Named::Client(entry.subject())),
            Purpose::Server => Some(Named::Server(entry.server_names().into_iter().map(str::to_owned).collect())),
            Purpose::Authority => None,
        }
    }

    /// What the certificate will have, whatever a request says.
    pub(super) fn granted(&self) -> Granted {
        let (alternative_names, usage) = match self {
            Named::Client(subject) => (subject.alternative_names(), "clientAuth"),
            Named::Server(names) => (names.iter().map(|name| subject::typed_server_name(name)).collect(), "serverAuth"),
        };
        Granted { common_name: self.common_name(), organisation: self.organisation(), alternative_names, usage }
    }

    /// Names that a person can have meant.
    pub(super) fn judge(&self) -> Result<(), PkiError> {
        match self {
            Named::Client(subject) => {
                let names = [Some(&subject.common_name), subject.organisation.as_ref()].into_iter().flatten();
                let others = subject.san_uris.iter().chain(&subject.san_dns).chain(&subject.san_emails);
                names.chain(others).try_for_each(|name| subject::judge_printable(name))
            }
            Named::Server(names) => names.iter().try_for_each(|name| subject::judge_server_name(name)),
        }
    }

    pub(super) fn purpose(&self) -> Purpose {
        match self {
            Named::Client(_) => Purpose::Client,
            Named::Server(_) => Purpose::Server,
        }
    }

    /// The name by which people speak of it.
    pub(super) fn spoken(&self) -> Result<String, PkiError> {
        let name = match self {
            Named::Client(subject) => subject.spoken().map(str::to_owned),
            Named::Server(_) => Some(self.common_name()).filter(|name| !name.is_empty()).or_else(|| self.first()),
        };
        name.ok_or(PkiError::Name { name: String::new(), problem: "a certificate has to name someone" })
    }

    pub(super) fn common_name(&self) -> String {
        match self {
            Named::Client(subject) => subject.common_name.clone(),
            Named::Server(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                subject::server_common_name(&names).to_owned()
            }
        }
    }

    pub(super) fn organisation(&self) -> Option<String> {
        match self {
            Named::Client(subject) => subject.organisation.clone(),
            Named::Server(_) => None,
        }
    }

    pub(super) fn leaf(&self, validity: Validity) -> Result<LeafOrder<'static>, PkiError> {
        match self {
            Named::Client(subject) => LeafOrder::client(subject, validity),
            Named::Server(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                LeafOrder::server(&names, validity)
            }
        }
    }

    fn first(&self) -> Option<String> {
        match self {
            Named::Client(_) => None,
            Named::Server(names) => names.first().cloned(),
        }
    }

    fn default_days(&self) -> i64 {
        match self {
            Named::Client(_) => CLIENT_DAYS,
            Named::Server(_) => SERVER_DAYS,
        }
    }

    /// From an hour ago for so many days, with the authority's end as the last.
    pub(super) fn validity(&self, days: Option<i64>, authority: &CertificateFacts) -> Result<Validity, CaError> {
        validity(self::days(days.unwrap_or(self.default_days()), MOST_DAYS)?, authority)
    }
}

/// From an hour ago for so many days, with the authority's end as the last.
pub(super) fn validity(days: i64, authority: &CertificateFacts) -> Result<Validity, CaError> {
    let wanted = Validity::from_now(START, Duration::days(days));
    if authority.not_after <= OffsetDateTime::now_utc() {
        return Err(CaError::AuthorityExpired);
    }
    Ok(Validity { not_after: wanted.not_after.min(authority.not_after), ..wanted })
}

/// A number of days that makes sense.
pub(super) fn days(days: i64, most: i64) -> Result<i64, CaError> {
    if (1..=most).contains(&days) { Ok(days) } else { Err(CaError::Days { days, most }) }
}

/// The certificates that are meant, the oldest first.
pub(super) fn find<'a>(index: &'a Index, which: Which<'_>) -> Vec<&'a Entry> {
    match which {
        Which::Serial(text) => {
            let serial = SerialHex::parse(text);
            serial.and_then(|serial| index.entry(&serial)).into_iter().collect()
        }
        Which::Name(name) => index.entries.iter().filter(|entry| entry.name == name).collect(),
    }
}

/// The one certificate that a renewal continues: of several for the same names, the one that ends last.
pub(super) fn to_renew(index: &Index, which: Which<'_>) -> Result<Entry, CaError> {
    const NEW: &str = "issue a new one, if its holder may have one";
    let found = find(index, which);
    let Some(newest) = found.last() else { return Err(unknown(which)) };
    let good: Vec<&Entry> = found.iter().copied().filter(|entry| entry.revocation.is_none()).collect();
    let Some(best) = good.iter().max_by_key(|entry| entry.not_after) else {
        return Err(revoked(newest, NEW));
    };
    let named = Named::of(best).ok_or_else(|| CaError::NotALeaf { serial: best.serial.clone() })?;
    if good.iter().any(|entry| Named::of(entry).as_ref() != Some(&named)) {
        return Err(ambiguous(which, &good, ""));
    }
    Ok((*best).clone())
}

/// The certificates that a revocation is about.
pub(super) fn to_revoke(
    index: &Index,
    which: Which<'_>,
    all: bool,
    now: OffsetDateTime,
) -> Result<Vec<SerialHex>, CaError> {
    let found = find(index, which);
    let Some(newest) = found.last() else { return Err(unknown(which)) };
    let live: Vec<&Entry> = found.iter().copied().filter(|entry| entry.is_live(now)).collect();
    match live.as_slice() {
        [] if newest.revocation.is_some() => Err(revoked(newest, "there is nothing to do")),
        [] => Err(CaError::Expired { serial: newest.serial.clone() }),
        [_, _, ..] if !all => Err(ambiguous(which, &live, ", or all of them with `--all`")),
        _ => Ok(live.iter().map(|entry| entry.serial.clone()).collect()),
    }
}

/// A key that is certified: made here, or of a request.
pub(super) struct Certified<'a, K: PublicKeyData> {
    pub(super) key: &'a K,
    pub(super) from_request: bool,
}

/// A key that may be certified: no authority's, and none that somebody else is known to have.
pub(super) fn judge_key(key: &impl PublicKeyData, index: &Index, authority: &CertificateFacts) -> Result<(), CaError> {
    let digest = random::sha256_hex(&key.subject_public_key_info());
    let mut known = index.entries.iter().filter(|entry| entry.public_key_sha256 == digest);
    let is_lost = |entry: &Entry| {
        let cause = entry.revocation.as_ref().map(|revocation| revocation.cause);
        matches!(cause, Some(RevocationCause::KeyCompromise | RevocationCause::CaCompromise))
    };
    if digest == authority.public_key_sha256 {
        return Err(CaError::BadKey { problem: "this authority's own".to_owned() });
    }
    match known.find(|entry| entry.purpose == Purpose::Authority || is_lost(entry)) {
        Some(entry) if is_lost(entry) => Err(CaError::BadKey {
            problem: format!(
                "that of certificate {}, which is revoked because its key is known to others",
                entry.serial
            ),
        }),
        Some(entry) => Err(CaError::BadKey { problem: format!("that of the authority {}", entry.serial) }),
        None => Ok(()),
    }
}

impl fmt::Display for Which<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Which::Serial(serial) => write!(f, "with the serial number {}", crate::words::printable(serial)),
            Which::Name(name) => write!(f, "for {}", crate::words::printable(name)),
        }
    }
}

fn unknown(which: Which<'_>) -> CaError {
    CaError::Unknown { which: which.to_string() }
}

fn revoked(entry: &Entry, fix: &'static str) -> CaError {
    match &entry.revocation {
        Some(revocation) => CaError::Revoked { serial: entry.serial.clone(), cause: revocation.cause, fix },
        None => CaError::Expired { serial: entry.serial.clone() },
    }
}

fn ambiguous(which: Which<'_>, entries: &[&Entry], fix: &'static str) -> CaError {
    let told =
        |entry: &&Entry| format!("{} ({}, ends on {})", entry.serial, entry.purpose.name(), entry.not_after.date());
    let name = match which {
        Which::Name(name) | Which::Serial(name) => name.to_owned(),
    };
    CaError::Ambiguous { name, found: entries.iter().map(told).collect(), fix }
}
