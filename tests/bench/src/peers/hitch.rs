//! hitch: one worker, a child of the process that is started, which ends soon after its parent.

use std::ffi::OsString;

use super::{Peer, Site};
use crate::failure::Failure;

/// As it comes.
pub const HITCH: Peer = Peer { name: "hitch", package: "hitch", program: "usr/sbin/hitch", configure };

fn configure(site: &Site) -> Result<Vec<OsString>, Failure> {
    // It does not run as root.
    let user = if rustix::process::geteuid().is_root() { "user = \"nobody\"" } else { "" };
    let text = format!(
        "frontend = {{ host = \"127.0.0.1\" port = \"{port}\" }}
backend = \"[{host}]:{upstream}\"
workers = 1
daemon = off
{user}
tls-protos = TLSv1.3
pem-file = \"{server}\"
client-verify = required
client-verify-ca = \"{ca}\"
ocsp-dir = \"\"
",
        port = site.port,
        host = site.upstream.ip(),
        upstream = site.upstream.port(),
        server = site.key_and_chain()?,
        ca = site.certificate("ca.pem"),
    );
    let file = site.write("hitch.conf", &text)?;
    Ok(vec![format!("--config={}", file.display()).into()])
}
