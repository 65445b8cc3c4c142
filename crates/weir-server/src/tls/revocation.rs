//! Certificate revocation lists of a listener: read, held against its CAs, and against those that were in force before.
//!
//! The whole chain is looked up, and a certificate whose issuer has no list is refused: who configures lists wants to
//! know of each certificate that it is not revoked. Must never: take an older list than the one in force, or lists that
//! say nothing for "no list is wanted".

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::material::{Inspector, shown};
use super::provider::{provider, sha256};
use crate::config::{At, Problems, ServerTls};

/// The lists of one listener in one generation.
#[derive(Clone, Debug, Default)]
pub(crate) struct RevocationLists(pub(crate) Vec<RevocationList>);

/// The lists of a listener at one moment.
#[derive(Clone, Debug)]
pub struct InForce {
    lists: Arc<RevocationLists>,
    usable: Vec<CertificateRevocationListDer<'static>>,
    digests: Vec<[u8; 32]>,
}

/// One list.
#[derive(Clone, Debug)]
pub(crate) struct RevocationList {
    /// Whose it is, for people.
    pub(crate) issuer: String,
    /// From when on another should have taken its place, in seconds since 1970.
    pub(crate) next_update: i64,
    /// From when on it says nothing any more.
    pub(crate) void_from: i64,
    key: ListKey,
    /// The number, the most significant byte first and no zeros before it; nothing where it has none.
    number: Option<Vec<u8>>,
    this_update: i64,
    digest: [u8; 32],
    der: CertificateRevocationListDer<'static>,
    path: At<PathBuf>,
}

/// What a list speaks for: certificates of one issuer, or those with one distribution point.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ListKey {
    issuer: Vec<u8>,
    scope: Vec<u8>,
}

impl InForce {
    pub(super) fn new(lists: Arc<RevocationLists>, now: UnixTime) -> Self {
        let usable: Vec<_> = lists.0.iter().filter(|list| seconds(now) < list.void_from).collect();
        let digests = usable.iter().map(|list| list.digest).collect();
        let usable = usable.iter().map(|list| list.der.clone()).collect();
        Self { lists, usable, digests }
    }

    /// Those that still say something.
    pub(super) fn usable(&self) -> &[CertificateRevocationListDer<'static>] {
        &self.usable
    }

    pub(super) fn all(&self) -> &RevocationLists {
        &self.lists
    }
}

/// Whether the same certificates are revoked: asked for every open connection.
impl PartialEq for InForce {
    fn eq(&self, other: &Self) -> bool {
        self.digests == other.digests
    }
}

impl RevocationLists {
    /// When what these lists mean will change next, in seconds since 1970.
    pub(crate) fn due(&self, now: UnixTime) -> Option<i64> {
        let changes = self.0.iter().flat_map(|list| [list.next_update.saturating_add(1), list.void_from]);
        changes.filter(|change| *change > seconds(now)).min()
    }

    /// Notes each list that is older than the one that was in force.
    pub(crate) fn judge_successors(&self, before: &Self, problems: &mut Problems) {
        for list in &self.0 {
            let Some(old) = before.0.iter().find(|old| old.key == list.key).filter(|old| list.is_older_than(old))
            else {
                continue;
            };
            let (path, issuer) = (list.path.value.display(), &list.issuer);
            let what = format!(
                "the revocation list of `{issuer}` in `{path}` is older ({}) than the one in force ({})",
                list.edition(),
                old.edition()
            );
            problems.add(list.path.place, what, "put the CA's newest list there");
        }
    }
}

impl RevocationList {
    fn is_older_than(&self, other: &Self) -> bool {
        let numbers = self.number.as_ref().zip(other.number.as_ref());
        let by_number = numbers.map(|(one, other)| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
        by_number.filter(|order| order.is_ne()).unwrap_or_else(|| self.this_update.cmp(&other.this_update)).is_lt()
    }

    /// Which of the issuer's lists it is, for people.
    fn edition(&self) -> String {
        let number = self.number.as_ref().map(|bytes| super::verifier::hex(bytes));
        let number = number.map_or_else(String::new, |number| format!("number 0x{number}, "));
        format!("{number}of {}", moment(self.this_update))
    }
}

impl Inspector<'_> {
    /// The lists of a listener; nothing where none are configured, or something is wrong with them.
    pub(super) fn lists(&mut self, tls: &ServerTls, roots: &Arc<RootCertStore>) -> Option<Arc<RevocationLists>> {
        if tls.client_crl.is_empty() {
            return None;
        }
        let authorities = self.certificates(&tls.client_ca)?;
        let mut lists: Vec<RevocationList> = Vec::new();
        for path in &tls.client_crl {
            for der in self.list_files(path)? {
                let Some(list) = self.list(path, der, &authorities, roots) else { continue };
                self.keep_newest(&mut lists, list);
            }
        }
        self.check_every_authority(tls, &authorities, &lists);
        lists.iter().for_each(|list| self.warn_of_age(list));
        Some(Arc::new(RevocationLists(lists)))
    }

    fn list_files(&mut self, path: &At<PathBuf>) -> Option<Vec<CertificateRevocationListDer<'static>>> {
        let bytes = self.content(path)?;
        if bytes.first() == Some(&0x30) {
            return Some(vec![bytes.to_vec().into()]);
        }
        let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(bytes).collect();
        if let Some(lists) = lists.ok().filter(|lists| !lists.is_empty()) {
            return Some(lists);
        }
        let what = format!("`{}` holds no revocation list", shown(path));
        self.problems.add(path.place, what, "write a file in PEM with `BEGIN X509 CRL`, or one in DER");
        None
    }

    fn list(
        &mut self,
        path: &At<PathBuf>,
        der: CertificateRevocationListDer<'static>,
        authorities: &[CertificateDer<'_>],
        roots: &Arc<RootCertStore>,
    ) -> Option<RevocationList> {
        let read = read(&der, path, self.max_stale).filter(|_| is_usable(&der, roots));
        let Some(list) = read else {
            let what =
                format!("the revocation list in `{}` cannot be read, or is of a kind that is not served", shown(path));
            self.problems.add(
                path.place,
                what,
                "have the CA make a whole list (no delta) of version 2, with a next update",
            );
            return None;
        };
        if !is_signed(&der, authorities) {
            let what = format!("the revocation list of `{}` in `{}` has a wrong signature", list.issuer, shown(path));
            self.problems.add(path.place, what, "fetch it from the CA again");
            return None;
        }
        Some(list)
    }

    fn keep_newest(&mut self, lists: &mut Vec<RevocationList>, list: RevocationList) {
        let Some(known) = lists.iter_mut().find(|known| known.key == list.key) else {
            lists.push(list);
            return;
        };
        let what = format!("there is more than one revocation list of `{}`: the newest is used", list.issuer);
        self.warnings.add(list.path.place, what, "take the others out");
        if known.is_older_than(&list) {
            *known = list;
        }
    }

    fn check_every_authority(&mut self, tls: &ServerTls, authorities: &[CertificateDer<'_>], lists: &[RevocationList]) {
        let Some(place) = tls.client_crl.first().map(|path| path.place) else { return };
        for authority in authorities {
            let Ok((_, authority)) = X509Certificate::from_der(authority) else { continue };
            let subject = authority.subject();
            if !lists.iter().any(|list| list.key.issuer == subject.as_raw()) {
                let what = format!("`client_crl` has no list of `{subject}`: all of its clients would be refused");
                self.problems.add(place, what, "add the file with its list, or take it out of `client_ca`");
            }
        }
    }

    fn warn_of_age(&mut self, list: &RevocationList) {
        let (now, RevocationList { issuer, path, next_update, void_from, .. }) = (seconds(self.lists_at), list);
        let since = moment(*next_update);
        if now >= *void_from {
            let what = format!(
                "the revocation list of `{issuer}` should have been replaced on {since}: its clients are refused"
            );
            self.warnings.add(path.place, what, "fetch the CA's newest list");
        } else if now > *next_update {
            let until = moment(*void_from);
            let what = format!(
                "the revocation list of `{issuer}` should have been replaced on {since}: from {until} on its clients are refused"
            );
            self.warnings.add(path.place, what, "fetch the CA's newest list");
        }
    }
}

fn read(
    der: &CertificateRevocationListDer<'static>,
    path: &At<PathBuf>,
    max_stale: Duration,
) -> Option<RevocationList> {
    let (_, list) = CertificateRevocationList::from_der(der).ok().filter(|(rest, _)| rest.is_empty())?;
    let scope = list
        .extensions()
        .iter()
        .find(|extension| matches!(extension.parsed_extension(), ParsedExtension::IssuingDistributionPoint(_)));
    let next_update = list.next_update()?.timestamp();
    let max_stale = i64::try_from(max_stale.as_secs()).unwrap_or(i64::MAX);
    Some(RevocationList {
        issuer: list.issuer().to_string(),
        next_update,
        void_from: next_update.saturating_add(max_stale),
        key: ListKey {
            issuer: list.issuer().as_raw().to_vec(),
            scope: scope.map(|extension| extension.value.to_vec()).unwrap_or_default(),
        },
        number: list.crl_number().map(|number| number.to_bytes_be()),
        this_update: list.last_update().timestamp(),
        digest: sha256(der),
        der: der.clone(),
        path: path.clone(),
    })
}

/// Whether rustls can work with it.
fn is_usable(der: &CertificateRevocationListDer<'static>, roots: &Arc<RootCertStore>) -> bool {
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider());
    builder.with_crls([der.clone()]).build().is_ok()
}

/// Whether one of the CAs of this name signed it. That of an intermediate is looked at when its certificates are.
fn is_signed(der: &CertificateRevocationListDer<'_>, authorities: &[CertificateDer<'_>]) -> bool {
    let Ok((_, list)) = CertificateRevocationList::from_der(der) else { return false };
    let authorities = authorities.iter().filter_map(|authority| X509Certificate::from_der(authority).ok());
    let mut named = authorities.map(|(_, authority)| authority).filter(|one| one.subject() == list.issuer()).peekable();
    named.peek().is_none() || named.any(|authority| list.verify_signature(authority.public_key()).is_ok())
}

fn seconds(now: UnixTime) -> i64 {
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// A second since 1970, for people.
fn moment(second: i64) -> String {
    let moment = time::OffsetDateTime::from_unix_timestamp(second).ok();
    let shown = moment.and_then(|moment| moment.format(&time::format_description::well_known::Rfc3339).ok());
    shown.unwrap_or_else(|| second.to_string())
}
