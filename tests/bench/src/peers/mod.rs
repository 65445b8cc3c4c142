//! The programs that operators use today in Weir's place: each terminates the same mutual TLS on the measured core, with
//! one worker, and passes plaintext on to one broker. `setup.sh` fetched them.
//!
//! Must never: leave a peer out in silence; one that is not there, or does not start, says why.

mod contender;
mod envoy;
mod haproxy;
mod hitch;
mod nginx;
mod stunnel;

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Context, Failure};
use crate::proxy::{self, Proxy};
use crate::rows::Run;
use crate::tls::Certificates;
use crate::weir;

pub use contender::Contender;
pub use envoy::ENVOY;
pub use haproxy::{HAPROXY, HAPROXY_256K};
pub use hitch::HITCH;
pub use nginx::{NGINX, NGINX_64K};
pub use stunnel::STUNNEL;

/// How long a peer may take until it accepts.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A program in one of its settings.
pub struct Peer {
    /// As the report calls it.
    pub name: &'static str,
    /// Its directory among those that `setup.sh` fetched.
    package: &'static str,
    /// The program, in that directory.
    program: &'static str,
    /// Writes its configuration, and says its arguments.
    configure: fn(&Site) -> Result<Vec<OsString>, Failure>,
}

/// Where a peer runs.
struct Site<'a> {
    /// What `setup.sh` unpacked.
    package: PathBuf,
    /// The start of the names of its files.
    files: PathBuf,
    /// Where it listens on 127.0.0.1.
    port: u16,
    /// The broker.
    upstream: SocketAddr,
    certificates: &'a Certificates,
}

impl Peer {
    /// Starts it, and waits until it accepts; or says why there is nothing to measure.
    pub fn start(&self, run: &Run, upstream: SocketAddr, certificates: &Certificates) -> Result<Proxy, String> {
        // nginx looks for what is not absolute beside its own files.
        let package = std::path::absolute(run.options.out.join("peers").join(self.package)).unwrap_or_default();
        if !package.join(self.program).is_file() {
            let why = fs::read_to_string(package.join("missing"));
            return Err(
                why.map_or_else(|_| "it is not there; tests/bench/setup.sh fetches it".into(), |why| why.trim().into())
            );
        }
        self.try_start(run, package, upstream, certificates).map_err(|failure| failure.to_string())
    }

    fn try_start(
        &self,
        run: &Run,
        package: PathBuf,
        upstream: SocketAddr,
        certificates: &Certificates,
    ) -> Result<Proxy, Failure> {
        let slug = self.name.to_lowercase().replace(' ', "-");
        let [port] = weir::free_ports()?;
        let files = certificates.dir.join(&slug);
        let site = Site { package, files, port, upstream, certificates };
        let log = run.log(&format!("{slug}-{}", site.certificates.keys.to_lowercase()));
        let output = File::create(&log).context("a peer's log cannot be written")?;
        let both = output.try_clone().context("a peer's log cannot be written")?;
        let mut command = proxy::pinned(site.package.join(self.program))?;
        command.args((self.configure)(&site)?).env("LD_LIBRARY_PATH", site.libraries());
        command.stdin(Stdio::null()).stdout(output).stderr(both);
        let mut proxy = Proxy::other(&mut command, (Ipv4Addr::LOCALHOST, port).into())?;
        wait_until_it_accepts(&mut proxy, &log)?;
        Ok(proxy)
    }
}

impl Site<'_> {
    /// Writes a file of this peer.
    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.path(name);
        fs::write(&path, text).context("a peer's file cannot be written")?;
        Ok(path)
    }

    /// The path of a file of this peer.
    fn path(&self, name: &str) -> PathBuf {
        let mut path = self.files.clone().into_os_string();
        path.push("-");
        path.push(name);
        path.into()
    }

    /// The path of a certificate or key, as text in a configuration.
    fn certificate(&self, name: &str) -> String {
        self.certificates.file(name).display().to_string()
    }

    /// The server's key and certificate in one file, as some want them.
    fn key_and_chain(&self) -> Result<String, Failure> {
        let read = |name| fs::read_to_string(self.certificates.file(name)).context("a certificate cannot be read");
        let path = self.write("server.pem", &format!("{}{}", read("server.key")?, read("server.pem")?))?;
        Ok(path.display().to_string())
    }

    fn libraries(&self) -> PathBuf {
        self.package.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH))
    }
}

fn wait_until_it_accepts(proxy: &mut Proxy, log: &Path) -> Result<(), Failure> {
    let deadline = Instant::now() + START_LIMIT;
    while Instant::now() < deadline {
        if let Some(status) = proxy.ended() {
            return Err(Failure::new(format!("it stopped ({status}); its log is {}", log.display())));
        }
        if TcpStream::connect_timeout(&proxy.address, START_LIMIT).is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(Failure::new(format!("it does not accept; its log is {}", log.display())))
}
