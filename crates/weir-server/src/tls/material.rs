//! Certificates and keys from PEM files that were read elsewhere, and everything that can be wrong with them.
//!
//! Must never: read a file, print a key, or let a file pass that clients or brokers would stumble over later.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use super::expiry::Expiry;
use super::identity::{CertificateFacts, certificate_facts, server_names};
use super::names::CertifiedNames;
use super::provider::provider;
use super::revocation::InForce;
use super::server::ServerIdentity;
use crate::config::raw::RawTlsVersion;
use crate::config::{AdvertisedName, At, Problems, ServerTls};

/// Of a certificate that ends within this, `weir check` warns.
const ENDS_SOON: i64 = 21 * 86_400;

/// What a key file's mode may have at most: the owner reads and writes, the group reads.
const KEY_MODE: u32 = 0o640;

/// One file as it was read. It may hold a key, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Material {
    /// The content, or why it could not be read.
    pub(crate) content: Result<Vec<u8>, String>,
    /// The permission bits.
    pub(crate) mode: Option<u32>,
}

impl Material {
    /// Its mode, where others than its owner and its group can use it.
    pub(crate) fn too_open(&self) -> Option<u32> {
        self.mode.filter(|mode| mode & 0o777 & !KEY_MODE != 0).map(|mode| mode & 0o777)
    }
}

/// The PEM files of a configuration, by path.
pub(crate) type Materials = HashMap<PathBuf, Material>;

/// Looks at files and notes what is wrong with them.
pub(crate) struct Inspector<'a> {
    pub(crate) files: &'a Materials,
    pub(crate) problems: &'a mut Problems,
    pub(crate) warnings: &'a mut Problems,
    pub(crate) now: UnixTime,
    /// By when revocation lists are judged.
    pub(crate) lists_at: UnixTime,
    /// How long one is used past its next update.
    pub(crate) max_stale: Duration,
    /// When what a listener relies on ends.
    pub(crate) expiries: &'a mut Vec<Expiry>,
}

impl Inspector<'_> {
    /// The certificates of a listener, if nothing is wrong with them.
    pub(crate) fn server(&mut self, listener: &str, tls: &ServerTls) -> Option<ServerIdentity> {
        let chain = self.chain(&tls.certificate, "clients");
        if let Some(leaf) = chain.as_ref().and_then(|chain| chain.first()) {
            self.check_names(&tls.certificate.value, leaf, &tls.names);
        }
        let key = self.key(&tls.key);
        let client_roots = self.roots(&tls.client_ca);
        let lists = client_roots.as_ref().and_then(|roots| self.lists(tls, roots));
        self.note_expiries(listener, tls, lists.as_deref());
        let certified_key = self.pair(chain?, &tls.certificate.value, key?, &tls.key)?;
        let tls12 = tls.min_version == RawTlsVersion::V1_2;
        let lists = lists.map(|lists| InForce::new(lists, self.lists_at));
        Some(ServerIdentity { certified_key, client_roots: client_roots?, lists, tls12 })
    }

    /// Trusted certificates.
    pub(crate) fn roots(&mut self, path: &At<PathBuf>) -> Option<Arc<RootCertStore>> {
        let certificates = self.certificates(path)?;
        let mut roots = RootCertStore::empty();
        for (index, certificate) in certificates.into_iter().enumerate() {
            let facts = certificate_facts(&certificate).ok().filter(|facts| facts.is_ca);
            let number = index.saturating_add(1);
            let added = facts.map(|facts| (facts, roots.add(certificate)));
            match added {
                Some((facts, Ok(()))) if self.is_past(facts.not_after) => {
                    let what = format!("certificate {number} of `{}` has expired, and is still trusted", shown(path));
                    self.warnings.add(path.place, what, "take it out, or put its successor beside it");
                }
                Some((_, Ok(()))) => {}
                _ => {
                    let what = format!("certificate {number} of `{}` is not a CA's", shown(path));
                    self.problems.add(path.place, what, "write the file with the certificates of the CA");
                    return None;
                }
            }
        }
        Some(Arc::new(roots))
    }

    /// A certificate with its intermediates, valid now. `whom` is who would refuse it.
    pub(crate) fn chain(&mut self, path: &At<PathBuf>, whom: &str) -> Option<Vec<CertificateDer<'static>>> {
        let chain = self.certificates(path)?;
        let leaf = chain.first()?;
        let Ok(facts) = certificate_facts(leaf) else {
            self.problems.add(
                path.place,
                format!("`{}` cannot be read as a certificate", shown(path)),
                "issue it anew",
            );
            return None;
        };
        self.check_validity(path, &facts, whom);
        Some(chain)
    }

    /// A private key that nobody else can read.
    pub(crate) fn key(&mut self, path: &At<PathBuf>) -> Option<PrivateKeyDer<'static>> {
        if let Some(mode) = self.files.get(&path.value).and_then(Material::too_open) {
            let what = format!("the key `{}` has mode {mode:04o}: others can use it", shown(path));
            self.problems.add(path.place, what, format!("run `chmod 0600 {}`", shown(path)));
        }
        let bytes = self.content(path)?;
        match PrivateKeyDer::from_pem_slice(bytes) {
            Ok(key) => Some(key),
            Err(_) => {
                let what = format!("`{}` holds no private key in PEM, or an encrypted one", shown(path));
                let fix =
                    "write the file with `BEGIN PRIVATE KEY`; `openssl pkey -in OLD -out NEW` takes a password off";
                self.problems.add(path.place, what, fix);
                None
            }
        }
    }

    /// A certificate and the key that belongs to it.
    pub(crate) fn pair(
        &mut self,
        chain: Vec<CertificateDer<'static>>,
        certificate: &Path,
        key: PrivateKeyDer<'static>,
        key_path: &At<PathBuf>,
    ) -> Option<Arc<CertifiedKey>> {
        let what = match CertifiedKey::from_der(chain, key, &provider()) {
            Ok(pair) => return Some(Arc::new(pair)),
            Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                format!("the key `{}` is not the one of `{}`", shown(key_path), certificate.display())
            }
            Err(_) => format!("the key `{}` is of a kind that cannot be used here", shown(key_path)),
        };
        let fix = "write the key that the certificate was issued for; `openssl pkey -in KEY -pubout` and \
                   `openssl x509 -in CERTIFICATE -pubkey -noout` print the same then";
        self.problems.add(key_path.place, what, fix);
        None
    }

    pub(super) fn certificates(&mut self, path: &At<PathBuf>) -> Option<Vec<CertificateDer<'static>>> {
        let bytes = self.content(path)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Some(certificates),
            Ok(_) => {
                let what = format!("`{}` holds no certificate", shown(path));
                self.problems.add(path.place, what, "write a PEM file with `BEGIN CERTIFICATE`");
                None
            }
            Err(_) => {
                self.problems.add(path.place, format!("`{}` is not sound PEM", shown(path)), "issue or copy it anew");
                None
            }
        }
    }

    pub(super) fn content(&mut self, path: &At<PathBuf>) -> Option<&[u8]> {
        let content = match self.files.get(&path.value) {
            Some(file) => file.content.as_deref().map_err(String::as_str),
            None => Err("it was not read"),
        };
        match content {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let what = format!("`{}` cannot be read: {error}", shown(path));
                self.problems.add(path.place, what, "write the path of a file that Weir's user can read");
                None
            }
        }
    }

    fn check_validity(&mut self, path: &At<PathBuf>, facts: &CertificateFacts, whom: &str) {
        if self.is_past(facts.not_after) {
            let what = format!("the certificate `{}` has expired: {whom} would refuse it", shown(path));
            self.problems.add(path.place, what, "issue a new one");
        } else if self.seconds() < facts.not_before {
            let what = format!("the certificate `{}` is not valid yet: {whom} would refuse it", shown(path));
            self.problems.add(path.place, what, "issue one that is valid now, or set this machine's clock");
        } else if self.is_past(facts.not_after.saturating_sub(ENDS_SOON)) {
            let days = facts.not_after.saturating_sub(self.seconds()) / 86_400;
            let what = format!("the certificate `{}` expires in {days} days", shown(path));
            self.warnings.add(path.place, what, "issue a new one");
        }
    }

    fn check_names(&mut self, file: &Path, leaf: &CertificateDer<'_>, names: &[At<AdvertisedName>]) {
        let (hosts, addresses) = server_names(leaf).unwrap_or_default();
        let certified = CertifiedNames { hosts, addresses };
        for name in names.iter().filter(|name| !certified.cover(&name.value)) {
            let shown = name.value.to_string();
            let kind = if matches!(name.value, AdvertisedName::Ip(_)) { "IP" } else { "DNS" };
            if !shown.trim_start_matches("*.").contains('.') && shown.starts_with('*') {
                let what =
                    format!("`{shown}` in a certificate is refused by clients: a star needs two labels after it");
                self.problems.add(name.place, what, "advertise a longer name, like kafka.example.org");
                continue;
            }
            let what = format!("`{shown}` is advertised, but the certificate `{}` is not for it", file.display());
            let fix = format!(
                "issue the certificate with the subject alternative name {kind}:{shown}, as `weir cert server` does"
            );
            self.problems.add(name.place, what, fix);
        }
    }

    fn is_past(&self, second: i64) -> bool {
        second < self.seconds()
    }

    fn seconds(&self) -> i64 {
        i64::try_from(self.now.as_secs()).unwrap_or(i64::MAX)
    }
}

pub(super) fn shown(path: &At<PathBuf>) -> std::path::Display<'_> {
    path.value.display()
}
