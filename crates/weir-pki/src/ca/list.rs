//! The revocation list of a CA directory.
//!
//! Must never: use a number twice, leave out a revoked certificate whose time has not ended, or leave half a list.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use rcgen::{RevocationReason, RevokedCertParams, SerialNumber};
use time::{Duration, OffsetDateTime};

use super::entry::{By, Entry, RevocationCause};
use super::error::CaError;
use super::index::{Act, Index, List};
use super::journal::{self, Journal};
use super::{CRL, CRL_DAYS, CaDirectory, optional, order};
use crate::authority::Authority;
use crate::files;
use crate::inspect::{self, CrlFacts, Item, RevokedFacts};
use crate::subject::Validity;

/// A list that is due later than that serves nobody who waits for it.
const MOST_DAYS: i64 = 365;

/// The revocation list in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlFile {
    /// `DIR/crl.pem`.
    pub path: PathBuf,
    /// Its number; every new list has a higher one.
    pub number: u64,
    /// When it was made.
    pub this_update: OffsetDateTime,
    /// When the next one is due.
    pub next_update: OffsetDateTime,
    /// How many certificates it names.
    pub revoked: usize,
}

impl CaDirectory {
    /// The newest revocation list, as the index knows it.
    pub fn crl(&self) -> Option<CrlFile> {
        self.index.list.as_ref().map(|list| file(&self.path, list))
    }

    /// Whether `crl.pem` says what the index says.
    pub(super) fn crl_is_current(&self) -> Result<bool, CaError> {
        let on_disk = on_disk(&self.path)?.as_ref().and_then(number);
        Ok(self.index.unlisted.is_none() && on_disk.is_some() && on_disk == self.index.list.as_ref().map(|l| l.number))
    }

    pub(super) fn crl_remark(&self, now: OffsetDateTime) -> Option<String> {
        let path = self.path.join(CRL);
        if !self.crl_is_current().unwrap_or(false) {
            return Some(format!(
                "{} is older than the index or cannot be read: revocations may not count yet; `weir cert crl` writes \
                 it",
                path.display()
            ));
        }
        let unknown = on_disk(&self.path).ok().flatten().map_or(0, |list| unknown(&list, &self.index).count());
        if unknown > 0 {
            return Some(format!(
                "{} revokes {unknown} that the index does not know as revoked: the index is an older one; restore a \
                 newer one from a backup, or revoke them again; the list goes on naming them",
                path.display()
            ));
        }
        let due = self.index.list.as_ref()?.next_update;
        (due <= now).then(|| format!("{} was due on {due}: `weir cert crl` writes a new one", path.display()))
    }
}

/// Writes a new list. Its number is in the index before the file is there.
pub(super) fn write(
    directory: &Path,
    authority: &Authority,
    journal: &mut Journal,
    days: Option<i64>,
    by: &By,
) -> Result<CrlFile, CaError> {
    let days = order::days(days.unwrap_or(CRL_DAYS), MOST_DAYS)?;
    let this_update = journal::now();
    let on_disk = on_disk(directory)?;
    let used = journal.index().list.as_ref().map(|list| list.number).max(on_disk.as_ref().and_then(number));
    let mut revoked: Vec<RevokedCertParams> = listed(journal.index(), this_update).map(revoked).collect();
    revoked.extend(on_disk.iter().flat_map(|list| unknown(list, journal.index())).map(carried_over));
    let list = List {
        number: used.unwrap_or(0) + 1,
        this_update,
        next_update: this_update + Duration::days(days),
        revoked: revoked.len(),
    };
    let validity = Validity { not_before: list.this_update, not_after: list.next_update };
    let pem = authority.list(list.number, revoked, validity)?;
    journal.record(by, Act::Listed(list.clone()))?;
    let path = directory.join(CRL);
    files::replace(&path, &pem, files::PUBLIC).map_err(CaError::file(&path))?;
    Ok(file(directory, &list))
}

/// The certificates that a list of `now` names: all that are revoked, until a list that was made after their end has
/// named them (RFC 5280 section 3.3). A clock that was ahead for the last list has ended nothing.
fn listed(index: &Index, now: OffsetDateTime) -> impl Iterator<Item = &Entry> {
    let last = index.list.as_ref().map(|list| list.this_update.min(now));
    index.entries.iter().filter(move |entry| {
        let was_listed_after_its_end = last.is_some_and(|last| {
            entry.not_after < last && entry.revocation.as_ref().is_some_and(|revocation| revocation.at <= last)
        });
        entry.revocation.is_some() && !was_listed_after_its_end
    })
}

fn revoked(entry: &Entry) -> RevokedCertParams {
    let revocation = entry.revocation.as_ref();
    RevokedCertParams {
        serial_number: SerialNumber::from_slice(&entry.serial.to_bytes()),
        revocation_time: revocation.map_or(entry.issued_at, |revocation| revocation.at),
        reason_code: revocation.and_then(|revocation| code(revocation.cause)),
        invalidity_date: None,
    }
}

/// RFC 5280 section 5.3.1 wants no code rather than `unspecified`.
fn code(cause: RevocationCause) -> Option<RevocationReason> {
    match cause {
        RevocationCause::Unspecified => None,
        RevocationCause::KeyCompromise => Some(RevocationReason::KeyCompromise),
        RevocationCause::CaCompromise => Some(RevocationReason::CaCompromise),
        RevocationCause::AffiliationChanged => Some(RevocationReason::AffiliationChanged),
        RevocationCause::Superseded => Some(RevocationReason::Superseded),
        RevocationCause::CessationOfOperation => Some(RevocationReason::CessationOfOperation),
        RevocationCause::PrivilegeWithdrawn => Some(RevocationReason::PrivilegeWithdrawn),
    }
}

/// What the list that is there revokes and the index does not: the index is an older one, from a backup. What is revoked
/// once stays so.
fn unknown<'a>(list: &'a CrlFacts, index: &Index) -> impl Iterator<Item = &'a RevokedFacts> {
    let is_known = |line: &&RevokedFacts| index.entry(&line.serial).is_some_and(|entry| entry.revocation.is_some());
    list.revoked.iter().filter(move |line| !is_known(line))
}

fn carried_over(line: &RevokedFacts) -> RevokedCertParams {
    let cause = |name: &String| RevocationCause::ALL.into_iter().find(|cause| is_named(*cause, name));
    RevokedCertParams {
        serial_number: SerialNumber::from_slice(&line.serial.to_bytes()),
        revocation_time: line.at,
        reason_code: line.cause.as_ref().and_then(cause).and_then(code),
        invalidity_date: None,
    }
}

/// Whether RFC 5280 gives a cause this name: `key-compromise` is `keyCompromise`.
fn is_named(cause: RevocationCause, name: &str) -> bool {
    cause.name().replace('-', "").eq_ignore_ascii_case(name)
}

/// The list that is there. A damaged file counts as none: the index knows the number, too.
fn on_disk(directory: &Path) -> Result<Option<CrlFacts>, CaError> {
    let Some(text) = optional(&directory.join(CRL))? else { return Ok(None) };
    let items = inspect::read(&text).unwrap_or_default();
    Ok(items.into_iter().find_map(|item| match item {
        Item::RevocationList(facts) => Some(*facts),
        _ => None,
    }))
}

fn number(list: &CrlFacts) -> Option<u64> {
    list.number.as_ref().and_then(|number| u64::from_str_radix(number.as_str(), 16).ok())
}

fn file(directory: &Path, list: &List) -> CrlFile {
    let List { number, this_update, next_update, revoked } = list.clone();
    CrlFile { path: directory.join(CRL), number, this_update, next_update, revoked }
}
