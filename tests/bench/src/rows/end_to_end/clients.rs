//! The client programs in `clients/`: one fills the topic, and one of each library reads it whole as often as it is told
//! to, in one process that takes all ways in turn, so that each way meets the same compiled code.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::broker;
use crate::failure::{Context, Failure};
use crate::proxy;
use crate::rows::Run;
use crate::tls::Certificates;

/// What is read.
#[derive(Clone, Copy)]
pub struct Topic {
    /// Its name.
    pub name: &'static str,
    /// How many partitions it has.
    pub partitions: u32,
    /// How many records of 1 KiB it has, over all of them.
    pub records: u64,
}

/// Creates the topic and fills it, in plaintext.
pub fn fill(run: &Run, topic: Topic, at: SocketAddr) -> Result<(), Failure> {
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "120"]).arg(super::prepared(run)?.join("rdkafka")).arg("write");
    let status = topic.tell(&mut command).env("BOOTSTRAP", at.to_string()).status();
    let status = status.context("the writer cannot be started")?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("the topic cannot be filled: {status}"))) }
}

/// The libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// librdkafka, the C library behind most clients.
    Librdkafka,
    /// Kafka's own Java client.
    Java,
}

impl Library {
    /// As the report calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Librdkafka => "librdkafka",
            Self::Java => "Java",
        }
    }
}

/// A process that reads. It ends when this is dropped.
pub struct Reader {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    log: PathBuf,
    topic: Topic,
}

/// What reading the whole topic took, from the first record to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Bytes of all values.
    pub bytes: u64,
    /// User and system time of the process.
    pub cpu: Duration,
    /// Time that passed.
    pub time: Duration,
}

impl Reader {
    /// Starts it, on all cores.
    pub fn start(run: &Run, library: Library, topic: Topic, certificates: &Certificates) -> Result<Self, Failure> {
        let home = super::prepared(run)?;
        let mut command = match library {
            Library::Librdkafka => librdkafka(&home, run.dir.path())?,
            Library::Java => java(&home)?,
        };
        let log = run.log(&format!("reader-{}", library.name().to_lowercase()));
        let errors = File::create(&log).context("a reader's log cannot be written")?;
        for (name, file) in [("CA", "ca.pem"), ("CERT", "client.pem"), ("KEY", "client.key")] {
            command.env(name, certificates.file(file));
        }
        topic.tell(&mut command).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut process = command.spawn().context("a reader cannot be started")?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(Failure::new("a reader has no input and output"));
        };
        Ok(Self { process, input, output: BufReader::new(output), log, topic })
    }

    /// Reads all there is, from the broker at `at` or what stands before it. The reader gives up by itself when nothing
    /// comes for a minute.
    pub fn read(&mut self, at: SocketAddr) -> Result<Pass, Failure> {
        let mut line = String::new();
        let told = writeln!(self.input, "{at}").and_then(|()| self.input.flush());
        told.and_then(|()| self.output.read_line(&mut line)).context("a reader does not answer")?;
        let (records, pass) = parse(&line)
            .ok_or_else(|| Failure::new(format!("a reader of {at} failed; its log is {}", self.log.display())))?;
        if records != self.topic.records || pass.bytes != records * 1024 {
            return Err(Failure::new(format!("a reader of {at} saw {records} records with {} bytes", pass.bytes)));
        }
        Ok(pass)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Topic {
    fn tell(self, command: &mut Command) -> &mut Command {
        command
            .env("TOPIC", self.name)
            .env("PARTITIONS", self.partitions.to_string())
            .env("RECORDS", self.records.to_string())
    }
}

fn librdkafka(home: &Path, dir: &Path) -> Result<Command, Failure> {
    // It has no setting for the ciphers of TLS 1.3; OpenSSL's own file has.
    let file = dir.join("openssl.cnf");
    fs::write(&file, OPENSSL).context("openssl.cnf cannot be written")?;
    let mut command = proxy::anywhere(home.join("rdkafka"))?;
    command.arg("read").env("OPENSSL_CONF", file);
    Ok(command)
}

fn java(home: &Path) -> Result<Command, Failure> {
    let mut command = proxy::anywhere("java")?;
    command.args(["-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"]);
    command.arg(format!("{}:{}", home.join("java").display(), broker::class_path(home))).arg("Reader");
    Ok(command)
}

const OPENSSL: &str = "\
openssl_conf = openssl
[openssl]
ssl_conf = ssl
[ssl]
system_default = tls
[tls]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
";

/// Records, bytes, and nanoseconds of the processor and of the clock.
fn parse(line: &str) -> Option<(u64, Pass)> {
    let numbers = line.split_whitespace().map(str::parse).collect::<Result<Vec<u64>, _>>().ok()?;
    let [records, bytes, cpu, time] = numbers[..] else { return None };
    Some((records, Pass { bytes, cpu: Duration::from_nanos(cpu), time: Duration::from_nanos(time) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_four_numbers() {
        let pass = Pass { bytes: 2048, cpu: Duration::from_nanos(30), time: Duration::from_nanos(40) };
        assert_eq!(parse("2 2048 30 40\n"), Some((2, pass)));
        assert_eq!(parse("2 2048 30\n"), None);
        assert_eq!(parse(""), None);
    }
}
