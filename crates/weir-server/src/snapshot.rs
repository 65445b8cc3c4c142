//! Config, policy and TLS material of one generation.
//!
//! Must never: change after it was compiled, or be built from files that were not all looked at. Nothing but
//! `Sources::read` reads these files, so a reload is `read`, `compile`, and one swap.

mod administrator;
mod clusters;
mod loader;
mod named;
mod offline;
mod restart;
mod restrict;
mod sources;
mod still;
mod text_files;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConnection;
use rustls_pki_types::UnixTime;
use weir_kafka::table::TABLE;
use weir_policy::{Compiler, ConfigErrors, Policy, Problem, Suspended, Suspension};

use crate::close_reason::CloseReason;
use crate::config::{self, Config, Problems};
use crate::tls::{self, Expiry, Inspector, ListenerTls, ServerIdentity};
use crate::upstream::UpstreamSettings;

use sources::{Sources, Unreadable};

pub(crate) use administrator::administrators;
pub(crate) use loader::Loaded;
pub use loader::Loader;
pub(crate) use named::Look;
pub use offline::{ListenerVerdict, OfflinePolicy, read_config};
pub(crate) use sources::{SUSPENDED, policy_files};
pub(crate) use text_files::bytes as file_bytes;

/// What holds between two reloads.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts the reloads; the first is 1.
    pub generation: u64,
    /// The configuration.
    pub config: Config,
    /// Who may do what.
    pub policy: Arc<Policy>,
    /// The TLS settings of each listener, by its name.
    pub tls: HashMap<String, ListenerTls>,
    /// The clusters, by name.
    pub upstreams: HashMap<String, UpstreamSettings>,
    /// When what listeners rely on ends.
    pub(crate) expiries: Vec<Expiry>,
    /// What is not wrong yet: certificates that expire soon.
    pub warnings: Vec<Problem>,
}

/// By when the files of one generation are judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Certificates of servers and brokers.
    pub(crate) certificates: UnixTime,
    /// Revocation lists.
    pub(crate) lists: UnixTime,
}

impl From<UnixTime> for Times {
    fn from(now: UnixTime) -> Self {
        Self { certificates: now, lists: now }
    }
}

impl Snapshot {
    /// Reads the configuration and all that it names, and compiles them: the first generation.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        Loader::new(path).load()
    }

    /// Compiles what was read. The same sources and the same time give the same snapshot, whatever was compiled before.
    ///
    /// # Errors
    /// Every problem of every file.
    pub(crate) fn compile(
        sources: &Sources,
        compiler: &mut Compiler,
        generation: u64,
        now: impl Into<Times>,
    ) -> Result<Self, ConfigErrors> {
        let now = now.into();
        let (config, mut problems) = config::read(&sources.path, &sources.text, sources.machine)?;
        let mut warnings = Problems::new(&sources.path.display().to_string());
        let policy = policy(sources, compiler, &config, &mut problems);
        let mut expiries = Vec::new();
        let mut inspector = Inspector {
            files: &sources.pem,
            problems: &mut problems,
            warnings: &mut warnings,
            now: now.certificates,
            lists_at: now.lists,
            max_stale: config.crl_max_stale,
            expiries: &mut expiries,
        };
        let server = |listener: &config::Listener| inspector.server(&listener.name, &listener.tls);
        let identities: Vec<_> = config.listeners.iter().map(server).collect();
        let upstreams = clusters::upstreams(&config, &mut inspector);
        let identities: Option<Vec<_>> = identities.into_iter().collect();
        let tls = match (&policy, identities) {
            (Some(policy), Some(identities)) => server_configs(&config, &identities, policy, &mut problems),
            _ => HashMap::new(),
        };
        // A configuration that runs on until a restart may name a tier that is gone.
        if let Some(policy) = policy.as_deref().filter(|_| sources.waits_for_restart.is_empty()) {
            clusters::judge_tiers(&config, policy, &mut problems);
        }
        if let Some(secrets) = &sources.secrets {
            clusters::judge_secrets(&config, secrets, &mut problems);
        }
        match policy {
            Some(policy) if problems.is_empty() => {
                let warnings = all_warnings(warnings, &policy);
                Ok(Self { generation, config, policy, tls, upstreams, expiries, warnings })
            }
            _ => Err(problems.into_errors()),
        }
    }
}

impl Snapshot {
    /// Verifies the certificates of a connection that an earlier generation let in.
    ///
    /// # Errors
    /// It would not be let in now.
    pub(crate) fn verify_again(
        &self,
        listener: &str,
        connection: &ServerConnection,
        now: UnixTime,
    ) -> Result<(), CloseReason> {
        self.tls.get(listener).ok_or(CloseReason::Internal)?.verify_again(connection, now)
    }

    /// Notes the revocation lists that are older than those of the generation before.
    ///
    /// # Errors
    /// Each of them, in the configuration that is called `file`.
    pub(crate) fn judge_lists(&self, before: &HashMap<String, ListenerTls>, file: &str) -> Result<(), ConfigErrors> {
        let mut problems = Problems::new(file);
        for (name, tls) in &self.tls {
            let both = tls.lists().zip(before.get(name).and_then(ListenerTls::lists));
            if let Some((new, old)) = both {
                new.judge_successors(old, &mut problems);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.into_errors()) }
    }

    /// When these files will mean something else although none has changed, in seconds since 1970.
    pub(crate) fn due(&self, now: UnixTime) -> Option<i64> {
        self.tls.values().filter_map(ListenerTls::lists).filter_map(|lists| lists.due(now)).min()
    }

    /// Whether a listener trusts the certificates that it trusted in another generation, and no others.
    pub(crate) fn trusts_as(&self, other: &Self, listener: &str) -> bool {
        let both = self.tls.get(listener).zip(other.tls.get(listener));
        both.is_some_and(|(new, old)| new.trusts_as(old))
    }
}

/// The configuration's, and those of suspensions that stop nothing.
fn all_warnings(found: Problems, policy: &Policy) -> Vec<Problem> {
    let is_no_api = |suspension: &&Suspension| matches!(&suspension.what, Suspended::Api(name) if !TABLE.iter().any(|row| row.name == name));
    let apis = policy.suspensions().iter().filter(is_no_api).map(|suspension| Problem {
        place: Some(suspension.place.clone()),
        what: format!("`{}` is suspended, but Weir serves no API of this name", suspension.what),
        fix: "write Kafka's name for it, or take the file away".to_owned(),
    });
    found.into_errors().0.into_iter().chain(policy.warnings().iter().cloned()).chain(apis).collect()
}

fn policy(sources: &Sources, compiler: &mut Compiler, config: &Config, problems: &mut Problems) -> Option<Arc<Policy>> {
    let options = config.policy_options();
    match &sources.policy {
        Ok(files) => compiler.compile(files, &options).map_err(|errors| problems.append(errors)).ok().map(Arc::new),
        Err(unreadable) => {
            for Unreadable { what, fix } in unreadable {
                problems.add(config.policy.place, what, *fix);
            }
            None
        }
    }
}

fn server_configs(
    config: &Config,
    identities: &[ServerIdentity],
    policy: &Arc<Policy>,
    problems: &mut Problems,
) -> HashMap<String, ListenerTls> {
    let mut tls = HashMap::new();
    for (listener, identity) in config.listeners.iter().zip(identities) {
        match tls::server_config(identity, &listener.advertise, policy) {
            Ok(settings) => drop(tls.insert(listener.name.clone(), settings)),
            Err(error) => {
                let what = format!("TLS cannot be set up: {error}");
                problems.add(listener.tls.certificate.place, what, "issue certificates of a usual kind");
            }
        }
    }
    tls
}
