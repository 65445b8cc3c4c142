//! The log, to standard error.

use std::io::{self, IsTerminal};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt;

use crate::config::Log;
use crate::config::raw::{RawLogFormat, RawLogLevel};

/// Starts the log of this process. A second call changes nothing.
pub fn init_log(log: Log) {
    let level = match log.level {
        RawLogLevel::Error => LevelFilter::ERROR,
        RawLogLevel::Warn => LevelFilter::WARN,
        RawLogLevel::Info => LevelFilter::INFO,
        RawLogLevel::Debug => LevelFilter::DEBUG,
        RawLogLevel::Trace => LevelFilter::TRACE,
    };
    // A line that cannot be written is lost: to say so on standard error, which is what failed, would be a panic.
    let builder = fmt().with_max_level(level).with_writer(io::stderr).with_target(false).log_internal_errors(false);
    let started = match log.format {
        RawLogFormat::Human => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        RawLogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
    drop(started);
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
