//! Waiting for something to become true, with a bound.
//!
//! Must never wait without a limit, and never hide why the wait failed.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// How much longer than promised [`within`] waits, so that what is late is told from what never comes.
const PATIENT: Duration = Duration::from_secs(15);

/// What a missed time ends a test with.
struct Late(String);

/// Runs a test that holds what happens in it against promised times. A machine that is busy for a moment misses one,
/// once: where a time was missed, and nothing else was wrong, the test runs a second time.
///
/// # Panics
/// As the test does, and where it misses a time twice.
pub fn in_time(test: impl Fn()) {
    let run = || catch_unwind(AssertUnwindSafe(&test));
    let first = match run().map_err(|error| error.downcast::<Late>()) {
        Ok(()) => return,
        Err(Ok(late)) => late,
        Err(Err(other)) => resume_unwind(other),
    };
    println!("a second run: {}", first.0);
    let Err(second) = run() else { return };
    match second.downcast::<Late>() {
        Ok(second) => panic!("missed twice: {}; {}", first.0, second.0),
        Err(other) => resume_unwind(other),
    }
}

/// Holds what something took against a promised time.
///
/// # Panics
/// When it took longer, in a way that [`in_time`] knows.
pub fn held(what: &str, bar: Duration, took: Duration) {
    if took >= bar {
        let late = format!("{what} took {took:?}, and may take {bar:?}");
        println!("{late}");
        resume_unwind(Box::new(Late(late)));
    }
}

/// Waits for what was promised within `bar` of `began`: patiently, and holds the time against the promise.
///
/// # Panics
/// When it does not come at all, and when it is late as in [`held`].
pub fn within<T>(what: &str, bar: Duration, began: Instant, attempt: impl FnMut() -> Result<T, String>) -> T {
    let value = until(what, bar + PATIENT, attempt);
    held(what, bar, began.elapsed());
    value
}

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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// How often a test runs that takes so long each time, and whether it is held.
    fn runs(took: &[u64], is_wrong: bool) -> (usize, bool) {
        let ran = Cell::new(0);
        let held = catch_unwind(AssertUnwindSafe(|| {
            in_time(|| {
                let took = took[ran.replace(ran.get() + 1)];
                assert!(!is_wrong, "it is wrong");
                held("it", Duration::from_secs(1), Duration::from_millis(took));
            });
        }));
        (ran.get(), held.is_ok())
    }

    #[test]
    fn only_a_missed_time_has_a_second_run_and_no_third() {
        assert_eq!(runs(&[999], false), (1, true));
        assert_eq!(runs(&[1_000, 10], false), (2, true));
        assert_eq!(runs(&[1_000, 2_000], false), (2, false));
        assert_eq!(runs(&[10], true), (1, false));
    }
}
