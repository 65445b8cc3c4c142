//! The real `weir serve` with everything on: policy, two keys, sessions, metrics, log. One worker, for one core.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::broker;
use crate::canned::{REFUSED, TOPICS};
use crate::failure::{Context, Failure};
use crate::proxy::{self, Proxy};
use crate::tls::{CLIENT, Certificates, HOST};

const READY_LIMIT: Duration = Duration::from_secs(20);
const HTTP_LIMIT: Duration = Duration::from_secs(5);
/// How often Weir is asked whether it is ready.
const POLL: Duration = Duration::from_millis(1);

/// A running Weir.
pub struct Weir {
    /// The process; its address is that of the one broker.
    pub proxy: Proxy,
    /// From its start until it said that it was ready.
    pub ready_after: Duration,
    admin: SocketAddr,
}

/// What Weir counted since its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Fetches that were answered in full.
    pub fetch_ok: u64,
    /// Fetches of which something was refused.
    pub fetch_refused: u64,
    /// Topics, partitions and groups that were refused.
    pub refused_items: u64,
    /// Bytes of answers.
    pub bytes_to_clients: u64,
}

impl Counted {
    /// By how much it has grown.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            fetch_ok: self.fetch_ok - before.fetch_ok,
            fetch_refused: self.fetch_refused - before.fetch_refused,
            refused_items: self.refused_items - before.refused_items,
            bytes_to_clients: self.bytes_to_clients - before.bytes_to_clients,
        }
    }
}

impl Weir {
    /// Starts it before the broker at `upstream`, with its files in `dir` and its log in `log`, and waits until it is
    /// ready.
    pub fn start(
        binary: &Path,
        upstream: SocketAddr,
        certificates: &Certificates,
        dir: &Path,
        log: &Path,
    ) -> Result<Self, Failure> {
        Self::with_workers(1, binary, upstream, certificates, dir, log)
    }

    /// The same with more workers; two have both cores.
    pub fn with_workers(
        workers: u8,
        binary: &Path,
        upstream: SocketAddr,
        certificates: &Certificates,
        dir: &Path,
        log: &Path,
    ) -> Result<Self, Failure> {
        Self::launch(workers, &|_| Ok(()), binary, upstream, certificates, dir, log)
    }

    /// The same with one worker and another policy, which `amend` writes over the usual one in a directory.
    pub fn with_policy(
        amend: &dyn Fn(&Path) -> std::io::Result<()>,
        binary: &Path,
        upstream: SocketAddr,
        certificates: &Certificates,
        dir: &Path,
        log: &Path,
    ) -> Result<Self, Failure> {
        Self::launch(1, amend, binary, upstream, certificates, dir, log)
    }

    fn launch(
        workers: u8,
        amend: &dyn Fn(&Path) -> std::io::Result<()>,
        binary: &Path,
        upstream: SocketAddr,
        certificates: &Certificates,
        dir: &Path,
        log: &Path,
    ) -> Result<Self, Failure> {
        let ports = free_ports()?;
        let [broker, _bootstrap, admin] = ports;
        let file = write_files(upstream, certificates, dir, ports, workers)?;
        amend(&dir.join("acl")).context("the policy cannot be written")?;
        let output = File::create(log).context("Weir's log cannot be written")?;
        let mut command = if workers == 1 { proxy::pinned(binary)? } else { proxy::anywhere(binary)? };
        command.arg("serve").arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        let address = (Ipv4Addr::LOCALHOST, broker).into();
        let began = Instant::now();
        let proxy = Proxy::other(&mut command, address)?;
        let mut weir = Self { proxy, ready_after: Duration::ZERO, admin: (Ipv4Addr::LOCALHOST, admin).into() };
        weir.wait_ready(log)?;
        weir.ready_after = began.elapsed();
        Ok(weir)
    }

    /// What it counted up to now.
    pub fn counted(&self) -> Result<Counted, Failure> {
        let page = get(self.admin, "/metrics").context("Weir's metrics cannot be read")?;
        let sum = |prefix: &str| -> u64 {
            let values =
                page.lines().filter(|line| line.starts_with(prefix)).filter_map(|line| line.rsplit(' ').next());
            values.filter_map(|value| value.parse::<u64>().ok()).sum()
        };
        Ok(Counted {
            fetch_ok: sum(r#"weir_requests_total{api="Fetch",result="ok"}"#),
            fetch_refused: sum(r#"weir_requests_total{api="Fetch",result="refused"}"#),
            refused_items: sum("weir_refused_total{"),
            bytes_to_clients: sum(r#"weir_bytes_total{direction="to-clients"}"#),
        })
    }

    fn wait_ready(&mut self, log: &Path) -> Result<(), Failure> {
        let deadline = Instant::now() + READY_LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.proxy.ended() {
                return Err(Failure::new(format!("weir stopped ({status}); its log is {}", log.display())));
            }
            if get(self.admin, "/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        Err(Failure::new(format!("weir is not ready; its log is {}", log.display())))
    }
}

/// Writes `weir.yaml`, whose path it gives, and the policy in `acl/` beside it.
pub fn write_files(
    upstream: SocketAddr,
    certificates: &Certificates,
    dir: &Path,
    ports: [u16; 3],
    workers: u8,
) -> Result<PathBuf, Failure> {
    let file = dir.join("weir.yaml");
    write_policy(&dir.join("acl")).context("the policy cannot be written")?;
    // JSON is YAML.
    let config = config(upstream, certificates, dir, ports, workers);
    fs::write(&file, config.to_string()).context("weir.yaml cannot be written")?;
    Ok(file)
}

fn config(
    upstream: SocketAddr,
    certificates: &Certificates,
    dir: &Path,
    [broker, bootstrap, admin]: [u16; 3],
    workers: u8,
) -> serde_json::Value {
    // The one broker's port is `base_port` plus its id.
    let base = i32::from(broker) - broker::ID;
    json!({
        "listeners": [{
            "name": "bench",
            "bind": HOST,
            "advertise": { "ports": {
                "host": HOST, "bootstrap_port": bootstrap, "base_port": base, "ids": [broker::ID, broker::ID],
            }},
            "upstream": "canned",
            "tls": {
                "certificate": certificates.file("server.pem"),
                "key": certificates.file("server.key"),
                "client_ca": certificates.file("ca.pem"),
            },
        }],
        // Thousands of clients come at once, and none of them is to wait for its turn.
        "upstreams": { "canned": { "bootstrap": [upstream.to_string()], "dials_per_second": 100_000 } },
        "shown_cluster_id": "weir-bench",
        "policy": dir.join("acl"),
        "admin": { "bind": format!("{HOST}:{admin}") },
        "workers": workers,
        "log": { "format": "json" },
        // All come from one address.
        "limits": {
            "handshakes": no_end(),
            "handshakes_per_address": no_end(),
            "catch_up": { "behind": u32::MAX },
        },
    })
}

/// A rate that is kept as all are, and never reached.
fn no_end() -> Value {
    json!({ "per_second": u32::MAX, "burst": u32::MAX })
}

/// Limits that are kept as all limits are, and that no load of this machine reaches.
fn tier() -> Value {
    let no_end = no_end();
    json!({
        "tier": "bench",
        "connections": 20000,
        "connects": no_end,
        "requests": no_end,
        "denied": no_end,
        "bytes_out": no_end,
        "commit_partitions": no_end,
        "joins": no_end,
        "timestamp_lookups": no_end,
        "catch_up": no_end,
        "catch_up_partitions": { "most": 100_000 },
        "parked_fetches": { "most": 100_000 },
        "fetch_sessions": { "most": 100_000 },
        "groups": { "most": 100_000 },
        "committed_partitions": { "most": 100_000 },
    })
}

fn write_policy(dir: &Path) -> std::io::Result<()> {
    fs::create_dir_all(dir.join("principals"))?;
    let streams: Vec<_> = TOPICS.iter().chain([&REFUSED]).map(|(name, _)| stream(name)).collect();
    fs::write(dir.join("catalogue.yaml"), json!({ "streams": streams }).to_string())?;
    fs::write(dir.join("never.yaml"), json!({ "never": [{ "contains": "secret", "why": "bench" }] }).to_string())?;
    fs::write(dir.join("tiers.yaml"), json!({ "tiers": [tier()] }).to_string())?;
    let principal = json!({
        "principal": CLIENT,
        "certificate": [{ "cn": CLIENT }],
        "namespace": CLIENT,
        "tier": "bench",
        "read": TOPICS.iter().map(|(name, _)| json!({ "topic": name })).collect::<Vec<_>>(),
        "contact": "bench@weir.example",
        "review_by": "2099-12-31",
    });
    fs::write(dir.join("principals").join(format!("{CLIENT}.yaml")), principal.to_string())
}

/// What the catalogue says of a topic.
pub fn stream(name: &str) -> serde_json::Value {
    json!({
        "stream": name,
        "topics": [name],
        "description": "Bytes of the bench.",
        "schema": "/bench/noise",
        "schema_version": "1.0.0",
        "cleanup_policy": "delete",
        "pii": { "verdict": "none", "by": "bench", "on": "2026-01-01", "ticket": "BENCH-1" },
    })
}

/// Ports that nobody has at this moment.
pub fn free_ports<const PORTS: usize>() -> Result<[u16; PORTS], Failure> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port");
    // All are held until the last is known: no two are the same.
    let held = (0..PORTS).map(|_| bind()).collect::<Result<Vec<_>, _>>()?;
    let mut ports = [0; PORTS];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr().context("no free port")?.port();
    }
    Ok(ports)
}

fn get(admin: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&admin, HTTP_LIMIT)?;
    stream.set_read_timeout(Some(HTTP_LIMIT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
