//! A configuration with certificates and a policy in a directory of its own, for tests.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustls_pki_types::UnixTime;
use tempfile::TempDir;
use weir_pki::{Authority, ClientSubject, Issued, Validity};
use weir_policy::{Compiler, ConfigErrors};

use super::text_files::TextFiles;
use super::{Snapshot, Sources};
use crate::config::Machine;

/// Advertised by SNI.
pub(crate) const HOST: &str = "kafka.example.org";

/// One listener that advertises `HOST` by SNI, one upstream, and one principal, `tool`, by its common name.
pub(crate) struct Fixture {
    pub(crate) clients: Authority,
    pub(crate) servers: Authority,
    directory: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let fixture = Self {
            clients: Authority::new("Clients").unwrap(),
            servers: Authority::new("Servers").unwrap(),
            directory: tempfile::tempdir().unwrap(),
        };
        fixture.write_server(&fixture.servers.server(&[HOST, &format!("*.{HOST}"), "192.0.2.1"]).unwrap());
        fixture.write("clients-ca.pem", fixture.clients.certificate_pem());
        fixture.write("servers-ca.pem", fixture.servers.certificate_pem());
        fixture.write("weir.yaml", &CONFIG.replace("HOST", HOST));
        fs::create_dir_all(fixture.path("acl/principals")).unwrap();
        fixture.write("acl/catalogue.yaml", "streams: []\n");
        fixture.write("acl/never.yaml", "never: []\n");
        fixture.write("acl/tiers.yaml", "tiers:\n  - tier: tool\n    connections: 20\n");
        fixture.write_principal("tool", "{cn: tool}");
        fixture
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn write_server(&self, server: &Issued) {
        server.write(self.directory.path(), "server").unwrap();
    }

    pub(crate) fn write_principal(&self, name: &str, certificate: &str) {
        let text = format!(
            "principal: {name}\nnamespace: {name}\ncertificate: [{certificate}]\ntier: tool\n\
             contact: c@d.example\nreview_by: 2027-05-03\nread: []\n"
        );
        self.write(&format!("acl/principals/{name}.yaml"), &text);
    }

    /// Has a principal read a topic, which is the only one of the catalogue then.
    pub(crate) fn grant(&self, principal: &str, topic: &str) {
        let stream = format!(
            "streams:\n  - stream: {topic}\n    topics: [{topic}]\n    description: x\n    schema: /x\n    \
             schema_version: 1.0.0\n    cleanup_policy: delete\n    \
             pii: {{verdict: none, by: test, on: 2026-11-01, ticket: T1}}\n"
        );
        self.write("acl/catalogue.yaml", &stream);
        let path = format!("acl/principals/{principal}.yaml");
        let text = fs::read_to_string(self.path(&path)).unwrap();
        self.write(&path, &text.replace("read: []", &format!("read:\n  - topic: {topic}")));
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    pub(crate) fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Replaces a text in the configuration.
    pub(crate) fn configure(&self, old: &str, new: &str) {
        let text = fs::read_to_string(self.path("weir.yaml")).unwrap();
        assert!(text.contains(old), "{old}");
        self.write("weir.yaml", &text.replace(old, new));
    }

    pub(crate) fn client(&self, common_name: &str) -> Issued {
        self.clients.client(&ClientSubject::named(common_name), Validity::days(30)).unwrap()
    }

    pub(crate) fn compile(&self) -> Result<Snapshot, ConfigErrors> {
        let machine = Machine { cores: NonZeroUsize::MIN, descriptors: 1 << 20 };
        let sources = Sources::read(&self.path("weir.yaml"), machine, &mut TextFiles::default(), None)?;
        Snapshot::compile(&sources, &mut Compiler::default(), 1, UnixTime::now())
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.compile().unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// The problems, without the directory's name.
    #[track_caller]
    pub(crate) fn problems(&self) -> Vec<String> {
        let errors = self.compile().expect_err("nothing is wrong").to_string();
        errors.lines().map(|line| self.without_directory(line)).collect()
    }

    pub(crate) fn without_directory(&self, line: &str) -> String {
        line.replace(&format!("{}/", Path::display(self.directory.path())), "")
    }
}

const CONFIG: &str = "\
listeners:
  - name: public
    bind: 127.0.0.1:9093
    advertise: {sni: {host: HOST}}
    upstream: main
    tls: {certificate: server.pem, key: server.key, client_ca: clients-ca.pem}
upstreams:
  main: {bootstrap: ['127.0.0.1:9092']}
shown_cluster_id: shown
policy: acl
";
