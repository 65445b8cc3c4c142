//! Certificates for Weir: a CA, server certificates and client certificates.
//!
//! A private key never appears in a `Debug` form, an error or a log line, and reaches a file only with mode 0600.
//!
//! ```
//! use weir_pki::{Authority, ClientSubject, Validity};
//!
//! let authority = Authority::new("Example CA")?;
//! let server = authority.server(&["weir.example", "*.weir.example", "127.0.0.1"])?;
//! let subject = ClientSubject { common_name: "a-tool".to_owned(), ..ClientSubject::default() };
//! let client = authority.client(&subject, Validity::days(90))?;
//! assert!(server.chain_pem.starts_with("-----BEGIN CERTIFICATE-----"));
//! assert!(client.key_pem.starts_with("-----BEGIN PRIVATE KEY-----"));
//! # Ok::<(), weir_pki::PkiError>(())
//! ```

mod authority;
pub mod bundle;
mod ca;
pub mod csr;
mod error;
mod files;
pub mod inspect;
mod issued;
mod key;
pub mod pkcs12;
mod random;
mod request;
mod serial;
mod subject;
mod words;

pub use authority::Authority;
pub use ca::{
    Above, By, CLIENT_DAYS, CRL_DAYS, CaDirectory, CaError, CaSigner, Created, CrlFile, Entry, Event,
    INTERMEDIATE_DAYS, IssuedEntry, NewAuthority, Purpose, ROOT_DAYS, Revocation, RevocationCause, RevokedEntries,
    SERVER_DAYS, SignedEntry, Standing, Terms, Which,
};
pub use error::PkiError;
pub use files::sync_directory_of;
pub use issued::{Issued, IssuedPaths};
pub use key::{KeyError, KeyKind};
pub use pkcs12::Profile;
pub use request::RequestError;
pub use serial::SerialHex;
pub use subject::{ClientSubject, Usage, Validity};
