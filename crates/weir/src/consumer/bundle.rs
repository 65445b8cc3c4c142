//! The files of a bundle.
//!
//! Must never: read a file that is not beside `bundle.json`, unless the user named it, or show what is in the key.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use weir_pki::bundle::{MANIFEST_FILE, Manifest};
use weir_server::tls::{CertificateFacts, certificate_facts, provider};

use super::Holder;
use super::fault::Fault;
use super::finding::Finding;
use super::place::Place;
use super::text::{plain, time};

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// What the steps need of a bundle. It holds the key, so it has no `Debug`.
pub(crate) struct Bundle {
    pub(crate) manifest: Manifest,
    /// Where to connect first; at least one.
    pub(crate) places: Vec<Place>,
    /// Our certificate with its chain, and its key.
    pub(crate) identity: Arc<CertifiedKey>,
    /// What our certificate says.
    pub(crate) facts: CertificateFacts,
    /// Whom we trust to certify servers.
    pub(crate) roots: Arc<RootCertStore>,
    /// What the CAs among them call themselves.
    pub(crate) authorities: Vec<String>,
}

impl Bundle {
    pub(crate) fn read(holder: &Holder) -> Result<Self, Finding> {
        let manifest = manifest(&holder.bundle)?;
        let places = places(holder, &manifest)?;
        let beside = |name: &str| beside(&holder.bundle, name);
        let (certificate, ca) = (beside(&manifest.certificate)?, beside(&manifest.ca)?);
        let chain = certificates(&certificate)?;
        let facts = chain.first().and_then(|leaf| certificate_facts(leaf).ok());
        let facts = facts.ok_or_else(|| unusable(&certificate, "its first certificate cannot be read"))?;
        if !facts.strong_key {
            return Err(Finding::new(Fault::KeyWeak, shown(&certificate)));
        }
        let key = match &holder.key {
            Some(given) => given.clone(),
            None => beside(&manifest.key)?,
        };
        let identity = pair(chain, &key, &certificate)?;
        let (roots, authorities) = trusted(&ca)?;
        Ok(Self { manifest, places, identity: Arc::new(identity), facts, roots: Arc::new(roots), authorities })
    }

    /// What is in it, in a line.
    pub(crate) fn seen(&self) -> String {
        let Manifest { principal, serial, .. } = &self.manifest;
        let ends = time(self.facts.not_after);
        format!("{}, certificate {} until {ends}", plain(principal), plain(serial))
    }
}

/// Where to connect first: what the user names, or else the bundle.
fn places(holder: &Holder, manifest: &Manifest) -> Result<Vec<Place>, Finding> {
    if !holder.bootstrap.is_empty() {
        return Ok(holder.bootstrap.clone());
    }
    let places: Vec<_> = manifest.bootstrap.iter().filter_map(|place| Place::read(place)).collect();
    if places.is_empty() || places.len() != manifest.bootstrap.len() {
        return Err(unusable(&holder.bundle.join(MANIFEST_FILE), "`bootstrap` is not a list of host:port"));
    }
    Ok(places)
}

fn manifest(directory: &Path) -> Result<Manifest, Finding> {
    let path = directory.join(MANIFEST_FILE);
    let bytes = read(&path)?;
    let text = String::from_utf8(bytes).map_err(|_| unusable(&path, "it is not text"))?;
    Manifest::from_json(&text).map_err(|error| unusable(&path, &error.to_string()))
}

/// A file beside the manifest, by its plain name.
fn beside(directory: &Path, name: &str) -> Result<PathBuf, Finding> {
    let is_plain = Path::new(name).file_name().is_some_and(|plain| plain == name);
    if is_plain {
        Ok(directory.join(name))
    } else {
        Err(unusable(Path::new(name), "it is not the name of a file in the bundle"))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Finding> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unusable(path, &error.to_string()))?;
    file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| unusable(path, &error.to_string()))?;
    Ok(bytes)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Finding> {
    let bytes = read(path)?;
    match CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(unusable(path, "it holds no certificate in PEM")),
    }
}

fn pair(chain: Vec<CertificateDer<'static>>, key: &Path, certificate: &Path) -> Result<CertifiedKey, Finding> {
    if !key.exists() {
        return Err(Finding::new(Fault::KeyMissing, format!("{} is not there", shown(key))));
    }
    let bytes = read(key)?;
    let Ok(read) = PrivateKeyDer::from_pem_slice(&bytes) else {
        let what =
            "it holds no private key in PEM, or an encrypted one: `openssl pkey -in OLD -out NEW` takes a password off";
        return Err(unusable(key, what));
    };
    CertifiedKey::from_der(chain, read, &provider()).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            Finding::new(Fault::KeyMismatch, format!("{} and {}", shown(key), shown(certificate)))
        }
        _ => unusable(key, "the key is of a kind that cannot be used"),
    })
}

fn trusted(path: &Path) -> Result<(RootCertStore, Vec<String>), Finding> {
    let mut roots = RootCertStore::empty();
    let mut names = Vec::new();
    for certificate in certificates(path)? {
        let name = certificate_facts(&certificate).ok().and_then(|facts| facts.peer.subject);
        names.extend(name.map(|name| plain(&name.to_string())));
        roots.add(certificate).map_err(|error| unusable(path, &error.to_string()))?;
    }
    Ok((roots, names))
}

fn unusable(path: &Path, why: &str) -> Finding {
    Finding::new(Fault::BundleUnreadable, format!("{}: {}", shown(path), plain(why))).with("file", shown(path))
}

fn shown(path: &Path) -> String {
    plain(&path.display().to_string())
}
