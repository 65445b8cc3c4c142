//! The one certificate authority of a test process, and the identities that it signed, as files and as bytes.
//!
//! Both the brokers' own TLS listener and Weir trust it, so that a client's certificate works on the direct way too.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use weir_pki::{Authority, ClientSubject, Issued, Validity};

use crate::paths;

/// An authority and the directory where its files are.
pub struct Pki {
    authority: Authority,
    dir: PathBuf,
}

/// A certificate with its key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The PEM texts.
    pub issued: Issued,
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// The PKCS#8 key, PEM, mode 0600.
    pub key: PathBuf,
    /// Key and chain in one file, as Kafka's PEM key stores want it, mode 0600.
    pub both: PathBuf,
    /// The authority that signed it, PEM: what this side trusts, too.
    pub ca: PathBuf,
}

impl Pki {
    /// The authority that all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Pki> = OnceLock::new();
        SHARED.get_or_init(|| Self::new("Weir tests CA"))
    }

    /// Another authority: whom nobody trusts.
    pub fn new(name: &str) -> Self {
        let authority = Authority::new(name).expect("an authority can be made");
        let dir = paths::run_dir("pki");
        fs::write(dir.join("ca.pem"), authority.certificate_pem()).expect("the authority's certificate can be written");
        Self { authority, dir }
    }

    /// The authority's certificate, PEM.
    pub fn ca(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// The authority itself, for certificates that are wrong in some way.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A server certificate for these names and addresses.
    pub fn server(&self, names: &[&str]) -> Identity {
        let issued = self.authority.server(names).expect("a server certificate can be made");
        self.keep(issued, "server")
    }

    /// A client certificate with this common name and nothing else.
    pub fn client(&self, common_name: &str) -> Identity {
        self.client_with(&ClientSubject::named(common_name), Validity::days(2))
    }

    /// A client certificate.
    pub fn client_with(&self, subject: &ClientSubject, validity: Validity) -> Identity {
        let issued = self.authority.client(subject, validity).expect("a client certificate can be made");
        self.keep(issued, "client")
    }

    /// Writes what was issued in some other way.
    pub fn keep(&self, issued: Issued, stem: &str) -> Identity {
        let stem = format!("{stem}-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        let paths = issued.write(&self.dir, &stem).expect("certificates can be written");
        let both = self.dir.join(format!("{stem}.both.pem"));
        // The key's file, so that its mode comes along.
        fs::copy(&paths.key, &both)
            .and_then(|_| fs::write(&both, format!("{}{}", issued.key_pem, issued.chain_pem)))
            .expect("certificates can be written");
        let identity = Identity { issued, certificate: paths.certificate, key: paths.key, both, ca: self.ca() };
        crate::wiretap::remember(&identity);
        identity
    }

    /// A broker's certificate: for its addresses, and for 127.0.0.1, where a tap may stand before it.
    pub(crate) fn broker(&self, addresses: &[IpAddr]) -> Identity {
        let names: Vec<String> = addresses.iter().map(IpAddr::to_string).chain(["127.0.0.1".to_owned()]).collect();
        self.server(&names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Where the files are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Identity {
    /// What librdkafka, and what is built on it, must be told to be this one.
    pub fn rdkafka_settings(&self) -> [(String, String); 4] {
        [
            ("security.protocol", "ssl".to_string()),
            ("ssl.ca.location", self.ca.display().to_string()),
            ("ssl.certificate.location", self.certificate.display().to_string()),
            ("ssl.key.location", self.key.display().to_string()),
        ]
        .map(|(key, value)| (key.to_string(), value))
    }

    /// A file for `--command-config` of Kafka's own tools, with which they are this one.
    pub fn tool_settings(&self) -> PathBuf {
        let text = format!(
            "security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.location={}\nssl.keystore.type=PEM\n\
             ssl.keystore.location={}\n",
            self.ca.display(),
            self.both.display(),
        );
        let path = self.both.with_extension("properties");
        fs::write(&path, text).expect("settings can be written");
        path
    }
}

impl std::fmt::Debug for Pki {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pki").field("dir", &self.dir).finish_non_exhaustive()
    }
}
