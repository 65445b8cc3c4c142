//! The throw-away CA of one run, Weir's server certificate, and the certificates of two clients.
//!
//! The CA's key is never written: nobody can issue more after the run.

use std::fs;
use std::path::{Path, PathBuf};

use weir_pki::{Authority, ClientSubject, Issued, IssuedPaths, PkiError, Validity};

use crate::failure::Failure;

/// The principal that is known by the common name of its certificate.
pub const TOOL: &str = "toolforge-recent-tools";
/// The principal that is known by a URI in its certificate.
pub const ENTERPRISE: &str = "wikimedia-enterprise";
const ENTERPRISE_URI: &str = "spiffe://weir.example/wikimedia-enterprise";
/// Where clients reach the demo.
pub const HOST: &str = "127.0.0.1";
/// Longer than anybody leaves a demo running.
const CLIENT_DAYS: i64 = 7;

/// Where the files of one run are.
pub struct Certificates {
    /// What both sides trust.
    pub ca: PathBuf,
    pub server: IssuedPaths,
    pub tool: IssuedPaths,
    pub enterprise: IssuedPaths,
}

impl Certificates {
    /// Issues everything into `dir`.
    pub fn issue(dir: &Path) -> Result<Certificates, Failure> {
        let made = |error: PkiError| Failure::new(format!("the demo's certificates could not be made: {error}"));
        let authority = Authority::new("Weir demo CA, good for nothing else").map_err(made)?;
        let server = authority.server(&[HOST, "localhost"]).map_err(made)?;
        let tool = client(&authority, ClientSubject::named(TOOL)).map_err(made)?;
        let enterprise = ClientSubject {
            organisation: Some("Wikimedia Enterprise (demo)".to_owned()),
            san_uris: vec![ENTERPRISE_URI.to_owned()],
            ..ClientSubject::named("ingestion-1")
        };
        let enterprise = client(&authority, enterprise).map_err(made)?;

        let ca = dir.join("ca.pem");
        fs::write(&ca, authority.certificate_pem())
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", ca.display())))?;
        Ok(Certificates {
            ca,
            server: server.write(dir, "server").map_err(made)?,
            tool: tool.write(dir, TOOL).map_err(made)?,
            enterprise: enterprise.write(dir, ENTERPRISE).map_err(made)?,
        })
    }
}

fn client(authority: &Authority, subject: ClientSubject) -> Result<Issued, PkiError> {
    authority.client(&subject, Validity::days(CLIENT_DAYS))
}
