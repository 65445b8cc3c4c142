//! The real `weir serve`, as a child process. Must never outlive this process when that ends in an orderly way.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::failure::Failure;

/// How long Weir may take to be ready.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// How long one question to `/readyz` may take.
const PROBE_LIMIT: Duration = Duration::from_secs(2);
const PROBE_PAUSE: Duration = Duration::from_millis(100);
/// The longest answer of `/readyz` that is read, in bytes.
const PROBE_BYTES: u64 = 4_096;
/// Lines of Weir's log that are shown when it fails.
const LOG_LINES: usize = 15;

/// A running Weir. It is killed when this value is dropped; [`WeirProcess::stop`] also waits for its end.
pub struct WeirProcess {
    child: Child,
    log: PathBuf,
    admin: SocketAddr,
}

impl WeirProcess {
    /// Starts `binary serve -c config` with its log in `dir`.
    pub fn spawn(binary: &Path, config: &Path, dir: &Path, admin: SocketAddr) -> Result<WeirProcess, Failure> {
        let log = dir.join("weir.log");
        let output =
            File::create(&log).map_err(|error| Failure::new(format!("cannot write {}: {error}", log.display())))?;
        let errors = output.try_clone().map_err(|error| Failure::new(format!("cannot write Weir's log: {error}")))?;
        let child = Command::new(binary)
            .args(["serve".as_ref(), "-c".as_ref(), config.as_os_str()])
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                let binary = binary.display();
                Failure::new(format!("cannot start {binary}: {error}; build it first: cargo build -p weir"))
            })?;
        Ok(WeirProcess { child, log, admin })
    }

    /// Where Weir's log is.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Waits for Weir to end, which it should not.
    pub async fn ended(&mut self) -> Failure {
        match self.child.wait().await {
            Ok(status) => self.stopped(status),
            Err(error) => Failure::new(format!("weir cannot be watched: {error}")),
        }
    }

    /// Ends it at once: a demo has nothing to drain.
    pub async fn stop(mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill().await;
    }

    /// Waits until it serves.
    pub async fn ready(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + READY_LIMIT;
        let mut last = "nothing was tried".to_owned();
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.stopped(status));
            }
            match probe(self.admin).await {
                Ok(answer) if answer.starts_with("HTTP/1.1 200") => return Ok(()),
                Ok(answer) => last = answer.lines().last().unwrap_or_default().to_owned(),
                Err(error) => last = error.to_string(),
            }
            sleep(PROBE_PAUSE).await;
        }
        let limit = READY_LIMIT.as_secs();
        let log = self.log_tail();
        Err(Failure::new(format!("weir was not ready within {limit} s; /readyz: {last}\n{log}")))
    }

    fn stopped(&self, status: ExitStatus) -> Failure {
        Failure::new(format!("weir stopped ({status})\n{}", self.log_tail()))
    }

    fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let start = lines.len().saturating_sub(LOG_LINES);
        let tail: String = lines.iter().skip(start).map(|line| format!("  | {line}\n")).collect();
        if tail.is_empty() { "  its log is empty".to_owned() } else { format!("  the end of its log:\n{tail}") }
    }
}

/// Asks `/readyz` and gives back what came, head and body.
async fn probe(admin: SocketAddr) -> std::io::Result<String> {
    let exchange = async {
        let mut stream = TcpStream::connect(admin).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.take(PROBE_BYTES).read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(PROBE_LIMIT, exchange).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}
