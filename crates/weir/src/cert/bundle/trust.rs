//! Whether a client that trusts what a bundle holds will trust the listener, and the listener the client, so that the two fit
//! before anybody tries.
//!
//! Must never: read a key. Where the server's certificate is not here, as on the machine of a CA, it says so.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use weir_server::tls::provider;

/// Looks at the server's certificate as a client will. Gives a note where something stands in the way of that, or of the
/// client.
///
/// # Errors
/// The certificate does not come from these CAs, or they are none.
pub(super) fn look(certificate: &Path, host: &str, ca_pem: &str) -> Result<Option<String>, Box<dyn Error>> {
    let server = certificate.display();
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(root.map_err(|_| "the CA certificates that clients are to trust are no PEM")?)?;
    }
    let text = match fs::read(certificate) {
        Ok(text) => text,
        Err(error) => {
            return Ok(Some(format!(
                "{server} cannot be read ({error}): whether clients will trust the server was not looked at"
            )));
        }
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|_| format!("{server} is no PEM"))?;
    let (leaf, others) = chain.split_first().ok_or_else(|| format!("{server}: no certificate is in it"))?;
    let name = ServerName::try_from(host.to_owned())?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build()?;
    match verifier.verify_server_cert(leaf, others, &name, &[], UnixTime::now()) {
        Ok(_) => Ok(None),
        Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
            Err(format!(
                "no client would trust the server: {server} does not come from the CAs that the bundle would hold; name those \
                 of the server's certificate with `--ca-certificate`"
            )
            .into())
        }
        Err(error) => Ok(Some(format!("clients will refuse {server} as the certificate of {host}: {error}"))),
    }
}

/// Looks at a client's certificate as the listener will. Gives a note where it comes from none of the CAs in the listener's
/// `client_ca`. Where those cannot be read here, nothing was looked at: they may be elsewhere, and no secret depends on it.
pub(super) fn look_at_client(client_ca: &Path, chain_pem: &str) -> Option<String> {
    let text = fs::read(client_ca).ok()?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&text).filter_map(Result::ok));
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain_pem.as_bytes()).collect::<Result<_, _>>().ok()?;
    let (leaf, others) = chain.split_first()?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build().ok()?;
    match verifier.verify_client_cert(leaf, others, UnixTime::now()) {
        Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
            Some(format!(
                "the server will not let this certificate in: it does not come from the CAs in {}, the listener's \
                 `client_ca`; add its CA there, or make it with another `--ca`",
                client_ca.display()
            ))
        }
        _ => None,
    }
}
