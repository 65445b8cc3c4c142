//! Envoy as a TCP proxy, without its Kafka filter.

use std::ffi::OsString;

use serde_json::{Value, json};

use super::{Peer, Site};
use crate::failure::Failure;

/// As it comes, with one worker.
pub const ENVOY: Peer = Peer { name: "Envoy", package: "envoy", program: "envoy/_bin/envoy", configure };

fn configure(site: &Site) -> Result<Vec<OsString>, Failure> {
    let config = json!({
        "static_resources": {
            "listeners": [{
                "name": "bench",
                "address": address("127.0.0.1", site.port),
                "filter_chains": [{
                    "transport_socket": { "name": "tls", "typed_config": tls(site) },
                    "filters": [{ "name": "tcp", "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                        "stat_prefix": "bench",
                        "cluster": "broker",
                    }}],
                }],
            }],
            "clusters": [{
                "name": "broker",
                "type": "STATIC",
                "connect_timeout": "10s",
                "load_assignment": { "cluster_name": "broker", "endpoints": [{ "lb_endpoints": [{
                    "endpoint": { "address": address(&site.upstream.ip().to_string(), site.upstream.port()) },
                }]}]},
            }],
        },
    });
    // JSON is YAML.
    let file = site.write("envoy.yaml", &config.to_string())?;
    let mut arguments: Vec<OsString> = vec!["-c".into(), file.into()];
    arguments.extend(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warn"].map(OsString::from));
    Ok(arguments)
}

fn tls(site: &Site) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": true,
        "common_tls_context": {
            "tls_params": { "tls_minimum_protocol_version": "TLSv1_3" },
            "tls_certificates": [{
                "certificate_chain": { "filename": site.certificate("server.pem") },
                "private_key": { "filename": site.certificate("server.key") },
            }],
            "validation_context": { "trusted_ca": { "filename": site.certificate("ca.pem") } },
        },
    })
}

fn address(host: &str, port: u16) -> Value {
    json!({ "socket_address": { "address": host, "port_value": port } })
}
