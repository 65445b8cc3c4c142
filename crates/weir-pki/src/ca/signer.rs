//! A CA directory with its key: it issues, signs, renews and revokes.
//!
//! Must never: let a certificate out that is not in the index on the disk, take anything but the key from a request, or
//! write a revocation list that does not say what the index says.

use std::fmt;

use rcgen::{KeyPair, PublicKeyData};

use super::entry::{By, Entry, Purpose, RevocationCause, Which};
use super::error::CaError;
use super::index::{Act, Certificate};
use super::journal::{self, Journal};
use super::list::{self, CrlFile};
use super::order::{self, Certified, Named, Terms};
use super::{CaDirectory, ISSUED, only_certificate};
use crate::authority::{Authority, AuthorityOrder};
use crate::files;
use crate::inspect::CertificateFacts;
use crate::issued::Issued;
use crate::request::Request;
use crate::serial::SerialHex;
use crate::subject::ClientSubject;

/// A CA directory with its key. Several may work in one directory at once: each waits for the others.
pub struct CaSigner {
    directory: CaDirectory,
    authority: Authority,
}

/// A certificate whose key was made here.
#[derive(Debug, Clone)]
pub struct IssuedEntry {
    /// What the index knows of it.
    pub entry: Entry,
    /// Certificate, chain and key. The key is kept nowhere else: write it, hand it over, forget it.
    pub issued: Issued,
}

/// A certificate for a key that someone else holds.
#[derive(Debug, Clone)]
pub struct SignedEntry {
    /// What the index knows of it.
    pub entry: Entry,
    /// The certificate alone, PEM.
    pub certificate_pem: String,
    /// The certificate and the intermediates above it, PEM.
    pub chain_pem: String,
    /// What the request asked for and did not get, a phrase each: `the extended key usage serverAuth`. Empty where it
    /// asked for its key, and names that it got.
    pub dropped: Vec<String>,
}

/// What [`CaSigner::revoke`] did.
#[derive(Debug, Clone)]
pub struct RevokedEntries {
    /// The certificates that are revoked now, and were not before.
    pub entries: Vec<Entry>,
    /// The revocation list that says so.
    pub crl: CrlFile,
}

impl CaSigner {
    /// A client certificate with a new key. Several live ones of one name may stand beside each other.
    ///
    /// # Errors
    /// A name that no certificate can hold, or none at all; days that make no sense; the disk.
    pub fn issue_client(&mut self, subject: &ClientSubject, terms: Terms, by: &By) -> Result<IssuedEntry, CaError> {
        self.issue(&Named::Client(subject.clone()), None, terms, by)
    }

    /// A server certificate with a new key for `names`: DNS names (`*.weir.example` is one) and IP addresses.
    ///
    /// # Errors
    /// As [`CaSigner::issue_client`].
    pub fn issue_server(&mut self, names: &[&str], terms: Terms, by: &By) -> Result<IssuedEntry, CaError> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.issue(&Named::Server(names), None, terms, by)
    }

    /// A client certificate for the key of a request (CSR, PEM). Only the public key is taken from it; the request must
    /// be signed with that key, which must be ECDSA P-256 or P-384, or RSA with 2,048 to 8,192 bits.
    ///
    /// # Errors
    /// [`CaError::Request`] with what is wrong with the request; else as [`CaSigner::issue_client`].
    pub fn sign_client(
        &mut self,
        csr_pem: &str,
        subject: &ClientSubject,
        terms: Terms,
        by: &By,
    ) -> Result<SignedEntry, CaError> {
        self.sign(csr_pem, &Named::Client(subject.clone()), None, terms, by)
    }

    /// A new certificate with a new key and all names of an older one, which stays valid: both work until it ends or is
    /// revoked. Of several with the name, the one that ends last is continued. An expired one may be continued, too.
    ///
    /// # Errors
    /// None is meant, or several for different names; it is revoked, or of an authority.
    pub fn renew(&mut self, which: Which<'_>, terms: Terms, by: &By) -> Result<IssuedEntry, CaError> {
        let (named, older) = self.older(which)?;
        self.issue(&named, Some(older), terms, by)
    }

    /// As [`CaSigner::renew`], for the key of a request.
    ///
    /// # Errors
    /// As [`CaSigner::renew`] and [`CaSigner::sign_client`].
    pub fn renew_signed(
        &mut self,
        which: Which<'_>,
        csr_pem: &str,
        terms: Terms,
        by: &By,
    ) -> Result<SignedEntry, CaError> {
        let (named, older) = self.older(which)?;
        self.sign(csr_pem, &named, Some(older), terms, by)
    }

    /// Revokes the certificate with this serial number, or the one live certificate with this name; `all` of them where
    /// there are several. It is in the index first, then in the revocation list.
    ///
    /// # Errors
    /// None is meant (an expired or revoked one is said to be so); several are, and `all` is not set: they are named.
    /// [`CaError::ListNotWritten`]: the revocation stands in the index, and the list does not say so yet.
    pub fn revoke(
        &mut self,
        which: Which<'_>,
        all: bool,
        cause: RevocationCause,
        by: &By,
    ) -> Result<RevokedEntries, CaError> {
        self.locked(by, |signer, journal| {
            let serials = order::to_revoke(journal.index(), which, all, journal::now())?;
            for serial in &serials {
                journal.record(by, Act::Revoked { serial: serial.clone(), cause })?;
            }
            let crl = list::write(&signer.directory.path, &signer.authority, journal, None, by)
                .map_err(|problem| CaError::ListNotWritten { problem: Box::new(problem) })?;
            let entries = serials.iter().filter_map(|serial| journal.index().entry(serial)).cloned().collect();
            Ok(RevokedEntries { entries, crl })
        })
    }

    /// Writes a new revocation list, due again after `days` ([`super::CRL_DAYS`] if nothing, at most 365).
    ///
    /// # Errors
    /// The disk.
    pub fn publish_crl(&mut self, days: Option<i64>, by: &By) -> Result<CrlFile, CaError> {
        self.locked(by, |signer, journal| list::write(&signer.directory.path, &signer.authority, journal, days, by))
    }

    /// The directory, as this signer read it last.
    pub fn directory(&self) -> &CaDirectory {
        &self.directory
    }

    pub(super) fn new(directory: CaDirectory, authority: Authority) -> CaSigner {
        CaSigner { directory, authority }
    }

    /// Writes the revocation list that a crash left out, in the name of who revoked.
    pub(super) fn finish(&mut self) -> Result<(), CaError> {
        if self.directory.crl_is_current()? {
            return Ok(());
        }
        let by = self.directory.index.unlisted.clone();
        let by = by.or_else(|| self.directory.index.events.last().map(|event| event.by.clone()));
        let Some(by) = by else { return Ok(()) };
        self.publish_crl(None, &by).map(|_| ())
    }

    /// An intermediate below this authority: its certificate and chain, PEM.
    pub(super) fn sign_authority(
        &mut self,
        key: &KeyPair,
        order: &AuthorityOrder<'_>,
        by: &By,
    ) -> Result<(String, String), CaError> {
        if !self.directory.chain_pem.is_empty() {
            return Err(CaError::Certificate {
                problem: "an intermediate signs clients and servers only: have it signed by a root",
            });
        }
        let certificate_pem = self.locked(by, |signer, journal| {
            let serial = new_serial(journal)?;
            let order = AuthorityOrder { serial: Some(serial.clone()), ..*order };
            let pem = signer.authority.sign_authority(key, &order)?;
            let facts = signer.checked(&pem)?;
            let (name, organisation) = (order.common_name.to_owned(), order.organisation.map(str::to_owned));
            let certificate = Certificate {
                serial,
                purpose: Purpose::Authority,
                common_name: name.clone(),
                name,
                organisation,
                renews: None,
                ..remembered(&facts)
            };
            journal.record(by, Act::Issued(certificate))?;
            signer.keep(&facts.serial, &pem)?;
            Ok(pem)
        })?;
        let chain_pem = self.authority.chain_of(&certificate_pem);
        Ok((certificate_pem, chain_pem))
    }

    fn issue(
        &mut self,
        named: &Named,
        renews: Option<SerialHex>,
        terms: Terms,
        by: &By,
    ) -> Result<IssuedEntry, CaError> {
        // Before the lock: RSA takes its time.
        let key = terms.key.generate()?;
        let certified = Certified { key: &key, from_request: false };
        let (entry, certificate_pem) = self.certify(&certified, named, renews, terms, by)?;
        let chain_pem = self.authority.chain_of(&certificate_pem);
        Ok(IssuedEntry { entry, issued: Issued { certificate_pem, chain_pem, key_pem: key.serialize_pem() } })
    }

    fn sign(
        &mut self,
        csr_pem: &str,
        named: &Named,
        renews: Option<SerialHex>,
        terms: Terms,
        by: &By,
    ) -> Result<SignedEntry, CaError> {
        let Request { key, dropped } = Request::read(csr_pem, &named.granted())?;
        let certified = Certified { key: &key, from_request: true };
        let (entry, certificate_pem) = self.certify(&certified, named, renews, terms, by)?;
        let chain_pem = self.authority.chain_of(&certificate_pem);
        Ok(SignedEntry { entry, certificate_pem, chain_pem, dropped })
    }

    fn older(&self, which: Which<'_>) -> Result<(Named, SerialHex), CaError> {
        let index = journal::read(&self.directory.path)?;
        let older = order::to_renew(&index, which)?;
        let named = Named::of(&older).ok_or_else(|| CaError::NotALeaf { serial: older.serial.clone() })?;
        Ok((named, older.serial))
    }

    /// A certificate for a key: made, written into the index, and only then kept and handed out.
    fn certify<K: PublicKeyData>(
        &mut self,
        certified: &Certified<'_, K>,
        named: &Named,
        renews: Option<SerialHex>,
        terms: Terms,
        by: &By,
    ) -> Result<(Entry, String), CaError> {
        named.judge()?;
        let name = named.spoken()?;
        let order = named.leaf(named.validity(terms.days, &self.directory.facts)?)?;
        self.locked(by, |signer, journal| {
            if let Some(older) = &renews {
                // It may have been revoked since it was looked up.
                order::to_renew(journal.index(), Which::Serial(older.as_str()))?;
            }
            order::judge_key(certified.key, journal.index(), &signer.directory.facts)?;
            let serial = new_serial(journal)?;
            let pem = signer.authority.sign(certified.key, &order.numbered(&serial))?;
            let facts = signer.checked(&pem)?;
            let certificate = Certificate {
                serial: serial.clone(),
                purpose: named.purpose(),
                name,
                common_name: named.common_name(),
                organisation: named.organisation(),
                // As ordered: facts are for eyes, escaped and cut, and a renewal repeats what stands here.
                alternative_names: named.granted().alternative_names,
                renews,
                ..remembered(&facts)
            };
            let act = if certified.from_request { Act::Signed(certificate) } else { Act::Issued(certificate) };
            journal.record(by, act)?;
            signer.keep(&serial, &signer.authority.chain_of(&pem))?;
            let entry = journal.index().entry(&serial).cloned();
            entry.map(|entry| (entry, pem)).ok_or_else(|| CaError::Unknown { which: serial.to_string() })
        })
    }

    /// The facts of a new certificate, which must name this authority exactly as its own certificate does: else nobody
    /// finds the way from one to the other.
    fn checked(&self, pem: &str) -> Result<CertificateFacts, CaError> {
        let facts = only_certificate(pem).filter(|facts| facts.issuer == self.directory.facts.subject);
        facts.ok_or(CaError::Certificate {
            problem: "its name is encoded in a way that cannot be repeated in certificates below it: have it made with \
                      a plain name (CN, O, OU, C), each part once",
        })
    }

    fn keep(&self, serial: &SerialHex, chain_pem: &str) -> Result<(), CaError> {
        let path = self.directory.path.join(ISSUED).join(format!("{serial}.pem"));
        files::write_new(&path, chain_pem, files::PUBLIC)
            .and_then(|()| files::sync_directory_of(&path))
            .map_err(CaError::file(&path))
    }

    /// Does something with the index locked and read anew.
    fn locked<T>(
        &mut self,
        by: &By,
        work: impl FnOnce(&CaSigner, &mut Journal) -> Result<T, CaError>,
    ) -> Result<T, CaError> {
        let mut journal = Journal::lock(&self.directory.path, by)?;
        let done = work(self, &mut journal);
        self.directory.index = journal.into_index();
        done
    }
}

impl fmt::Debug for CaSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaSigner").field("directory", &self.directory.path).finish_non_exhaustive()
    }
}

/// A serial number that nothing here has.
fn new_serial(journal: &Journal) -> Result<SerialHex, CaError> {
    loop {
        let serial = SerialHex::random()?;
        if journal.index().entry(&serial).is_none() {
            return Ok(serial);
        }
    }
}

/// What the index keeps of a certificate's own facts. Names and purpose are the order's.
fn remembered(facts: &CertificateFacts) -> Certificate {
    Certificate {
        serial: facts.serial.clone(),
        purpose: Purpose::Client,
        name: String::new(),
        common_name: String::new(),
        organisation: None,
        alternative_names: facts.alternative_names.clone(),
        not_before: facts.not_before,
        not_after: facts.not_after,
        key: facts.key.clone(),
        fingerprint_sha256: facts.fingerprint_sha256.clone(),
        public_key_sha256: facts.public_key_sha256.clone(),
        renews: None,
    }
}
