//! Locks that outlive a panic.
//!
//! Must never: be used for what a panic between two writes can leave half done.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. A panic elsewhere leaves what is behind it whole: no step between two writes can panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
