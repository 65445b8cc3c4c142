//! What of a configuration cannot change while Weir runs: the sockets it holds, the clusters it watches, its threads.
//!
//! Must never: leave out what is read once, at the start.

use std::path::Path;

use rustls_pki_types::ServerName;

use crate::config::{Config, Listener, TierIdentity, Upstream, UpstreamTlsFiles};

/// The keys in which a configuration differs from the one that runs, and that are read at the start alone.
pub(super) fn needed(running: &Config, new: &Config) -> Vec<String> {
    let mut keys = Vec::new();
    let mut differs = |key: &str, differs: bool| keys.extend(differs.then(|| key.to_owned()));
    let names = |config: &Config| config.listeners.iter().map(|listener| listener.name.clone()).collect::<Vec<_>>();
    differs("listeners", names(running) != names(new));
    for (old, new) in running.listeners.iter().zip(&new.listeners) {
        differs(&format!("listeners.{}.bind", old.name), sockets(old) != sockets(new));
        differs(&format!("listeners.{}.upstream", old.name), old.upstream != new.upstream);
    }
    differs("upstreams", running.upstreams.keys().ne(new.upstreams.keys()));
    for (name, old) in &running.upstreams {
        differs(&format!("upstreams.{name}"), new.upstreams.get(name).is_some_and(|new| !same_cluster(old, new)));
    }
    differs("admin", running.admin != new.admin);
    differs("workers", running.workers != new.workers);
    differs("audit", running.audit != new.audit);
    differs("log", (running.log.format, running.log.level) != (new.log.format, new.log.level));
    let (old, new) = (&running.limits, &new.limits);
    differs("limits.connections", old.connections != new.connections);
    differs("limits.unauthenticated", old.unauthenticated != new.unauthenticated);
    let per_address = old.unauthenticated_per_address != new.unauthenticated_per_address;
    differs("limits.unauthenticated_per_address", per_address);
    differs("limits.handshakes", old.handshakes != new.handshakes);
    differs("limits.handshakes_per_address", old.handshakes_per_address != new.handshakes_per_address);
    differs("limits.networks", old.networks != new.networks);
    keys
}

fn sockets(listener: &Listener) -> (std::net::IpAddr, &[u16]) {
    (listener.ip, &listener.ports)
}

fn same_cluster(old: &Upstream, new: &Upstream) -> bool {
    // Every field is named, so that a new one is thought of.
    // What fills a cluster is nothing to a Weir that serves it.
    let Upstream {
        bootstrap,
        cluster_id,
        tls,
        sasl,
        max_versions,
        dials_per_second,
        racks,
        compaction_check,
        mirror: _,
    } = old;
    *bootstrap == new.bootstrap
        && *cluster_id == new.cluster_id
        && tls.as_ref().map(tls_files) == new.tls.as_ref().map(tls_files)
        && *sasl == new.sasl
        && *max_versions == new.max_versions
        && *dials_per_second == new.dials_per_second
        && *racks == new.racks
        && *compaction_check == new.compaction_check
}

/// What TLS to the brokers is made of. The paths alone: on which line they stand is no difference.
#[derive(PartialEq, Eq)]
struct TlsFiles<'a> {
    ca: &'a Path,
    identity: Option<(&'a Path, &'a Path)>,
    server_name: Option<&'a ServerName<'static>>,
    identities: Vec<(&'a str, &'a Path, &'a Path)>,
}

fn tls_files<'a>(tls: &'a UpstreamTlsFiles) -> TlsFiles<'a> {
    let UpstreamTlsFiles { ca, identity, server_name, identities } = tls;
    let of_tier = |(tier, files): (&'a String, &'a TierIdentity)| {
        let TierIdentity { place: _, certificate, key } = files;
        (tier.as_str(), &*certificate.value, &*key.value)
    };
    TlsFiles {
        ca: &ca.value,
        identity: identity.as_ref().map(|(certificate, key)| (&*certificate.value, &*key.value)),
        server_name: server_name.as_ref(),
        identities: identities.iter().map(of_tier).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::config::{self, Machine};

    const RUNNING: &str = "\
listeners:
  - name: public
    bind: 127.0.0.1:9093
    advertise: {sni: {host: kafka.example.org}}
    upstream: main
    tls: {certificate: server.pem, key: server.key, client_ca: clients-ca.pem}
upstreams:
  main: {bootstrap: ['127.0.0.1:9092'], tls: {ca: brokers.pem}}
  other: {bootstrap: ['127.0.0.1:9094']}
shown_cluster_id: shown
policy: acl
";

    fn parsed(text: &str) -> Config {
        let machine = Machine { cores: NonZeroUsize::MIN, descriptors: 1_048_576 };
        let (config, problems) = config::read(Path::new("weir.yaml"), text, machine).unwrap();
        assert!(problems.is_empty(), "{}", problems.into_errors());
        config
    }

    /// What waits for a restart once the first text is replaced by the second.
    fn waits(old: &str, new: &str) -> Vec<String> {
        assert!(RUNNING.contains(old), "{old}");
        needed(&parsed(RUNNING), &parsed(&RUNNING.replacen(old, new, 1)))
    }

    #[test]
    fn what_is_read_at_the_start_alone_waits_for_a_restart_by_its_key() {
        let replaced = [
            ("name: public", "name: outside", "listeners"),
            ("127.0.0.1:9093", "127.0.0.1:9095", "listeners.public.bind"),
            ("upstream: main", "upstream: other", "listeners.public.upstream"),
            ("  other:", "  another:", "upstreams"),
            ("127.0.0.1:9092", "127.0.0.1:9096", "upstreams.main"),
            ("brokers.pem", "brokers-too.pem", "upstreams.main"),
            ("brokers.pem", "brokers.pem, identities: {tool: {certificate: a, key: b}}", "upstreams.main"),
            ("brokers.pem}", "brokers.pem}, sasl: {mechanism: OAUTHBEARER, token_file: a}", "upstreams.main"),
            ("['127.0.0.1:9094']", "['127.0.0.1:9094'], cluster_id: pinned", "upstreams.other"),
        ];
        for (old, new, key) in replaced {
            assert_eq!(waits(old, new), [key], "{new}");
        }
        let added = [
            ("admin: {bind: 127.0.0.1:9999}", "admin"),
            ("workers: 7", "workers"),
            ("log: {level: debug}", "log"),
            ("audit: {directory: audit}", "audit"),
            ("limits: {connections: 77}", "limits.connections"),
            ("limits: {unauthenticated: 77}", "limits.unauthenticated"),
            ("limits: {unauthenticated_per_address: 7}", "limits.unauthenticated_per_address"),
            ("limits: {handshakes: {per_second: 7, burst: 7}}", "limits.handshakes"),
            ("limits: {handshakes_per_address: {per_second: 7, burst: 7}}", "limits.handshakes_per_address"),
            ("limits: {networks: [{network: 192.0.2.0/24, per_second: 7, burst: 7}]}", "limits.networks"),
        ];
        for (line, key) in added {
            assert_eq!(waits("policy: acl\n", &format!("policy: acl\n{line}\n")), [key], "{line}");
        }
    }

    #[test]
    fn what_is_looked_at_again_waits_for_nothing() {
        let replaced = [
            ("policy: acl", "policy: another"),
            ("server.pem", "server-too.pem"),
            ("clients-ca.pem", "clients-too.pem"),
            ("kafka.example.org", "kafka.example.net"),
            ("shown_cluster_id: shown", "shown_cluster_id: another"),
            ("policy: acl\n", "policy: acl\nlimits: {in_flight: 4}\n"),
            // The same on other lines.
            ("listeners:\n", "\n\nlisteners:\n"),
        ];
        for (old, new) in replaced {
            assert_eq!(waits(old, new), <[String; 0]>::default(), "{new}");
        }
    }
}
