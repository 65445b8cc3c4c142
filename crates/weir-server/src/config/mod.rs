//! The configuration file: read strictly, checked as a whole, documented by its own structs.
//!
//! `raw` is what is written, `strict` compares a file with it, `validate` turns it into `model`, which the rest of
//! Weir sees. Must never: read a file (the caller does), keep going with a value that was not checked, or report one
//! problem where there are two.

mod admin;
mod audit;
mod catch_up;
mod listener;
mod mirror;
mod model;
mod place;
mod problems;
pub mod raw;
mod raw_admin;
mod raw_audit;
mod raw_limits;
mod raw_mirror;
mod raw_sasl;
mod raw_upstreams;
mod sasl;
mod strict;
mod tree;
mod units;
mod upstream;
mod validate;

#[cfg(test)]
mod document;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use weir_policy::ConfigErrors;

pub use admin::{Admin, RemoteMetrics};
pub use audit::AuditSettings;
pub use mirror::{Mirror, MirrorSource};
pub(crate) use mirror::{PROVIDERS, is_secret, providers};
pub(crate) use model::allows;
pub use model::{
    AdvertisedName, Config, HandshakeRate, Limits, Listener, Log, Machine, ServerTls, TierIdentity, Upstream,
    UpstreamTlsFiles,
};
pub use place::{At, Place};
pub use problems::Problems;
pub use sasl::{SaslIdentity, UpstreamSasl};

/// Reads and checks a configuration. `file` is its path: messages name it, and relative paths in it begin at its
/// directory.
///
/// What has a problem holds a default or is left out, so that the rest, and the files that it names, can be looked at
/// all the same. A caller that means to use the configuration must have seen that there is no problem.
///
/// # Errors
/// The text does not have the form of a configuration: every difference, with its place and what to write instead.
pub(crate) fn read(file: &Path, text: &str, machine: Machine) -> Result<(Config, Problems), ConfigErrors> {
    let raw = strict::read::<raw::RawConfig>(&file.display().to_string(), text)?;
    Ok(validate::config(file, &raw, machine))
}

/// Reads and checks a file that has `upstreams` and nothing else.
///
/// # Errors
/// As of `read`.
pub(crate) fn read_upstreams(file: &Path, text: &str) -> Result<(BTreeMap<String, Upstream>, Problems), ConfigErrors> {
    let raw = strict::read::<raw_upstreams::RawUpstreams>(&file.display().to_string(), text)?;
    Ok(validate::upstreams(file, &raw.upstreams))
}
