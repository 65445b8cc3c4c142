//! What of a configuration cannot change while Weir runs: the sockets it holds, the clusters it watches, its threads.
//!
//! Must never: leave out what is read once, at the start.

use std::path::Path;

use crate::config::{Config, Listener, Upstream, UpstreamTlsFiles};

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
    differs("log", (running.log.format, running.log.level) != (new.log.format, new.log.level));
    let (old, new) = (&running.limits, &new.limits);
    differs("limits.connections", old.connections != new.connections);
    differs("limits.unauthenticated", old.unauthenticated != new.unauthenticated);
    let per_address = old.unauthenticated_per_address != new.unauthenticated_per_address;
    differs("limits.unauthenticated_per_address", per_address);
    keys
}

fn sockets(listener: &Listener) -> (std::net::IpAddr, &[u16]) {
    (listener.ip, &listener.ports)
}

fn same_cluster(old: &Upstream, new: &Upstream) -> bool {
    // Every field is named, so that a new one is thought of.
    let Upstream { bootstrap, cluster_id, tls, max_versions, dials_per_second, racks } = old;
    *bootstrap == new.bootstrap
        && *cluster_id == new.cluster_id
        && tls.as_ref().map(tls_files) == new.tls.as_ref().map(tls_files)
        && *max_versions == new.max_versions
        && *dials_per_second == new.dials_per_second
        && *racks == new.racks
}

/// The paths alone: on which line they stand is no difference.
fn tls_files(
    tls: &UpstreamTlsFiles,
) -> (&Path, Option<(&Path, &Path)>, &Option<rustls_pki_types::ServerName<'static>>) {
    let UpstreamTlsFiles { ca, identity, server_name } = tls;
    (&ca.value, identity.as_ref().map(|(certificate, key)| (&*certificate.value, &*key.value)), server_name)
}
