//! One real Apache Kafka broker, with a listener for each way that clients take: its own mutual TLS, and plaintext
//! listeners that name the relay or the peer before them, so that clients stay on their way.
//!
//! Must never: be slower than an operator would run it; heap and collector are those of Kafka's own start script.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::broker::ID;
use crate::failure::{Context, Failure};
use crate::proxy::{self, Proxy};
use crate::rows::Run;
use crate::tls::{Certificates, HOST};
use crate::weir;

const START_LIMIT: Duration = Duration::from_secs(90);
/// 16 bytes in base64.
const CLUSTER: &str = "bench-cluster-0000000A";

/// Where the broker listens.
#[derive(Clone, Copy)]
pub struct Listeners {
    /// In plaintext, for who fills the topic, and for Weir.
    pub plaintext: SocketAddr,
    /// With the broker's own mutual TLS.
    pub mtls: SocketAddr,
    /// In plaintext, behind the bare relay.
    pub behind_relay: SocketAddr,
    /// In plaintext, behind HAProxy.
    pub behind_haproxy: SocketAddr,
    controller: SocketAddr,
}

/// What stands before three of the listeners, for the broker to tell clients.
#[derive(Clone, Copy)]
pub struct Shown {
    /// Whatever leads to the broker's own mutual TLS; the listener itself where nothing is between.
    pub mtls: SocketAddr,
    /// The bare relay.
    pub relay: SocketAddr,
    /// HAProxy; any address where there is none.
    pub haproxy: SocketAddr,
}

impl Listeners {
    /// On ports that nobody has at this moment.
    pub fn choose() -> Result<Self, Failure> {
        let [plaintext, mtls, controller, behind_relay, behind_haproxy] = weir::free_ports()?;
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Self {
            plaintext: at(plaintext),
            mtls: at(mtls),
            behind_relay: at(behind_relay),
            behind_haproxy: at(behind_haproxy),
            controller: at(controller),
        })
    }
}

/// Starts the broker on all cores, and waits until it accepts.
pub fn start(run: &Run, listeners: &Listeners, shown: Shown, certificates: &Certificates) -> Result<Proxy, Failure> {
    let home = super::prepared(run)?;
    let dir = run.dir.path().join("kafka");
    fs::create_dir_all(dir.join("data")).context("the broker's directory cannot be made")?;
    let file = dir.join("server.properties");
    let keys = key_and_chain(certificates, &dir)?;
    fs::write(&file, properties(listeners, shown, certificates, &keys, &dir)).context("server.properties")?;
    format_storage(&home, &file)?;
    let log = run.log("broker");
    let output = File::create(&log).context("the broker's log cannot be written")?;
    let both = output.try_clone().context("the broker's log cannot be written")?;
    let mut command = proxy::anywhere("java")?;
    command.args(["-server", "-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]);
    command.args(["-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent"]);
    command.arg("-cp").arg(class_path(&home)).arg("kafka.Kafka").arg(&file).current_dir(&dir);
    command.stdin(Stdio::null()).stdout(output).stderr(both);
    let mut broker = Proxy::other(&mut command, listeners.plaintext)?;
    wait_until_it_accepts(&mut broker, &log)?;
    Ok(broker)
}

/// Kafka's jars, as Java wants them.
pub fn class_path(home: &Path) -> String {
    home.join("kafka").join("*").display().to_string()
}

/// One listener.
struct Door {
    name: &'static str,
    protocol: &'static str,
    at: SocketAddr,
    shown: SocketAddr,
}

fn properties(listeners: &Listeners, shown: Shown, certificates: &Certificates, keys: &Path, dir: &Path) -> String {
    let plain = |name, at, shown| Door { name, protocol: "PLAINTEXT", at, shown };
    let doors = [
        plain("PLAINTEXT", listeners.plaintext, listeners.plaintext),
        Door { protocol: "SSL", ..plain("MTLS", listeners.mtls, shown.mtls) },
        plain("RELAY", listeners.behind_relay, shown.relay),
        plain("HAPROXY", listeners.behind_haproxy, shown.haproxy),
    ];
    let each = |text: fn(&Door) -> String| doors.iter().map(text).collect::<Vec<_>>().join(",");
    let controller = listeners.controller;
    let lines = [
        ("process.roles", "broker,controller".to_owned()),
        ("node.id", ID.to_string()),
        ("controller.quorum.voters", format!("{ID}@{controller}")),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        ("listeners", each(|door| format!("{}://{}", door.name, door.at)) + &format!(",CONTROLLER://{controller}")),
        ("advertised.listeners", each(|door| format!("{}://{}", door.name, door.shown))),
        (
            "listener.security.protocol.map",
            each(|door| format!("{}:{}", door.name, door.protocol)) + ",CONTROLLER:PLAINTEXT",
        ),
        ("inter.broker.listener.name", "PLAINTEXT".to_owned()),
        ("log.dirs", dir.join("data").display().to_string()),
        ("auto.create.topics.enable", "false".to_owned()),
        ("offsets.topic.num.partitions", "1".to_owned()),
        ("offsets.topic.replication.factor", "1".to_owned()),
        ("ssl.client.auth", "required".to_owned()),
        ("ssl.enabled.protocols", "TLSv1.3".to_owned()),
        ("ssl.cipher.suites", "TLS_AES_128_GCM_SHA256".to_owned()),
        ("ssl.keystore.type", "PEM".to_owned()),
        ("ssl.keystore.location", keys.display().to_string()),
        ("ssl.truststore.type", "PEM".to_owned()),
        ("ssl.truststore.location", certificates.file("ca.pem").display().to_string()),
    ];
    lines.iter().fold(String::new(), |mut text, (key, value)| {
        // A string takes all.
        let _ = writeln!(text, "{key}={value}");
        text
    })
}

/// In one file, as Kafka wants them.
fn key_and_chain(certificates: &Certificates, dir: &Path) -> Result<PathBuf, Failure> {
    let read = |name| fs::read_to_string(certificates.file(name)).context("a certificate cannot be read");
    let path = dir.join("broker.pem");
    fs::write(&path, read("server.key")? + &read("server.pem")?).context("a certificate cannot be written")?;
    Ok(path)
}

fn format_storage(home: &Path, properties: &Path) -> Result<(), Failure> {
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "60", "java", "-XX:TieredStopAtLevel=1", "-cp"]).arg(class_path(home));
    command.args(["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"]).arg(properties);
    let output = command.output().context("java cannot be started")?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    Err(Failure::new(format!("the broker's storage cannot be formatted ({}): {}", output.status, text.trim())))
}

fn wait_until_it_accepts(broker: &mut Proxy, log: &Path) -> Result<(), Failure> {
    let deadline = Instant::now() + START_LIMIT;
    while Instant::now() < deadline {
        if let Some(status) = broker.ended() {
            return Err(Failure::new(format!("Kafka on {HOST} stopped ({status}); its log is {}", log.display())));
        }
        if TcpStream::connect_timeout(&broker.address, START_LIMIT).is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Err(Failure::new(format!("Kafka does not accept; its log is {}", log.display())))
}
