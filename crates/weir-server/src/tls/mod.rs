//! TLS: the certificates of listeners, who a client is by its certificate, and the way to brokers that ask for TLS.
//!
//! Must never: let a client speak whose certificate was not verified, mapped to a principal and found valid now; send
//! or log a private key; accept early data.

mod client;
mod expiry;
mod identity;
mod kafka_name;
mod material;
mod names;
mod peer;
mod provider;
mod refusal;
mod revocation;
mod server;
mod verifier;

#[cfg(test)]
mod tests;

pub use client::upstream_client_config;
pub(crate) use expiry::Expiry;
pub use identity::{BadCertificate, CertificateFacts, certificate_facts, certificate_facts_of_pem, distinguished_name};
pub use kafka_name::kafka_name;
pub(crate) use material::{Inspector, Material, Materials};
pub use names::not_covered;
pub use peer::{Peer, peer, target};
pub use provider::provider;
pub(crate) use provider::{hmac_sha256, random_key, sha256_hex};
pub use refusal::close_reason;
pub use revocation::InForce;
pub(crate) use server::while_connected;
pub use server::{ListenerTls, ServerIdentity, server_config};
pub(crate) use verifier::{hex, take_shown};
