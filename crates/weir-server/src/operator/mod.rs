//! What an operator asks of a cluster from the command line, beside a Weir that serves or without one.
//!
//! `groups` speaks in the place of one principal, through the judge; `live` looks at a cluster with the closed list of
//! Weir's own questions.
//! Must never: write to a broker anything but a `Cleared`, or wait without a deadline.

mod groups;
mod live;
mod speaker;

use std::io;

pub use groups::{Fate, Group, GroupDesk, Groups, NotDeleted};
pub(crate) use live::plain;
pub use live::{Administrator, Finding, Hidden, Report, Seen, Severity, check_live};
pub use speaker::AskError;

/// Why nothing can be asked.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The system gave no runtime.
    #[error("the system gives no way to wait: {0}")]
    System(#[from] io::Error),
    /// No listener is before this upstream, so no principal has anything there.
    #[error("no listener is before an upstream `{asked}`; those with one are {known}")]
    NoSuchUpstream {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: String,
    },
    /// The policy has no such principal.
    #[error("there is no principal `{0}`")]
    NoSuchPrincipal(String),
}
