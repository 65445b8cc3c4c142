//! When what a listener relies on ends: its certificate, the CAs of its clients, and their revocation lists.
//!
//! Must never: decide anything. It is told, and acted on elsewhere.

use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::identity::{certificate_facts, subject};
use super::material::Inspector;
use super::revocation::RevocationLists;
use crate::config::ServerTls;

/// The end of something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expiry {
    /// The listener's name.
    pub(crate) listener: String,
    /// `server`, `client-ca` or `crl`.
    pub(crate) kind: &'static str,
    /// The subject of a certificate, the issuer of a list.
    pub(crate) name: String,
    /// The last second, since 1970; of a list, its next update.
    pub(crate) at: i64,
}

impl Inspector<'_> {
    /// Notes them for one listener. Of two that have one name, the one that ends first.
    pub(super) fn note_expiries(&mut self, listener: &str, tls: &ServerTls, lists: Option<&RevocationLists>) {
        let mut found = Vec::new();
        let (servers, authorities) = (self.readable(&tls.certificate.value), self.readable(&tls.client_ca.value));
        let named = servers.iter().take(1).map(|der| ("server", der));
        for (kind, der) in named.chain(authorities.iter().map(|der| ("client-ca", der))) {
            let at = certificate_facts(der).map(|facts| facts.not_after);
            found.extend(at.ok().zip(subject(der)).map(|(at, name)| (kind, name, at)));
        }
        let lists = lists.map(|lists| lists.0.as_slice()).unwrap_or_default();
        found.extend(lists.iter().map(|list| ("crl", list.issuer.clone(), list.next_update)));
        let listener = listener.to_owned();
        let mut all: Vec<_> =
            found.into_iter().map(|(kind, name, at)| Expiry { listener: listener.clone(), kind, name, at }).collect();
        all.sort();
        all.dedup_by(|later, earlier| (later.kind, &later.name) == (earlier.kind, &earlier.name));
        self.expiries.append(&mut all);
    }

    /// The certificates of a file that can be read; what is wrong with the others was noted.
    fn readable(&self, path: &Path) -> Vec<CertificateDer<'static>> {
        let bytes = self.files.get(path).and_then(|file| file.content.as_ref().ok());
        bytes.map(|bytes| CertificateDer::pem_slice_iter(bytes).filter_map(Result::ok).collect()).unwrap_or_default()
    }
}
