//! The index: what was done, a line each, and what follows from it.
//!
//! A line is JSON and ends with a digest over itself and the line before, so that a line that was changed, added or
//! taken away is found, but for whole lines at the end. Must never: read past a line that is not as it was written, or
//! drop one.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::entry::{By, Entry, Event, Purpose, Revocation, RevocationCause};
use crate::key::KeyKind;
use crate::random::sha256_hex;
use crate::serial::SerialHex;

/// The form of the lines.
const VERSION: u8 = 1;
const CHECK: &str = ",\"check\":\"";
/// Half of SHA-256, in hexadecimal digits.
const CHECK_DIGITS: usize = 32;

/// One thing that was done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    v: u8,
    #[serde(with = "rfc3339")]
    pub(super) at: OffsetDateTime,
    pub(super) by: By,
    #[serde(flatten)]
    pub(super) act: Act,
}

/// What was done.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "kebab-case")]
pub(super) enum Act {
    /// The directory was made.
    Created { name: String, key: KeyKind, key_is_encrypted: bool },
    /// The certificate of the authority came from outside.
    Installed { fingerprint_sha256: String },
    /// A certificate was issued for a key that was made here.
    Issued(Certificate),
    /// A certificate was issued for the key of a request.
    Signed(Certificate),
    /// A certificate was revoked.
    Revoked { serial: SerialHex, cause: RevocationCause },
    /// A revocation list is about to be written. Its number is used from now on.
    Listed(List),
    /// What a crash left of a line was cut off. `cut` is what could be read of it.
    Repaired { cut: String },
}

/// What is remembered of a certificate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Certificate {
    pub(super) serial: SerialHex,
    pub(super) purpose: Purpose,
    pub(super) name: String,
    pub(super) common_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) organisation: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) alternative_names: Vec<String>,
    #[serde(with = "rfc3339")]
    pub(super) not_before: OffsetDateTime,
    #[serde(with = "rfc3339")]
    pub(super) not_after: OffsetDateTime,
    pub(super) key: String,
    pub(super) fingerprint_sha256: String,
    #[serde(default)]
    pub(super) public_key_sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) renews: Option<SerialHex>,
}

/// A revocation list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct List {
    pub(super) number: u64,
    #[serde(with = "rfc3339")]
    pub(super) this_update: OffsetDateTime,
    #[serde(with = "rfc3339")]
    pub(super) next_update: OffsetDateTime,
    /// How many certificates it names.
    pub(super) revoked: usize,
}

/// The index as a whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    pub(super) entries: Vec<Entry>,
    pub(super) events: Vec<Event>,
    pub(super) list: Option<List>,
    /// Who revoked something that no list says yet.
    pub(super) unlisted: Option<By>,
    /// The digest of the last line.
    pub(super) check: String,
    /// How many bytes are whole lines.
    pub(super) whole: usize,
    /// What follows them: half a line.
    pub(super) torn: Vec<u8>,
}

/// What is wrong with a line.
#[derive(Debug)]
pub(super) struct Fault {
    /// From 1.
    pub(super) line: usize,
    pub(super) problem: String,
}

impl Index {
    /// The index in these bytes. Half a line at the end is what a crash leaves; everything else is a fault.
    pub(super) fn read(bytes: &[u8]) -> Result<Index, Fault> {
        let mut index = Index::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let line = self::line(rest);
            // A file system may give zeros for what it had no time to write.
            let is_last = line.len() == rest.len();
            if is_last && (!line.ends_with(b"\n") || line.contains(&0)) {
                index.torn = rest.to_vec();
                break;
            }
            let number = index.events.len() + 1;
            let record = index.decode(line).map_err(|problem| Fault { line: number, problem })?;
            index.take(record).map_err(|problem| Fault { line: number, problem })?;
            index.whole += line.len();
            rest = rest.get(line.len()..).unwrap_or_default();
        }
        Ok(index)
    }

    /// The line for something that is done now, with its line break.
    pub(super) fn encode(&self, record: &Record) -> serde_json::Result<String> {
        let text = serde_json::to_string(record)?;
        let body = text.strip_suffix('}').unwrap_or(&text);
        Ok(format!("{body}{CHECK}{}\"}}\n", check(&self.check, body)))
    }

    /// Notes a line that was written.
    pub(super) fn append(&mut self, record: Record, line: &str) -> Result<(), String> {
        self.check = digits(line.as_bytes()).unwrap_or_default();
        self.whole += line.len();
        self.take(record)
    }

    /// The certificate with this serial number.
    pub(super) fn entry(&self, serial: &SerialHex) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.serial == *serial)
    }

    fn decode(&mut self, line: &[u8]) -> Result<Record, String> {
        const CHANGED: &str = "this line, or the one before, is not as it was written: restore the file from a backup";
        let changed = || CHANGED.to_owned();
        let text = std::str::from_utf8(line).map_err(|_| changed())?.trim_end_matches('\n');
        let (body, _) = text.rsplit_once(CHECK).ok_or_else(changed)?;
        let stated = digits(line).ok_or_else(changed)?;
        if stated != check(&self.check, body) {
            return Err(changed());
        }
        self.check = stated;
        let json = format!("{body}}}");
        let version = serde_json::from_str::<Version>(&json).map_err(|error| error.to_string())?;
        if version.v != VERSION {
            return Err(format!("a newer weir wrote this (version {}): use that one", version.v));
        }
        serde_json::from_str(&json).map_err(|error| format!("this line means nothing: {error}"))
    }

    fn take(&mut self, record: Record) -> Result<(), String> {
        self.events.push(Event::of(&record));
        let Record { at, by, act, .. } = record;
        match act {
            Act::Issued(certificate) => self.add(certificate, at, by, false),
            Act::Signed(certificate) => self.add(certificate, at, by, true),
            Act::Revoked { serial, cause } => {
                let entry = self.entries.iter_mut().find(|entry| entry.serial == serial);
                let entry = entry.ok_or_else(|| format!("it revokes {serial}, which was never issued"))?;
                entry.revocation = Some(Revocation { cause, at, by: by.clone() });
                self.unlisted = Some(by);
                Ok(())
            }
            Act::Listed(list) => {
                self.list = Some(list);
                self.unlisted = None;
                Ok(())
            }
            Act::Created { .. } | Act::Installed { .. } | Act::Repaired { .. } => Ok(()),
        }
    }

    fn add(&mut self, certificate: Certificate, at: OffsetDateTime, by: By, from_request: bool) -> Result<(), String> {
        if self.entry(&certificate.serial).is_some() {
            return Err(format!("it issues {} a second time", certificate.serial));
        }
        self.entries.push(Entry {
            serial: certificate.serial,
            purpose: certificate.purpose,
            name: certificate.name,
            common_name: certificate.common_name,
            organisation: certificate.organisation,
            alternative_names: certificate.alternative_names,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            key: certificate.key,
            from_request,
            fingerprint_sha256: certificate.fingerprint_sha256,
            public_key_sha256: certificate.public_key_sha256,
            renews: certificate.renews,
            issued_at: at,
            issued_by: by,
            revocation: None,
        });
        Ok(())
    }
}

impl Record {
    /// Something that is done at `at`.
    pub(super) fn new(at: OffsetDateTime, by: &By, act: Act) -> Record {
        Record { v: VERSION, at, by: by.clone(), act }
    }
}

#[derive(Deserialize)]
struct Version {
    v: u8,
}

/// The first line, with its line break if it has one.
fn line(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
    bytes.get(..end).unwrap_or(bytes)
}

fn check(before: &str, body: &str) -> String {
    let mut digest = sha256_hex(format!("{before}\n{body}").as_bytes());
    digest.truncate(CHECK_DIGITS);
    digest
}

/// The digest that a line ends with.
fn digits(line: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix("\"}\n")?;
    let (_, digits) = text.rsplit_once(CHECK)?;
    (digits.len() == CHECK_DIGITS).then(|| digits.to_owned())
}
