//! A policy that is alive: what is in force now, and how the next generation comes to be.
//!
//! `watch` notices that files changed, `reload` compiles them on a thread of its own and publishes what is sound,
//! `changes` tells the log what is different, `generation` is what connections see. Must never: put half of a change in
//! force, or anything that has a problem.

mod changes;
mod generation;
mod reload;
mod status;
mod watch;

pub(crate) use generation::Generation;
pub(crate) use reload::Reloader;
pub(crate) use status::ReloadStatus;
