//! The one cryptography provider: aws-lc-rs, named and never taken from a process-wide default.

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::crypto::tls13::OkmBlock;

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        // The hybrid first: what is recorded today must not be readable with a machine of tomorrow, and its cost does
        // not show beside the signatures.
        kx_groups: vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1],
        ..aws_lc_rs::default_provider()
    })
});

/// The provider of every TLS connection. Of rustls' suites, all of them AEAD with forward secrecy, AES-256-GCM comes
/// first, then AES-128-GCM, then ChaCha20-Poly1305; but the client's order decides. None of them is weak, and only the
/// client knows whether its machine has AES in hardware: a phone that must do it in software drains its battery for
/// nothing that Weir gains, and on a server the two AES differ by a few hundredths of a relay's cost.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

/// SHA-256 as hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    super::verifier::hex(&sha256(bytes))
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    // The hash of a suite that the provider has anyway: no second cryptography library for one digest.
    let suite = cipher_suite::TLS13_AES_128_GCM_SHA256;
    let digest = suite.tls13().map(|suite| suite.common.hash_provider.hash(bytes));
    digest.and_then(|digest| digest.as_ref().try_into().ok()).unwrap_or_default()
}

/// HMAC with SHA-256; nothing where the provider has none, which is a fault of Weir's own.
pub(crate) fn hmac_sha256(key: &[u8; 32], message: &[u8]) -> Option<[u8; 32]> {
    let suite = cipher_suite::TLS13_AES_128_GCM_SHA256.tls13()?;
    suite.hkdf_provider.hmac_sign(&OkmBlock::new(key), message).as_ref().try_into().ok()
}

/// A new key; nothing where the system gives no random numbers.
pub(crate) fn random_key() -> Option<[u8; 32]> {
    let mut key = [0; 32];
    PROVIDER.secure_random.fill(&mut key).ok()?;
    Some(key)
}
