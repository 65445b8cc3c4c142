//! Certificates and TLS settings of one run: mutual TLS 1.3 with AES-128-GCM everywhere, so that no proxy is measured
//! with another cipher than the next.

mod rsa;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use weir_pki::{Authority, ClientSubject, Validity};

use crate::failure::{Context, Failure};

/// Where everything listens, and what server certificates are for.
pub const HOST: &str = "127.0.0.1";
/// The common name of the load client.
pub const CLIENT: &str = "bench-client";

/// The files of one run.
pub struct Certificates {
    /// Where they are: `ca.pem`, `server.pem`, `server.key`, `client.pem`, `client.key`.
    pub dir: PathBuf,
    /// The kind of all their keys.
    pub keys: &'static str,
}

impl Certificates {
    /// Makes a CA that nobody keeps, and what it signs.
    pub fn make(dir: &Path) -> Result<Self, Failure> {
        let made = "certificates cannot be made";
        let authority = Authority::new("Weir bench CA, good for nothing else").context(made)?;
        let client = authority.client(&ClientSubject::named(CLIENT), Validity::days(1)).context(made)?;
        authority.server(&[HOST, "localhost"]).context(made)?.write(dir, "server").context(made)?;
        client.write(dir, "client").context(made)?;
        fs::write(dir.join("ca.pem"), authority.certificate_pem()).context(made)?;
        Ok(Self { dir: dir.to_owned(), keys: "ECDSA" })
    }

    /// The same with RSA-2048.
    pub fn make_rsa(dir: &Path) -> Result<Self, Failure> {
        rsa::write(dir).context("certificates cannot be made")?;
        Ok(Self { dir: dir.to_owned(), keys: "RSA-2048" })
    }

    /// A file by its name.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The settings of the load client.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, Failure> {
        let bad = "the client's certificate cannot be used";
        let provider = CryptoProvider {
            cipher_suites: vec![cipher_suite::TLS13_AES_128_GCM_SHA256],
            // Every peer has it.
            kx_groups: vec![kx_group::X25519],
            ..aws_lc_rs::default_provider()
        };
        let (chain, key) = material(&self.dir, "client")?;
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .context(bad)?
            .with_root_certificates(roots(&self.dir)?)
            .with_client_auth_cert(chain, key)
            .context(bad)?;
        Ok(Arc::new(config))
    }
}

/// The settings of a relay whose files are in `dir`. The client's one cipher decides.
pub fn server_config(dir: &Path) -> Result<Arc<ServerConfig>, Failure> {
    let bad = "the server's certificate cannot be used";
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(dir)?), Arc::clone(&provider));
    let (chain, key) = material(dir, "server")?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .context(bad)?
        .with_client_cert_verifier(verifier.build().context(bad)?)
        .with_single_cert(chain, key)
        .context(bad)?;
    Ok(Arc::new(config))
}

fn roots(dir: &Path) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(dir.join("ca.pem")).context("ca.pem cannot be read")?;
    roots.add(ca).context("ca.pem cannot be used")?;
    Ok(roots)
}

fn material(dir: &Path, stem: &str) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Failure> {
    let unread = format!("{stem}.pem and {stem}.key cannot be read");
    let chain = CertificateDer::pem_file_iter(dir.join(format!("{stem}.pem"))).context(&unread)?;
    let chain = chain.collect::<Result<_, _>>().context(&unread)?;
    let key = PrivateKeyDer::from_pem_file(dir.join(format!("{stem}.key"))).context(&unread)?;
    Ok((chain, key))
}
