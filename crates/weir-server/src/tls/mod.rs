//! TLS: the certificates of listeners, who a client is by its certificate, and the way to brokers that ask for TLS.
//!
//! Must never: let a client speak whose certificate was not verified, mapped to a principal and found valid now; send
//! or log a private key; accept early data.

mod client;
mod identity;
mod material;
mod names;
mod peer;
mod provider;
mod refusal;
mod server;
mod verifier;

#[cfg(test)]
mod tests;

pub use client::upstream_client_config;
pub use identity::{BadCertificate, CertificateFacts, certificate_facts};
pub(crate) use material::{Inspector, Material, Materials};
pub use peer::{Peer, peer, target};
pub use provider::provider;
pub use refusal::close_reason;
pub use server::{ListenerTls, ServerIdentity, server_config};
