//! Waiting for something to become true, with a bound.
//!
//! Must never wait without a limit, and never hide why the wait failed.

use std::time::{Duration, Instant};

/// Calls `attempt` until it gives `Ok`, for at most `limit`.
///
/// # Panics
/// When the limit has passed, with `what` was awaited and the last error.
pub fn until<T>(what: &str, limit: Duration, attempt: impl FnMut() -> Result<T, String>) -> T {
    match try_until(limit, attempt) {
        Ok(value) => value,
        Err(last) => panic!("waited {}s for {what}: {last}", limit.as_secs()),
    }
}

/// The same, and gives the last error back when the limit has passed.
pub fn try_until<T>(limit: Duration, mut attempt: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(20);
    loop {
        let last = match attempt() {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if Instant::now() + pause > end {
            return Err(last);
        }
        std::thread::sleep(pause);
        pause = (pause * 3 / 2).min(Duration::from_millis(250));
    }
}
