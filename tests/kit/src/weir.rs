//! The `weir` binary before a cluster, with a policy and a configuration of the test's own.
//!
//! Its process is on a leash; its ports are its own as long as this lives, so that it can be killed and started again.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};

use crate::acl::Acl;
use crate::kafka::Kafka;
use crate::pki::{Identity, Pki};
use crate::ports::{Block, SIZE};
use crate::process::Leashed;
use crate::raw::RawTarget;
use crate::transcript::Side;
use crate::wiretap::{Tapped, Wiretap};
use crate::{names, paths, wait};

const READY_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const HTTP_LIMIT: Duration = Duration::from_secs(5);
/// Broker ids that have a port in port-per-broker mode.
const IDS: std::ops::RangeInclusive<u16> = 0..=12;
const OUTSIDE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const INSIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// How brokers are told apart outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advertise {
    /// By the TLS server name, on one port. Needs `names::resolve`.
    Sni,
    /// By port, at 127.0.0.1. Works on every machine.
    Ports,
}

/// What kind of Weir. `config` can be changed in any way before the start.
#[derive(Debug)]
pub struct WeirOptions {
    /// The content of `weir.yaml`. `/listeners/0`, `/upstreams/main`, `/admin` and `/policy` are there.
    pub config: Value,
    /// The policy.
    pub acl: Acl,
    /// What stands before `weir serve` on its command line; empty for nothing.
    pub launcher: Vec<String>,
    held: Option<TcpListener>,
    advertise: Advertise,
    tapped: bool,
    block: Block,
    dir: PathBuf,
    server: Identity,
}

impl WeirOptions {
    /// One listener before this cluster. Everything that Weir sends to clients is recorded by a tap.
    pub fn new(kafka: &Kafka, advertise: Advertise, acl: Acl) -> Self {
        Self::before(&kafka.bootstrap(), advertise, acl)
    }

    /// The same before brokers at these addresses.
    pub fn before(bootstrap: &[String], advertise: Advertise, acl: Acl) -> Self {
        let (block, dir) = (Block::claim(), paths::run_dir("weir"));
        let server =
            Pki::shared().server(&[names::HOST, &format!("*.{}", names::HOST), "localhost", "127.0.0.1", "127.0.0.2"]);
        let config = json!({
            "listeners": [{
                "name": "outside",
                "upstream": "main",
                "tls": { "certificate": server.certificate, "key": server.key, "client_ca": Pki::shared().ca() },
            }],
            "upstreams": { "main": { "bootstrap": bootstrap } },
            "shown_cluster_id": "weir-tests",
            "policy": dir.join("acl"),
            "admin": { "bind": format!("127.0.0.1:{}", block.first) },
            "workers": 2,
        });
        let (launcher, held) = (Vec::new(), None);
        let mut options = Self { config, acl, launcher, held, advertise, tapped: true, block, dir, server };
        options.place();
        options
    }

    /// Clients talk to Weir itself, and nothing is recorded but what `RawClient` receives: for tests of handshakes,
    /// of closing, of time.
    #[must_use]
    pub fn untapped(mut self) -> Self {
        self.tapped = false;
        self.place();
        self
    }

    /// The test holds the listening socket and hands it to each process that it starts, as systemd does: a client that
    /// connects while none runs waits. To be called last, for one listener with `Advertise::Sni`.
    #[must_use]
    pub fn with_held_socket(mut self) -> Self {
        assert_eq!(self.advertise, Advertise::Sni, "one socket is handed over");
        let bind = self.config["listeners"][0]["bind"].as_str().expect("an address");
        self.held = Some(TcpListener::bind(bind).expect("its port is free"));
        // Standard output is the one way to hand a descriptor on without unsafe code.
        let receive = "exec 3<&1 1>&2; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$@\"";
        self.launcher = ["/bin/sh", "-c", receive, "receive"].map(str::to_owned).into();
        self
    }

    /// Its directory, for files and logs.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Ports that nothing uses, for further listeners in `config`. They are not tapped.
    pub fn spare_ports(&self) -> std::ops::Range<u16> {
        self.block.first + 3 + IDS.end()..self.block.first + SIZE
    }

    fn place(&mut self) {
        let first = self.block.first;
        let inside = if self.tapped { INSIDE } else { OUTSIDE };
        let (bind, advertise) = match self.advertise {
            Advertise::Sni => (format!("{inside}:{}", first + 1), json!({ "sni": { "host": names::HOST } })),
            Advertise::Ports => {
                let (bootstrap, base) = (first + 1, first + 2);
                let ids = [IDS.start(), IDS.end()];
                let ports = json!({ "host": OUTSIDE, "bootstrap_port": bootstrap, "base_port": base, "ids": ids });
                (inside.to_string(), json!({ "ports": ports }))
            }
        };
        self.config["listeners"][0]["bind"] = json!(bind);
        self.config["listeners"][0]["advertise"] = advertise;
    }

    /// The ports that clients may dial.
    fn ports(&self) -> Vec<u16> {
        let bootstrap = self.block.first + 1;
        match self.advertise {
            Advertise::Sni => vec![bootstrap],
            Advertise::Ports => (bootstrap..=bootstrap + 1 + IDS.end()).collect(),
        }
    }
}

/// A running Weir, or one that was stopped and may be started again.
#[derive(Debug)]
pub struct Weir {
    options: WeirOptions,
    process: Leashed,
    _tap: Option<Wiretap>,
}

impl Weir {
    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready; the message ends with its log.
    pub fn start(options: WeirOptions) -> Self {
        let weir = Self::start_unready(options);
        weir.wait_ready();
        weir
    }

    /// Starts it and waits for nothing.
    pub fn start_unready(options: WeirOptions) -> Self {
        options.acl.write(&options.dir.join("acl"));
        let pairs = options
            .ports()
            .into_iter()
            .map(|port| Tapped { outside: (OUTSIDE, port).into(), inside: (INSIDE, port).into() });
        let tap = options.tapped.then(|| Wiretap::start(&options.server, &pairs.collect::<Vec<_>>(), Side::Edge));
        let process = spawn(&options);
        Self { options, process, _tap: tap }
    }

    /// `host:port` for a client's bootstrap setting.
    pub fn bootstrap(&self) -> String {
        let port = self.options.block.first + 1;
        match self.options.advertise {
            Advertise::Sni => format!("{}:{port}", names::HOST),
            Advertise::Ports => format!("{OUTSIDE}:{port}"),
        }
    }

    /// `host:port` under which clients are shown a broker.
    pub fn broker(&self, id: i32) -> String {
        let port = self.options.block.first + 1;
        match self.options.advertise {
            Advertise::Sni => format!("b{id}.{}:{port}", names::HOST),
            Advertise::Ports => format!("{OUTSIDE}:{}", port + 1 + u16::try_from(id).expect("few brokers")),
        }
    }

    /// For a `RawClient` that talks to Weir itself, past the tap, at `bootstrap()` or a `broker(id)`.
    pub fn target(&self, shown: &str, identity: &Identity) -> RawTarget {
        let (_, port) = shown.rsplit_once(':').expect("host:port");
        let inside = if self.options.tapped { INSIDE } else { OUTSIDE };
        RawTarget { address: format!("{inside}:{port}"), ..RawTarget::new(shown, identity) }
    }

    /// Status and body of a path of the admin address, such as `/metrics`.
    pub fn get(&self, path: &str) -> Result<(u16, String), String> {
        let admin = self.options.config["admin"]["bind"].as_str().expect("an admin address");
        get(admin.parse().expect("an admin address"), path).map_err(|error| format!("{admin}{path}: {error}"))
    }

    /// Waits until it is ready.
    pub fn wait_ready(&self) {
        let ready = wait::try_until(READY_LIMIT, || match self.get("/readyz")? {
            (200, _) => Ok(()),
            (status, body) => Err(format!("/readyz: {status} {body}")),
        });
        if let Err(last) = ready {
            panic!("weir in {} is not ready: {last}\n{}", self.options.dir.display(), self.process.tail(40));
        }
    }

    /// The policy directory, for changes by hand.
    pub fn acl_dir(&self) -> PathBuf {
        self.options.dir.join("acl")
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.options.dir.join("weir.yaml")
    }

    /// Replaces the policy's files. Weir is not told.
    pub fn write_acl(&self, acl: &Acl) {
        acl.write(&self.acl_dir());
    }

    /// All that it logged since its first start.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.process.log()).unwrap_or_default()).into_owned()
    }

    /// Its process id, for measuring.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        self.process.ended()
    }

    /// Sends a signal by its name, such as `HUP`.
    pub fn signal(&mut self, name: &str) {
        self.process.signal(name);
    }

    /// SIGTERM. Gives its exit status.
    ///
    /// # Panics
    /// When it has not ended after half a minute.
    pub fn stop(&mut self) -> i32 {
        self.process.signal("TERM");
        self.process.wait(STOP_LIMIT)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts another process beside this one, which takes its place here, and gives the one before: both accept from
    /// the held socket. The other one's admin address has the port after the last.
    pub fn succeed(&mut self) -> Leashed {
        assert!(self.options.held.is_some(), "only a held socket can have two owners");
        let port = self.options.block.first + SIZE - 1;
        self.options.config["admin"]["bind"] = json!(format!("127.0.0.1:{port}"));
        let before = std::mem::replace(&mut self.process, spawn(&self.options));
        self.wait_ready();
        before
    }

    /// Starts it again on the same ports after `stop` or `kill`, and waits until it is ready.
    pub fn restart(&mut self) {
        self.restart_unready();
        self.wait_ready();
    }

    /// The same, and waits for nothing.
    pub fn restart_unready(&mut self) {
        assert!(self.ended().is_some(), "weir still runs; stop or kill it first");
        self.process = spawn(&self.options);
    }
}

/// The binary under test: `WEIR_BIN`, or built here, once for each test process.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(given) = std::env::var_os("WEIR_BIN") {
            return given.into();
        }
        // The features of the whole workspace, so that nothing is built twice.
        let status = Command::new("timeout")
            .args(["1500", "cargo", "build", "--quiet", "--workspace", "--bin", "weir"])
            .current_dir(paths::root())
            .status();
        assert!(status.expect("cargo runs").success(), "cargo build --workspace --bin weir failed");
        paths::target().join("debug/weir")
    })
}

/// All clients of a test come from one address: how many of them begin in a time is for those to limit that look at it.
fn with_many_handshakes(config: &Value) -> Value {
    let mut config = config.clone();
    let many = json!({ "per_second": 100_000, "burst": 100_000 });
    for key in ["handshakes", "handshakes_per_address"] {
        if config["limits"][key].is_null() {
            config["limits"][key] = many.clone();
        }
    }
    config
}

fn spawn(options: &WeirOptions) -> Leashed {
    let config = options.dir.join("weir.yaml");
    // JSON is YAML.
    fs::write(&config, format!("{:#}\n", with_many_handshakes(&options.config))).expect("weir.yaml can be written");
    let weir = [binary().as_os_str(), "serve".as_ref(), "-c".as_ref(), config.as_os_str()];
    let mut line = options.launcher.iter().map(AsRef::as_ref).chain(weir);
    let mut command = Command::new(line.next().expect("a program"));
    command.args(line).current_dir(&options.dir);
    let log = options.dir.join("weir.log");
    match &options.held {
        None => Leashed::start("weir", &command, &log),
        Some(held) => {
            let handed_over: OwnedFd = held.try_clone().expect("a socket can be shared").into();
            let errors = fs::File::options().create(true).append(true).open(&log).expect("a log can be written");
            Leashed::start_to("weir", &command, &log, Stdio::from(handed_over), Stdio::from(errors))
        }
    }
}

fn get(admin: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&admin, HTTP_LIMIT)?;
    stream.set_read_timeout(Some(HTTP_LIMIT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    status.map(|status| (status, body.to_string())).ok_or_else(|| std::io::Error::other(format!("no HTTP: {answer}")))
}
