//! The log, to standard error, through a bounded queue and a thread of its own.
//!
//! Must never: wait for whoever reads the log. Lines for which there is no room are dropped and counted.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::Instant;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt;

use crate::config::Log;
use crate::config::raw::{RawLogFormat, RawLogLevel};

/// Lines that wait to be written.
const WAITING: usize = 8 * 1024;

static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// Writes what still waits, for a bounded time, when it goes.
#[derive(Debug)]
#[must_use = "the log ends with it"]
pub struct LogGuard {
    _writer: WorkerGuard,
}

/// Lines that were dropped because too many waited.
pub(super) fn dropped_lines() -> u64 {
    DROPPED.get().map_or(0, |counter| u64::try_from(counter.dropped_lines()).unwrap_or(u64::MAX))
}

/// Starts the log of this process. A second call changes nothing.
pub fn init_log(log: Log) -> LogGuard {
    let level = match log.level {
        RawLogLevel::Error => LevelFilter::ERROR,
        RawLogLevel::Warn => LevelFilter::WARN,
        RawLogLevel::Info => LevelFilter::INFO,
        RawLogLevel::Debug => LevelFilter::DEBUG,
        RawLogLevel::Trace => LevelFilter::TRACE,
    };
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING)
        .lossy(true)
        .thread_name("weir-log")
        .finish(io::stderr());
    let _ = DROPPED.set(writer.error_counter());
    // A line that cannot be written is lost: to say so on standard error, which is what failed, would be a panic.
    let builder = fmt().with_max_level(level).with_writer(writer).with_target(false).log_internal_errors(false);
    let started = match log.format {
        RawLogFormat::Human => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        RawLogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
    drop(started);
    LogGuard { _writer: guard }
}

/// Keeps one kind of line from filling the disk when many strangers cause it.
#[derive(Debug)]
pub struct LinesPerSecond {
    most: u64,
    second: AtomicU64,
    in_second: AtomicU64,
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl LinesPerSecond {
    /// At most so many lines in a second.
    #[must_use]
    pub const fn new(most: u64) -> Self {
        Self { most, second: AtomicU64::new(0), in_second: AtomicU64::new(0) }
    }

    /// Whether one more line may be written now.
    pub fn allow(&self) -> bool {
        self.allow_in(START.elapsed().as_secs())
    }

    fn allow_in(&self, second: u64) -> bool {
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.in_second.store(0, Ordering::Relaxed);
        }
        self.in_second.fetch_add(1, Ordering::Relaxed) < self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_q21_a_second_has_so_many_lines() {
        let lines = LinesPerSecond::new(2);
        let written = |second| (0..5).filter(|_| lines.allow_in(second)).count();
        assert_eq!([written(7), written(7), written(8)], [2, 0, 2]);
    }
}
