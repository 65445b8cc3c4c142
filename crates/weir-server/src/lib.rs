//! The IO of Weir: sockets, TLS, upstreams, files, time, metrics, admin.

pub mod close_reason;
pub mod config;
pub mod snapshot;
pub mod tls;
