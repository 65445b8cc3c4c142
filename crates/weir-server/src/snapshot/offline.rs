//! A policy as its files have it, for who looks at it and serves nobody: no certificate and no key is read.
//!
//! Must never: judge by other code than a serving Weir, or take files for sound that have a problem.

use std::net::IpAddr;
use std::path::Path;

use weir_policy::{ConfigErrors, Policy, PolicyFiles, PolicyOptions, Problem};

use super::sources::{self, Unreadable};
use super::text_files::TextFiles;
use crate::config::{self, Config, Machine};

/// Reads a configuration and nothing that it names.
///
/// # Errors
/// Every problem of the file.
pub fn read_config(path: &Path) -> Result<Config, ConfigErrors> {
    let text = TextFiles::default().text(path).map_err(|error| {
        let what = format!("{} cannot be read: {error}", path.display());
        let fix = "write the path of a configuration file or of a policy directory".to_owned();
        ConfigErrors(vec![Problem { place: None, what, fix }])
    })?;
    // Whoever reads it here is not on the machine that serves it.
    let machine = Machine { descriptors: u64::MAX, ..Machine::here() };
    let (config, problems) = config::read(path, &text, machine)?;
    if problems.is_empty() { Ok(config) } else { Err(problems.into_errors()) }
}

/// A policy and what it was compiled from.
#[derive(Debug)]
pub struct OfflinePolicy {
    /// Who may do what.
    pub policy: Policy,
    /// The files that say so.
    pub files: PolicyFiles,
    /// The configuration; nothing where a policy directory was read alone.
    pub config: Option<Config>,
}

/// What one listener says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerVerdict {
    /// The listener's name.
    pub listener: String,
    /// Whether its `allow` lets the address in.
    pub allows: bool,
    /// The networks of its `allow`; nothing where it has none.
    pub networks: Option<String>,
}

impl OfflinePolicy {
    /// Reads a policy directory with the default options, or a configuration and the policy that it names.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn read(path: &Path) -> Result<Self, ConfigErrors> {
        if path.is_dir() { Self::compile(path, None) } else { Self::of_config(path, None) }
    }

    /// Reads a configuration, and the policy that it names or the one in another directory.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn of_config(path: &Path, policy: Option<&Path>) -> Result<Self, ConfigErrors> {
        let config = read_config(path)?;
        let directory = policy.map_or_else(|| config.policy.value.clone(), Path::to_owned);
        Self::compile(&directory, Some(config))
    }

    fn compile(directory: &Path, config: Option<Config>) -> Result<Self, ConfigErrors> {
        let options = config.as_ref().map_or_else(PolicyOptions::default, Config::policy_options);
        let problem = |Unreadable { what, fix }| Problem { place: None, what, fix: fix.to_owned() };
        let files = sources::policy(directory, &mut TextFiles::default())
            .map_err(|unreadable| ConfigErrors(unreadable.into_iter().map(problem).collect()))?;
        let policy = Policy::compile(&files, &options)?;
        Ok(Self { policy, files, config })
    }

    /// Replicas that share the rates.
    #[must_use]
    pub fn nodes(&self) -> u32 {
        self.config.as_ref().map_or(1, |config| config.nodes.get())
    }

    /// What each listener says of an address, before it knows whose it is.
    #[must_use]
    pub fn listeners(&self, address: IpAddr) -> Vec<ListenerVerdict> {
        let listeners = self.config.iter().flat_map(|config| &config.listeners);
        let verdict = |listener: &config::Listener| ListenerVerdict {
            listener: listener.name.clone(),
            allows: listener.allows(address),
            networks: listener.allow.as_ref().map(|allow| {
                let networks: Vec<_> = allow.iter().map(ToString::to_string).collect();
                networks.join(", ")
            }),
        };
        listeners.map(verdict).collect()
    }
}
