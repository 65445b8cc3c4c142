//! What the service manager is told (systemd's `Type=notify`): that Weir serves, that it stops, how it is, and that its
//! threads still turn. Without `NOTIFY_SOCKET` nobody is told anything; whether threads turn is on `/livez`, too.
//!
//! Must never: say that all is well from a thread that is not the one that accepts, or while a worker does not answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::Instant;

use crate::admin::{Readiness, Ready};
use crate::lock::lock;
use crate::worker::WorkerHandle;

/// How often it is told, at the most; a shorter watchdog is told twice in its time.
const PERIOD: Duration = Duration::from_secs(1);

/// Lines of the status; a service manager shows one.
const STATUS_LINES: usize = 3;

/// When every worker answered last.
#[derive(Clone, Debug)]
pub(crate) struct Pulse(Arc<Mutex<Instant>>);

impl Default for Pulse {
    /// Just now.
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Pulse {
    /// All of them have answered.
    pub(crate) fn beat(&self) {
        *lock(&self.0) = Instant::now();
    }

    /// For how long one of them has not.
    pub(crate) fn silent(&self) -> Duration {
        lock(&self.0).elapsed()
    }
}

/// Connections are accepted from now on.
pub(crate) fn serving() {
    tell(&[NotifyState::Ready]);
}

/// The process ends, within this time.
pub(crate) fn stopping(within: Duration) {
    let microseconds = u32::try_from(within.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(microseconds)]);
}

/// Tells how Weir is when that changes, and feeds the watchdog and the pulse as long as every worker answers.
pub(crate) async fn keep_told(readiness: Readiness, workers: Arc<Vec<WorkerHandle>>, pulse: Pulse) {
    let is_heard = std::env::var_os("NOTIFY_SOCKET").is_some();
    let watchdog = sd_notify::watchdog_enabled();
    let period = watchdog.map_or(PERIOD, |limit| (limit / 2).min(PERIOD));
    let mut told = String::new();
    loop {
        let status = if is_heard { status(&readiness.now()) } else { String::new() };
        if status != told {
            tell(&[NotifyState::Status(&status)]);
            told = status;
        }
        // All of them are asked, also where the first is silent.
        let silent = workers.iter().filter(|worker| !worker.answers()).count();
        if silent == 0 {
            pulse.beat();
            if watchdog.is_some() {
                tell(&[NotifyState::Watchdog]);
            }
        }
        tokio::time::sleep(period).await;
    }
}

/// One line: a status may have no more.
fn status(ready: &Ready) -> String {
    match ready.against.as_slice() {
        [] if ready.notes.is_empty() => "ready".to_owned(),
        [] => format!("ready; {}", few(&ready.notes)),
        against => format!("not ready: {}", few(against)),
    }
}

fn few(lines: &[String]) -> String {
    let first: Vec<_> = lines.iter().take(STATUS_LINES).map(|line| line.replace('\n', " ")).collect();
    match lines.len().checked_sub(STATUS_LINES) {
        None | Some(0) => first.join("; "),
        Some(more) => format!("{}; and {more} more", first.join("; ")),
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_one_line_and_says_what_is_against_it() {
        let ready = |against: &[&str], notes: &[&str]| {
            let owned = |lines: &[&str]| lines.iter().map(ToString::to_string).collect();
            status(&Ready { against: owned(against), notes: owned(notes), ..Ready::default() })
        };
        assert_eq!(ready(&[], &[]), "ready");
        assert_eq!(ready(&[], &["suspended: 1 by topic"]), "ready; suspended: 1 by topic");
        assert_eq!(ready(&["stopping"], &["a note"]), "not ready: stopping");
        assert_eq!(ready(&["a", "b", "c\nd", "e", "f"], &[]), "not ready: a; b; c d; and 2 more");
    }
}
