//! `bundle.json`: what a bundle is for, in a form that programs read. `weir doctor` and the bundled programs begin there.
//!
//! Must never: hold a key or a pass-phrase, only the names of the files that do.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The form of `bundle.json` that this Weir writes, and the only one that it reads.
pub const MANIFEST_VERSION: u32 = 1;

/// The name of the manifest in a bundle.
pub const MANIFEST_FILE: &str = "bundle.json";

/// What a bundle is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub version: u32,
    /// Who the certificate is, by name.
    pub principal: String,
    /// Where to connect first: `host:port`, an IPv6 address in brackets. At least one.
    pub bootstrap: Vec<String>,
    /// The topics that the principal may read by name, as of when the bundle was made, sorted.
    pub topics: Vec<String>,
    /// Prefixes of further topics that it may read: those under them that the operator lets leave. Sorted.
    pub topic_prefixes: Vec<String>,
    /// Which group ids it may use.
    pub groups: GroupRule,
    /// The group id that the bundle's configurations use.
    pub group_id: String,
    /// Where a group without offsets begins.
    pub offset_reset: OffsetReset,
    /// Its tier's limits in words, one line each.
    pub limits: Vec<String>,
    /// The file with the certificate and its chain, in PEM, beside this one.
    pub certificate: String,
    /// The file with the private key, in PKCS#8 and PEM, beside this one. After a CSR it is the consumer who puts it there.
    pub key: String,
    /// Whether the bundle came with the key. After a CSR it did not.
    pub key_included: bool,
    /// The file with the CAs that the server's certificate comes from, in PEM, beside this one.
    pub ca: String,
    /// When the certificate ends, in RFC 3339.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// The certificate's serial number, in hexadecimal digits.
    pub serial: String,
}

/// Which group ids a principal may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "rule", content = "prefix")]
pub enum GroupRule {
    /// Any: nobody else meets them. `{"rule": "any"}`.
    Any,
    /// Those that begin with this text, the dot included. `{"rule": "prefix", "prefix": "name."}`.
    Prefix(String),
}

/// Where a group without offsets begins: `auto.offset.reset`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OffsetReset {
    /// At the oldest record that is there: nothing is missed.
    #[default]
    Earliest,
    /// At what comes next: what was written before the first poll, or while the offset was lost, is missed.
    Latest,
    /// Nowhere: the client stops with an error, and somebody decides.
    None,
}

impl OffsetReset {
    /// Java's word for it.
    #[must_use]
    pub fn java(self) -> &'static str {
        match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
            Self::None => "none",
        }
    }

    /// librdkafka's word for it: its `none` is `error`.
    #[must_use]
    pub fn librdkafka(self) -> &'static str {
        match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
            Self::None => "error",
        }
    }
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is no manifest.
    #[error("bundle.json is not what `weir cert bundle` writes: {0}")]
    Json(#[from] serde_json::Error),
    /// It is one of another Weir.
    #[error("bundle.json has version {found}, and this Weir reads version 1: use the `weir` that made the bundle")]
    Version {
        /// The version that it says.
        found: u32,
    },
}

impl Manifest {
    /// Reads the text of `bundle.json`.
    ///
    /// # Errors
    /// [`ManifestError`]: not a manifest, or one of another version.
    pub fn from_json(text: &str) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        // The version first: another one may have other fields.
        let Versioned { version } = serde_json::from_str(text)?;
        if version != MANIFEST_VERSION {
            return Err(ManifestError::Version { found: version });
        }
        Ok(serde_json::from_str(text)?)
    }

    /// The text of `bundle.json`.
    ///
    /// # Errors
    /// A year that RFC 3339 cannot hold.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}
