//! The `weir.yaml` of one run. Must never listen anywhere but on loopback.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::certificates::{Certificates, HOST};
use crate::cluster::{BROKER_IDS, MAX_VERSIONS};
use crate::failure::Failure;
use crate::ports::Ports;

/// What the configuration is made of.
pub struct WeirConfig<'a> {
    pub ports: Ports,
    /// `HOST:PORT` of each mock broker.
    pub brokers: &'a [String],
    pub certificates: &'a Certificates,
    /// The policy directory.
    pub acl: &'a Path,
}

impl WeirConfig<'_> {
    /// Writes `weir.yaml` into `dir`.
    pub fn write(&self, dir: &Path) -> Result<PathBuf, Failure> {
        let path = dir.join("weir.yaml");
        fs::write(&path, self.text())
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
        Ok(path)
    }

    fn text(&self) -> String {
        let Certificates { ca, server, .. } = self.certificates;
        let max_versions: String =
            MAX_VERSIONS.iter().map(|(api, version)| format!("      {api}: {version}\n")).collect();
        let [first, .., last] = BROKER_IDS;
        format!(
            "\
# Written by the demo, for one run on loopback. The brokers are librdkafka's mock cluster.
listeners:
  - name: demo
    bind: {HOST}
    advertise:
      ports: {{host: {HOST}, bootstrap_port: {port}, base_port: {port}, ids: [{first}, {last}]}}
    upstream: mock
    tls:
      certificate: {certificate}
      key: {key}
      client_ca: {ca}
upstreams:
  mock:
    bootstrap: {brokers}
    # The mock advertises more than it can do.
    max_versions:
{max_versions}shown_cluster_id: weir-demo
policy: {acl}
admin: {{bind: '{admin}'}}
audit: {{directory: audit}}
workers: 2
",
            port = self.ports.bootstrap,
            certificate = json!(server.certificate),
            key = json!(server.key),
            ca = json!(ca),
            brokers = json!(self.brokers),
            acl = json!(self.acl),
            admin = self.ports.admin(),
        )
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn trap_k9_the_mock_is_asked_for_no_more_than_it_can_do() {
        let dir = TempDir::new().unwrap();
        let certificates = &Certificates::issue(dir.path()).unwrap();
        let ports = Ports { bootstrap: 19_092 };
        let config = WeirConfig { ports, brokers: &["127.0.0.1:1".into()], certificates, acl: dir.path() };
        let written = fs::read_to_string(config.write(dir.path()).unwrap()).unwrap();
        let capped = |api: &str| {
            let line = written.lines().find_map(|line| line.strip_prefix(&format!("      {api}: ")));
            line.and_then(|version| version.parse().ok()).unwrap_or(i16::MAX)
        };
        // What librdkafka's mock answers in Kafka's form; it advertises more of each.
        let can = [("JoinGroup", 5), ("SyncGroup", 3), ("LeaveGroup", 2), ("FindCoordinator", 3), ("OffsetFetch", 6)];
        for (api, highest) in can.into_iter().chain([("Metadata", 8)]) {
            assert!(capped(api) <= highest, "{api}: {}", capped(api));
        }
    }
}
