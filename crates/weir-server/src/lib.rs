//! The IO of Weir: sockets, TLS, upstreams, files, time, metrics, admin.

mod acceptor;
mod accounts;
pub mod admin;
pub mod audit;
pub mod close_reason;
mod compaction;
pub mod config;
mod connection;
mod drain;
mod link;
pub mod listen;
mod listener;
mod live;
mod lock;
pub mod mirror;
pub mod observe;
pub mod operator;
pub mod process;
mod retention;
mod server;
mod service_manager;
pub mod snapshot;
mod sockets;
pub mod suspend;
pub mod tls;
pub mod upstream;
pub mod wall;
mod worker;

pub use server::{ServeError, serve};
