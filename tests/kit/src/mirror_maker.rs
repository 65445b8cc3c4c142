//! A real MirrorMaker 2 in its dedicated mode, as `bin/connect-mirror-maker.sh` runs it, on a leash and with a small
//! heap.
//!
//! It runs with exactly the properties that it is given. Must never add to them or change them: what `weir render
//! mirror` wrote is what a test tries.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::kafka::{Version, java};
use crate::paths;
use crate::process::Leashed;

/// How long it may take to flush its producers, commit its offsets and end. Connect waits up to 60 s for a worker.
const STOP_LIMIT: Duration = Duration::from_secs(75);

/// A running mirror. It is killed when this is dropped, or when the test process ends.
#[derive(Debug)]
pub struct MirrorMaker {
    process: Leashed,
    properties: PathBuf,
}

impl MirrorMaker {
    /// Starts MirrorMaker of Kafka 4.3.1 with this properties file. Returns when its process is there, which is some
    /// ten seconds before it copies the first record: wait for the record.
    ///
    /// # Panics
    /// When Java does not start.
    pub fn start(properties: &Path) -> Self {
        let properties = properties.canonicalize().expect("the properties of a mirror are there");
        let dir = paths::run_dir("mirror");
        let mut command = java(
            Version::V4,
            &[
                "-Xms64m",
                "-Xmx384m",
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
                "-Dorg.slf4j.simpleLogger.showShortLogName=true",
                "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
                "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.clients.consumer.ConsumerConfig=warn",
            ],
        );
        command.arg("org.apache.kafka.connect.mirror.MirrorMaker").arg(&properties).current_dir(&dir);
        let process = Leashed::start("MirrorMaker", &command, &dir.join("mirror.log"));
        Self { process, properties }
    }

    /// Starts it again with the same file, after `stop` or `kill`.
    ///
    /// # Panics
    /// When it still runs.
    pub fn restart(&mut self) {
        assert!(!self.is_running(), "the mirror runs; stop it first");
        *self = Self::start(&self.properties);
    }

    /// Whether its process runs. That says nothing of its connectors: those fail on their own, and its log says why.
    pub fn is_running(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// SIGTERM, as systemd stops it, and SIGKILL when it has not ended after 75 s. Gives its status.
    pub fn stop(&mut self) -> i32 {
        self.process.stop(STOP_LIMIT)
    }

    /// SIGKILL: what was copied since its last commit is copied again at the next start.
    pub fn kill(&mut self) -> i32 {
        self.process.kill()
    }

    /// Its process id, for measuring.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where its log is.
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// The last lines of its log, for messages.
    pub fn tail(&self, lines: usize) -> String {
        self.process.tail(lines)
    }
}
