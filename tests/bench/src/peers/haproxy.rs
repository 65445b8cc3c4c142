//! HAProxy in TCP mode, with the buffers it has by default and with larger ones.

use std::ffi::OsString;

use rustix::process::{Resource, getrlimit};

use super::{Peer, Site};
use crate::failure::Failure;

/// As it comes: 16 KiB buffers.
pub const HAPROXY: Peer =
    Peer { name: "HAProxy", package: "haproxy", program: "usr/sbin/haproxy", configure: |site| configure(site, "") };

/// With buffers for bulk.
pub const HAPROXY_256K: Peer =
    Peer { name: "HAProxy 256 KiB", configure: |site| configure(site, "tune.bufsize 262144"), ..HAPROXY };

/// More connections than any row has.
const CONNECTIONS: u64 = 8_000;

fn configure(site: &Site, tuning: &str) -> Result<Vec<OsString>, Failure> {
    // It refuses to start with more than it has descriptors for: two for each connection, and some of its own.
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let text = format!(
        "global
    nbthread 1
    maxconn {connections}
    ssl-default-bind-options ssl-min-ver TLSv1.3
    {tuning}
defaults
    mode tcp
    timeout connect 10s
    timeout client 10m
    timeout server 10m
listen bench
    bind 127.0.0.1:{port} ssl crt {server} ca-file {ca} verify required
    server broker {upstream}
",
        connections = CONNECTIONS.min((descriptors / 2).saturating_sub(100)),
        port = site.port,
        server = site.key_and_chain()?,
        ca = site.certificate("ca.pem"),
        upstream = site.upstream,
    );
    let file = site.write("haproxy.cfg", &text)?;
    // In the foreground, as one process.
    Ok(vec!["-db".into(), "-f".into(), file.into()])
}
