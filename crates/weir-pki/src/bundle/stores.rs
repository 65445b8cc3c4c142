//! The PKCS#12 stores of a bundle. Must never be made without a pass-phrase of their own.

use super::facts::{Secret, Stores};
use crate::error::PkiError;
use crate::pkcs12::{self, Profile};
use crate::random;

impl Stores {
    /// Key store and trust store, with a new random pass-phrase. All three texts are PEM, the key in PKCS#8.
    ///
    /// # Errors
    /// What is not what it should be; no randomness.
    pub fn new(key: &Secret, chain_pem: &str, ca_pem: &str, profile: Profile) -> Result<Self, PkiError> {
        let password = random::hex(&random::bytes::<16>()?);
        Ok(Self {
            client: pkcs12::key_store("client", key.expose(), chain_pem, &password, profile)?,
            ca: pkcs12::trust_store("ca", ca_pem, &password, profile)?,
            password: Secret::new(password),
        })
    }
}
