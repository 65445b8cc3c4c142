//! Taking the certificate that an external authority made for an intermediate.
//!
//! Must never: take one for another key, one that may not sign, or one whose chain does not hold.

use std::path::Path;

use pem::{EncodeConfig, LineEnding};
use rcgen::{KeyPair, PublicKeyData};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;

use super::entry::By;
use super::error::CaError;
use super::index::Act;
use super::journal::Journal;
use super::{CERTIFICATE, CHAIN, CaDirectory, ROOT, key_text, read_key};
use crate::authority::{Authority, LeafOrder};
use crate::inspect::{self, CertificateFacts, Item};
use crate::subject::{ClientSubject, Validity};
use crate::{files, random};

/// A chain, taken apart.
struct Chain {
    certificate_pem: String,
    /// The certificate and those above it, without the root.
    chain_pem: String,
    root_pem: Option<String>,
    facts: CertificateFacts,
}

pub(super) fn install(
    directory: &Path,
    chain_pem: &str,
    passphrase: Option<&str>,
    by: &By,
) -> Result<CaDirectory, CaError> {
    key_text(directory)?;
    let path = directory.join(CERTIFICATE);
    let mut journal = Journal::lock(directory, by)?;
    if path.exists() {
        return Err(CaError::HasCertificate { path });
    }
    let key = read_key(directory, passphrase)?;
    let chain = take_apart(chain_pem)?;
    judge(&chain, &key)?;
    try_out(&chain, key)?;
    journal.record(by, Act::Installed { fingerprint_sha256: chain.facts.fingerprint_sha256.clone() })?;
    drop(journal);
    let replace = |name: &str, text: &str| {
        let path = directory.join(name);
        files::replace(&path, text, files::PUBLIC).map_err(CaError::file(path))
    };
    replace(CHAIN, &chain.chain_pem)?;
    if let Some(root) = &chain.root_pem {
        replace(ROOT, root)?;
    }
    // The last: from now on the directory is an authority.
    replace(CERTIFICATE, &chain.certificate_pem)?;
    // With the first revocation list, which unlocking finds missing.
    CaDirectory::open(directory)?.unlock(passphrase)?;
    CaDirectory::open(directory)
}

/// The chain in a PEM text: each certificate signed by the next.
fn take_apart(chain_pem: &str) -> Result<Chain, CaError> {
    const BROKEN: &str = "its chain does not hold: the certificate first, then the one that signed it, and so on";
    let items = inspect::read(chain_pem).map_err(|_| bad("what was given is not PEM, or damaged"))?;
    let facts: Vec<CertificateFacts> = items.into_iter().filter_map(certificate).collect();
    let ders: Vec<Vec<u8>> =
        Pem::iter_from_buffer(chain_pem.as_bytes()).filter_map(Result::ok).map(|block| block.contents).collect();
    if facts.is_empty() || facts.len() != ders.len() {
        return Err(bad("certificates and nothing else are taken"));
    }
    let certificates: Vec<X509Certificate<'_>> =
        ders.iter().filter_map(|der| X509Certificate::from_der(der).ok()).map(|(_, parsed)| parsed).collect();
    for (below, above) in certificates.iter().zip(certificates.iter().skip(1)) {
        let is_signed = below.verify_signature(Some(above.public_key())).is_ok();
        if below.issuer().as_raw() != above.subject().as_raw() || !is_signed || !above.is_ca() {
            return Err(bad(BROKEN));
        }
    }
    let has_root = certificates.last().is_some_and(|last| last.issuer().as_raw() == last.subject().as_raw());
    let mut pems: Vec<String> = ders.iter().map(|der| encoded(der)).collect();
    let root_pem = if has_root { pems.pop() } else { None };
    let certificate_pem =
        pems.first().cloned().ok_or(bad("it is signed by itself: send ca.csr to the authority above"))?;
    let facts = facts.into_iter().next().ok_or(bad(BROKEN))?;
    Ok(Chain { certificate_pem, chain_pem: pems.concat(), root_pem, facts })
}

fn judge(chain: &Chain, key: &KeyPair) -> Result<(), CaError> {
    let facts = &chain.facts;
    let may = |usage: &str| facts.usages.iter().any(|has| has == usage);
    if random::sha256_hex(&key.subject_public_key_info()) != facts.public_key_sha256 {
        return Err(bad("it is for another key than ca.key: was it made from this directory's ca.csr?"));
    }
    if !facts.is_ca {
        return Err(bad("it is no authority's (basic constraints CA:TRUE are missing)"));
    }
    if !may("keyCertSign") || !may("cRLSign") {
        return Err(bad("it may not sign certificates and revocation lists (key usages keyCertSign and cRLSign)"));
    }
    if facts.not_after <= OffsetDateTime::now_utc() {
        return Err(bad("it has expired"));
    }
    Ok(())
}

/// Whether certificates below it can name it as it names itself.
fn try_out(chain: &Chain, key: KeyPair) -> Result<(), CaError> {
    let probe = KeyPair::generate().map_err(crate::error::PkiError::Signing)?;
    let authority = Authority::of_certificate(chain.certificate_pem.clone(), chain.chain_pem.clone(), key)?;
    let order = LeafOrder::client(&ClientSubject::named("probe"), Validity::days(1))?;
    let pem = authority.sign(&probe, &order)?;
    let facts = super::only_certificate(&pem);
    if facts.is_some_and(|facts| facts.issuer == chain.facts.subject) {
        return Ok(());
    }
    Err(bad(
        "its name cannot be repeated in certificates below it: each part (CN, O, OU, C) once, as UTF-8 or printable",
    ))
}

fn certificate(item: Item) -> Option<CertificateFacts> {
    match item {
        Item::Certificate(facts) => Some(*facts),
        _ => None,
    }
}

fn encoded(der: &[u8]) -> String {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    pem::encode_config(&pem::Pem::new("CERTIFICATE", der), config)
}

fn bad(problem: &'static str) -> CaError {
    CaError::Certificate { problem }
}
