//! Work in parallel, a few at a time: two cores do not carry twenty programs that start together.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How many at a time.
const WORKERS: usize = 6;

/// Does the work for every item; gives the failures, sorted, each with the item's name.
pub fn all<T: Sync + Named>(items: &[T], work: impl Fn(&T) -> Result<(), String> + Sync) -> Vec<String> {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(items.len()) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    let done = work(item);
                    println!("       {:>5.1} s  {}", began.elapsed().as_secs_f32(), item.name());
                    if let Err(error) = done {
                        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                        failures.push(format!("{}: {error}", item.name()));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    failures.sort();
    failures
}

/// What a failure is told of.
pub trait Named {
    /// Its name.
    fn name(&self) -> String;
}
