//! stunnel: a thread for each connection.

use std::ffi::OsString;

use super::{Peer, Site};
use crate::failure::Failure;

/// As it comes.
pub const STUNNEL: Peer = Peer { name: "stunnel", package: "stunnel", program: "usr/bin/stunnel4", configure };

fn configure(site: &Site) -> Result<Vec<OsString>, Failure> {
    let text = format!(
        "foreground = yes
pid =
debug = 4
syslog = no
[bench]
accept = 127.0.0.1:{port}
connect = {upstream}
cert = {certificate}
key = {key}
CAfile = {ca}
verifyChain = yes
requireCert = yes
sslVersionMin = TLSv1.3
",
        port = site.port,
        upstream = site.upstream,
        certificate = site.certificate("server.pem"),
        key = site.certificate("server.key"),
        ca = site.certificate("ca.pem"),
    );
    Ok(vec![site.write("stunnel.conf", &text)?.into()])
}
