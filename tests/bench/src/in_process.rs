//! What is timed inside this process: pure code, on the core of what is measured.

use std::thread;
use std::time::Instant;

use crate::failure::Failure;
use crate::{MEASURED, pin};

/// Does the work on a thread of its own, on the core of what is measured.
pub fn on_measured_core<T: Send>(work: impl FnOnce() -> Result<T, Failure> + Send) -> Result<T, Failure> {
    let pinned = || {
        pin(&[MEASURED])?;
        work()
    };
    let done = thread::scope(|scope| scope.spawn(pinned).join());
    done.unwrap_or_else(|_| Err(Failure::new("what was timed panicked")))
}

/// How long a call takes, in microseconds: the mean of `calls`.
pub fn micros(calls: usize, mut call: impl FnMut()) -> f64 {
    let began = Instant::now();
    (0..calls).for_each(|_| call());
    began.elapsed().as_secs_f64() * 1e6 / calls as f64
}
