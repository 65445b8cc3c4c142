//! The Kafka protocol as an edge proxy speaks it: pure, without IO or a clock.
//!
//! `wire`, `frame`, `header`, `shape` and `gate` turn a stranger's bytes into something that may be decoded;
//! `table` has one row per API and `apis` one file per API; `session` is the state of one client connection.
//! Must never: decode what the gate has not walked, or make a `Cleared` for what was not judged.

pub mod advertise;
pub mod answer;
mod apis;
pub mod asking;
pub mod check;
pub mod cleared;
pub mod cluster;
mod codec;
pub mod consumer;
pub mod discovery;
pub mod env;
pub mod fault;
pub mod frame;
pub mod gate;
pub mod header;
mod known;
pub mod outcome;
pub mod racks;
pub mod refusal;
pub mod sasl;
pub mod session;
pub mod shape;
mod skim;
pub mod software;
pub mod subscriptions;
pub mod table;
pub mod wire;
