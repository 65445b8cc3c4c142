//! What this process may use of its machine.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number of file descriptors to the most that the process may have. Login shells start with 1,024 for the
/// sake of programs from the time of `select`, and Weir is none.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!(%error, "the limit of file descriptors stays at {:?}", limit.current);
    }
}
