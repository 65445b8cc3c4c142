//! nginx with its stream module, with the buffers it has by default and with larger ones.

use std::ffi::OsString;

use super::{Peer, Site};
use crate::failure::Failure;

/// As it comes.
pub const NGINX: Peer =
    Peer { name: "nginx", package: "nginx", program: "usr/sbin/nginx", configure: |site| configure(site, "16k") };

/// With buffers for bulk.
pub const NGINX_64K: Peer = Peer { name: "nginx 64 KiB", configure: |site| configure(site, "64k"), ..NGINX };

fn configure(site: &Site, buffer: &str) -> Result<Vec<OsString>, Failure> {
    // Without a master: its worker would outlive a bench that is killed.
    let text = format!(
        "daemon off;
master_process off;
worker_processes 1;
pid {pid};
error_log stderr warn;
load_module {module};
events {{ worker_connections 8192; }}
stream {{
    ssl_protocols TLSv1.3;
    ssl_session_cache shared:bench:10m;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_client_certificate {ca};
        ssl_verify_client on;
        proxy_buffer_size {buffer};
        proxy_pass {upstream};
    }}
}}
",
        pid = site.path("pid").display(),
        module = site.package.join("usr/lib/nginx/modules/ngx_stream_module.so").display(),
        port = site.port,
        certificate = site.certificate("server.pem"),
        key = site.certificate("server.key"),
        ca = site.certificate("ca.pem"),
        upstream = site.upstream,
    );
    let file = site.write("nginx.conf", &text)?;
    Ok(vec!["-e".into(), "stderr".into(), "-c".into(), file.into()])
}
