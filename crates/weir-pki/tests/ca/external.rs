//! An intermediate whose certificate comes from an authority that is not ours.

use std::fs;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use weir_pki::{Above, CaDirectory, CaError, ClientSubject, Created, NewAuthority, Terms};

use crate::support::{by, crl, facts, new_root};

/// An authority elsewhere.
struct Elsewhere {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Elsewhere {
    fn new() -> Elsewhere {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Elsewhere");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Elsewhere { issuer: Issuer::new(params, key), pem }
    }

    fn sign(&self, csr: &str, change: impl FnOnce(&mut CertificateParams)) -> String {
        let mut request = CertificateSigningRequestParams::from_pem(csr).unwrap();
        request.params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        request.params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        request.params.not_after = OffsetDateTime::now_utc() + Duration::days(100);
        change(&mut request.params);
        request.signed_by(&self.issuer).unwrap().pem()
    }
}

/// A directory that awaits its certificate, and its request.
fn waiting(passphrase: Option<&str>) -> (TempDir, std::path::PathBuf, String) {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("ca");
    let new = NewAuthority { above: Above::External, passphrase, ..new_root("Test clients") };
    let Created::AwaitsCertificate { request } = CaDirectory::create(&path, new, &by()).unwrap() else {
        panic!("it has no certificate")
    };
    assert_eq!(request, path.join("ca.csr"));
    let csr = fs::read_to_string(request).unwrap();
    (temp, path, csr)
}

#[test]
fn a_certificate_from_elsewhere_is_installed_and_works() {
    for with_root in [true, false] {
        let (_temp, path, csr) = waiting(Some("secret"));
        assert!(matches!(CaDirectory::open(&path), Err(CaError::AwaitsCertificate { .. })));
        let elsewhere = Elsewhere::new();
        let certificate = elsewhere.sign(&csr, |_| ());
        let chain = if with_root { format!("{certificate}{}", elsewhere.pem) } else { certificate.clone() };
        let wrong = CaDirectory::install(&path, &chain, Some("wrong"), &by());
        assert!(matches!(wrong, Err(CaError::Key { .. })), "{wrong:?}");
        let directory = CaDirectory::install(&path, &chain, Some("secret"), &by()).unwrap();
        assert_eq!(directory.trust_pem(), if with_root { &elsewhere.pem } else { &certificate });
        assert_eq!(crl(&path).issuer, facts(&certificate).subject);
        let end = directory.facts().not_after;
        let mut signer = directory.unlock(Some("secret")).unwrap();
        let terms = Terms { days: Some(365), ..Terms::default() };
        let issued = signer.issue_client(&ClientSubject::named("a-tool"), terms, &by()).unwrap();
        assert_eq!(issued.issued.chain_pem, format!("{}{certificate}", issued.issued.certificate_pem));
        assert_eq!(issued.entry.not_after, end);
        let again = CaDirectory::install(&path, &chain, Some("secret"), &by());
        assert!(matches!(again, Err(CaError::HasCertificate { .. })), "{again:?}");
    }
}

#[test]
fn a_certificate_that_is_not_good_for_it_is_refused_with_the_reason() {
    let (_temp, path, csr) = waiting(None);
    let (_other_temp, _, other_csr) = waiting(None);
    let (elsewhere, stranger) = (Elsewhere::new(), Elsewhere::new());
    let good = elsewhere.sign(&csr, |_| ());
    let no_signer = elsewhere.sign(&csr, |params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign]);
    let expired = elsewhere.sign(&csr, |params| params.not_after = OffsetDateTime::now_utc() - Duration::days(1));
    let twice = elsewhere.sign(&csr, |params| params.distinguished_name.push(DnType::CommonName, "x"));
    for (given, said) in [
        (elsewhere.sign(&other_csr, |_| ()), "another key"),
        (elsewhere.sign(&csr, |params| params.is_ca = IsCa::NoCa), "no authority's"),
        (no_signer, "keyCertSign and cRLSign"),
        (expired, "expired"),
        (format!("{good}{}", stranger.pem), "chain does not hold"),
        (format!("{}{good}", elsewhere.pem), "chain does not hold"),
        (elsewhere.pem.clone(), "signed by itself"),
        (format!("{good}{csr}"), "certificates and nothing else"),
        (String::new(), "not PEM"),
    ] {
        let refused = CaDirectory::install(&path, &given, None, &by()).unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}: {said}");
        assert!(!path.join("ca.pem").exists() && !path.join("chain.pem").exists());
    }
    // Another name than was asked for is the other authority's right.
    CaDirectory::install(&path, &twice, None, &by()).unwrap();
}
